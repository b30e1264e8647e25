"""Which kind of place a CPNode is."""

from __future__ import annotations

from collections.abc import Mapping

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.errors import FeedFormatChanged

SYSTEM = "MISO"
PRICED = ("hub", "zone", "interface", "aggregate", "node")


def hubs(card: MarketCard) -> frozenset[str]:
    """The trading hubs on the market's list."""
    return frozenset(place.code for place in card.places if place.kind == "hub")


def kind_of_typed(
    kinds: Mapping[str, str], listed: frozenset[str], type_: str, node: str, name: str
) -> str:
    """The kind of a CPNode whose ``Type`` the document states; ``kinds`` is the card's enum, ``listed`` the `hubs`.

    ``Hub`` is wider than the trading hubs: some 400 auction-revenue and aggregate points carry it beside the eight.
    Those on our list are hubs, the others aggregates. Raises `FeedFormatChanged` for an unknown type, and for a
    listed hub that is no longer typed so.
    """
    kind = kinds.get(type_)
    if kind is None:
        raise FeedFormatChanged(
            f"{name}: Type '{type_}' of {node} is not one of {', '.join(kinds)}."
        )
    if kind == "hub":
        return "hub" if node in listed else "aggregate"
    if node in listed:
        raise FeedFormatChanged(
            f"{name}: {node} is a trading hub on our list, but its Type is '{type_}'."
        )
    return kind


def kinds_by_name(card: MarketCard) -> dict[str, str]:
    """Kind by CPNode name of the market's list, for documents that do not state it."""
    return {place.code: place.kind for place in card.places if place.kind in PRICED}
