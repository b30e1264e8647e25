"""Dates and times of cells: numbers that count days, and texts where a spreadsheet was saved with such.

EEX writes numbers. A workbook that was saved again may hold ISO 8601 (cells of type ``d``) or the text that was shown,
as in ``16.12.2024``. Texts that say day and month in an order of their own, as in ``12/16/24``, are refused.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

_DAY: Final = timedelta(days=1)


def serial_of(text: str, epoch: date) -> float | None:
    """The number of days since ``epoch`` of a date, a date with a time, or a time of day; None for any other text.

    >>> serial_of("16.12.2024", date(1899, 12, 30)), serial_of("06:00", date(1899, 12, 30))
    (45642.0, 0.25)
    """
    text = text.strip().removesuffix("Z")
    for parse in (datetime.fromisoformat, _german, time.fromisoformat):
        try:
            moment = parse(text)
        except ValueError:
            continue
        if moment.tzinfo is not None:
            return None
        if isinstance(moment, time):
            return (datetime.combine(date.min, moment) - datetime.combine(date.min, time())) / _DAY
        return (moment - datetime.combine(epoch, time())) / _DAY
    return None


def _german(text: str) -> datetime:
    return datetime.strptime(text, "%d.%m.%Y")  # noqa: DTZ007 - a date is in no zone
