"""Midcontinent ISO: prices, load, solar forecast and fuel mix as MISO publishes them."""

from __future__ import annotations

from carbon254.core.domain.cards import MarketCard
from carbon254.ports.hooks import hookimpl
from carbon254.ports.markets import Market


@hookimpl
def carbon254_market(card: MarketCard) -> Market:
    """Return MISO's translator."""
    from carbon254.plugins.markets.miso.feed import Feed

    return Feed(card)
