"""Blocks of hours that contracts cover, and averages over them (VOCABULARY §12).

A block's clocks are local; its hours are elapsed time between the instants that those clocks show. So a block
over a clock change has an hour less or more, and one beside it has not.
"""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from attrs import frozen

from carbon254.core.domain import vocabulary
from carbon254.core.domain.calendars import Calendar
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import INSTANT, Column, instant64
from carbon254.core.domain.time import Window, local_instant
from carbon254.core.domain.vocabulary import Flag, State

_HOUR_US: Final = 3_600_000_000
_OFF_PEAK: Final = "off_peak:"


@frozen
class Clock:
    """A local time of day, ``days`` from the day itself: ``-1 23:00`` is 23:00 on the day before."""

    days: int
    at: time

    @classmethod
    def parse(cls, text: str) -> Clock:
        """Read ``HH:MM``, with the days before it where there are any; ``24:00`` is the next day's midnight."""
        days, _, clock = text.rpartition(" ")
        if clock == "24:00":
            return cls(int(days or 0) + 1, time(0))
        return cls(int(days or 0), time.fromisoformat(clock))

    def on(self, day: date, zone: str) -> datetime:
        """The instant the clock first shows this, counted from a day."""
        return local_instant(day + timedelta(self.days), self.at, zone)


@frozen(cache_hash=True)
class Block:
    """The hours of a product: from clock to clock on some weekdays, without the holidays of a calendar."""

    name: str
    title: str
    zone: str | None
    day_start: Clock
    from_: Clock
    to: Clock
    weekdays: frozenset[int]
    calendar: Calendar
    complement: bool = False

    @classmethod
    def parse(cls, name: str) -> Block:
        """Return a block of the table, or ``off_peak:`` and the name of its peak. Raises `InvalidRequest`."""
        peak = name.removeprefix(_OFF_PEAK)
        facts = vocabulary.table("blocks").get(peak)
        if facts is None or (peak != name and peak == "base"):
            known = ", ".join(vocabulary.table("blocks"))
            raise InvalidRequest(
                f"'{name}' is no block: use one of {known}, or off_peak: with one of these."
            )
        return cls(
            name,
            facts["title"] if peak == name else f"Base less: {facts['title']}",
            facts.get("zone"),
            Clock.parse(facts.get("day", "00:00")),
            Clock.parse(facts["from"]),
            Clock.parse(facts["to"]),
            frozenset(facts["weekdays"]),
            Calendar.parse(facts.get("calendar", "none")),
            complement=peak != name,
        )

    def day_window(self, day: date, zone: str | None = None) -> Window:
        """The product's day: local midnight to midnight, for EFA 23:00 to 23:00."""
        place = self._zone(zone)
        return Window(self.day_start.on(day, place), self.day_start.on(day + timedelta(1), place))

    def hours_on(self, day: date, zone: str | None = None) -> float:
        """Hours of the block on the product's day. ``zone`` is needed, and used, only where the block has none."""
        window = self.day_window(day, zone)
        edges = np.array([instant64(window.start), instant64(window.end)], dtype=INSTANT)
        return float(self.hours(edges[:1], edges[1:], zone)[0])

    def hours(self, starts: Column, ends: Column, zone: str | None = None) -> Column:
        """Hours of the block inside each interval, as float64."""
        hours: Column = self.microseconds(starts, ends, zone) / _HOUR_US
        return hours

    def mask(self, starts: Column, ends: Column, zone: str | None = None) -> Column:
        """Which intervals lie wholly in the block; one without length, and one that lies in part, does not."""
        length = (np.asarray(ends, dtype=INSTANT) - np.asarray(starts, dtype=INSTANT)).astype(
            np.int64
        )
        whole: Column = (length > 0) & (self.microseconds(starts, ends, zone) == length)
        return whole

    def microseconds(self, starts: Column, ends: Column, zone: str | None = None) -> Column:
        """The block's time inside each interval, exact, as int64 microseconds."""
        start, end = np.asarray(starts, dtype=INSTANT), np.asarray(ends, dtype=INSTANT)
        if not len(start):
            return np.zeros(0, dtype=np.int64)
        one_day = timedelta(1)
        first, last = start.min().item().date() - 2 * one_day, end.max().item().date() + 2 * one_day
        spans = [
            _span(self, date.fromordinal(n), self._zone(zone))
            for n in range(first.toordinal(), last.toordinal() + 1)
            if self._covers(date.fromordinal(n))
        ]
        inside = _time_in(spans, end) - _time_in(spans, start)
        length = (end - start).astype(np.int64)
        return length - inside if self.complement else inside

    def _covers(self, day: date) -> bool:
        return day.weekday() in self.weekdays and not self.calendar.is_holiday(day)

    def _zone(self, zone: str | None) -> str:
        if self.zone or zone:
            return self.zone or str(zone)
        raise InvalidRequest(f"block '{self.name}' is in local time: say which zone.")


@lru_cache(maxsize=32_768)
def _span(block: Block, day: date, zone: str) -> tuple[np.datetime64, np.datetime64]:
    return instant64(block.from_.on(day, zone)), instant64(block.to.on(day, zone))


def _time_in(spans: list[tuple[np.datetime64, np.datetime64]], instants: Column) -> Column:
    """Microseconds of the spans (in order, disjoint) before each instant."""
    if not spans:
        return np.zeros(len(instants), dtype=np.int64)
    begin, finish = np.array(spans, dtype=INSTANT).T
    done = np.concatenate([[0], np.cumsum((finish - begin).astype(np.int64))])
    number = np.searchsorted(begin, instants, side="right")
    beyond = (finish[number - 1] - instants).astype(np.int64)
    total: Column = done[number] - np.where(number > 0, np.maximum(beyond, 0), 0)
    return total


@frozen
class BlockAverage:
    """A time-weighted mean over a block. ``value`` is None where nothing is there, or a part is not enough.

    A day without hours of the block (a peak on Sunday) is complete and has no value. ``flags`` holds `PARTIAL`
    for a mean of less than all hours.
    """

    name: str
    value: float | None
    hours_expected: float
    hours_present: float
    complete: bool
    flags: Flag = Flag(0)


def block_average(
    values: Column,
    *,
    start: Column,
    end: Column,
    state: Column,
    block: Block,
    window: Window,
    zone: str | None = None,
    partial: bool = True,
) -> BlockAverage:
    """Average one series over the hours of a block in a window, such as a day; only state `OK` counts.

    An interval weighs as long as it lies in both. The mean is worked out exactly and rounded once.
    ``partial=False`` gives no value unless every hour is there. Raises `InvalidRequest` for overlapping rows.
    """
    edges = np.array([instant64(window.start), instant64(window.end)], dtype=INSTANT)
    expected = int(block.microseconds(edges[:1], edges[1:], zone)[0])
    cut_start = np.clip(np.asarray(start, dtype=INSTANT), *edges)
    cut_end = np.clip(np.asarray(end, dtype=INSTANT), *edges)
    rows = np.flatnonzero((np.asarray(state) == State.OK) & (cut_start < cut_end))
    rows = rows[np.argsort(cut_start[rows], kind="stable")]
    if bool(np.any(cut_end[rows][:-1] > cut_start[rows][1:])):
        raise InvalidRequest("Rows overlap: choose one issue of the series before averaging.")
    weight = block.microseconds(cut_start[rows], cut_end[rows], zone)
    present = int(weight.sum())
    complete = present == expected
    value = (
        weighted_mean(np.asarray(values)[rows], weight)
        if present and (complete or partial)
        else None
    )
    flags = Flag(0) if complete or value is None else Flag.PARTIAL
    return BlockAverage(block.name, value, expected / _HOUR_US, present / _HOUR_US, complete, flags)


def weighted_mean(values: Column, weight: Column) -> float:
    """The mean by whole-number weights, not all 0, worked out exactly and rounded once, at the end."""
    used = weight > 0
    shares = (weight[used] // math.gcd(*weight[used].tolist())).tolist()
    ratios = [value.as_integer_ratio() for value in values[used].tolist()]
    below = max(denominator for _, denominator in ratios)  # all are powers of two
    parts = zip(ratios, shares, strict=True)
    total = sum(number * (below // denominator) * share for (number, denominator), share in parts)
    return float(total / (below * sum(shares)))
