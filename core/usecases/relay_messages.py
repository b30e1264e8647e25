"""Relay what was committed: announcements of the outbox become messages, and are marked when all are published.

A relay that dies at any point loses nothing: the announcement is still there, its messages are made again from the
rows as they were at its commit, and carry the same ids. One relay at a time keeps the order of a subject.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from typing import Final
from uuid import uuid4

from attrs import evolve, field, frozen

from carbon254.core.domain.entitlements import SeriesPattern
from carbon254.core.domain.errors import Carbon254Error
from carbon254.core.domain.events import ObservationsRecorded
from carbon254.core.domain.grants import streams_of
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.streams import Message, heartbeat_subject
from carbon254.core.domain.time import format_instant
from carbon254.core.usecases.draft_messages import drafts_of, event_of
from carbon254.core.usecases.message_forms import (
    JSON,
    Draft,
    Encode,
    message_of,
    sequence_of,
)
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.clock import Clock
from carbon254.ports.messages import MessageBus
from carbon254.ports.stopping import Stop
from carbon254.ports.storage import Outbox, OutboxMessage, SeriesStore

SINGLE_KINDS: Final = ("hub", "zone", "system")  # places whose series have a subject of their own
_AT_ONCE: Final = 20  # announcements of one claim
_GROUP: Final = 64  # messages handed over at a time
_IDLE: Final = 0.25  # seconds between two looks at an empty outbox
_PAUSES: Final = (0.25, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before the next try after a failure

Chain = dict[str, tuple[str, str | None]]  # of a subject: the last sequence, and the one before it


@frozen
class Relayed:
    """What one round did. ``withheld``: announcements of markets whose card forbids redistribution."""

    announcements: int = 0
    messages: int = 0
    repeats: int = 0
    withheld: int = 0


@frozen
class RelayMessages:
    """The use case. ``encode`` writes batches as columns; ``singles`` are further series with subjects of their own."""

    outbox: Outbox
    store: SeriesStore
    bus: MessageBus
    catalogue: MarketCatalogue
    clock: Clock
    encode: Encode
    singles: tuple[SeriesPattern, ...] = ()
    beat_seconds: float = 10.0
    _chain: Chain = field(factory=dict, init=False, eq=False, repr=False)

    def run(
        self,
        stop: Stop,
        elapsed: Callable[[], float],
        on_trouble: Callable[[Carbon254Error], None] = lambda error: None,
    ) -> None:
        """Relay until told to stop, with signs of life; what fails is told to ``on_trouble`` and tried again.

        ``elapsed`` tells seconds, from any start on.
        """
        failed, beat_at = 0, elapsed()
        while not stop.is_set():
            try:
                if elapsed() >= beat_at:
                    self.beat()
                    beat_at = elapsed() + self.beat_seconds
                pause = 0.0 if self.once().announcements else _IDLE
                failed = 0
            except Carbon254Error as error:
                on_trouble(error)
                pause = _PAUSES[min(failed, len(_PAUSES) - 1)]
                failed += 1
            if pause:
                stop.wait(pause)

    def once(self) -> Relayed:
        """Relay what waits, up to twenty announcements.

        Raises `StreamUnavailable`, `StoreUnavailable`; what was published before is marked, the rest waits on.
        """
        done, finished = Relayed(), list[int]()
        try:
            for announced in self.outbox.claim(_AT_ONCE):
                done = self._relay(announced, done)
                finished.append(announced.id)
        finally:
            if finished:
                self.outbox.done(finished)
        return done

    def beat(self) -> None:
        """Say of every market that is published that the relay lives, and see that its streams are there.

        Raises `StreamUnavailable`.
        """
        streams = streams_of(self.catalogue.cards())
        self.bus.prepare(streams)
        self.bus.publish([self._sign(market) for market in sorted({one.market for one in streams})])

    def _sign(self, market: str) -> Message:
        identity, at = uuid4().hex, format_instant(self.clock.now())
        headers = {
            "ce-specversion": "1.0", "ce-id": identity, "ce-source": f"/markets/{market}", "ce-time": at,
            "ce-type": "carbon254.Heartbeat.v1", "ce-datacontenttype": JSON,
        }  # fmt: skip
        body = json.dumps({"market": market, "at": at, "every_seconds": self.beat_seconds}).encode()
        return Message(heartbeat_subject(market), identity, body, headers)

    def _may(self, market: str) -> bool:
        """Whether what a market says may be passed on; of a market that is not installed, nobody knows."""
        card = self.catalogue.cards().get(market)
        return card is not None and card.redistribution != "forbidden"

    def _relay(self, announced: OutboxMessage, done: Relayed) -> Relayed:
        event = event_of(announced)
        done = evolve(done, announcements=done.announcements + 1)
        if not self._may(event.market):
            return evolve(done, withheld=done.withheld + 1)
        drafts = drafts_of(self.store, event, self._alone)
        while group := list(islice(drafts, _GROUP)):
            fresh: Chain = {}
            messages = [self._message(draft, event, fresh) for draft in group]
            stored = self.bus.publish(messages)
            self._chain.update(fresh)
            done = evolve(
                done,
                messages=done.messages + len(messages),
                repeats=done.repeats + len(messages) - stored,
            )
        return done

    def _alone(self, series: SeriesId) -> bool:
        return series.kind in SINGLE_KINDS or any(one.matches(series) for one in self.singles)

    def _message(self, draft: Draft, event: ObservationsRecorded, fresh: Chain) -> Message:
        """The message of a draft, tied to the one before it; a repeat as it was, one that comes late not at all."""
        subject, sequence = draft.subject, sequence_of(event.recorded_at, draft.part)
        last = fresh.get(subject) or self._chain.get(subject) or self._last(subject)
        if last is not None and last[0] > sequence:
            return message_of(draft, event, self.encode, None)
        previous = last and (last[1] if last[0] == sequence else last[0])
        fresh[subject] = (sequence, previous)
        return message_of(draft, event, self.encode, previous)

    def _last(self, subject: str) -> tuple[str, str | None] | None:
        found = self.bus.last(subject)
        if found is None or "ce-sequence" not in found.message.headers:
            return None
        headers = found.message.headers
        return headers["ce-sequence"], headers.get("ce-previous")
