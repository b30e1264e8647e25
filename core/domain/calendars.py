"""Holiday calendars: dated rules in ``tables/calendars.toml``."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from attrs import frozen

from carbon254.core.domain import vocabulary
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Column

_WEEKEND: Final = {5: "saturday", 6: "sunday"}


@frozen
class Calendar:
    """Which days are holidays, and what they are called."""

    name: str
    title: str

    @classmethod
    def parse(cls, name: str) -> Calendar:
        """Return a calendar of the table. Raises `InvalidRequest` that lists what there is."""
        table = vocabulary.table("calendars")
        if name not in table:
            raise InvalidRequest(f"'{name}' is no calendar: use one of {', '.join(table)}.")
        return cls(name, table[name]["title"])

    def holidays(self, year: int) -> Mapping[date, str]:
        """The year's holidays in order, each on the day it is kept, with its name."""
        return _holidays(self.name, year)

    def is_holiday(self, day: date) -> bool:
        """Whether the day is a holiday."""
        return day in self.holidays(day.year)

    def among(self, days: Column) -> Column:
        """Which of the days (``datetime64[D]``) are holidays, as a mask."""
        if not len(days):
            return np.zeros(0, dtype=bool)
        years = range(days.min().item().year, days.max().item().year + 1)
        kept = [day for year in years for day in self.holidays(year)]
        return np.isin(days, np.array(kept, dtype="datetime64[D]"))


@cache
def _holidays(name: str, year: int) -> Mapping[date, str]:
    found = {}
    for rule in vocabulary.table("calendars")[name]["rules"]:
        # A holiday late in December may be kept in January, so the year before is looked at too.
        for nominal_year in (year - 1, year):
            nominal = _nominal(rule, nominal_year)
            moved = rule.get("moves", {}).get(_WEEKEND.get(nominal.weekday(), ""), 0)
            kept = nominal + timedelta(moved)
            if kept.year == year and _in_force(rule, nominal):
                found[kept] = rule["name"]
    return MappingProxyType(dict(sorted(found.items())))


def _in_force(rule: Mapping[str, Any], day: date) -> bool:
    return bool(rule.get("from", date.min) <= day < rule.get("to", date.max))


def _nominal(rule: Mapping[str, Any], year: int) -> date:
    if "easter" in rule:
        return easter(year) + timedelta(rule["easter"])
    if "day" in rule:
        return date(year, rule["month"], rule["day"])
    return _nth_weekday(year, rule["month"], rule["weekday"], rule["nth"])


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    if nth < 0:
        last = date(year, month, monthrange(year, month)[1])
        return last - timedelta((last.weekday() - weekday) % 7 + 7 * (-1 - nth))
    first = date(year, month, 1)
    return first + timedelta((weekday - first.weekday()) % 7 + 7 * (nth - 1))


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876)."""
    century, in_century = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    moon = (
        19 * (year % 19) + century - leap_centuries - (century - (century + 8) // 25 + 1) // 3 + 15
    ) % 30
    week = (32 + 2 * century_rest + 2 * (in_century // 4) - moon - in_century % 4) % 7
    late = (year % 19 + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * late + 114, 31)
    return date(year, month, day + 1)
