"""Read documents with a market's parser, without any store: what a parser says, and what it left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from attrs import frozen

from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import Carbon254Error, PluginBroken
from carbon254.core.domain.observations import Reading
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.markets import chunks


@frozen(eq=False)
class ReadResult:
    """Readings of all documents with the account of their data rows: read, and ignored by reason."""

    readings: tuple[Reading, ...]
    rows_read: int
    rows_ignored: Mapping[str, int]
    reasons: Mapping[str, str]  # the card's explanation of each reason


@frozen
class ReadDocuments:
    """The use case behind ``carbon254 read``."""

    catalogue: MarketCatalogue

    def run(self, market: str, dataset: str, documents: Iterable[Document]) -> ReadResult:
        """Read every document with the dataset's parser.

        Raises what the parser raises, `InvalidRequest` for an unknown dataset and `PluginBroken` where the parser
        itself fails.
        """
        parser = self.catalogue.market(market)
        facts = parser.card.dataset(dataset)
        readings: list[Reading] = []
        ignored: Counter[str] = Counter()
        for document in documents:
            try:
                found = list(chunks(parser.read(dataset, document)))
            except Carbon254Error:
                raise
            except Exception as error:  # the plugin's own code
                raise PluginBroken(
                    f"{market} failed on {document.name}: {type(error).__name__}: {error}"
                ) from error
            readings += found
            for reading in found:
                ignored.update(reading.rows_ignored)
        read = sum(reading.rows_read for reading in readings)
        return ReadResult(tuple(readings), read, dict(ignored), facts.rows_ignored)
