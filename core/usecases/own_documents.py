"""Markets that can also read our own documents: a live forecast is taken in, traced and rebuilt like any other."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping

from attrs import evolve, field, frozen

from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.documents import Document, Locator, Request
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecast_documents import (
    DATASET,
    locate_forecast,
    market_of,
    read_forecast,
)
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.time import Window
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.markets import Market


def with_own_dataset(card: MarketCard) -> MarketCard:
    """The card with the dataset of our own forecasts, of which nothing is expected."""
    facts = DatasetCard(
        title="Forecasts made here", runs=(), measures=(), kinds=(), class_="vintages", label_zone=card.zone,
        label_marks="start", day_zone=card.zone, due=Rule.parse("issued"), published_claim="publication",
        verified="recorded", writes=False,
    )  # fmt: skip
    return evolve(card, datasets={**card.datasets, DATASET: facts})


class OwnMarket:
    """A market that knows our own documents beside its operator's."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.card = with_own_dataset(market.card)

    def recognise(self, document: Document) -> tuple[str, ...]:
        own = market_of(document)
        if own is not None:
            return (DATASET,) if own == self.card.id else ()
        return self._market.recognise(document)

    def requests(self, dataset: str, window: Window) -> Generator[Request, Document, None]:
        if dataset == DATASET:
            raise InvalidRequest("forecasts are made here and not fetched: 'carbon254 forecast'.")
        return self._market.requests(dataset, window)

    def read(self, dataset: str, document: Document) -> Reading | Iterable[Reading]:
        return (
            read_forecast(document) if dataset == DATASET else self._market.read(dataset, document)
        )

    def locate(self, document: Document, locator: Locator) -> bytes:
        if market_of(document) is not None:
            return locate_forecast(document, locator)
        return self._market.locate(document, locator)

    def write(self, dataset: str, reading: Reading) -> Iterable[Document]:
        return self._market.write(dataset, reading)


@frozen(eq=False)
class OwnCatalogue:
    """A `MarketCatalogue` whose markets read our own documents too; all else is the catalogue's."""

    catalogue: MarketCatalogue
    _made: dict[int, OwnMarket] = field(factory=dict, init=False, repr=False)

    def cards(self) -> Mapping[str, MarketCard]:
        return self.catalogue.cards()

    def market(self, market: str) -> Market:
        found = self.catalogue.market(market)
        if id(found) not in self._made:
            self._made[id(found)] = OwnMarket(found)
        return self._made[id(found)]

    def parser_version(self, market: str) -> str:
        return self.catalogue.parser_version(market)

    def set_aside(self) -> Mapping[str, str]:
        return self.catalogue.set_aside()
