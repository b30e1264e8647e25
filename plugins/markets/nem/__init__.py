"""AEMO's National Electricity Market: dispatch and trading prices, demand, interconnectors, unit output."""

from carbon254.core.domain.cards import MarketCard
from carbon254.ports.hooks import hookimpl
from carbon254.ports.markets import Market


@hookimpl
def carbon254_market(card: MarketCard) -> Market:
    """Return the market; its modules are imported on first use only."""
    from carbon254.plugins.markets.nem.feed import Feed

    return Feed(card)
