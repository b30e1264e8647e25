"""A market under test with its samples: found without importing it, loaded as the host loads it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import numpy as np
from attrs import define, evolve, field

from carbon254.core.domain.cards import DatasetCard, MarketCard, read_card
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import Carbon254Error, NotFound
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.series import SeriesId
from carbon254.ports.markets import Market, chunks
from carbon254.ports.testing.market_golden import Beside, Golden, read_golden
from carbon254.ports.unpacking import SeriesTable

GROUP: Final = "carbon254.markets"
OURS: Final = "carbon254.plugins.markets"
MEDIA_TYPES: Final = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".txt": "text/plain",
    ".xls": "application/vnd.ms-excel",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".xml": "application/xml",
    ".zip": "application/zip",
}


def installed_markets() -> dict[str, str]:
    """Market id to module, of every market that is installed or lies in ``plugins/markets`` with a card."""
    found: dict[str, str] = {}
    spec = importlib.util.find_spec(OURS)
    for folder in spec.submodule_search_locations or () if spec else ():
        found |= {
            card.parent.name: f"{OURS}.{card.parent.name}"
            for card in Path(folder).glob("*/market.toml")
        }
    for point in entry_points(group=GROUP):
        if card_path(point.module) is not None:
            found[point.name] = point.module
    return dict(sorted(found.items()))


def card_path(module: str) -> Path | None:
    """Where the card of a market's package lies; the package itself is not imported."""
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder, "market.toml")).exists():
            return path
    return None


def card_of(market: str) -> MarketCard:
    """The card of a market by its id, or by the folder of a plugin that is not installed; its code is not imported.

    Raises `NotFound`, and `PluginBroken` that names the key that is wrong.
    """
    if _is_folder(market):
        return read_card(Path(market).resolve() / "market.toml")
    module = installed_markets().get(market)
    path = card_path(module) if module else None
    if path is None:
        raise NotFound(
            f"no market '{market}' is installed, and no folder of this name has a market.toml."
        )
    return read_card(path)


def load_market(market: str) -> Market:
    """Load a market as the host does: the card first, then the module, which is handed the card."""
    card = card_of(market)
    module = (
        _module_from(card.path.parent)
        if _is_folder(market)
        else import_module(installed_markets()[market])
    )
    made: Market = module.carbon254_market(card)
    return made


def _is_folder(market: str) -> bool:
    return Path(market, "market.toml").exists()


def _module_from(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        f"carbon254_market_under_test_{folder.name}",
        folder / "__init__.py",
        submodule_search_locations=[str(folder)],
    )
    if spec is None or spec.loader is None:
        raise NotFound(f"{folder} is no Python package.")
    module = importlib.util.module_from_spec(spec)
    for name in [one for one in sys.modules if one.partition(".")[0] == spec.name]:
        del sys.modules[name]  # another folder of this name was looked at before
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Row(NamedTuple):
    """What a reading says of one key."""

    unit: str
    value: float  # NaN where there is none
    state: int
    finality: int
    source_rank: int
    flags: int
    published_at: int  # microseconds since 1970; the smallest integer: not said
    locator: int


class Key(NamedTuple):
    """Which number: series, interval and issue in microseconds since 1970."""

    series: SeriesId
    start: int
    end: int
    issued_at: int


_COLUMNS: Final = (
    "code",
    "interval_start",
    "interval_end",
    "issued_at",
    *(n for n in Row._fields if n != "unit"),
)


def rows_of(readings: Iterable[Reading]) -> dict[Key, Row]:
    """All rows by their key; a key that stands twice keeps its first row (see `repeated`)."""
    rows: dict[Key, Row] = {}
    for key, row in _each(readings):
        rows.setdefault(key, row)
    return rows


def repeated(readings: Iterable[Reading]) -> list[Key]:
    """Keys that stand in more than one chunk or document."""
    seen: set[Key] = set()
    twice = []
    for key, _ in _each(readings):
        if key in seen:
            twice.append(key)
        seen.add(key)
    return twice


def _each(readings: Iterable[Reading]) -> Iterable[tuple[Key, Row]]:
    for reading in readings:
        columns = [reading.column(name) for name in _COLUMNS]
        plain = [c.view(np.int64).tolist() if c.dtype.kind == "M" else c.tolist() for c in columns]
        for code, start, end, issued, *rest in zip(*plain, strict=True):
            yield Key(reading.series[code], start, end, issued), Row(reading.units[code], *rest)


def whole(readings: Sequence[Reading]) -> Reading:
    """Chunks of one document as one reading."""
    if len(readings) == 1:
        return readings[0]
    table = SeriesTable()
    codes = []
    for reading in readings:
        place = [
            table.code(one, unit) for one, unit in zip(reading.series, reading.units, strict=True)
        ]
        codes.append(np.array(place, dtype=np.int32)[reading.code] if place else reading.code)
    names = [name for name in Reading.column_names() if name != "code"]
    columns: dict[str, Any] = {
        name: np.concatenate([reading.column(name) for reading in readings]) for name in names
    }
    head = readings[0]
    return Reading(
        table.series,
        table.units,
        np.concatenate(codes),
        document_stamp=head.document_stamp,
        covers=head.covers,
        rows_read=sum(reading.rows_read for reading in readings),
        **columns,
    )


@define
class Kit:
    """A market, its golden answers, its sample documents, and other markets' documents to hold against it."""

    market: Market
    foreign: tuple[Document, ...] = ()
    golden: Golden = field(init=False)
    _documents: dict[str, dict[str, Document]] = field(init=False, factory=dict)
    _readings: dict[tuple[str, str], list[Reading]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.golden = read_golden(self.samples / "golden.toml")

    @property
    def card(self) -> MarketCard:
        return self.market.card

    @property
    def samples(self) -> Path:
        """The folder of sample documents, beside the card."""
        return self.card.path.parent / "samples"

    def facts(self, dataset: str) -> DatasetCard:
        """One dataset's card."""
        return self.card.dataset(dataset)

    def documents(self, dataset: str) -> Mapping[str, Document]:
        """Sample documents of a dataset by their path below ``samples``."""
        if dataset not in self._documents:
            self._documents[dataset] = sample_documents(self.samples, dataset, self.golden)
        return self._documents[dataset]

    def readable(self, dataset: str) -> Mapping[str, Document]:
        """Sample documents of a dataset that are not there to be refused."""
        refused = self.golden.refused(dataset)
        return {
            path: document
            for path, document in self.documents(dataset).items()
            if path not in refused
        }

    def read(self, dataset: str, path: str) -> list[Reading]:
        """The chunks of a sample's reading, read once."""
        key = (dataset, path)
        if key not in self._readings:
            try:
                self._readings[key] = self.read_afresh(dataset, self.documents(dataset)[path])
            except Carbon254Error as error:
                raise type(error)(f"{path}: {error}") from error
        return self._readings[key]

    def read_afresh(self, dataset: str, document: Document) -> list[Reading]:
        """The chunks of any document's reading."""
        return list(chunks(self.market.read(dataset, document)))

    def smallest(self, dataset: str) -> list[Document]:
        """The smallest sample of each kind of file: damage is tried on these."""
        found: dict[str, Document] = {}
        for document in sorted(self.readable(dataset).values(), key=lambda d: len(d.body)):
            found.setdefault(Path(document.name).suffix.lower(), document)
        return list(found.values())


def sample_documents(samples: Path, dataset: str, golden: Golden) -> dict[str, Document]:
    """Read a dataset's sample documents from its folder."""
    beside = {one.document: one for one in golden.document}
    folder = samples / dataset
    paths = sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []
    listings = {listing.document for listing in golden.listing}
    found = {}
    for path in paths:
        name = path.relative_to(samples).as_posix()
        if name not in listings:
            found[name] = sample_document(path, beside.get(name))
    return found


def sample_document(path: Path, beside: Beside | None = None) -> Document:
    """A file as the document that an operator would have served."""
    guess = MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream")
    made = Document(path.name, path.read_bytes(), guess)
    if beside is None:
        return made
    return evolve(
        made,
        name=beside.name or made.name,
        media_type=beside.media_type or guess,
        url=beside.url,
        headers=dict(beside.headers),
    )


def foreign_documents(market: str) -> tuple[Document, ...]:
    """Sample documents of every other installed market."""
    found: list[Document] = []
    for other, module in installed_markets().items():
        path = card_path(module)
        if other == market or path is None:
            continue
        samples = path.parent / "samples"
        golden = read_golden(samples / "golden.toml")
        for folder in sorted(samples.iterdir()) if samples.is_dir() else ():
            found += (
                sample_documents(samples, folder.name, golden).values() if folder.is_dir() else ()
            )
    return tuple(found)
