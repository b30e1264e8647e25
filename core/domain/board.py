"""The figures of the morning board: block averages, extremes, spreads, each named with its block, run and finality.

Everything is elapsed time on UTC intervals, so days of 23, 24 and 25 hours need no care here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
from attrs import field, frozen

from carbon254.core.domain.blocks import Block, BlockAverage, block_average
from carbon254.core.domain.observations import Column, from_instant64, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import Finality, State


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
        inside = (self.start >= instant64(window.start)) & (self.start < instant64(window.end))
        columns = (self.start, self.end, self.value, self.state, self.finality)
        return Prices(self.series, self.unit, *(column[inside] for column in columns))

    @property
    def ok(self) -> Column:
        """Which rows have a value."""
        there: Column = self.state == State.OK
        return there


@frozen
class Extreme:
    """The lowest or highest interval of a day; the first of equals."""

    value: float
    start: datetime
    end: datetime


@frozen
class DayFigures:
    """One series on one operating day: ``blocks`` in the card's order, ``finality`` the least final of its rows."""

    day: date
    window: Window
    blocks: tuple[BlockAverage, ...]
    lowest: Extreme | None
    highest: Extreme | None
    negative: int
    negative_hours: float
    finality: str
    absent: tuple[tuple[str, int], ...]  # intervals without a value, by state


@frozen
class Change:
    """A block's average on a day less that of an earlier day; None where one of them has none."""

    block: str
    against: date
    value: float | None
    partial: bool


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


@frozen
class BoardLine:
    """One hub or zone: yesterday, today and tomorrow, and what stands beside them."""

    series: SeriesId
    name: str
    unit: str
    zone: str
    today: date
    days: tuple[DayFigures, ...]
    changes: tuple[Change, ...]
    spreads: tuple[Spread, ...]


@frozen
class Allowance:
    """The last auction of an allowance, beside power."""

    series: SeriesId
    unit: str
    day: date
    price: float
    before: float | None
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
    age: timedelta


@frozen
class Revised:
    """A value of the board's days that was told otherwise before."""

    series: SeriesId
    start: datetime
    before: float | None
    after: float | None
    finality: str
    recorded_at: datetime


@frozen
class Board:
    """Everything the board shows, as of ``as_of`` and judged at ``now``."""

    now: datetime
    as_of: datetime | None
    lines: tuple[BoardLine, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    feeds: tuple[FeedAge, ...] = ()
    revised: tuple[Revised, ...] = field(default=(), converter=tuple)


def day_figures(prices: Prices, day: date, window: Window, blocks: Sequence[str], zone: str) -> DayFigures:
    """The figures of one series on one operating day whose span is ``window``."""
    rows = prices.within(window)
    ok = np.flatnonzero(rows.ok)
    below = ok[rows.value[ok] < 0]
    words = [State(code).word for code in rows.state[~rows.ok].tolist()]
    return DayFigures(
        day,
        window,
        tuple(average(prices, name, window, zone) for name in blocks),
        _extreme(rows, ok, np.argmin),
        _extreme(rows, ok, np.argmax),
        len(below),
        float((rows.end[below] - rows.start[below]).astype(np.int64).sum() / 3.6e9),
        least_final(rows),
        tuple((word, words.count(word)) for word in sorted(set(words))),
    )


def average(prices: Prices, block: str, window: Window, zone: str) -> BlockAverage:
    """Time-weighted mean over a block of the day."""
    return block_average(
        prices.value, start=prices.start, end=prices.end, state=prices.state, block=Block.parse(block), window=window,
        zone=zone,
    )  # fmt: skip


def _extreme(rows: Prices, ok: Column, pick: object) -> Extreme | None:
    if not len(ok):
        return None
    at = ok[int(pick(rows.value[ok]))]  # type: ignore[operator]
    start, end = from_instant64(rows.start[at]), from_instant64(rows.end[at])
    assert start is not None and end is not None  # noqa: PT018 - intervals always have both
    return Extreme(float(rows.value[at]), start, end)


def least_final(rows: Prices) -> str:
    """The least final word among rows with a value; empty without any."""
    ok = rows.ok
    return Finality(int(rows.finality[ok].min())).word if ok.any() else ""


def change(today: DayFigures, earlier: DayFigures) -> list[Change]:
    """Change of each block between two days."""
    changes = []
    for now, then in zip(today.blocks, earlier.blocks, strict=True):
        both = now.value is not None and then.value is not None
        value = now.value - then.value if both else None  # type: ignore[operator]
        changes.append(Change(now.name, earlier.day, value, not (now.complete and then.complete)))
    return changes


def spread(what: str, one: Prices, other: Prices, day: date, window: Window) -> Spread:
    """``one`` less ``other`` over the time of the day for which both have a value, cut at each other's edges."""
    mine, theirs = one.within(window), other.within(window)
    edges = np.unique(np.concatenate([mine.start, mine.end, theirs.start, theirs.end]))
    here, there = _on(mine, edges[:-1]), _on(theirs, edges[:-1])
    both = ~np.isnan(here) & ~np.isnan(there)
    weight = np.diff(edges).astype(np.int64)[both] if len(edges) else np.zeros(0, dtype=np.int64)
    total = int(weight.sum())
    means = [_mean(values[both], weight, total) for values in (here - there, here, there)]
    hours_of_day = window.length / timedelta(hours=1)
    finality = min((least_final(mine), least_final(theirs)), key=_order)
    return Spread(what, one.series.run, other.series, day, *means, total / 3.6e9, hours_of_day, finality)


def _order(word: str) -> int:
    return Finality[word.upper()] if word else -1


def _mean(values: Column, weight: Column, total: int) -> float | None:
    if not total:
        return None
    return math.fsum((values * weight).tolist()) / total


def _on(rows: Prices, moments: Column) -> Column:
    """The value that holds at each moment; ``NaN`` where none does."""
    values = np.full(len(moments), np.nan)
    if not len(rows.start) or not len(moments):
        return values
    at = np.searchsorted(rows.start, moments, side="right") - 1
    inside = (at >= 0) & (moments < rows.end[at]) & rows.ok[at]
    values[inside] = rows.value[at[inside]]
    return values


def last_auction(prices: Prices, zone_days: Sequence[date]) -> Allowance | None:
    """The last auction with a price and the one before; ``zone_days`` are the rows' local days."""
    ok = np.flatnonzero(prices.ok)
    if not len(ok):
        return None
    last, before = ok[-1], ok[-2] if len(ok) > 1 else None
    word = Finality(int(prices.finality[last])).word
    earlier = None if before is None else float(prices.value[before])
    return Allowance(prices.series, prices.unit, zone_days[last], float(prices.value[last]), earlier, word)


def aware(moment: np.datetime64) -> datetime:
    """A column's instant as an aware datetime."""
    plain: datetime = moment.item()
    return plain.replace(tzinfo=UTC)
