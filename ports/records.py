"""The record store: locations, quarantine, fingerprints and the store's own facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from carbon254.core.domain.cards import Place


@frozen
class Quarantined:
    """A document that was refused, kept in the archive until someone decides."""

    digest: str
    market: str
    dataset: str
    receipt: str
    name: str
    code: str  # the stable code of the refusal
    message: str
    at: datetime
    accepted_at: datetime | None = None


@frozen
class PlaceEntry:
    """A row of the bitemporal location registry: valid by its own dates, known from ``recorded_at`` on."""

    market: str
    place: Place
    recorded_at: datetime
    digest: str = ""  # of the document that told; "" for the market's own list


class LocationRegistry(Protocol):
    """Places of all markets, by both clocks."""

    def learn(self, entries: Sequence[PlaceEntry]) -> int:
        """Record places that differ from what is known of the same (market, kind, code); return how many did."""
        ...

    def places(
        self, market: str, *, kind: str | None = None, as_of: datetime | None = None
    ) -> Sequence[PlaceEntry]:
        """What was known of a market's places as of an instant (default: now), ordered by kind and code."""
        ...


class QuarantineLog(Protocol):
    """Refused documents and whether someone accepted them."""

    def refuse(self, entry: Quarantined) -> None:
        """Keep a refusal; the same (digest, dataset) again replaces the message and is not listed twice."""
        ...

    def accept(self, digest: str, at: datetime) -> Sequence[Quarantined]:
        """Mark a document's refusals as accepted and return them. Raises `NotFound` for an unknown digest."""
        ...

    def refused(
        self, market: str | None = None, *, as_of: datetime | None = None
    ) -> Sequence[Quarantined]:
        """Refusals nobody has accepted, oldest first; as of an instant, those that stood then.

        Of a document that was accepted and refused again only the last refusal is known.
        """
        ...


class Facts(Protocol):
    """Small facts of the store itself, such as whether it is synthetic, and drift fingerprints."""

    def get(self, name: str) -> str | None:
        """The fact, or None."""
        ...

    def put(self, name: str, value: str) -> None:
        """Set the fact durably."""
        ...

    def claim(self, name: str, value: str, before: str | None) -> bool:
        """Set the fact where it still is what it was ``before``, and say whether it was: one of many is told so."""
        ...


class RecordStore(LocationRegistry, QuarantineLog, Facts, Protocol):
    """All of it behind one adapter."""

    def close(self) -> None:
        """Give up the store."""
        ...
