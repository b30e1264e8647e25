"""The made-up market `demo`."""

from carbon254.core.domain.cards import MarketCard
from carbon254.ports.hooks import hookimpl
from carbon254.ports.markets import Market


@hookimpl
def carbon254_market(card: MarketCard) -> Market:
    from .feed import Feed

    return Feed(card)
