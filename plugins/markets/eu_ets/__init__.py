"""EU ETS primary auctions on EEX: prices, volumes and participation of every auction, by yearly workbook."""

from carbon254.core.domain.cards import MarketCard
from carbon254.ports.hooks import hookimpl
from carbon254.ports.markets import Market


@hookimpl
def carbon254_market(card: MarketCard) -> Market:
    """Return the market; its modules are imported on first use only."""
    from carbon254.plugins.markets.eu_ets.feed import Feed

    return Feed(card)
