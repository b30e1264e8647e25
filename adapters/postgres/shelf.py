"""What a write transaction loads before it merges (`ports.recording.Shelf`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import numpy as np
from psycopg import Connection

from carbon254.adapters.postgres import batches as stored_batches
from carbon254.adapters.postgres import reading
from carbon254.adapters.postgres.batches import KnownBatches, instant
from carbon254.adapters.postgres.names import Book
from carbon254.adapters.postgres.schema import SLOT_OF, START_SLOT
from carbon254.core.domain.observations import Batch, Observations
from carbon254.core.domain.revisions import Restatement
from carbon254.core.domain.series import SeriesId
from carbon254.ports.recording import StoredBatch

_HERE: Final = (
    f"series = ANY(%s::int4[]) AND {START_SLOT} BETWEEN {SLOT_OF} AND {SLOT_OF} "
    "AND interval_start BETWEEN %s AND %s AND interval_end >= %s"
)
_OWN: Final = "batch = ANY(%s::int4[]) AND interval_start BETWEEN %s AND %s"
_SPAN: Final = "SELECT min(least(rows_from, low)), max(greatest(rows_to, high)) FROM batches WHERE id = ANY(%s)"
_NEIGHBOURS: Final = (
    f"SELECT {stored_batches.FIELDS} FROM batches "  # noqa: S608 - our own names
    "WHERE market = %s AND ((span && %s::tsrange AND runs && %s::text[]) OR (dataset = %s AND receipt = %s)) "
    "ORDER BY id"
)
_RESTATED: Final = (
    "SELECT batch, series, first, last, issued_at, source_rank, published_at, published_basis, recorded_at "
    "FROM restatements WHERE market = %s AND tsrange(first, last, '[]') && tsrange(%s::timestamp, %s::timestamp, '[]')"
)


class PostgresShelf:
    """Reads within the writer's transaction, for the observations that are to be recorded."""

    def __init__(
        self,
        connection: Connection[Any],
        book: Book,
        known: KnownBatches,
        observations: Observations,
    ) -> None:
        self._connection, self._book, self._known = connection, book, known
        self._observations = observations
        self._numbers: dict[Batch, int] = {}

    def number(self, batch: Batch) -> int:
        """The number of a batch that is stored already."""
        if batch not in self._numbers:
            found = stored_batches.of_receipts(self._connection, [batch.receipt])
            self._numbers.update((stored.batch, stored.id) for stored in found)
        return self._numbers[batch]

    def neighbours(
        self, batch: Batch, low: np.datetime64, high: np.datetime64
    ) -> Sequence[StoredBatch]:
        """Batches of the market and of a common run whose span overlaps ours, and all of the same document.

        Those that only touch, and those of other runs, are left out: the merge has nothing to say about them, and
        a five-minute document would be held against the one before it and against the day-ahead prices.
        """
        span, runs = (
            stored_batches.span(self._observations),
            stored_batches.runs(self._observations),
        )
        values = [batch.market, span, runs, batch.dataset, batch.receipt]
        found = [
            stored_batches.as_batch(row)
            for row in self._connection.execute(_NEIGHBOURS.encode(), values)
        ]
        self._numbers.update((stored.batch, stored.id) for stored in found)
        return found

    def stored(
        self,
        series: Sequence[SeriesId],
        low: np.datetime64,
        high: np.datetime64,
        batches: Sequence[int],
    ) -> Observations:
        codes = self._book.codes(series).tolist()
        longest = max((self._book.of[one].longest for one in series), default=0)
        start, end = (low - np.timedelta64(longest, "us")).item(), high.item()
        here: list[Any] = [codes, start, end, start, end, low.item()]
        parts = [reading.rows(self._connection, _HERE, here)]
        if (own := self._span_of(batches)) is not None:
            values = [list(batches), *own, *here]
            parts.append(reading.rows(self._connection, f"{_OWN} AND NOT ({_HERE})", values))
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        return reading.observations(self._connection, self._book, self._known, columns)

    def _span_of(self, batches: Sequence[int]) -> tuple[datetime, datetime] | None:
        """First and last start that rows of the batches can have; None when they have no rows."""
        row = self._connection.execute(_SPAN, [list(batches)]).fetchone()
        return None if row is None or None in row else (row[0], row[1])

    def restated(
        self, series: Sequence[SeriesId], low: np.datetime64, high: np.datetime64
    ) -> Sequence[Restatement]:
        market = self._observations.batches[0].market
        values = [market, low.item(), high.item()]
        rows = self._connection.execute(_RESTATED, values).fetchall()
        wanted = dict(zip(self._book.codes(series).tolist(), series, strict=True))
        batches = self._known.of(self._connection, [row[0] for row in rows])
        found = []
        for stored, (_, codes, *told) in zip(batches, rows, strict=True):
            if members := tuple(wanted[code] for code in codes if code in wanted):
                found.append(_restatement(stored.batch, members, told))
        return found

    def write_restatements(
        self, number: int, restatements: Sequence[Restatement], at: datetime
    ) -> None:
        """Keep the restatements of the batch that is being written."""
        rows = [
            (number, self._observations.batches[0].market, self._book.codes(one.series).tolist(), one.first.item(),
             one.last.item(), one.issued_at.item(), one.source_rank, one.published_at.item(), one.published_basis,
             stored_batches.plain(at))
            for one in restatements
        ]  # fmt: skip
        if rows:
            query = "INSERT INTO restatements VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            self._connection.cursor().executemany(query, rows)


def _restatement(batch: Batch, series: tuple[SeriesId, ...], told: Sequence[Any]) -> Restatement:
    first, last, issued, rank, published, basis, recorded = told
    span = (instant(first), instant(last), instant(issued))
    return Restatement(batch, series, *span, rank, instant(published), basis, instant(recorded))
