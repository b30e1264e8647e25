"""Instants, windows and operating days. Inside the platform everything is UTC-aware and half-open.

Elapsed time is counted from local midnight in UTC; wall-clock hours are never added, so days of 23, 24 and
25 hours (and 23.5, and 0) come out right. A zone is an IANA name or a fixed offset such as ``UTC-05:00``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from attrs import field, frozen

from carbon254.core.domain.errors import InvalidRequest

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MIDNIGHT: Final = time(0)
_OFFSET = re.compile(r"UTC([+-])(\d\d):(\d\d)")
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """Return the zone of an IANA name or fixed offset. Raises `InvalidRequest` for an unknown one.

    >>> zone("UTC-05:00").utcoffset(None)
    datetime.timedelta(days=-1, seconds=68400)
    """
    if name == "UTC":
        return UTC
    if fixed := _OFFSET.fullmatch(name):
        offset = timedelta(hours=int(fixed[2]), minutes=int(fixed[3]))
        return timezone(-offset if fixed[1] == "-" else offset, name)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidRequest(f"'{name}' is no time zone: use an IANA name or UTC±HH:MM.") from None


def utc(instant: datetime) -> datetime:
    """Return the same instant in UTC. Raises `InvalidRequest` when it is naive or out of range."""
    if instant.tzinfo is None:
        raise InvalidRequest(
            f"'{instant.isoformat()}' has no UTC offset: add 'Z' or an offset such as '-05:00'."
        )
    try:
        moved = instant.astimezone(UTC)
    except OverflowError:
        moved = LATEST + timedelta(1)
    if not EARLIEST <= moved <= LATEST:
        raise InvalidRequest(
            f"'{instant.isoformat()}' is outside the years {EARLIEST.year} to {LATEST.year}."
        )
    return moved


def utc_or_none(instant: datetime | None) -> datetime | None:
    """`utc` of an instant that may be left out."""
    return None if instant is None else utc(instant)


def parse_instant(text: str) -> datetime:
    """Read ISO 8601 with an offset. Raises `InvalidRequest` for naive or unreadable text.

    >>> parse_instant("2025-11-02T00:00-07:00")
    datetime.datetime(2025, 11, 2, 7, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        return utc(datetime.fromisoformat(text.strip()))
    except ValueError:
        raise InvalidRequest(
            f"'{text}' is no instant: use ISO 8601 with an offset and a year of four digits, "
            "as in 2025-11-02T00:00Z."
        ) from None


def format_instant(instant: datetime) -> str:
    """Write an instant in UTC as ISO 8601 with ``Z``, with fractions only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_day(text: str) -> date:
    """Read an ISO 8601 calendar date. Raises `InvalidRequest` for anything else."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidRequest(f"'{text}' is no day: use YYYY-MM-DD.") from None
    if not EARLIEST.year <= day.year < LATEST.year:
        raise InvalidRequest(f"'{text}' is outside the years {EARLIEST.year} to {LATEST.year}.")
    return day


def parse_duration(text: str) -> timedelta:
    """Read an ISO 8601 duration of days and smaller. Raises `InvalidRequest` for anything else.

    >>> parse_duration("PT15M")
    datetime.timedelta(seconds=900)
    """
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise InvalidRequest(f"'{text}' is no duration: use ISO 8601, as in PT15M, PT1H or P1D.")
    try:
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except (OverflowError, ValueError):  # ValueError of more digits than Python reads
        raise InvalidRequest(f"'{text[:40]}' is too long a duration.") from None


def format_duration(length: timedelta) -> str:
    """Write a duration as ISO 8601, such as ``PT15M``; a day is ``P1D``, an hour back ``-PT1H``."""
    if length < timedelta(0):
        return f"-{format_duration(-length)}"
    seconds = int(length.total_seconds())
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, seconds = divmod(rest, 60)
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "" if days else "T0S")


def _utc_field(value: datetime) -> datetime:
    return utc(value)


@frozen(order=True)
class Window:
    """A half-open span of time ``[start, end)`` in UTC; a query takes the intervals that start in it."""

    start: datetime = field(converter=_utc_field)
    end: datetime = field(converter=_utc_field)

    @end.validator
    def _not_reversed(self, attribute: Any, value: datetime) -> None:
        if value < self.start:
            raise InvalidRequest(
                f"The window ends ({format_instant(value)}) before it starts ({format_instant(self.start)})."
            )

    @property
    def length(self) -> timedelta:
        """Elapsed time from start to end."""
        return self.end - self.start

    def holds(self, instant: datetime) -> bool:
        """Whether the instant lies in ``[start, end)``."""
        return self.start <= instant < self.end

    def __str__(self) -> str:
        return f"[{format_instant(self.start)}, {format_instant(self.end)})"


def parse_window(start: str, end: str | None, zone_name: str) -> Window:
    """Read a window: instants with an offset, or days, which are operating days of the zone.

    An ``end`` that is a day is included to its end; without one a day is that day. Raises `InvalidRequest`, also for
    a last day before the first.

    >>> str(parse_window("2025-11-02", None, "America/Los_Angeles"))
    '[2025-11-02T07:00:00Z, 2025-11-03T08:00:00Z)'
    """
    low = day_window(parse_day(start), zone_name).start if _is_day(start) else parse_instant(start)
    if end is None:
        day = parse_day(start) if _is_day(start) else operating_day(low, zone_name)
        return Window(low, day_window(day, zone_name).end)
    if _is_day(start) and _is_day(end) and parse_day(end) < parse_day(start):
        raise InvalidRequest(f"The window ends ({end}) before it starts ({start}).")
    high = day_window(parse_day(end), zone_name).end if _is_day(end) else parse_instant(end)
    return Window(low, high)


def _is_day(text: str) -> bool:
    return len(text.strip()) <= 10


def local_instant(day: date, clock: time, zone_name: str) -> datetime:
    """Return the UTC instant at which a local clock first shows this time of this day.

    A time that the clock skips is the instant of the change itself.
    """
    place = zone(zone_name)
    local = datetime.combine(day, clock)
    moment = utc(local.replace(tzinfo=place))
    if moment.astimezone(place).replace(tzinfo=None) == local:
        return moment
    return _change(utc(local.replace(tzinfo=place, fold=1)), moment, place)


def _change(before: datetime, after: datetime, place: tzinfo) -> datetime:
    """The first second in ``(before, after]`` with the offset of ``after``."""
    offset, low, high = (
        after.astimezone(place).utcoffset(),
        0,
        int((after - before).total_seconds()),
    )
    while high - low > 1:
        middle = (low + high) // 2
        if (before + timedelta(seconds=middle)).astimezone(place).utcoffset() == offset:
            high = middle
        else:
            low = middle
    return before + timedelta(seconds=high)


def day_window(day: date, zone_name: str, day_start: time = MIDNIGHT) -> Window:
    """Return the operating day's span in UTC, from local ``day_start`` to the next day's."""
    return Window(
        local_instant(day, day_start, zone_name),
        local_instant(day + timedelta(1), day_start, zone_name),
    )


def operating_day(instant: datetime, zone_name: str, day_start: time = MIDNIGHT) -> date:
    """Return the operating day whose window holds the instant."""
    guess = utc(instant).astimezone(zone(zone_name)).date()
    for day in (guess, guess - timedelta(1), guess + timedelta(1)):
        if day_window(day, zone_name, day_start).holds(instant):
            return day
    raise InvalidRequest(f"{format_instant(instant)} lies in no operating day of {zone_name}.")


def days_in(window: Window, zone_name: str, day_start: time = MIDNIGHT) -> Iterator[date]:
    """Yield the operating days that overlap the window, in order."""
    if not window.length:
        return
    day = operating_day(window.start, zone_name, day_start)
    while True:
        span = day_window(day, zone_name, day_start)
        if span.start >= window.end:
            return
        if span.length:
            yield day
        day += timedelta(1)


def interval_count(window: Window, resolution: timedelta) -> int:
    """Return how many intervals of ``resolution`` fill the window exactly.

    Raises `InvalidRequest` when the window's length is not a multiple of the resolution.
    """
    if resolution <= timedelta(0):
        raise InvalidRequest(f"A resolution of {resolution} is not positive.")
    count, rest = divmod(window.length, resolution)
    if rest:
        raise InvalidRequest(
            f"{window} is {window.length} long, which is no multiple of {format_duration(resolution)}."
        )
    return count


def intervals(window: Window, resolution: timedelta) -> Iterator[Window]:
    """Yield the intervals of ``resolution`` that fill the window. Raises as `interval_count`."""
    for n in range(interval_count(window, resolution)):
        yield Window(window.start + n * resolution, window.start + (n + 1) * resolution)
