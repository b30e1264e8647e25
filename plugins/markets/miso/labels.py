"""MISO's labels of time. Its clock is Eastern Standard Time, UTC-05:00, on every day of the year.

Five-minute labels name the END of their interval: the displays put ``RefId`` "Interval 08:15" beside
``MKT_INT_END_EST`` 8:15, and an hourly report's congestion is the mean of twelve labels that end with the full hour.
Hours are numbered by their end (hour ending 1 is 00:00-01:00), 24 on every day.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np

from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.observations import Column
from carbon254.core.domain.time import zone

EST: Final = "UTC-05:00"
FIVE_MINUTES: Final = timedelta(minutes=5)
HOUR: Final = timedelta(hours=1)

_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
_YEARS: Final = range(2000, 2100)  # "0001-01-01" is how many servers write that there is no time
_REFERENCE = re.compile(r"(\d{1,2})-([A-Z][a-z]{2})-(\d{4}) - Interval (\d\d):(\d\d)(?::\d\d)? EST")
_CLOCK = re.compile(r"(\d{4})-(\d\d)-(\d\d) (\d{1,2}):(\d\d):(\d\d) (AM|PM)")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)")


def instant(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """Return the UTC instant of a time on MISO's clock. Raises `ValueError` for no such time."""
    return datetime(year, month, day, hour, minute, tzinfo=zone(EST)).astimezone(UTC)


def local(moment: datetime) -> datetime:
    """Return the instant on MISO's clock."""
    return moment.astimezone(zone(EST))


def plain_est(instants: Column) -> Column:
    """UTC instants as times on MISO's clock, without a zone."""
    moved: Column = instants - np.timedelta64(5, "h")
    return moved


def midnight(day: date) -> datetime:
    """Return the UTC instant at which the operating day starts: 05:00."""
    return instant(day.year, day.month, day.day)


def read_reference(text: object, name: str) -> datetime:
    """Read ``RefId``, such as "25-Jan-2018 - Interval 04:30 EST", as a UTC instant.

    Raises `FeedFormatChanged` for another form, another zone above all.
    """
    match = _REFERENCE.fullmatch(text) if isinstance(text, str) else None
    if match is None or match[2] not in _MONTHS:
        raise FeedFormatChanged(
            f"{name}: RefId {text!r} is not of the form 'D-Mon-YYYY - Interval HH:MM EST'."
        )
    day, month, year, hour, minute = match.groups()
    return _checked(
        text, name, int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute)
    )


def write_reference(clock: datetime) -> str:
    """Write a time on MISO's clock, without a zone, as ``RefId``."""
    return f"{clock.day:02d}-{_MONTHS[clock.month - 1]}-{clock.year} - Interval {clock:%H:%M} EST"


def read_clock(text: object, name: str) -> datetime:
    """Read "2018-01-25 4:30:00 AM" as a UTC instant. Raises `FeedFormatChanged` for another form."""
    match = _CLOCK.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise FeedFormatChanged(
            f"{name}: label {text!r} is not of the form 'YYYY-MM-DD H:MM:SS AM'."
        )
    year, month, day, hour, minute, _, half = match.groups()
    return _checked(
        text,
        name,
        int(year),
        int(month),
        int(day),
        int(hour) % 12 + 12 * (half == "PM"),
        int(minute),
    )


def write_clock(clock: datetime) -> str:
    """Write a time on MISO's clock, without a zone, in the form that `read_clock` reads."""
    return f"{clock:%Y-%m-%d} {clock.hour % 12 or 12}:{clock:%M:%S} {'PM' if clock.hour >= 12 else 'AM'}"


def read_iso(text: object, name: str) -> datetime:
    """Read "2026-07-27T08:15:00" as a UTC instant. Raises `FeedFormatChanged` for another form."""
    match = _ISO.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise FeedFormatChanged(
            f"{name}: INTERVAL {text!r} is not of the form 'YYYY-MM-DDTHH:MM:SS'."
        )
    year, month, day, hour, minute, _ = (int(part) for part in match.groups())
    return _checked(text, name, year, month, day, hour, minute)


def _checked(text: object, name: str, year: int, *parts: int) -> datetime:
    try:
        if year in _YEARS:
            return instant(year, *parts)
    except ValueError:
        pass
    raise FeedFormatChanged(f"{name}: label {text!r} is no time on a clock.")


def read_hour(text: object, name: str) -> int:
    """Read an hour-ending number. Raises `FeedFormatChanged` unless it is 1 to 24: MISO has no other hours."""
    hour = int(text) if isinstance(text, str | int) and re.fullmatch(r"\d{1,2}", str(text)) else 0
    if not 1 <= hour <= 24:
        raise FeedFormatChanged(
            f"{name}: hour ending {text!r} is not one of 1 to 24, the hours of every day in EST."
        )
    return hour
