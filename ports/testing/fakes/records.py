"""A record store in memory that passes the suite of the real ones."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import date, datetime

from attrs import evolve

from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.time import utc
from carbon254.ports.records import PlaceEntry, Quarantined

Key = tuple[str, str, str, date | None]


def _key(entry: PlaceEntry) -> Key:
    return (entry.market, entry.place.kind, entry.place.code, entry.place.from_)


class MemoryRecordStore:
    """Keeps everything in lists; loses it when the process ends."""

    def __init__(self) -> None:
        self._places: list[PlaceEntry] = []
        self._refused: dict[tuple[str, str], Quarantined] = {}
        self._facts: dict[str, str] = {}
        self._guard = threading.Lock()

    def learn(self, entries: Sequence[PlaceEntry]) -> int:
        known = self._known(self._places)
        before = len(self._places)
        for entry in entries:
            held = known.get(_key(entry))
            if held is None or held.place != entry.place:
                known[_key(entry)] = evolve(entry, recorded_at=utc(entry.recorded_at))
                self._places.append(known[_key(entry)])
        return len(self._places) - before

    def _known(self, entries: Sequence[PlaceEntry]) -> dict[Key, PlaceEntry]:
        """The last entry of each place."""
        return {_key(entry): entry for entry in sorted(entries, key=lambda e: e.recorded_at)}

    def places(
        self, market: str, *, kind: str | None = None, as_of: datetime | None = None
    ) -> Sequence[PlaceEntry]:
        heard = [e for e in self._places if as_of is None or e.recorded_at <= as_of]
        found = [
            e
            for e in self._known(heard).values()
            if e.market == market and kind in (None, e.place.kind)
        ]
        return sorted(found, key=lambda e: (e.place.kind, e.place.code, e.place.from_ or date.min))

    def refuse(self, entry: Quarantined) -> None:
        key = (entry.digest, entry.dataset)
        held = self._refused.get(key)
        at = held.at if held and held.accepted_at is None else utc(entry.at)
        self._refused[key] = evolve(entry, at=at)

    def accept(self, digest: str, at: datetime) -> Sequence[Quarantined]:
        keys = sorted(key for key in self._refused if key[0] == digest)
        if not keys:
            raise NotFound(f"no document {digest} is in quarantine.")
        for key in keys:
            held = self._refused[key]
            self._refused[key] = evolve(held, accepted_at=held.accepted_at or utc(at))
        return [self._refused[key] for key in keys]

    def refused(
        self, market: str | None = None, *, as_of: datetime | None = None
    ) -> Sequence[Quarantined]:
        def stood(entry: Quarantined) -> bool:
            if as_of is None:
                return entry.accepted_at is None
            return entry.at <= as_of and (entry.accepted_at is None or entry.accepted_at > as_of)

        found = [e for e in self._refused.values() if stood(e) and market in (None, e.market)]
        return sorted(found, key=lambda e: (e.at, e.digest, e.dataset))

    def get(self, name: str) -> str | None:
        return self._facts.get(name)

    def put(self, name: str, value: str) -> None:
        self._facts[name] = value

    def claim(self, name: str, value: str, before: str | None) -> bool:
        with self._guard:
            still = self._facts.get(name) == before
            if still:
                self._facts[name] = value
            return still

    def close(self) -> None:
        """Nothing to give up."""
