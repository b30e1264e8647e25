"""Markets that can also read our own documents: a live forecast is taken in, traced and rebuilt like any other."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Final

from attrs import evolve, field, frozen

from carbon254.core.domain import forecast_documents as forecasts
from carbon254.core.domain import made_up_history as histories
from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.documents import Document, Locator, Request
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.time import Window
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.markets import Market

_OWN: Final = {
    forecasts.DATASET: forecasts.read_forecast,
    histories.DATASET: histories.read_history,
}


def own_dataset(document: Document) -> tuple[str, str] | None:
    """Market and dataset of one of our own documents; None for any other."""
    if market := forecasts.market_of(document):
        return market, forecasts.DATASET
    if market := histories.market_of_history(document):
        return market, histories.DATASET
    return None


def with_own_datasets(card: MarketCard) -> MarketCard:
    """The card with the datasets of our own documents, of which nothing is expected."""
    common = DatasetCard(
        title="Forecasts made here", runs=(), measures=(), kinds=(), class_="vintages", label_zone=card.zone,
        label_marks="start", day_zone=card.zone, due=Rule.parse("issued"), published_claim="publication",
        verified="recorded", writes=False,
    )  # fmt: skip
    made_up = evolve(
        common,
        title="History made up here",
        published_claim="none",
        due_of=histories.due_of_all(card),
    )
    own = {forecasts.DATASET: common, histories.DATASET: made_up}
    return evolve(card, datasets={**card.datasets, **own})


class OwnMarket:
    """A market that knows our own documents beside its operator's."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self.card = with_own_datasets(market.card)

    def recognise(self, document: Document) -> tuple[str, ...]:
        own = own_dataset(document)
        if own is None:
            return self._market.recognise(document)
        return (own[1],) if own[0] == self.card.id else ()

    def requests(self, dataset: str, window: Window) -> Generator[Request, Document, None]:
        if dataset in _OWN:
            raise InvalidRequest(f"'{dataset}' is made here and not fetched.")
        return self._market.requests(dataset, window)

    def read(self, dataset: str, document: Document) -> Reading | Iterable[Reading]:
        own = _OWN.get(dataset)
        return self._market.read(dataset, document) if own is None else own(document)

    def locate(self, document: Document, locator: Locator) -> bytes:
        if own_dataset(document) is not None:
            return forecasts.locate_line(document, locator)
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
