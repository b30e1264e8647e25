"""The market's feed: what it recognises, asks for, reads, locates and writes."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress

from attrs import define

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document, Locator, Request
from carbon254.core.domain.errors import Carbon254Error
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.time import Window
from carbon254.plugins.markets.nem import listing, mms, tables, writer
from carbon254.plugins.markets.nem.reading import Progress
from carbon254.ports.unpacking import is_zip

CHUNK_ROWS = 500_000
_EAGER_ZIP, _EAGER_BARE = 4 * 2**20, 64 * 2**20  # larger documents are read in chunks
_NAMES = (
    (re.compile(r"PUBLIC_DISPATCHIS_|PUBLIC_DISPATCH_\d{12}_\d+_LEGACY"), "dispatch"),
    (re.compile(r"PUBLIC_TRADINGIS_"), "trading"),
    (re.compile(r"PUBLIC_DISPATCHSCADA_"), "unit_output"),
)
_ARCHIVE = re.compile(r"PUBLIC_(?:DVD_|ARCHIVE(?:#|%23))([A-Z_]+?)(?:_\d{12}|(?:#|%23)FILE)")


@define
class Feed:
    """AEMO's reports as readings. Locators: part = file within the archive, row = line, field = place in the line."""

    card: MarketCard

    def recognise(self, document: Document) -> tuple[str, ...]:
        """The datasets whose tables the document has; by its name where the content cannot be opened."""
        limit = max(dataset.max_unpacked_bytes for dataset in self.card.datasets.values())
        found: set[tuple[str, str]] = set()
        with suppress(Carbon254Error):  # what was found before a file that cannot be opened counts
            found.update(mms.tables_in(document, limit))
        if not found:
            return _by_name(document.name)
        named = {table.dataset for key, table in tables.BY_NAME.items() if key in found}
        return tuple(name for name in self.card.datasets if name in named)

    def requests(self, dataset: str, window: Window) -> Generator[Request, Document, None]:
        """Directory listings first, then the reports in them; the monthly archive for what is older."""
        self.card.dataset(dataset)
        return listing.requests(dataset, window)

    def read(self, dataset: str, document: Document) -> Reading | Iterable[Reading]:
        """Read the dataset's tables of a document; a large one in chunks of about half a million numbers."""
        self.card.dataset(dataset)
        size = _EAGER_ZIP if is_zip(document.body) else _EAGER_BARE
        if len(document.body) > size:
            return self._read(dataset, document, CHUNK_ROWS)
        (reading,) = self._read(dataset, document, None)
        return reading

    def _read(self, dataset: str, document: Document, chunk: int | None) -> Iterator[Reading]:
        zones = frozenset(place.code for place in self.card.places if place.kind == "zone")
        progress = Progress(self.card.id, zones, dataset, document.name)
        for leaf in mms.leaves(document, self.card.dataset(dataset).max_unpacked_bytes):
            yield from progress.leaf(leaf, chunk)
        yield progress.rest()

    def locate(self, document: Document, locator: Locator) -> bytes:
        """The line of the report that a number came from, without its line end."""
        limit = max(dataset.max_unpacked_bytes for dataset in self.card.datasets.values())
        return mms.line_of(document, limit, locator)

    def write(self, dataset: str, reading: Reading) -> Iterable[Document]:
        """Reports of single intervals for up to an hour, else monthly archives of the tables."""
        self.card.dataset(dataset)
        return writer.write(dataset, reading)


def _by_name(name: str) -> tuple[str, ...]:
    if archive := _ARCHIVE.search(name):
        return tuple(table.dataset for table in tables.TABLES if table.archive == archive[1])
    return tuple(dataset for pattern, dataset in _NAMES if pattern.search(name))
