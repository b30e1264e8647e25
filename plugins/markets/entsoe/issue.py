"""When a forecast was issued: the wire does not say, so the card's rule does (``enums.issued`` of the dataset).

A rule is one of `carbon254.core.domain.schedule`, or one of its day rules after ``week``, ``month`` or ``year``:
then it counts from the first day of the week (Monday), month or year that holds the interval's last day. The last
day, because a week that straddles two months stands in the documents of both: the later issue is the safe one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from carbon254.core.domain.observations import INSTANT, Column, from_instant64, instant64
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.time import Window, day_window, days_in, operating_day
from carbon254.plugins.markets.entsoe.curve import DAY_ZONE

_FIRST_DAY: dict[str, Callable[[date], date]] = {
    "week": lambda day: day - timedelta(day.weekday()),
    "month": lambda day: day.replace(day=1),
    "year": lambda day: day.replace(month=1, day=1),
}


def issued_at(text: str, start: Column, end: Column) -> Column:
    """The issue instants of intervals, in UTC, by the rule of their run."""
    span, _, rest = text.partition(" ")
    if span in _FIRST_DAY:
        rule = Rule.parse(rest)
        return np.array([_of_span(rule, _FIRST_DAY[span], one) for one in end], dtype=INSTANT)
    rule = Rule.parse(text)
    if rule.anchor == "start":
        return start + np.timedelta64(rule.offset)
    return _by_day(rule, start)


def _of_span(rule: Rule, first_day: Callable[[date], date], end: np.datetime64) -> np.datetime64:
    last = from_instant64(end - np.timedelta64(1, "us"))
    assert last is not None
    return instant64(rule.on(first_day(operating_day(last, DAY_ZONE)), DAY_ZONE))


def _by_day(rule: Rule, start: Column) -> Column:
    first, last = from_instant64(start.min()), from_instant64(start.max())
    assert first is not None
    assert last is not None
    days = list(days_in(Window(first, last + timedelta(microseconds=1)), DAY_ZONE))
    begins = np.array([instant64(day_window(day, DAY_ZONE).start) for day in days], dtype=INSTANT)
    issued = np.array([instant64(rule.on(day, DAY_ZONE)) for day in days], dtype=INSTANT)
    return issued[np.searchsorted(begins, start, side="right") - 1]
