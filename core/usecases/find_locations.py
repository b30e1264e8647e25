"""Places of the registry that a scope shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from fnmatch import fnmatchcase

from attrs import evolve, frozen

from carbon254.core.domain.cards import Place
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import InvalidRequest, NotFound
from carbon254.core.domain.vocabulary import kinds
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.records import LocationRegistry


@frozen
class FoundPlace:
    """A place of a market; what it names besides itself is left out where the scope does not show that."""

    market: str
    place: Place
    recorded_at: datetime | None


@frozen
class FindLocations:
    """The use case behind ``GET /v1/locations``: what markets' lists declare, and what documents told."""

    registry: LocationRegistry
    catalogue: MarketCatalogue

    def run(
        self,
        scope: Scope,
        *,
        market: str | None = None,
        kind: str | None = None,
        as_of: datetime | None = None,
    ) -> list[FoundPlace]:
        """Places by market, kind and code. Raises `InvalidRequest` for an unknown kind, `NotFound` for a market."""
        if kind is not None and kind not in kinds():
            raise InvalidRequest(f"kind: '{kind}' is not one of {', '.join(sorted(kinds()))}.")
        cards = self.catalogue.cards()
        if market is not None and market not in cards:
            raise NotFound(f"no such market is installed; there are {', '.join(cards)}.")
        found = (
            one
            for name in ([market] if market else cards)
            for one in self._market(name, kind, as_of)
        )
        return [
            _as_shown(one, scope)
            for one in found
            if shows(scope, one.market, one.place.kind, one.place.code)
        ]

    def _market(
        self, market: str, kind: str | None, as_of: datetime | None
    ) -> Iterator[FoundPlace]:
        told = {
            (entry.place.kind, entry.place.code): FoundPlace(market, entry.place, entry.recorded_at)
            for entry in self.registry.places(market, kind=kind, as_of=as_of)
        }
        for place in self.catalogue.cards()[market].places:
            if kind in (None, place.kind):
                told.setdefault((place.kind, place.code), FoundPlace(market, place, None))
        yield from (told[key] for key in sorted(told))


def shows(scope: Scope, market: str, kind: str, location: str) -> bool:
    """Whether the scope shows any series at this place, of whatever run and measure."""

    def here(pattern: SeriesPattern) -> bool:
        anywhere = evolve(pattern, run="*", measure="*")
        return anywhere.leads_to((market, "", "", kind)) and fnmatchcase(location, pattern.location)

    denied = [one for one in scope.deny if here(one)]
    return any(
        here(allow) and not any(_covers(deny, allow) for deny in denied) for allow in scope.allow
    )


def _covers(deny: SeriesPattern, allow: SeriesPattern) -> bool:
    """Whether a denial takes all runs and measures that the allowance gives."""
    return deny.run in ("*", allow.run) and deny.measure in ("*", allow.measure)


def _as_shown(one: FoundPlace, scope: Scope) -> FoundPlace:
    def seen(codes: Sequence[str]) -> tuple[str, ...]:
        return tuple(code for code in codes if shows(scope, one.market, one.place.kind, code))

    place, parent = one.place, one.place.parent
    above = parent if parent and shows(scope, one.market, "zone", parent) else None
    return evolve(
        one,
        place=evolve(
            place, parent=above, replaces=seen(place.replaces), replaced_by=seen(place.replaced_by)
        ),
    )
