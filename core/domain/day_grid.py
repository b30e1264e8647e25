"""Days × slots: where the intervals of a series stand on the local clock, for models that work on matrices.

A slot is a place on the wall clock (slot 0 starts at the operating day's start). On the day on which clocks go
forward some slots do not exist, on the day on which they go back some exist twice. Going in, an absent slot is
interpolated between its neighbours and a doubled one is the mean of its intervals; going out, each interval gets the
number of its slot, so that a day of 23 hours has one number less and a day of 25 hours has one twice.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final

import numpy as np
from attrs import field, frozen

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.expectations import operating_days
from carbon254.core.domain.observations import INSTANT, Column, from_instant64, instant64
from carbon254.core.domain.time import (
    MIDNIGHT,
    Window,
    day_window,
    format_duration,
    interval_count,
    zone,
)

DAY: Final = timedelta(days=1)


def _divides_a_day(grid: DayGrid, attribute: Any, value: timedelta) -> None:
    if value <= timedelta(0) or DAY % value:
        raise InvalidRequest(f"A day of 24 hours has no whole number of {format_duration(value)}.")


@frozen
class DayGrid:
    """The local day of a series: its zone, where the day starts, and the length of an interval."""

    zone: str
    resolution: timedelta = field(validator=_divides_a_day)
    day_start: time = MIDNIGHT

    @property
    def slots(self) -> int:
        """Slots of every day: 24 of an hour, 96 of a quarter, whether the day is longer or shorter."""
        return DAY // self.resolution

    def window(self, first: date, last: date | None = None) -> Window:
        """The span in UTC of the operating days from ``first`` to ``last``, both included."""
        start = day_window(first, self.zone, self.day_start).start
        return Window(start, day_window(last or first, self.zone, self.day_start).end)

    def starts(self, first: date, last: date | None = None) -> Column:
        """Starts of all intervals of the days, in UTC. Raises `InvalidRequest` where they do not fill the days."""
        window = self.window(first, last)
        count = interval_count(window, self.resolution)
        return instant64(window.start) + np.arange(count) * np.timedelta64(self.resolution)

    def day_of(self, moment: datetime) -> date:
        """The operating day that holds the instant."""
        return self.days_of(np.array([instant64(moment)]))[0].item()  # type: ignore[no-any-return]

    def days_of(self, starts: Column) -> Column:
        """The operating day of each instant, as ``datetime64[D]``."""
        return operating_days(starts, self.zone, self.day_start)

    def place(self, starts: Column) -> tuple[Column, Column]:
        """Operating day (``datetime64[D]``) and slot of each interval start (UTC)."""
        starts = np.asarray(starts, dtype=INSTANT)
        if not len(starts):
            return starts.astype("datetime64[D]"), np.zeros(0, dtype=np.int64)
        days = self.days_of(starts)
        listed, which = np.unique(days, return_inverse=True)
        spans = [_span(day, self.zone, self.day_start) for day in listed.tolist()]
        midnight = np.array([instant64(span.start) for span in spans])[which]
        elapsed = (starts - midnight) // np.timedelta64(self.resolution)
        odd = np.array([span.length != DAY for span in spans])
        for row in np.flatnonzero(odd[which]).tolist():
            elapsed[row] = self._slot_on_clock(starts[row])
        return days, elapsed.astype(np.int64)

    def _slot_on_clock(self, start: np.datetime64) -> int:
        moment = from_instant64(start)
        assert moment is not None
        local = moment.astimezone(zone(self.zone))
        clock = timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)
        begin = timedelta(hours=self.day_start.hour, minutes=self.day_start.minute)
        return ((clock - begin) % DAY) // self.resolution

    def matrix(self, starts: Column, values: Column, first: date, last: date) -> Column:
        """Values of intervals of this resolution as days × slots; NaN where there is none.

        Slots that a short day lacks are interpolated, doubled ones averaged (over those that are there).
        """
        count = (last - first).days + 1
        days, slot = self.place(starts)
        row = (days - np.datetime64(first, "D")).astype(np.int64)
        here = (row >= 0) & (row < count) & np.isfinite(values)
        flat = row[here] * self.slots + slot[here]
        size = count * self.slots
        number = np.bincount(flat, minlength=size)
        total = np.bincount(flat, weights=values[here], minlength=size)
        with np.errstate(invalid="ignore"):
            made: Column = (total / np.where(number, number, np.nan)).reshape(count, self.slots)
        for place in range(count):
            absent = absent_slots(first + timedelta(place), self)
            if absent:
                _interpolate(made[place], absent)
        return made

    def flatten(self, matrix: Column, first: date) -> Column:
        """Numbers of all intervals of the days that the rows of the matrix are, from ``first`` on, in their order."""
        last = first + timedelta(len(matrix) - 1)
        days, slot = self.place(self.starts(first, last))
        row = (days - np.datetime64(first, "D")).astype(np.int64)
        return np.asarray(matrix)[row, slot]


@lru_cache(maxsize=16_384)
def _span(day: date, zone_name: str, day_start: time) -> Window:
    return day_window(day, zone_name, day_start)


@lru_cache(maxsize=65_536)
def absent_slots(day: date, grid: DayGrid) -> tuple[int, ...]:
    """Slots that a day lacks because clocks go forward; none on most days."""
    if _span(day, grid.zone, grid.day_start).length >= DAY:
        return ()
    there = set(grid.place(grid.starts(day))[1].tolist())
    return tuple(slot for slot in range(grid.slots) if slot not in there)


def _interpolate(row: Column, absent: tuple[int, ...]) -> None:
    """Fill the absent slots on a straight line between their neighbours; at an edge, with the only neighbour."""
    left, right = absent[0] - 1, absent[-1] + 1
    known = [place for place in (left, right) if 0 <= place < len(row)]
    if known:
        row[list(absent)] = np.interp(absent, known, row[known])
