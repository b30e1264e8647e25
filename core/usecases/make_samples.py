"""Make the demo's documents: made-up readings, written by each market in its own format, taken in like any other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from attrs import frozen

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document
from carbon254.core.domain.synthetic import sample_window, synthesise
from carbon254.core.usecases.ingest_documents import IngestDocuments, Outcome


@frozen
class MakeSamples:
    """The use case behind ``carbon254 demo``."""

    ingest: IngestDocuments

    def datasets(self) -> list[tuple[MarketCard, str]]:
        """Datasets of installed markets that have a sample and can be written."""
        return [
            (card, name) for card in self.ingest.catalogue.cards().values() for name, facts in card.datasets.items()
            if facts.sample is not None and facts.writes
        ]  # fmt: skip

    def documents(self, card: MarketCard, dataset: str, anchor: date) -> Iterator[Document]:
        """Documents of one dataset for the span of its sample that ends with the anchor day."""
        window = sample_window(card.dataset(dataset), anchor)
        reading = synthesise(card, dataset, window)
        yield from self.ingest.catalogue.market(card.id).write(dataset, reading)

    def one(self, card: MarketCard, dataset: str, anchor: date) -> list[Outcome]:
        """Make and take in the sample of one dataset, as synthetic. Again changes nothing."""
        return self.ingest.run(self.documents(card, dataset, anchor), market=card.id, synthetic=True)
