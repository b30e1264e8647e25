"""Longer intervals out of shorter ones: hours, days, months and years, whole or over the hours of a block.

Periods are local (a day of 23 hours is a period of 23 hours) and time inside them is elapsed. A mean weighs each
interval as long as it lies in the period, a sum adds energies; both say over how many hours, and what is there only
in part has the flag ``partial``. A period without any number has the state of what is lacking.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Final, Literal

import numpy as np
from attrs import frozen

from carbon254.core.domain.blocks import Block, weighted_mean
from carbon254.core.domain.errors import InvalidRequest, TooLarge
from carbon254.core.domain.observations import INSTANT, NAT, Column, instant64
from carbon254.core.domain.time import Window, format_duration, interval_count, parse_duration
from carbon254.core.domain.vocabulary import Finality, Flag, State

MOST_PERIODS: Final = 100_000
_HOUR_US: Final = 3_600_000_000
_DAY: Final = timedelta(1)
_CALENDAR = re.compile(r"P1([DMY])")
# What a period without any number is said to be: the first of these that one of its intervals is.
_LACKING: Final = (State.PENDING, State.LATE, State.WITHHELD, State.QUARANTINED, State.MISSING)

Basis = Literal["mean", "sum"]


@frozen
class Step:
    """How long a period is: a part of a day (``length``), or a day, month or year of the calendar."""

    text: str
    calendar: str = ""  # "D", "M" or "Y"
    length: timedelta = timedelta(0)

    @classmethod
    def parse(cls, text: str) -> Step:
        """Read ``PT15M``, ``PT1H``, ``P1D``, ``P1M`` or ``P1Y``. Raises `InvalidRequest` for anything else."""
        if calendar := _CALENDAR.fullmatch(text):
            return cls(text, calendar[1])
        length = parse_duration(text)
        if not timedelta(0) < length < _DAY:
            raise InvalidRequest(
                f"'{text}' is no period: use a part of a day as in PT1H, or one of P1D, P1M and P1Y."
            )
        return cls(format_duration(length), "", length)


def periods(
    window: Window, step: Step, day_starts: Callable[[date], datetime]
) -> tuple[Column, Column]:
    """Return starts and ends of the periods that start in the window; ``day_starts`` says when a day begins.

    Raises `InvalidRequest` for a day that the step does not fill, `TooLarge` beyond `MOST_PERIODS`.
    """
    if step.length and window.length / step.length > MOST_PERIODS:
        raise TooLarge(
            f"{window} has more than {MOST_PERIODS} periods of {step.text}: ask for less of it."
        )
    edges = [(first, last) for first, last in _spans(window, step, day_starts) if first < last]
    start = np.array([instant64(first) for first, _ in edges], dtype=INSTANT)
    end = np.array([instant64(last) for _, last in edges], dtype=INSTANT)
    inside = (start >= instant64(window.start)) & (start < instant64(window.end))
    return start[inside], end[inside]


def _spans(
    window: Window, step: Step, day_starts: Callable[[date], datetime]
) -> Iterator[tuple[datetime, datetime]]:
    low, high = window.start.date() - 2 * _DAY, window.end.date() + 2 * _DAY
    day = _first_day(low, step)
    while day <= high:
        after = _first_day(day + timedelta({"M": 31, "Y": 366}.get(step.calendar, 1)), step)
        span = Window(day_starts(day), day_starts(after))
        if not step.length:
            yield span.start, span.end
        elif span.end > window.start and span.start < window.end:
            for n in range(interval_count(span, step.length)):
                yield span.start + n * step.length, span.start + (n + 1) * step.length
        day = after


def _first_day(day: date, step: Step) -> date:
    """The first day of the period that holds a day."""
    if step.calendar == "M":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if step.calendar == "Y" else day


@frozen(eq=False)
class Intervals:
    """Rows of one series, gaps included, in order and without overlaps; columns as in `Observations`."""

    start: Column
    end: Column
    value: Column
    state: Column
    finality: Column
    flags: Column
    published_at: Column
    recorded_at: Column


@frozen(eq=False)
class Aggregate:
    """One row a period. ``hours`` have a number, of ``hours_expected``; the finality is the least of those used."""

    start: Column
    end: Column
    value: Column
    state: Column
    finality: Column
    flags: Column
    published_at: Column
    recorded_at: Column
    hours: Column
    hours_expected: Column


@frozen(eq=False)
class _Pieces:
    """What each interval has in each period: its row, and its time there in microseconds."""

    row: Column
    time: Column
    first: Column  # of each period, one more at the end

    def of(self, period: int) -> slice:
        return slice(int(self.first[period]), int(self.first[period + 1]))


def aggregate(
    rows: Intervals,
    starts: Column,
    ends: Column,
    basis: Basis,
    block: Block | None = None,
    zone: str | None = None,
) -> Aggregate:
    """Give the mean or sum of the rows over each period, or over the hours of a block in it.

    Only state `OK` counts. Raises `InvalidRequest` for rows that overlap, instants without length, and sums of
    intervals that lie in a period only in part.
    """
    _check(rows)
    pieces = _cut(rows, starts, ends, block, zone)
    whole = (ends - starts).astype(np.int64)
    expected = block.microseconds(starts, ends, zone) if block else whole
    told = [
        _one(rows, pieces.row[part], pieces.time[part], int(due), basis)
        for due, part in ((expected[n], pieces.of(n)) for n in range(len(starts)))
    ]
    value, present, state, finality, flags, published, recorded = (
        list(column) for column in (zip(*told, strict=True) if told else [()] * 7)
    )
    return Aggregate(
        starts, ends, np.array(value, dtype=np.float64), np.array(state, dtype=np.uint8),
        np.array(finality, dtype=np.uint8), np.array(flags, dtype=np.uint32), np.array(published, dtype=INSTANT),
        np.array(recorded, dtype=INSTANT), np.array(present, dtype=np.float64) / _HOUR_US, expected / _HOUR_US,
    )  # fmt: skip


def _check(rows: Intervals) -> None:
    if bool(np.any(rows.start == rows.end)):
        raise InvalidRequest("instants have no length: they cannot be resampled.")
    if bool(np.any(rows.end[:-1] > rows.start[1:])):
        raise InvalidRequest("intervals overlap: choose one issue of the series before resampling.")


def _cut(
    rows: Intervals, starts: Column, ends: Column, block: Block | None, zone: str | None
) -> _Pieces:
    low = np.searchsorted(rows.end, starts, side="right")
    high = np.maximum(np.searchsorted(rows.start, ends, side="left"), low)
    first = np.concatenate([[0], np.cumsum(high - low)]).astype(np.int64)
    period = np.repeat(np.arange(len(starts)), high - low)
    row = np.arange(int(first[-1])) - first[period] + low[period]
    cut_start = np.maximum(rows.start[row], starts[period])
    cut_end = np.minimum(rows.end[row], ends[period])
    time = (cut_end - cut_start).astype(np.int64)
    return _Pieces(row, block.microseconds(cut_start, cut_end, zone) if block else time, first)


def _one(
    rows: Intervals, row: Column, time: Column, expected: int, basis: Basis
) -> tuple[float, int, int, int, int, np.datetime64, np.datetime64]:
    """Value, time present, state, finality, flags, published_at and recorded_at of a period."""
    inside = time > 0
    row, time = row[inside], time[inside]
    ok = rows.state[row] == State.OK
    used, weight = row[ok], time[ok]
    if not len(used):
        return np.nan, 0, _lacking(rows.state[row], expected), 0, 0, NAT, NAT
    value = _sum(rows, used, weight) if basis == "sum" else weighted_mean(rows.value[used], weight)
    present = int(weight.sum())
    marks = int(np.bitwise_or.reduce(rows.flags[used])) | Flag.DERIVED
    if present < expected:
        marks |= Flag.PARTIAL
    return (
        value, present, State.OK, Finality(int(rows.finality[used].min())), marks,
        latest(rows.published_at[used]), latest(rows.recorded_at[used]),
    )  # fmt: skip


def _sum(rows: Intervals, used: Column, weight: Column) -> float:
    if bool(np.any(weight < (rows.end[used] - rows.start[used]).astype(np.int64))):
        raise InvalidRequest(
            "an energy cannot be split: choose periods that the series' intervals fill, or as=power."
        )
    return math.fsum(rows.value[used].tolist())


def _lacking(states: Column, expected: int) -> int:
    """The state of a period without a number; one in which nothing is expected is not applicable."""
    there = set(states.tolist())
    found = next((state for state in _LACKING if state in there), None)
    return State.NOT_APPLICABLE if found is None or not expected else found


def latest(*columns: Column) -> np.datetime64:
    """The last of all instants that are known, ``NaT`` where none is."""
    moments = np.concatenate(columns)
    known = moments[~np.isnat(moments)]
    return known.max() if len(known) else NAT
