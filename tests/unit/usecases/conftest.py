"""The use cases on fakes, and `toy`: a market whose documents say in JSON what its parser is to do."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import define, evolve, field

from carbon254.core.domain.cards import MarketCard, converter
from carbon254.core.domain.documents import Document, Locator, Request
from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.errors import BY_CODE, NotFound, PluginBroken
from carbon254.core.domain.observations import NAT, Observations, Reading, instant64
from carbon254.core.domain.revisions import current_rows
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import Finality
from carbon254.core.usecases.check_quality import CheckQuality
from carbon254.core.usecases.fetch_documents import FetchDocuments
from carbon254.core.usecases.find_series import FindSeries
from carbon254.core.usecases.ingest_documents import IngestDocuments, Outcome
from carbon254.core.usecases.query_series import QuerySeries
from carbon254.core.usecases.reread_documents import RereadDocuments
from carbon254.core.usecases.trace_number import TraceNumber
from carbon254.ports.testing.fakes.archive import MemoryArchive, MemoryJournal
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.fetching import CannedFetcher
from carbon254.ports.testing.fakes.records import MemoryRecordStore
from carbon254.ports.testing.fakes.storage import MemorySeriesStore

EVERYTHING = Scope.everything()
CARD = """
id = "toy"
name = "Toy exchange"
operator = "Nobody"
region = "DE"
kind = "power"
currency = "EUR"
zone = "Europe/Berlin"
licence = "made up"
redistribution = "open"
owners = ["tests"]

[hosts."toy.example"]
requests = 100

[runs.day_ahead]
title = "Day-ahead auction"
nature = [{ word = "settles" }]
limits = [{ floor = -500.0, cap = 3000.0, to = 2025-03-30 }, { floor = -500.0, cap = 4000.0, from = 2025-03-30 }]

[runs.real_time]
title = "Balancing"
nature = [{ word = "settles" }]

[runs.auction]
title = "Allowances"
nature = [{ word = "settles" }]

[datasets.prices]
title = "Day-ahead prices"
runs = ["day_ahead"]
measures = ["price"]
kinds = ["zone", "hub"]
class = "grid"
label_zone = "Europe/Berlin"
label_marks = "start"
day_zone = "Europe/Berlin"
resolution = [{ length = "PT1H" }]
due = "D-1 14:00"
published_claim = "publication"
verified = "dossier"
window = "P1D"

[datasets.replies]
title = "Balancing prices, stamped with the time of the reply"
runs = ["real_time"]
measures = ["price"]
kinds = ["zone"]
class = "grid"
label_zone = "Europe/Berlin"
label_marks = "start"
day_zone = "Europe/Berlin"
resolution = [{ length = "PT1H" }]
due = "end+PT30M"
published_claim = "reply"
verified = "dossier"

[datasets.auctions]
title = "Auctions"
runs = ["auction"]
measures = ["price"]
kinds = ["zone"]
class = "events"
label_zone = "Europe/Berlin"
label_marks = "start"
day_zone = "Europe/Berlin"
due = "D 11:00"
published_claim = "none"
verified = "dossier"
"""
LOCATIONS = """
[[location]]
kind = "zone"
code = "DE"
name = "Germany"
"""
ZONE = "toy/day_ahead/price/zone/DE"
OTHER = {"replies": "toy/real_time/price/zone/DE", "auctions": "toy/auction/price/zone/DE"}


def utc(text: str | None) -> Any:
    return NAT if text is None else instant64(datetime.fromisoformat(text))


def toy(
    rows: Mapping[str, float | None] | None = None,
    *,
    dataset: str = "prices",
    name: str = "toy.json",
    series: str | None = None,
    **said: Any,
) -> Document:
    """A document of hourly values by start in UTC, ``2025-06-05T10``; ``said`` is what else the parser is told."""
    one = series or OTHER.get(dataset, ZONE)
    found = [[one, start, value] for start, value in (rows or {}).items()]
    facts = {"toy": said.pop("market", "toy"), "datasets": [dataset], "rows": found, **said}
    return Document(name, json.dumps(facts).encode(), "application/json")


class ToyMarket:
    """Reads what `toy` writes. Locators: row = the number of the row, shifted by ``shift`` hours in time."""

    def __init__(self, card: MarketCard, shift: int = 0) -> None:
        self.card, self.shift = card, shift
        self.asked: list[str] = []

    def recognise(self, document: Document) -> tuple[str, ...]:
        if b"recognise-bomb" in document.body:
            raise ZeroDivisionError("cannot look")
        try:
            said = json.loads(document.body)
        except ValueError:
            return ()
        return tuple(said["datasets"]) if said.get("toy") == self.card.id else ()

    def requests(self, dataset: str, window: Window) -> Iterator[Request]:
        self.card.dataset(dataset)
        for hour in range(0, 24, 8):
            yield Request(
                f"https://toy.example/{window.start:%Y%m%d}/{hour}",
                name=f"{window.start:%Y%m%d}-{hour}",
            )

    def read(self, dataset: str, document: Document) -> Any:
        said = json.loads(document.body)
        if "error" in said:
            raise BY_CODE[said["error"]](f"{document.name}: {said['error']}")
        if "crash" in said:
            raise {"key": KeyError, "exit": SystemExit, "value": ValueError}[said["crash"]]("crash")
        if "nonsense" in said:
            return [42]
        parts = said.get("chunks") or [said["rows"]]
        made = [
            self._reading(said, part, first)
            for part, first in zip(parts, self._firsts(parts), strict=True)
        ]
        return made[0] if len(made) == 1 else iter(made)

    def _firsts(self, parts: list[Any]) -> list[int]:
        return [sum(len(part) for part in parts[:n]) for n in range(len(parts))]

    def _reading(self, said: Any, rows: list[Any], first: int) -> Reading:
        series = tuple(dict.fromkeys(SeriesId.parse(row[0]) for row in rows))
        move = np.timedelta64(self.shift, "h")
        start = np.array([utc(row[1] + ":00+00:00") for row in rows], dtype="M8[us]") + move
        value = [np.nan if row[2] is None else row[2] for row in rows]
        claim = [utc(said.get("published")) for _ in rows]
        covers = [utc_of(text) for text in said["covers"]] if "covers" in said else None
        return Reading(
            series, [said.get("unit", "EUR/MWh")] * len(series),
            [series.index(SeriesId.parse(row[0])) for row in rows], start, start + np.timedelta64(1, "h"), value,
            locator=[Locator(row=first + n).packed for n in range(len(rows))],
            state=[1 if row[2] is None else 0 for row in rows], published_at=claim,
            finality=[Finality[said.get("finality", "final").upper()]] * len(rows),
            document_stamp=utc_of(said["stamp"]) if "stamp" in said else None,
            covers=Window(*covers) if covers else None, rows_ignored=said.get("ignored", {}),
        )  # fmt: skip

    def locate(self, document: Document, locator: Locator) -> bytes:
        rows = json.loads(document.body)["rows"]
        return json.dumps(rows[locator.row]).encode()

    def write(self, dataset: str, reading: Reading) -> Iterator[Document]:
        raise RuntimeError("cannot write")


def utc_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


class ToyCatalogue:
    """Markets by id; ``broken`` are set aside with their reason."""

    def __init__(self, *markets: Any) -> None:
        self.markets = {one.card.id: one for one in markets}
        self.broken: dict[str, str] = {}
        self.version = "1"

    def cards(self) -> Mapping[str, MarketCard]:
        return {name: one.card for name, one in sorted(self.markets.items())}

    def market(self, market: str) -> Any:
        if market in self.broken:
            raise PluginBroken(f"market '{market}' cannot be loaded: {self.broken[market]}")
        if market not in self.markets:
            raise NotFound(f"no market '{market}' is installed.")
        return self.markets[market]

    def parser_version(self, market: str) -> str:
        return self.version

    def quality_checks(self) -> Mapping[str, Any]:
        return {}

    def exporters(self) -> Mapping[str, Any]:
        return {}

    def announce(self, event: Mapping[str, Any]) -> None:
        """Nobody listens."""

    def set_aside(self) -> Mapping[str, str]:
        return self.broken


@define
class World:
    """All use cases over one set of fakes; ``at(...)`` moves the clock."""

    card: MarketCard
    catalogue: ToyCatalogue
    clock: PinnedClock
    archive: MemoryArchive = field(factory=MemoryArchive)
    journal: MemoryJournal = field(factory=MemoryJournal)
    store: MemorySeriesStore = field(factory=MemorySeriesStore)
    records: MemoryRecordStore = field(factory=MemoryRecordStore)

    @property
    def ingest(self) -> IngestDocuments:
        return IngestDocuments(
            self.catalogue, self.archive, self.journal, self.store, self.records, self.clock
        )

    @property
    def reread(self) -> RereadDocuments:
        return RereadDocuments(self.ingest)

    @property
    def trace(self) -> TraceNumber:
        return TraceNumber(self.store, self.archive, self.journal, self.catalogue)

    @property
    def query(self) -> QuerySeries:
        return QuerySeries(self.store, self.catalogue, self.clock)

    @property
    def quality(self) -> CheckQuality:
        return CheckQuality(
            self.store, FindSeries(self.store, self.query), self.records, self.catalogue, self.clock, self.reread,
            self.catalogue,
        )  # fmt: skip

    def fetch(self, fetcher: CannedFetcher) -> FetchDocuments:
        return FetchDocuments(self.ingest, fetcher, {"toy_token": "s3cr3t", "other": "x"})

    def run(self, *documents: Document, **options: Any) -> list[Outcome]:
        return self.ingest.run(documents, **options)

    def rows(self, pattern: str = "toy", **clocks: Any) -> Observations:
        """All rows of every age."""
        return self.store.read(
            EVERYTHING.restrict(Selection((), (SeriesPattern.parse(pattern),), **clocks))
        )

    def values(self, series: str = ZONE, **clocks: Any) -> dict[str, float | None]:
        """Current values by their start in UTC, as in `toy`."""
        rows = self.store.read(EVERYTHING.restrict(Selection((SeriesId.parse(series),), **clocks)))
        rows = current_rows(rows)
        return {
            str(start)[:13]: None if np.isnan(value) else float(value)
            for start, value in zip(rows.interval_start, rows.value, strict=True)
        }


@pytest.fixture
def card(tmp_path: Path) -> MarketCard:
    (tmp_path / "market.toml").write_text(CARD)
    (tmp_path / "locations.toml").write_text(LOCATIONS)
    facts = {**tomllib.loads(CARD), "path": str(tmp_path / "market.toml")}
    return converter().structure(facts, MarketCard)


@pytest.fixture
def new_world(card: MarketCard) -> Callable[..., World]:
    """Make a world; ``more`` are other markets' ids, with the same card."""

    def make(*more: str) -> World:
        markets = [ToyMarket(card), *(ToyMarket(evolve(card, id=name)) for name in more)]
        return World(
            card, ToyCatalogue(*markets), PinnedClock(datetime(2025, 6, 6, 12, tzinfo=UTC))
        )

    return make


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    return new_world()


@pytest.fixture
def document() -> Callable[..., Document]:
    """`toy`, with a new name for each document where none is given."""
    names = count(1)

    def make(rows: Mapping[str, float | None] | None = None, **options: Any) -> Document:
        return toy(rows, **{"name": f"toy{next(names)}.json", **options})

    return make


@pytest.fixture
def parser(card: MarketCard) -> Callable[[int], ToyMarket]:
    """The market with a parser that is so many hours off."""
    return lambda shift: ToyMarket(card, shift)
