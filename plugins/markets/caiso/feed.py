"""California ISO as a market: which documents cover a window, and what they say."""

from __future__ import annotations

from collections.abc import Generator, Iterable

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document, Locator, Request
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.time import Window
from carbon254.plugins.markets.caiso import asking, oasis, recognising, writer
from carbon254.plugins.markets.caiso.load import Load
from carbon254.plugins.markets.caiso.prices import Prices
from carbon254.plugins.markets.caiso.readings import read_document


class Feed:
    """The market plugin; see the modules beside it for each part."""

    def __init__(self, card: MarketCard) -> None:
        self.card = card

    def recognise(self, document: Document) -> tuple[str, ...]:
        return recognising.recognise(self.card, document)

    def requests(self, dataset: str, window: Window) -> Generator[Request, Document, None]:
        self.card.dataset(dataset)
        yield from asking.requests(self.card, dataset, window)

    def read(self, dataset: str, document: Document) -> Reading | Iterable[Reading]:
        card = self.card.dataset(dataset)
        if dataset == "load":
            return read_document(document, card, Load(self.card, dataset, document))
        return read_document(document, card, Prices(self.card, dataset))

    def locate(self, document: Document, locator: Locator) -> bytes:
        limit = max(card.max_unpacked_bytes for card in self.card.datasets.values())
        return oasis.line(document, locator, limit)

    def write(self, dataset: str, reading: Reading) -> Iterable[Document]:
        return writer.write(self.card, dataset, reading)
