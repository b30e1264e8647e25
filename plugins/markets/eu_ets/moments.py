"""Dates and times of cells: numbers that count days, and texts where a spreadsheet was saved with such.

EEX writes numbers. A workbook that was saved again may hold ISO 8601 (cells of type ``d``) or the text that was shown,
as in ``16.12.2024``. Texts that say day and month in an order of their own, as in ``12/16/24``, are refused.
"""

from __future__ import annotations

from datetime import date, time, timedelta


def serial_of(text: str, epoch: date) -> float | None:
    """The number of days since ``epoch`` of a date, a date with a time, or a time of day; None for any other text.

    >>> serial_of("16.12.2024", date(1899, 12, 30)), serial_of("06:00", date(1899, 12, 30))
    (45642.0, 0.25)
    """
    first, _, rest = text.strip().replace("T", " ").partition(" ")
    try:
        if ":" in first and not rest:
            return _day_part(first)
        return (_date(first) - epoch).days + (_day_part(rest) if rest else 0.0)
    except ValueError:
        return None


def _date(text: str) -> date:
    if text.count(".") == 2:
        day, month, year = map(int, text.split("."))
        return date(year, month, day)
    return date.fromisoformat(text)


def _day_part(text: str) -> float:
    at = time.fromisoformat(text)
    if at.tzinfo is not None:
        raise ValueError(text)
    passed = timedelta(0, at.second, at.microsecond, 0, at.minute, at.hour)
    return passed / timedelta(days=1)
