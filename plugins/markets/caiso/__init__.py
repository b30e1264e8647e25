"""California ISO: prices and load from OASIS."""

from __future__ import annotations

from carbon254.core.domain.cards import MarketCard
from carbon254.ports.hooks import hookimpl
from carbon254.ports.markets import Market


@hookimpl
def carbon254_market(card: MarketCard) -> Market:
    """Return the market; numbers and documents are imported when it is asked for, not before."""
    from carbon254.plugins.markets.caiso.feed import Feed

    return Feed(card)
