"""What kind of place a price code names.

Hubs and zones are what the market's list in ``locations.toml`` says, never what a name looks like. Of the rest,
intertie constraints (``…_ITC``) and scheduling point ties (``SP-TIE``) are interfaces, other aggregated pricing nodes
(``…-APND``) are aggregates, and everything else is a node.
"""

from __future__ import annotations

from carbon254.core.domain.cards import MarketCard

LISTED = ("hub", "zone")


def listed(card: MarketCard) -> dict[str, str]:
    """The kinds of the priced locations that the market's list names, by code."""
    return {place.code: place.kind for place in card.places if place.kind in LISTED}


def price_kind(code: str) -> str:
    """The kind of a priced location that the list does not name."""
    if code.endswith("_ITC") or "SP-TIE" in code:
        return "interface"
    return "aggregate" if code.endswith("-APND") else "node"
