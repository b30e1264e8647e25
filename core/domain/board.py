"""The figures of the morning board: block averages, extremes, spreads, each named with its block, run and finality.

Everything is elapsed time on UTC intervals, so days of 23, 24 and 25 hours need no care here. What is there only in
part is averaged over what is there and says over how many hours; nothing else stands for a missing hour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
from attrs import frozen

from carbon254.core.domain.blocks import Block, BlockAverage, block_average
from carbon254.core.domain.observations import Column, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import Finality, State

_HOUR_US: Final = 3.6e9
_HOUR: Final = np.timedelta64(3600, "s")


@frozen(eq=False)
class Prices:
    """Rows of one series, gaps included; columns in order of start, UTC."""

    series: SeriesId
    unit: str
    start: Column
    end: Column
    value: Column
    state: Column
    finality: Column

    def within(self, window: Window) -> Prices:
        """Rows that start in the window."""
        return self.only(
            (self.start >= instant64(window.start)) & (self.start < instant64(window.end))
        )

    def only(self, rows: Column) -> Prices:
        """The rows of a mask."""
        columns = (self.start, self.end, self.value, self.state, self.finality)
        return Prices(self.series, self.unit, *(column[rows] for column in columns))

    @property
    def ok(self) -> Column:
        """Which rows have a value."""
        there: Column = self.state == State.OK
        return there


@frozen
class Figure:
    """A block's time-weighted mean over a day; ``value`` is None where no hour of the block has one.

    ``finality`` is the least final of the rows behind it. A peak on a Sunday has no hours: no value, and whole.
    """

    block: str
    value: float | None
    hours: float
    hours_of_block: float
    whole: bool
    finality: str

    @property
    def partial(self) -> bool:
        """Whether the mean is of less than all hours of the block."""
        return self.value is not None and not self.whole


@frozen
class Extreme:
    """The lowest or highest interval of a day; the first of equals."""

    value: float
    start: datetime
    end: datetime
    finality: str


@frozen
class DayFigures:
    """One series on one operating day: ``blocks`` in the card's order, ``finality`` the least final of its rows."""

    day: date
    window: Window
    blocks: tuple[Figure, ...]
    lowest: Extreme | None
    highest: Extreme | None
    negative: int
    negative_hours: float
    hours: float  # that have a value
    finality: str
    absent: tuple[tuple[str, int], ...]  # intervals without a value, by state

    @property
    def hours_of_day(self) -> float:
        """23, 24 or 25, mostly."""
        return self.window.length / timedelta(hours=1)

    @property
    def partial(self) -> bool:
        """Whether some hours have a value and some have none."""
        return 0 < self.hours < self.hours_of_day


@frozen
class Change:
    """A block's average on a day less that of an earlier day; None where one of them has none."""

    block: str
    day: date
    against: date
    value: float | None
    partial: bool
    finality: str


@frozen
class Spread:
    """One run's price less another's over the hours of a day for which both have one."""

    what: str  # "real_time", "second" or "imbalance"
    run: str
    other: SeriesId
    day: date
    value: float | None
    mean: float | None
    other_mean: float | None
    hours: float
    hours_of_day: float
    finality: str

    @property
    def partial(self) -> bool:
        """Whether the hours that both have are not the whole day."""
        return self.value is not None and self.hours < self.hours_of_day


@frozen
class BoardLine:
    """One hub or zone: yesterday, today and tomorrow, and what stands beside them.

    ``shape`` is today hour by elapsed hour, to be drawn; None where an hour has no value. ``ahead`` is the market's
    present day where that has no row yet, so that ``today`` is an earlier one.
    """

    series: SeriesId
    name: str
    unit: str
    zone: str
    today: date
    days: tuple[DayFigures, ...]
    changes: tuple[Change, ...]
    spreads: tuple[Spread, ...]
    shape: tuple[float | None, ...] = ()
    ahead: date | None = None


@frozen
class Allowance:
    """The last auction of an allowance that has a price, beside power; ``before`` is the price of the one before."""

    series: SeriesId
    name: str
    unit: str
    day: date
    price: float
    before: float | None
    before_day: date | None
    finality: str

    @property
    def change(self) -> float | None:
        """Against the auction before it."""
        return None if self.before is None else self.price - self.before


@frozen
class FeedAge:
    """How old a feed is: end of its newest interval, and when a row of it was last recorded."""

    market: str
    dataset: str
    newest: datetime
    recorded_at: datetime
    age: timedelta  # negative for a day ahead
    late: bool = False  # the next interval was due, and a poll has passed since


@frozen
class Revised:
    """A value of the board's days that was told otherwise before; None is no value."""

    series: SeriesId
    day: date
    start: datetime
    end: datetime
    before: float | None
    after: float | None
    finality: str
    recorded_at: datetime


@frozen
class Absent:
    """A market that has nothing to show, and why."""

    market: str
    reason: str


@frozen
class Board:
    """Everything the board shows, on the clocks that were asked for, judged at ``now``."""

    now: datetime
    as_of: datetime | None = None
    published_by: datetime | None = None
    lines: tuple[BoardLine, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    feeds: tuple[FeedAge, ...] = ()
    revised: tuple[Revised, ...] = ()
    absent: tuple[Absent, ...] = ()


def day_figures(
    prices: Prices, day: date, window: Window, blocks: Sequence[str], zone: str
) -> DayFigures:
    """The figures of one series on one operating day whose span is ``window``."""
    rows = prices.within(window)
    ok = np.flatnonzero(rows.ok)
    below = ok[rows.value[ok] < 0]
    words = [State(code).word for code in rows.state[~rows.ok].tolist()]
    whole = average(prices, "base", window, zone)
    return DayFigures(
        day,
        window,
        tuple(average(prices, name, window, zone) for name in blocks),
        _extreme(rows, ok, np.argmin),
        _extreme(rows, ok, np.argmax),
        len(below),
        _hours(rows.end[below] - rows.start[below]),
        whole.hours,
        least_final(rows),
        tuple((word, words.count(word)) for word in sorted(set(words))),
    )


def average(prices: Prices, block: str, window: Window, zone: str) -> Figure:
    """Time-weighted mean over a block of the day."""
    span = Block.parse(block)
    mean: BlockAverage = block_average(
        prices.value,
        start=prices.start,
        end=prices.end,
        state=prices.state,
        block=span,
        window=window,
        zone=zone,
    )
    edges = instant64(window.start), instant64(window.end)
    inside = span.microseconds(np.clip(prices.start, *edges), np.clip(prices.end, *edges), zone) > 0
    used = prices.only(prices.ok & inside)
    return Figure(
        block, mean.value, mean.hours_present, mean.hours_expected, mean.complete, least_final(used)
    )


def hourly(prices: Prices, window: Window) -> tuple[float | None, ...]:
    """The mean of each elapsed hour of the window, for drawing; None where there is no value."""
    count = math.ceil(window.length / timedelta(hours=1))
    hours = instant64(window.start) + np.arange(count + 1) * _HOUR
    edges = np.unique(
        np.concatenate(
            [
                hours,
                np.clip(prices.start, hours[0], hours[-1]),
                np.clip(prices.end, hours[0], hours[-1]),
            ]
        )
    )
    at = _row_at(prices, edges[:-1])
    weight = np.diff(edges).astype(np.int64)
    hour = ((edges[:-1] - hours[0]) // _HOUR).astype(np.int64)
    found = []
    for number in range(count):
        here = (hour == number) & (at >= 0)
        found.append(_mean(prices.value[at[here]], weight[here]))
    return tuple(found)


def _extreme(rows: Prices, ok: Column, pick: Callable[[Column], Any]) -> Extreme | None:
    if not len(ok):
        return None
    at = int(ok[int(pick(rows.value[ok]))])
    return Extreme(
        float(rows.value[at]),
        aware(rows.start[at]),
        aware(rows.end[at]),
        Finality(int(rows.finality[at])).word,
    )


def least_final(rows: Prices) -> str:
    """The least final word among rows with a value; empty without any."""
    ok = rows.ok
    return Finality(int(rows.finality[ok].min())).word if ok.any() else ""


def change(today: DayFigures, earlier: DayFigures) -> list[Change]:
    """Change of each block between two days."""
    changes = []
    for now, then in zip(today.blocks, earlier.blocks, strict=True):
        value = None if now.value is None or then.value is None else now.value - then.value
        partial = value is not None and (now.partial or then.partial)
        finality = "" if value is None else min(now.finality, then.finality, key=_order)
        changes.append(Change(now.block, today.day, earlier.day, value, partial, finality))
    return changes


def spread(what: str, one: Prices, other: Prices, day: date, window: Window) -> Spread:
    """``one`` less ``other`` over the time of the day for which both have a value, cut at each other's edges."""
    bounds = instant64(window.start), instant64(window.end)
    cut = [
        np.clip(column, *bounds) for prices in (one, other) for column in (prices.start, prices.end)
    ]
    edges = np.unique(np.concatenate([*cut, np.array(bounds)]))
    here, there = _row_at(one, edges[:-1]), _row_at(other, edges[:-1])
    both = (here >= 0) & (there >= 0)
    here, there = here[both], there[both]
    weight = np.diff(edges).astype(np.int64)[both]
    mine, theirs = one.value[here], other.value[there]
    words = [
        Finality(int(p.finality[at].min())).word
        for p, at in ((one, here), (other, there))
        if len(at)
    ]
    return Spread(
        what,
        one.series.run,
        other.series,
        day,
        _mean(mine - theirs, weight),
        _mean(mine, weight),
        _mean(theirs, weight),
        int(weight.sum()) / _HOUR_US,
        window.length / timedelta(hours=1),
        min(words, key=_order, default=""),
    )


def _order(word: str) -> int:
    return Finality[word.upper()]


def _mean(values: Column, weight: Column) -> float | None:
    total = int(weight.sum())
    return math.fsum((values * weight).tolist()) / total if total else None


def _row_at(rows: Prices, moments: Column) -> Column:
    """The row whose value holds at each moment; -1 where none does."""
    if not len(rows.start):
        return np.full(len(moments), -1)
    at = np.searchsorted(rows.start, moments, side="right") - 1
    there = (at >= 0) & (moments < rows.end[at]) & rows.ok[at]
    return np.where(there, at, -1)


def _hours(spans: Column) -> float:
    return float(spans.astype(np.int64).sum() / _HOUR_US)


def last_auction(prices: Prices, name: str, days: Sequence[date]) -> Allowance | None:
    """The last auction with a price and the one before; ``days`` are the rows' local days."""
    ok = np.flatnonzero(prices.ok)
    if not len(ok):
        return None
    last, before = ok[-1], ok[-2] if len(ok) > 1 else None
    return Allowance(
        prices.series,
        name,
        prices.unit,
        days[last],
        float(prices.value[last]),
        None if before is None else float(prices.value[before]),
        None if before is None else days[before],
        Finality(int(prices.finality[last])).word,
    )


def aware(moment: Any) -> datetime:
    """A column's instant as an aware datetime."""
    plain: datetime = moment.item()
    return plain.replace(tzinfo=UTC)
