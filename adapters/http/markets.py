"""The installed markets, from their cards: facts that every installation has, and nothing of what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import falcon

from carbon254.adapters.http.cursors import Pinned
from carbon254.adapters.http.door import Door, Made
from carbon254.adapters.http.parameters import NothingAsked
from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.entitlements import Scope
from carbon254.core.domain.errors import NotFound
from carbon254.ports.catalogue import MarketCatalogue


class Markets:
    """All of them, or one."""

    def __init__(self, door: Door, catalogue: MarketCatalogue) -> None:
        self._door, self._catalogue = door, catalogue

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """All markets, in the order of their ids."""
        call, form = self._door.call(request, response)
        with call:
            self._door.give(request, response, call, form, NothingAsked, self._all)

    def _all(self, asked: NothingAsked, pinned: Pinned, scope: Scope) -> Made:
        return Made({"markets": [_market(card) for card in self._catalogue.cards().values()]})

    def on_get_one(self, request: falcon.Request, response: falcon.Response, market: str) -> None:
        """One market with its runs and datasets."""
        call, form = self._door.call(request, response)
        with call:
            cards = self._catalogue.cards()
            if market not in cards:
                raise NotFound(f"no such market is installed; there are {', '.join(cards)}.")
            head = _market(cards[market])
            self._door.give(request, response, call, form, NothingAsked, lambda *_: Made(head))


def _market(card: MarketCard) -> Mapping[str, Any]:
    return {
        "id": card.id, "name": card.name, "operator": card.operator, "region": card.region, "kind": card.kind,
        "currency": card.currency, "time_zone": card.zone, "licence": card.licence,
        "redistribution": card.redistribution, "runs": list(card.runs),
        "datasets": [
            {"id": name, "title": facts.title, "runs": list(facts.runs), "measures": list(facts.measures),
             "kinds": list(facts.kinds), "verified": facts.verified}
            for name, facts in card.datasets.items()
        ],
    }  # fmt: skip
