"""The ENTSO-E Transparency Platform: prices, load, generation and imbalance of European zones."""

from __future__ import annotations

from carbon254.core.domain.cards import MarketCard
from carbon254.ports.hooks import hookimpl
from carbon254.ports.markets import Market


@hookimpl
def carbon254_market(card: MarketCard) -> Market:
    """Return the market; its parser is loaded when it is first asked for."""
    from carbon254.plugins.markets.entsoe.feed import Feed

    return Feed(card)
