"""From the data rows of a document to readings: one of a small document, bounded chunks of a large one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Final, Protocol

import numpy as np

from carbon254.core.domain.cards import DatasetCard
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import DocumentDamaged, FeedFormatChanged
from carbon254.core.domain.observations import Column, Finding, Reading
from carbon254.core.domain.series import SeriesId
from carbon254.plugins.markets.caiso import oasis
from carbon254.plugins.markets.caiso.rows import Layout, Rows, Tables, read_rows

CHUNK_ROWS: Final = 350_000  # about 64 MB of CSV


class Subject(Protocol):
    """What prices and load do not share; one for each document that is read."""

    unit: str
    layout: Layout

    def series(self, place: str) -> tuple[SeriesId, ...]:
        """The series of a place, one for each category; asked once a place."""
        ...

    def seen(self, rows: Rows) -> None:
        """Take note of the rows of a chunk."""
        ...

    def completed(self) -> Rows | None:
        """Rows that follow from the whole document and stand in no line of their own; asked at its end."""
        ...

    def columns(self, rows: Rows, instants: Column) -> dict[str, Any]:
        """Further columns of the reading, for rows in their final order."""
        ...


def read_document(
    document: Document, card: DatasetCard, subject: Subject
) -> Reading | Iterator[Reading]:
    """Read a document. Raises as `rows.read_rows`; a large document may raise after its first chunks."""
    readings = _readings(document, card, subject)
    first, last = next(readings)
    return first if last else chain((first,), (reading for reading, _ in readings))


def _readings(
    document: Document, card: DatasetCard, subject: Subject
) -> Iterator[tuple[Reading, bool]]:
    """The readings, each with the word whether it is the last."""
    tables, findings = Tables(subject.layout), list[Finding]()
    known: list[tuple[SeriesId, ...]] = []
    stamp = oasis.reply_stamp(oasis.names_of(document))
    for rows, last in _chunked(read_rows(document, card, tables, findings), document.name):
        subject.seen(rows)
        facts = {"rows_read": len(rows), "findings": tuple(findings), "document_stamp": stamp}
        more = subject.completed() if last else None
        whole = rows if more is None else Rows.joined([rows, more])
        yield _reading(whole, tables, subject, known, facts), last
        findings.clear()


def _chunked(batches: Iterator[Rows], name: str) -> Iterator[tuple[Rows, bool]]:
    """Gather batches to chunks, each with the word whether it is the document's last."""
    parts: list[Rows] = []
    for batch in batches:
        if sum(map(len, parts)) >= CHUNK_ROWS:
            rows, parts = Rows.joined(parts), []
            yield rows, False
        parts.append(batch)
    if not parts:
        raise DocumentDamaged(f"{name}: the document has no data row.")
    yield Rows.joined(parts), True


def _reading(
    rows: Rows,
    tables: Tables,
    subject: Subject,
    known: list[tuple[SeriesId, ...]],
    facts: Mapping[str, Any],
) -> Reading:
    keys = rows.place * len(tables.layout.categories) + rows.category
    present = np.flatnonzero(np.bincount(keys))
    series = _series(present.tolist(), tables, subject, known)
    codes = np.zeros(present[-1] + 1, dtype=np.int64)
    codes[present] = np.arange(len(present))
    instants = tables.instants()
    rank = np.empty(len(instants), dtype=np.int64)
    rank[np.argsort(instants)] = np.arange(len(instants))
    # One sort of one column of integers puts the rows in the order that `Reading` asks for.
    code = codes[keys]
    order = np.argsort(code * len(instants) + rank[rows.start], kind="stable")
    rows = rows.take(order)
    start, end = instants[rows.start], instants[rows.end]
    if np.any(end <= start):
        raise FeedFormatChanged("an interval does not end after its start.")
    units = tuple(subject.unit for _ in series)
    return Reading(
        series, units, code[order], start, end, rows.value,
        locator=rows.locator, state=rows.state, **subject.columns(rows, instants), **facts,
    )  # fmt: skip


def _series(
    keys: Sequence[int], tables: Tables, subject: Subject, known: list[tuple[SeriesId, ...]]
) -> tuple[SeriesId, ...]:
    """The series of the keys; ``known`` holds those of the document's places, in their order."""
    for place in islice(tables.places, len(known), None):
        if not place:
            raise FeedFormatChanged(f"column {tables.layout.place} is empty in a row.")
        known.append(subject.series(place))
    every = list(chain.from_iterable(known))
    return tuple(map(every.__getitem__, keys))
