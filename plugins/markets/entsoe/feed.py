"""The Transparency Platform's documents as readings, and back.

Datasets differ by document type (A44, A65, A75 …), process and contract; what they share is the curve. A locator's
``part`` is the member of the zip (0 for plain XML), ``row`` the running index of the ``Point`` in the member,
``field`` is 0. A number repeated by an A03 curve carries the locator of the point that it repeats.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from io import BufferedIOBase
from itertools import islice

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document, Locator, Request
from carbon254.core.domain.errors import DocumentDamaged, InvalidRequest, TooLarge
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.time import Window
from carbon254.plugins.markets.entsoe import asking, meaning, writer
from carbon254.plugins.markets.entsoe.answers import open_root, refuse_pages
from carbon254.plugins.markets.entsoe.meaning import Context
from carbon254.plugins.markets.entsoe.reading import Builder, Family
from carbon254.plugins.markets.entsoe.wire import read_envelope
from carbon254.ports.unpacking import Unpacked

FAMILIES = {
    "day_ahead_prices": Family("A44", "price.amount", meaning.day_ahead_price),
    "intraday_prices": Family("A44", "price.amount", meaning.intraday_price),
    "load": Family("A65", "quantity", meaning.load),
    "load_forecast": Family("A65", "quantity", meaning.load),
    "generation": Family("A75", "quantity", meaning.generation),
    "generation_forecast": Family("A71", "quantity", meaning.total_generation),
    "wind_solar_forecast": Family("A69", "quantity", meaning.generation),
    "imbalance_prices": Family("A85", "imbalance_Price.amount", meaning.imbalance_price),
    "flows": Family("A11", "quantity", meaning.flow),
    "net_positions": Family("A25", "quantity", meaning.net_position),
}
_HEAD = 8192
_TYPE = re.compile(rb"<(?:[\w.-]+:)?type>\s*(A\d\d)\s*<")
_PROCESS = re.compile(rb"<(?:[\w.-]+:)?process\.processType>\s*(A\d\d)\s*<")
_CONTRACT = re.compile(rb"<(?:[\w.-]+:)?contract_MarketAgreement\.type>\s*(A\d\d)\s*<")
_BUSINESS = re.compile(rb"<(?:[\w.-]+:)?businessType>\s*([A-Z]\d\d)\s*<")
# Other data items of the platform have a dataset's document type: capacity of units (A71), and allocated capacity,
# revenue and income of auctions (A25).
_OTHER_ITEMS = {
    b"A71": (_PROCESS, frozenset({b"A33"})),
    b"A25": (_BUSINESS, frozenset({b"B05", b"B07", b"B10"})),
}
_OF_PLATFORM = re.compile(rb"<(?:[\w.-]+:)?(?:Publication|GL|Balancing)_MarketDocument[\s>]")
_POINT = re.compile(
    rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|(<(?:[\w.-]+:)?Point(?:\s[^>]*)?>.*?</(?:[\w.-]+:)?Point\s*>)",
    re.DOTALL,
)


class Feed:
    """The market of the card: recognises, asks for, reads, locates and writes the platform's documents."""

    def __init__(self, card: MarketCard) -> None:
        self.card = card

    def recognise(self, document: Document) -> tuple[str, ...]:
        found: set[str] = set()
        try:
            for datasets in self._offers(document):
                found.update(datasets)
        except (DocumentDamaged, TooLarge):
            pass  # what was found before is asked to read the document, and tells what is wrong with it
        return tuple(name for name in FAMILIES if name in found)

    def _offers(self, document: Document) -> Iterator[tuple[str, ...]]:
        """The datasets that each member may hold, up to the first that is not the platform's."""
        unpacked = Unpacked(document, self._limit)
        for member in unpacked.members:
            with unpacked.open(member) as file:
                head = file.read(_HEAD)  # another market's zip may hold very large members
                if not _OF_PLATFORM.search(head):
                    return
                yield _datasets(head, file)

    def requests(self, dataset: str, window: Window) -> Generator[Request, Document, None]:
        return asking.requests(self.card, dataset, window)

    def read(self, dataset: str, document: Document) -> Reading:
        card = self.card.dataset(dataset)
        refuse_pages(document)
        unpacked = Unpacked(document, card.max_unpacked_bytes)
        family = FAMILIES[dataset]
        builder = Builder(Context(self.card, card), family)
        for part, member in enumerate(unpacked.members):
            root = open_root(unpacked.read(member), member)
            builder.add(part, read_envelope(root, member, family.type, family.value))
        if not builder.envelopes:
            raise DocumentDamaged(f"{document.name}: the zip is empty.")
        return builder.reading()

    def locate(self, document: Document, locator: Locator) -> bytes:
        """The ``Point`` element as it stands in the document. Raises `InvalidRequest` where there is none."""
        unpacked = Unpacked(document, self._limit)
        if locator.part < len(unpacked.members):
            body = unpacked.read(unpacked.members[locator.part])
            points = (match[1] for match in _POINT.finditer(body) if match[1])
            for point in islice(points, locator.row, locator.row + 1):
                return point
        raise InvalidRequest(f"{document.name} has no Point at {locator}.")

    def write(self, dataset: str, reading: Reading) -> Iterable[Document]:
        return writer.write(self.card, dataset, reading)

    @property
    def _limit(self) -> int:
        return max(dataset.max_unpacked_bytes for dataset in self.card.datasets.values())


def _datasets(head: bytes, rest: BufferedIOBase) -> tuple[str, ...]:
    """Datasets by document type; prices by their contracts, which stand in the series, load by its process."""
    kind, process = _TYPE.search(head), _PROCESS.search(head)
    if kind is None or _is_other_item(kind[1], head):
        return ()
    if kind[1] == b"A44":
        contracts = set(_CONTRACT.findall(head + rest.read())) or {b"A01"}
        names = {b"A01": "day_ahead_prices", b"A07": "intraday_prices"}
        return tuple(name for contract, name in names.items() if contract in contracts)
    if kind[1] == b"A65":
        return ("load",) if process and process[1] == b"A16" else ("load_forecast",)
    return tuple(name for name, family in FAMILIES.items() if family.type == kind[1].decode())


def _is_other_item(kind: bytes, head: bytes) -> bool:
    mark, others = _OTHER_ITEMS.get(kind, (_PROCESS, frozenset[bytes]()))
    found = mark.search(head)
    return found is not None and found[1] in others
