"""What a write transaction loads before it merges (`ports.recording.Shelf`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from carbon254.adapters.duckdb import schema
from carbon254.adapters.duckdb.rows import from_columns, from_result
from carbon254.adapters.duckdb.shelf_batches import (
    FIELDS,
    as_batch,
    is_closed,
    read_batches,
    runs_of,
)
from carbon254.core.domain.observations import NAT, Batch, Observations, instant64, plain_instant
from carbon254.core.domain.revisions import Restatement
from carbon254.core.domain.series import SeriesId
from carbon254.ports.recording import StoredBatch


class DuckDbShelf:
    """Reads within the writer's transaction, for the observations that are to be recorded.

    ``codes`` maps series to (code, unit, longest).
    """

    def __init__(
        self,
        cursor: Any,
        codes: Mapping[SeriesId, tuple[int, str, int]],
        known: dict[int, Batch],
        observations: Observations,
    ) -> None:
        self._cursor, self._codes, self._known = cursor, codes, known
        self._observations = observations
        self._numbers: dict[Batch, int] = {}

    def number(self, batch: Batch) -> int:
        """The id of a batch that is stored already."""
        if batch not in self._numbers:
            for stored in read_batches(self._cursor, "receipt", [batch.receipt]):
                self._numbers[stored.batch] = stored.id
        return self._numbers[batch]

    def neighbours(
        self, batch: Batch, low: np.datetime64, high: np.datetime64
    ) -> Sequence[StoredBatch]:
        """Batches of the market and of a common run whose span overlaps ours, and all of the same document.

        Those that only touch, and those of other runs, are left out: the merge has nothing to say about them, and
        a day would be held against the day before it and against the real-time prices.
        """
        query = (
            f"SELECT {FIELDS} FROM batches WHERE market = ? AND ("  # noqa: S608
            "((low < ? OR (low = ? AND ?)) AND (high > ? OR (high = ? AND coalesce(closed, true))) "
            "AND (runs IS NULL OR list_has_any(runs, ?::VARCHAR[]))) "
            "OR (dataset = ? AND receipt = ?)) ORDER BY id"
        )
        first, last = low.item(), high.item()
        own = (is_closed(self._observations), first, first, runs_of(self._observations))
        values = [batch.market, last, last, *own, batch.dataset, batch.receipt]
        found = [as_batch(row) for row in self._cursor.execute(query, values).fetchall()]
        self._numbers.update((stored.batch, stored.id) for stored in found)
        self._known.update((stored.id, stored.batch) for stored in found)
        return found

    def stored(
        self,
        series: Sequence[SeriesId],
        low: np.datetime64,
        high: np.datetime64,
        batches: Sequence[int],
    ) -> Observations:
        codes = sorted(self._codes[one][0] for one in series)
        longest = max((self._codes[one][2] for one in series), default=0)
        start = plain_instant(low) - timedelta(microseconds=longest)
        # What only touches the span is left out, but for intervals of no length at its edges.
        here = (
            "(series IN (SELECT unnest(?::INTEGER[])) AND interval_start BETWEEN ? AND ? "
            "AND (interval_start < ? OR interval_end <= ?) AND (interval_end > ? OR interval_start >= ?))"
        )
        first, last = low.item(), high.item()
        values: list[Any] = [codes, start, last, last, last, first, first]
        if batches:
            here += " OR batch IN (SELECT unnest(?::INTEGER[]))"
            values.append(list(batches))
        parts = []
        for table in ("observations", "tail"):
            query = f"SELECT {schema.NAMES} FROM {table} WHERE {here}"  # noqa: S608 - values are bound
            parts.append(from_result(self._cursor.execute(query, values)))
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        found = self._series_of(np.unique(columns["series"]).tolist())
        return from_columns(self._cursor, columns, *found, self._known)

    def _series_of(self, codes: list[int]) -> tuple[list[SeriesId], list[str], list[int]]:
        by_code = {code: (one, unit) for one, (code, unit, _) in self._codes.items()}
        if strange := [code for code in codes if code not in by_code]:
            query = (
                "SELECT code, market, run, measure, kind, location, unit FROM series "
                "WHERE code IN (SELECT unnest(?::INTEGER[]))"
            )
            for code, *parts, unit in self._cursor.execute(query, [strange]).fetchall():
                by_code[code] = (SeriesId(*parts), unit)
        return [by_code[code][0] for code in codes], [by_code[code][1] for code in codes], codes

    def restated(
        self, series: Sequence[SeriesId], low: np.datetime64, high: np.datetime64
    ) -> Sequence[Restatement]:
        query = (
            "SELECT batch, series, first, last, issued_at, source_rank, published_at, published_basis, recorded_at "
            "FROM restatements WHERE first <= ? AND last >= ?"
        )
        rows = self._cursor.execute(query, [high.item(), low.item()]).fetchall()
        if not rows:
            return []
        wanted = {self._codes[one][0]: one for one in series}
        batches = {
            stored.id: stored.batch
            for stored in read_batches(self._cursor, "id", [row[0] for row in rows])
        }
        found = []
        for number, codes, first, last, issued, rank, published, basis, recorded in rows:
            if members := tuple(wanted[code] for code in codes if code in wanted):
                found.append(
                    Restatement(
                        batches[number],
                        members,
                        _instant(first),
                        _instant(last),
                        _instant(issued),
                        rank,
                        _instant(published),
                        basis,
                        _instant(recorded),
                    )
                )
        return found

    def write_restatement(self, number: int, one: Restatement, at: datetime) -> None:
        """Keep a restatement of the batch that is being written."""
        codes = [self._codes[series][0] for series in one.series]
        self._cursor.execute(
            "INSERT INTO restatements VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [number, codes, one.first.item(), one.last.item(), one.issued_at.item(), one.source_rank,
             one.published_at.item(), one.published_basis, instant64(at).item()],
        )  # fmt: skip


def _instant(moment: datetime | None) -> np.datetime64:
    return NAT if moment is None else np.datetime64(moment, "us")
