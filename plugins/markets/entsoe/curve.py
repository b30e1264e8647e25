"""From the positions of a period to half-open intervals in UTC: curves A01 and A03, every resolution.

A01 has every position; one that is absent is missing. A03 is a curve of blocks: an absent position repeats the one
before it, the last block runs to the end of the period, and nothing stands before the first position. Days, weeks,
months and years are those of the calendar in Brussels; all else is counted in elapsed time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import numpy as np
from attrs import frozen

from carbon254.core.domain.errors import FeedFormatChanged, InvalidRequest
from carbon254.core.domain.observations import INSTANT, Column, instant64
from carbon254.core.domain.time import Window, parse_duration, zone
from carbon254.plugins.markets.entsoe.wire import Points

DAY_ZONE = "Europe/Brussels"
_CALENDAR = {"P1D": (0, 1), "P7D": (0, 7), "P1M": (1, 0), "P1Y": (12, 0)}  # (months, days)
_FIXED = re.compile(r"PT(\d+H)?(\d+M)?")
_MOST = (
    600_000  # intervals of one period: more than a year of minutes is no document of this platform
)


@frozen(eq=False)
class Rows:
    """Intervals with a number: ``source`` is the index of the point that each number stands in."""

    start: Column
    end: Column
    source: Column
    filled: Column  # repeated from the position before


def expand(window: Window, resolution: str, curve: str, points: Points) -> tuple[Rows, int]:
    """The intervals of a period that have a number, and how many have none.

    Positions must ascend. Raises `FeedFormatChanged` for a resolution, curve or position that we do not know.
    """
    edge = edges(window, resolution)
    count = len(edge) - 1
    position = points.position
    if position[0] < 1 or position[-1] > count:
        raise FeedFormatChanged(
            f"positions {position[0]} to {position[-1]} do not fit {window} in {resolution}: there are {count}."
        )
    if curve == "A01":
        place, source = position - 1, np.arange(len(position))
    elif curve == "A03":
        place = np.arange(position[0] - 1, count)
        source = np.repeat(np.arange(len(position)), np.diff(np.append(position, count + 1)))
    else:
        raise FeedFormatChanged(f"curveType '{curve}' is not A01 or A03.")
    filled = place != position[source] - 1
    return Rows(edge[place], edge[place + 1], source, filled), count - len(place)


def edges(window: Window, resolution: str) -> Column:
    """Where intervals begin and end, in UTC. Raises `FeedFormatChanged` when they do not fill the window."""
    if window.start == window.end:
        raise FeedFormatChanged(f"{window}: a Period has no length.")
    if resolution in _CALENDAR:
        return _calendar_edges(window, *_CALENDAR[resolution])
    try:
        step = parse_duration(resolution) if _FIXED.fullmatch(resolution) else timedelta(0)
    except InvalidRequest:
        step = timedelta(0)
    if not step:
        raise FeedFormatChanged(f"resolution '{resolution}' is not known.")
    count, rest = divmod(window.length, step)
    if rest or count > _MOST:
        raise FeedFormatChanged(f"{window} is no sensible multiple of {resolution}.")
    return instant64(window.start) + np.arange(count + 1) * np.timedelta64(step)


def _calendar_edges(window: Window, months: int, days: int) -> Column:
    """Edges by the wall clock of Brussels; the last interval is cut where the period ends."""
    local = window.start.astimezone(zone(DAY_ZONE)).replace(tzinfo=None)
    edge = [window.start]
    while edge[-1] < window.end and len(edge) < _MOST:
        step = len(edge)
        moved = _add_months(local, step * months) + timedelta(step * days)
        edge.append(min(moved.replace(tzinfo=zone(DAY_ZONE)).astimezone(UTC), window.end))
    return np.array([instant64(moment) for moment in edge], dtype=INSTANT)


def _add_months(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    try:
        return moment.replace(year=year, month=month + 1)
    except ValueError:
        raise FeedFormatChanged(
            f"a month that begins on day {moment.day} cannot be counted."
        ) from None


def in_order(points: Points) -> tuple[Points, int]:
    """Points by ascending position, identical repetitions left out and counted.

    Raises `FeedFormatChanged` when a position stands twice with different values.
    """
    position = points.position
    if bool(np.all(np.diff(position) > 0)):
        return points, 0
    points = points.take(np.argsort(position, kind="stable"))
    twice = np.diff(points.position) == 0
    before, after = points.value[:-1][twice], points.value[1:][twice]
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    if not same.all():
        place = points.position[1:][twice][~same][0]
        raise FeedFormatChanged(f"position {place} stands twice in a Period with different values.")
    return points.take(np.append(True, ~twice)), int(twice.sum())
