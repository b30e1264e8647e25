"""Say once that a feed is late or fails, and once that it has recovered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from carbon254.core.domain.events import Check, FeedLate, FeedRecovered
from carbon254.core.domain.time import format_instant, parse_instant
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.clock import Clock
from carbon254.ports.records import Facts

CHECKS: tuple[Check, ...] = ("freshness", "completeness", "source")
_SURE = (
    2  # times in a row that a check must fail: a document may be on its way at the moment of one
)


@frozen
class Alarm:
    """A feed that is late or fails, since when and why."""

    market: str
    dataset: str
    check: Check
    since: datetime
    reason: str


@frozen
class RaiseAlarms:
    """Keeps the state of every feed among the store's facts, so that a restart repeats nothing.

    The event is announced before the state is kept: after a crash between the two it is said again, never lost.
    """

    facts: Facts
    catalogue: MarketCatalogue
    clock: Clock
    announce: Callable[[Mapping[str, Any]], None] = field(eq=False, repr=False)
    _seen: dict[str, int] = field(factory=dict, init=False, eq=False, repr=False)

    def judge(
        self,
        market: str,
        dataset: str,
        check: Check,
        reason: str | None,
        *,
        code: str = "",
        sure: bool = False,
    ) -> None:
        """Hear what a check found; None for nothing wrong. ``sure`` alarms at the first time, not the second."""
        name, now = _name(market, dataset, check), self.clock.now()
        before = self._alarm(market, dataset, check)
        self._seen[name] = 0 if reason is None else self._seen.get(name, 0) + 1
        synthetic = self.facts.get("nature") == "synthetic"
        if reason is None and before is not None:
            event = FeedRecovered(market, dataset, check, before.since, now, synthetic)
            self.announce(event.facts() | {"topic": event.topic})
            self.facts.put(name, "")
        elif reason is not None and before is None and (sure or self._seen[name] >= _SURE):
            late = FeedLate(market, dataset, check, reason, now, code, synthetic)
            self.announce(late.facts() | {"topic": late.topic})
            self.facts.put(name, json.dumps([format_instant(now), reason]))

    def current(self) -> tuple[Alarm, ...]:
        """Alarms that nobody has recovered from, by market, dataset and check."""
        return tuple(
            alarm
            for card in self.catalogue.cards().values()
            for dataset in card.datasets
            for check in CHECKS
            if (alarm := self._alarm(card.id, dataset, check)) is not None
        )

    def _alarm(self, market: str, dataset: str, check: Check) -> Alarm | None:
        kept = self.facts.get(_name(market, dataset, check))
        if not kept:
            return None
        since, reason = json.loads(kept)
        return Alarm(market, dataset, check, parse_instant(since), reason)


def _name(market: str, dataset: str, check: Check) -> str:
    return f"alarm/{market}/{dataset}/{check}"
