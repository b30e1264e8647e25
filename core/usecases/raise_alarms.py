"""Say once that a feed is late or fails, and once that it has recovered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from carbon254.core.domain.errors import StreamUnavailable
from carbon254.core.domain.events import Check, FeedLate, FeedRecovered
from carbon254.core.domain.streams import Message
from carbon254.core.domain.time import format_instant, parse_instant
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.clock import Clock
from carbon254.ports.records import Facts

CHECKS: tuple[Check, ...] = ("freshness", "completeness", "source")
# Times in a row that a check must fail: at the moment of one, a document may be on its way.
_SURE = 2


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

    An event is announced to plugins before the state is kept: after a crash between the two it is said again, never
    lost. What cannot be published now is published the next time that the feed is judged.
    """

    facts: Facts
    catalogue: MarketCatalogue
    clock: Clock
    announce: Callable[[Mapping[str, Any]], None] = field(eq=False, repr=False)
    publish: Callable[[Message], None] = field(default=lambda message: None, eq=False, repr=False)
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
            self._say(name, FeedRecovered(market, dataset, check, before.since, now, synthetic), "")
        elif reason is not None and before is None and (sure or self._seen[name] >= _SURE):
            late = FeedLate(market, dataset, check, reason, now, code, synthetic)
            self._say(name, late, json.dumps([format_instant(now), reason]))
        self._publish(name)

    def _say(self, name: str, event: FeedLate | FeedRecovered, state: str) -> None:
        facts = event.facts() | {"topic": event.topic}
        self.announce(facts)
        self.facts.put(_unsaid(name), json.dumps(facts))
        self.facts.put(name, state)

    def _publish(self, name: str) -> None:
        waiting = self.facts.get(_unsaid(name))
        if not waiting:
            return
        try:
            self.publish(message_of(json.loads(waiting)))
        except StreamUnavailable:
            return  # the server is away; the relay tells of that
        self.facts.put(_unsaid(name), "")

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


def message_of(event: Mapping[str, Any]) -> Message:
    """The message of an event, in CloudEvents' binary mode; its id derives from its content."""
    body = json.dumps(event, sort_keys=True).encode()
    identity = hashlib.sha256(body).hexdigest()[:32]
    headers = {
        "ce-specversion": "1.0", "ce-id": identity, "ce-source": f"/markets/{event['market']}", "ce-time": event["at"],
        "ce-type": f"carbon254.{event['type']}.v1", "ce-datacontenttype": "application/json",
    }  # fmt: skip
    return Message(event["topic"], identity, body, headers)


def _unsaid(name: str) -> str:
    return f"unsaid/{name}"


def _name(market: str, dataset: str, check: Check) -> str:
    return f"alarm/{market}/{dataset}/{check}"
