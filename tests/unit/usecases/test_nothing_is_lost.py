"""What ingest may never lose: a document, a row's count, the mark of a made-up row, the hour it became known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import define, evolve, field

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document, receipt_for
from carbon254.core.domain.entitlements import Scope, Selection
from carbon254.core.domain.observations import Reading, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import Flag, PublishedBasis, State
from carbon254.core.usecases.ingest_documents import IngestDocuments, Outcome
from carbon254.core.usecases.query_series import QuerySeries, Question, SeriesAnswer
from carbon254.ports.markets import Market, chunks
from carbon254.ports.testing.fakes.archive import MemoryArchive, MemoryJournal
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.records import MemoryRecordStore
from carbon254.ports.testing.fakes.storage import MemorySeriesStore
from carbon254.ports.testing.market_kit import load_market

DEMO = Path(__file__).parents[2] / "contract" / "demo"
NORTH = SeriesId.parse("demo/day_ahead-first/price/hub/NORTH")
HEADER = "auction,hub,slot,price,energy,congestion"
# The first hour of 4 June 2025 in Berlin, whose prices are due at 13:00 of the day before, 11:00 UTC.
HOUR = Window(datetime(2025, 6, 3, 22, tzinfo=UTC), datetime(2025, 6, 3, 23, tzinfo=UTC))
DUE = datetime(2025, 6, 3, 11, tzinfo=UTC)
LATER = datetime(2025, 6, 5, 9, tzinfo=UTC)


class Installed:
    """A catalogue of the demo exchange alone."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def cards(self) -> Mapping[str, MarketCard]:
        return {self._market.card.id: self._market.card}

    def market(self, market: str) -> Market:
        return self._market

    def parser_version(self, market: str) -> str:
        return "1"

    def set_aside(self) -> Mapping[str, str]:
        return {}


@define
class Desk:
    """The use cases over fakes."""

    catalogue: Installed = field(factory=lambda: Installed(load_market(str(DEMO))))
    clock: PinnedClock = field(factory=lambda: PinnedClock(LATER))
    archive: MemoryArchive = field(factory=MemoryArchive)
    journal: MemoryJournal = field(factory=MemoryJournal)
    store: MemorySeriesStore = field(factory=MemorySeriesStore)
    records: MemoryRecordStore = field(factory=MemoryRecordStore)

    @property
    def ingest(self) -> IngestDocuments:
        return IngestDocuments(
            self.catalogue, self.archive, self.journal, self.store, self.records, self.clock
        )

    def take_in(self, document: Document, **more: Any) -> Outcome:
        (outcome,) = self.ingest.run([document], **more)
        return outcome

    def ask(self, **clocks: datetime) -> SeriesAnswer:
        query = QuerySeries(self.store, self.catalogue, self.clock)
        question = Question((NORTH,), window=HOUR, **clocks)
        (answer,) = query.run(question, Scope.everything())
        return answer


@pytest.fixture
def desk() -> Desk:
    return Desk()


def day(*lines: str) -> Document:
    head = f"demo exchange;2025-06-04;{len(lines)};final"
    body = "\n".join([head, HEADER, *lines, ""]).encode()
    return Document("prices_20250604.csv", body, "text/csv")


def test_a_document_that_cannot_be_read_is_kept_and_listed_with_its_reason(desk: Desk) -> None:
    document = day("third,NORTH,1,10,8,2")
    outcome = desk.take_in(document)
    assert (outcome.status, outcome.code) == ("quarantined", "feed_format_changed")
    kept = [(entry.digest, entry.code) for entry in desk.records.refused()]
    assert kept == [(document.digest, "feed_format_changed")], "the refused document is not listed"
    assert desk.archive.bodies == {document.digest: document.body}, "the document is not archived"
    receipts = [receipt.digest for receipt in desk.journal.receipts().values()]
    assert receipts == [document.digest], "there is no receipt of the document"


def test_every_number_leads_to_a_document_that_is_in_the_archive(desk: Desk) -> None:
    document = day("first,NORTH,1,10,8,2")
    assert desk.take_in(document).status == "recorded"
    assert desk.ask().batches[0].digest == document.digest
    assert desk.archive.bodies == {document.digest: document.body}, "the document is not archived"


def test_rows_that_are_not_read_are_counted_with_those_that_are(desk: Desk) -> None:
    outcome = desk.take_in(day("first,NORTH,1,10,8,2", "# a remark", "# and another"))
    assert (outcome.rows_read, outcome.rows_ignored) == (1, 2)


@pytest.mark.parametrize("synthetic", [True, False])
def test_made_up_rows_and_only_they_say_so_in_the_store_and_in_the_answer(
    desk: Desk, synthetic: bool
) -> None:
    desk.take_in(day("first,NORTH,1,10,8,2"), synthetic=synthetic)
    rows = desk.store.read(Scope.everything().restrict(Selection((NORTH,))))
    marked = [bool(flags & Flag.SYNTHETIC) for flags in rows.flags.tolist()]
    assert marked == [synthetic], "the mark of made-up rows is wrong"
    assert desk.ask().synthetic == synthetic


def test_what_came_late_was_published_when_it_was_due_and_is_not_known_before(desk: Desk) -> None:
    desk.take_in(day("first,NORTH,1,-10,-12,2"))
    known = desk.ask(published_by=DUE)
    assert known.value.tolist() == [-10.0]
    assert known.published_basis.tolist() == [PublishedBasis.RULE]
    before = desk.ask(published_by=DUE - timedelta(minutes=1))
    assert before.state.tolist() == [State.PENDING], "a backtest sees a price before it was out"


def test_what_we_saw_appear_was_published_when_we_saw_it(desk: Desk) -> None:
    document = day("first,NORTH,1,10,8,2")
    desk.take_in(
        document
    )  # so that the document is in the archive; what counts is the receipt below
    receipt = receipt_for(
        document, market="demo", dataset="prices", request="GET x", archived_at=LATER, observed=True
    )
    observations, _ = desk.ingest.prepare(receipt, "prices", document, Outcome("x", "unchanged"))
    assert observations.published_at.tolist() == [LATER.replace(tzinfo=None)] * 3, (
        "seen, not guessed"
    )
    assert set(observations.published_basis.tolist()) == {PublishedBasis.OBSERVED}


def test_no_forecast_was_published_before_it_was_issued(desk: Desk) -> None:
    market = desk.catalogue.market("demo")
    issued = DUE + timedelta(hours=3)

    def read(dataset: str, document: Document) -> Reading:
        (reading,) = chunks(type(market).read(market, dataset, document))
        return evolve(reading, issued_at=np.full(len(reading), instant64(issued)))

    market.read = read  # type: ignore[method-assign]
    desk.take_in(day("first,NORTH,1,10,8,2"))
    rows = desk.store.read(Scope.everything().restrict(Selection((NORTH,))))
    assert rows.published_at.tolist() == [issued.replace(tzinfo=None)], (
        "published before it was issued"
    )
