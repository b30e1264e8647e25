"""A `Reader` over matrices: what is known of each series at the origin, as days × slots.

The host makes one for each origin out of the store; benchmarks and tests make them out of whole tables, and `hide`
what was not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta

import numpy as np
from attrs import field, frozen

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import MemberForecasts, Subject
from carbon254.core.domain.observations import Column
from carbon254.core.domain.series import SeriesId


@frozen(eq=False)
class DayTable:
    """A matrix whose rows are consecutive operating days from ``first`` on; outside it nothing is known."""

    first: date
    values: Column

    def between(self, first: date, last: date) -> Column:
        """The rows of these days, both included; NaN for days outside. A view where it can be, read-only."""
        low, count = (first - self.first).days, max((last - first).days + 1, 0)
        if low >= 0 and low + count <= len(self.values):
            found = self.values[low : low + count]
        else:
            found = np.full((count, *self.values.shape[1:]), np.nan)
            start, stop = max(low, 0), min(low + count, len(self.values))
            if start < stop:
                found[start - low : stop - low] = self.values[start:stop]
        found = found.view()
        found.flags.writeable = False
        return found

    def hide(self, after: date) -> DayTable:
        """The same without the days after ``after``."""
        return DayTable(self.first, self.values[: max((after - self.first).days + 1, 0)])


Said = Callable[[date, date, int], MemberForecasts]


def no_members(first: date, last: date, lead: int) -> MemberForecasts:
    """What there is to say of members where there are none. Raises `InvalidRequest`."""
    raise InvalidRequest("only a combiner has members.")


@frozen(eq=False)
class MatrixReader:
    """Answers from tables; see `ports.models.Reader`. ``said`` answers for the members of a combiner."""

    subject: Subject
    origin: datetime
    since: date
    tables: Mapping[SeriesId, DayTable] = field(repr=False)
    said: Said = field(default=no_members, repr=False)

    def days(self, series: SeriesId, first: date, last: date) -> Column:
        if series not in self.subject.series:
            raise InvalidRequest(f"{series} is none of the series of this forecast.")
        early = max(0, (self.since - first).days)
        if not early:
            return self.tables[series].between(first, last)
        found = self.tables[series].between(first, last).copy()
        found[:early] = np.nan
        found.flags.writeable = False
        return found

    def members(self, first: date, last: date, lead: int = 0) -> MemberForecasts:
        return self.said(first, last, lead)


def days_between(first: date, last: date) -> tuple[date, ...]:
    """The days from ``first`` to ``last``, both included."""
    return tuple(first + timedelta(n) for n in range((last - first).days + 1))
