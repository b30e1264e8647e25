"""The market plugin: a translator between an operator's documents and readings (DESIGN §3)."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Protocol, runtime_checkable

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document, Locator, Request
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.time import Window


@runtime_checkable
class Market(Protocol):
    """Says which documents cover a window and how to read one. Does no I/O and asks no clock or environment."""

    card: MarketCard

    def recognise(self, document: Document) -> tuple[str, ...]:
        """Datasets this document may hold, by its content and name; empty when it is not this market's."""
        ...

    def requests(self, dataset: str, window: Window) -> Generator[Request, Document, None]:
        """Yield the requests whose documents cover the window.

        The host fetches each and sends the document back in; fetch errors are thrown in. So listings, paging and
        log-ins need no I/O here.
        """
        ...

    def read(self, dataset: str, document: Document) -> Reading | Iterable[Reading]:
        """Read a document, whole or in chunks. Pure: same document, same reading.

        Raises `DocumentDamaged` (cut, not the media type, empty), `FeedFormatChanged` (an unknown column, flag,
        category or unit), `NotPublishedYet` (the operator says there is no data), `FeedUnavailable` (the operator
        says: try again).
        """
        ...

    def locate(self, document: Document, locator: Locator) -> bytes:
        """The fragment of the document, byte for byte, that a number came from."""
        ...

    def write(self, dataset: str, reading: Reading) -> Iterable[Document]:
        """Write documents in the market's exact format: ``read`` of them gives the reading back.

        Raises `InvalidRequest` for a dataset whose card says ``writes = false``.
        """
        ...


def chunks(result: Reading | Iterable[Reading]) -> Iterator[Reading]:
    """The chunks of what ``read`` returned, one at least."""
    if isinstance(result, Reading):
        yield result
    else:
        yield from result
