"""When numbers are due, and what else a card says in relation to an interval.

A rule is one of ``D-1 14:00``, ``D+7``, ``BD+1 17:00`` (business days, Monday to Friday) in the card's day zone,
``start``, ``end``, ``end+PT10M``, ``issued+PT5M``; a zone may follow the clock: ``D-1 12:00 Europe/Brussels``.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from attrs import frozen

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.time import MIDNIGHT, local_instant, operating_day, parse_duration, zone

_DAY = re.compile(r"(B?D)(?:([+-])(\d+))?(?: (\d\d):(\d\d))?(?: (\S+))?")
_EDGE = re.compile(r"(start|end|issued)(?:([+-])(P\S+))?")


@frozen
class Rule:
    """A rule as the card writes it, checked; `at` says which instant it means for an interval."""

    text: str
    anchor: str  # "D", "BD", "start", "end" or "issued"
    days: int = 0
    clock: time = MIDNIGHT
    zone: str | None = None
    offset: timedelta = timedelta(0)

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read a rule. Raises `InvalidRequest` for text of another form."""
        if edge := _EDGE.fullmatch(text):
            offset = parse_duration(edge[3]) if edge[3] else timedelta(0)
            return cls(text, edge[1], offset=-offset if edge[2] == "-" else offset)
        if day := _DAY.fullmatch(text):
            anchor, sign, days, hour, minute, zone_name = day.groups()
            if zone_name:
                zone(zone_name)
            try:
                clock = time(int(hour), int(minute)) if hour else MIDNIGHT
            except ValueError:
                raise InvalidRequest(f"'{text}': there is no {hour}:{minute} on a clock.") from None
            return cls(text, anchor, int(days or 0) * (-1 if sign == "-" else 1), clock, zone_name)
        raise InvalidRequest(
            f"'{text}' is no rule of time: use forms as in 'D-1 14:00' or 'end+PT10M'."
        )

    def at(
        self,
        start: datetime,
        end: datetime,
        *,
        day_zone: str,
        day_start: time = MIDNIGHT,
        issued: datetime | None = None,
    ) -> datetime:
        """Return the instant the rule means for the interval ``[start, end)`` of an operating day, in UTC."""
        edges = {"start": start, "end": end, "issued": issued or start}
        if self.anchor in edges:
            return edges[self.anchor] + self.offset
        day = operating_day(start, day_zone, day_start)
        return self.on(day, day_zone)

    def on(self, day: date, day_zone: str) -> datetime:
        """Return the instant a rule of days means for an operating day, in UTC."""
        step = timedelta(1 if self.days >= 0 else -1)
        if self.anchor == "BD":
            for _ in range(abs(self.days)):
                day += step
                while day.weekday() >= 5:
                    day += step
        else:
            day += timedelta(self.days)
        return local_instant(day, self.clock, self.zone or day_zone)
