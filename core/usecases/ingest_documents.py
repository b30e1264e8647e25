"""Take documents in: archive, receipt, read, check, record. What cannot be read is quarantined, never lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import numpy as np
from attrs import evolve, field, frozen

from carbon254.core.domain.cards import DatasetCard, MarketCard, Place
from carbon254.core.domain.documents import Document, Receipt, receipt_for
from carbon254.core.domain.errors import (
    BY_CODE,
    Carbon254Error,
    Conflict,
    ConversionUnavailable,
    DocumentDamaged,
    FeedFormatChanged,
    FeedUnavailable,
    InvalidRequest,
    NotFound,
    NotPublishedYet,
    PluginBroken,
    TooLarge,
)
from carbon254.core.domain.events import recorded as recorded_event
from carbon254.core.domain.expectations import publication_times
from carbon254.core.domain.observations import (
    INSTANT,
    Batch,
    Column,
    Finding,
    Observations,
    Reading,
    concatenate,
    instant64,
    key_order,
    observe,
    same_key,
)
from carbon254.core.domain.quality import Verdict, check_limits
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.totals import check_adds_up
from carbon254.core.domain.vocabulary import Finality, Flag, PublishedBasis
from carbon254.ports.archive import CommitMark, DocumentArchive, Journal
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.clock import Clock
from carbon254.ports.markets import chunks
from carbon254.ports.records import PlaceEntry, Quarantined, RecordStore
from carbon254.ports.storage import Recorded, SeriesStore

Status = Literal["recorded", "unchanged", "quarantined", "no_data", "unavailable", "unrecognised"]
_QUARANTINE = (DocumentDamaged, FeedFormatChanged, TooLarge, PluginBroken)
_MAY_SAY = (*_QUARANTINE, NotPublishedYet, FeedUnavailable)  # what a parser may raise


@frozen
class Outcome:
    """What became of one document for one dataset; ``code`` and ``message`` say why where it was not recorded."""

    name: str
    status: Status
    market: str = ""
    dataset: str = ""
    digest: str = ""
    recorded: Recorded | None = None
    rows_read: int = 0
    rows_ignored: int = 0
    findings: tuple[Finding, ...] = ()
    code: str = ""
    message: str = ""


@frozen
class IngestDocuments:
    """The use case; holds no state of its own but the places it has already told the registry."""

    catalogue: MarketCatalogue
    archive: DocumentArchive
    journal: Journal
    store: SeriesStore
    records: RecordStore
    clock: Clock
    announce: Callable[[Mapping[str, Any]], None] = field(
        default=lambda event: None, eq=False, repr=False
    )
    _told: dict[str, set[tuple[str, str]]] = field(factory=dict, init=False, eq=False, repr=False)

    def run(
        self,
        documents: Iterable[Document],
        *,
        market: str | None = None,
        synthetic: bool = False,
        on_outcome: Callable[[Outcome], None] = lambda outcome: None,
    ) -> list[Outcome]:
        """Take in documents handed over, such as files of a folder; each is recognised by its content.

        Raises `NotFound` for a market that is not installed, `DiskFull`, `StoreUnavailable`, `StoreBusy` and
        `Conflict`; what was recorded before stays.
        """
        if market is not None:
            self.catalogue.market(market)
        self.refuse_other(synthetic=synthetic)
        outcomes = []
        for document in documents:
            for outcome in self.one(document, market=market, synthetic=synthetic):
                on_outcome(outcome)
                outcomes.append(outcome)
        return outcomes

    def claim(self, *, synthetic: bool) -> None:
        """Make the data folder synthetic or real, for ever. Raises `Conflict` when it is the other already."""
        if self.refuse_other(synthetic=synthetic) is None:
            self.records.put("nature", "synthetic" if synthetic else "real")

    def refuse_other(self, *, synthetic: bool) -> str | None:
        """The folder's nature, None when it has none yet. Raises `Conflict` when it is not this one."""
        wanted, nature = "synthetic" if synthetic else "real", self.records.get("nature")
        if nature is None and self.store.last_recorded() is not None:  # the records were lost
            nature = "synthetic" if self.store.batches()[0].synthetic else "real"
            self.records.put("nature", nature)
        if nature not in (None, wanted):
            raise Conflict(
                f"this data folder is {nature} for ever; {wanted} documents need another --data."
            )
        return nature

    def one(
        self, document: Document, *, market: str | None = None, synthetic: bool = False
    ) -> Iterator[Outcome]:
        """Take in one document for every market and dataset that recognises it."""
        failed: list[str] = []
        homes = list(self.recognise(document, market, failed))
        if not homes:
            yield _unrecognised(document, failed)
            return
        self.claim(synthetic=synthetic)
        self.archive.put(document.body)
        # All receipts come first: after a crash they say who has still to read the document.
        receipts = [(self._receipt_of_file(document, name), datasets) for name, datasets in homes]
        for receipt, datasets in receipts:
            for dataset in datasets:
                yield self.read(receipt, dataset, document, synthetic=synthetic)

    def _receipt_of_file(self, document: Document, market: str) -> Receipt:
        request = f"file:{document.name}"
        return self.journal.receipt(
            receipt_for(
                document, market=market, dataset="", request=request, archived_at=self.clock.now()
            )
        )

    def recognise(
        self, document: Document, market: str | None = None, failed: list[str] | None = None
    ) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Markets and their datasets that say the document is theirs; ``failed`` hears of those that could not look."""
        for name in list(self.catalogue.cards()) if market is None else [market]:
            try:
                found = self.catalogue.market(name)
                datasets = tuple(found.recognise(document))
                if strange := [one for one in datasets if one not in found.card.datasets]:
                    raise PluginBroken(
                        f"it recognises {strange[0]!r}, which is none of its datasets"
                    )
            # A plugin that cannot look must not keep the others from looking.
            except (Exception, SystemExit) as error:  # noqa: BLE001
                if failed is not None:
                    failed.append(f"{name} failed to look at it: {type(error).__name__}: {error}")
                continue
            if datasets:
                yield name, datasets

    def read(
        self, receipt: Receipt, dataset: str, document: Document, *, synthetic: bool = False
    ) -> Outcome:
        """Read an archived document for one dataset and record it, or quarantine it with the reason."""
        told = Outcome(receipt.name, "unchanged", receipt.market, dataset, receipt.digest)
        try:
            observations, told = self.prepare(receipt, dataset, document, told, synthetic=synthetic)
            recorded = self.store.record(
                observations, now=self.clock.now(), mark=self._marker(observations.batches[0])
            )
        except NotPublishedYet as error:
            return evolve(told, status="no_data", code=error.code, message=str(error))
        except (FeedUnavailable, InvalidRequest, NotFound) as error:
            return evolve(told, status="unavailable", code=error.code, message=str(error))
        except _QUARANTINE as error:
            return self._quarantine(receipt, told, error)
        self.learn(receipt.market, observations)
        if recorded.recorded_at is not None:
            self.announce(
                recorded_event(observations.batches[0], observations, recorded.recorded_at).facts()
            )
        status: Status = "recorded" if recorded.recorded_at and recorded.written else "unchanged"
        return evolve(told, status=status, recorded=recorded)

    def prepare(
        self,
        receipt: Receipt,
        dataset: str,
        document: Document,
        told: Outcome,
        *,
        synthetic: bool = False,
    ) -> tuple[Observations, Outcome]:
        """Read, check and complete a document: what the store is to record, and what there is to tell."""
        card = self.catalogue.market(receipt.market).card
        facts = card.dataset(dataset)
        parts, findings, read, ignored = [], [], 0, 0
        batch = None
        for reading in self._readings(receipt, dataset, document):
            batch = batch or self._batch(receipt, dataset, reading, synthetic=synthetic)
            parts.append(_completed(card, facts, receipt, reading, batch))
            findings += [*reading.findings, *_suspicions(check_limits(card, reading))]
            read, ignored = read + reading.rows_read, ignored + sum(reading.rows_ignored.values())
        if batch is None or (not any(len(part) for part in parts) and facts.class_ != "events"):
            raise DocumentDamaged(
                f"{receipt.name}: the document holds no row of {receipt.market} {dataset}."
            )
        whole = once(concatenate(parts)) if len(parts) > 1 else parts[0]
        parts.clear()
        # The parts of a price may stand in different chunks: only the whole document tells whether they add up.
        findings += _suspicions(check_adds_up(whole, facts.adds_up))
        return whole, evolve(told, rows_read=read, rows_ignored=ignored, findings=tuple(findings))

    def _readings(self, receipt: Receipt, dataset: str, document: Document) -> Iterator[Reading]:
        market = self.catalogue.market(receipt.market)
        try:
            for reading in chunks(market.read(dataset, document)):
                if not isinstance(reading, Reading):
                    raise PluginBroken(
                        f"{receipt.market} read {receipt.name} as {type(reading).__name__}, no Reading."
                    )
                yield reading
        except _MAY_SAY:
            raise
        except (InvalidRequest, ConversionUnavailable) as error:
            # A word or unit that is none of ours.
            raise FeedFormatChanged(f"{receipt.name}: {error}") from error
        except (Exception, SystemExit) as error:
            # The plugin's own code: its fault must not stop the others.
            raise PluginBroken(
                f"{receipt.market} failed on {receipt.name}: {type(error).__name__}: {error}"
            ) from error

    def _batch(self, receipt: Receipt, dataset: str, reading: Reading, *, synthetic: bool) -> Batch:
        return Batch(
            receipt.market, dataset, receipt.id, receipt.digest, self.catalogue.parser_version(receipt.market),
            receipt.name, receipt.archived_at, reading.document_stamp, reading.covers, synthetic,
        )  # fmt: skip

    def _marker(self, batch: Batch) -> Callable[..., None]:
        def mark(recorded_at: datetime) -> None:
            self.journal.mark(
                CommitMark(
                    batch.receipt, batch.dataset, batch.parser_version, recorded_at, batch.synthetic
                )
            )

        return mark

    def _quarantine(self, receipt: Receipt, told: Outcome, error: Carbon254Error) -> Outcome:
        self.records.refuse(
            Quarantined(
                receipt.digest,
                receipt.market,
                told.dataset,
                receipt.id,
                receipt.name,
                error.code,
                str(error),
                self.clock.now(),
            )
        )
        return evolve(told, status="quarantined", code=error.code, message=str(error))

    def learn(self, market: str, observations: Observations) -> None:
        """Tell the location registry of places it has not heard of."""
        known = self._told.get(market)
        if known is None:
            self.records.learn(
                [
                    PlaceEntry(market, p, self.clock.now())
                    for p in self.catalogue.cards()[market].places
                ]
            )
            known = {(entry.place.kind, entry.place.code) for entry in self.records.places(market)}
            self._told[market] = known
        fresh = {(one.kind, one.location) for one in observations.series} - known
        if fresh:
            batch = observations.batches[0]
            entries = [
                PlaceEntry(market, Place(kind=kind, code=code), self.clock.now(), batch.digest)
                for kind, code in sorted(fresh)
            ]
            self.records.learn(entries)
            known |= fresh


def _completed(
    card: MarketCard, facts: DatasetCard, receipt: Receipt, reading: Reading, batch: Batch
) -> Observations:
    published_at, basis = _publication(facts, receipt, reading)
    flags = int(Flag.SYNTHETIC) if batch.synthetic else 0
    observations = observe(
        reading, batch, published_at=published_at, published_basis=basis, flags=flags
    )
    outside = check_limits(card, reading).rows
    if len(outside):
        marked = observations.flags.copy()
        marked[outside] |= np.uint32(Flag.SUSPECT)
        observations = evolve(observations, flags=marked)
    return observations


def _publication(facts: DatasetCard, receipt: Receipt, reading: Reading) -> tuple[Column, Column]:
    """When each row was published, and how we know (VOCABULARY §8): claim, else seen, else the card's rule."""
    archived = instant64(receipt.archived_at)
    rule = _due(facts, reading)
    seen = (rule > archived) | receipt.observed
    published = np.where(seen, archived, rule)
    basis = np.where(seen, PublishedBasis.OBSERVED, PublishedBasis.RULE).astype(np.uint8)
    if facts.published_claim == "publication":
        claimed = ~np.isnat(reading.published_at)
        published = np.where(claimed, reading.published_at, published)
        basis[claimed] = PublishedBasis.CLAIM
    return published, basis


def _due(facts: DatasetCard, reading: Reading) -> Column:
    """The card's due time of every row by its run and finality; no forecast is published before it is issued."""
    due = np.empty(len(reading), dtype=INSTANT)
    runs = sorted({series.run for series in reading.series})
    place = np.array([runs.index(series.run) for series in reading.series], dtype=np.int32)[
        reading.code
    ]
    for number, run in enumerate(runs):
        rows = np.flatnonzero(place == number) if len(runs) > 1 else slice(None)
        due[rows] = _due_by(facts, reading, rows, facts.due_for(run))
    if facts.final_due is not None:
        final = np.flatnonzero(reading.finality == Finality.FINAL)
        due[final] = _due_by(facts, reading, final, facts.final_due)
    return np.fmax(due, reading.issued_at)


def _due_by(facts: DatasetCard, reading: Reading, rows: Column | slice, rule: Rule) -> Column:
    starts, ends = reading.interval_start[rows], reading.interval_end[rows]
    return publication_times(facts, starts, ends, reading.issued_at[rows], rule=rule)


def _suspicions(verdict: Verdict) -> Iterator[Finding]:
    for one in verdict.findings:
        yield Finding(one.rule, f"{one.series}: {one.message}", one.count)


def _unrecognised(document: Document, failed: list[str]) -> Outcome:
    message = " ".join(["no installed market recognises it.", *failed])
    return Outcome(
        document.name, "unrecognised", code=PluginBroken.code if failed else "", message=message
    )


def once(observations: Observations) -> Observations:
    """Rows of a document that came in chunks, each key once. Raises `FeedFormatChanged` where two chunks differ."""
    rows = observations.take(key_order(observations))
    if not len(rows):
        return observations
    later: Column = np.flatnonzero(same_key(rows)) + 1
    if not len(later):
        return observations
    for name in ("value", "state", "finality", "source_rank", "flags"):
        one, other = rows.column(name)[later], rows.column(name)[later - 1]
        differs = np.flatnonzero((one != other) & ((one == one) | (other == other)))
        if len(differs):
            row = later[differs[0]]
            raise FeedFormatChanged(
                f"{rows.series[rows.code[row]]} at {rows.interval_start[row]}Z stands twice in the document with "
                f"different {name}: {other[differs[0]]} and {one[differs[0]]}."
            )
    keep = np.ones(len(rows), dtype=bool)
    keep[later] = False
    return rows.take(keep)


def error_of(outcome: Outcome) -> Carbon254Error | None:
    """The error that an outcome tells of; None for one that was taken in."""
    return BY_CODE[outcome.code](outcome.message) if outcome.code else None
