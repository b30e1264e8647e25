"""Rows of the ``batches`` table, which never change once they are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from psycopg import Connection
from psycopg.types.range import TimestampRange

from carbon254.core.domain.observations import NAT, Batch, Observations, from_instant64, instant64
from carbon254.core.domain.time import Window
from carbon254.ports import recording
from carbon254.ports.recording import StoredBatch

FIELDS: Final = (
    "id, market, dataset, receipt, digest, parser_version, name, archived_at, document_stamp, covers_from, covers_to, "
    "synthetic, low, high, finality, source_rank, recorded_at"
)
_KEPT: Final = 20_000


class KnownBatches:
    """Batches by their number, kept in memory since they never change."""

    def __init__(self) -> None:
        self._known: dict[int, StoredBatch] = {}

    def of(self, connection: Connection[Any], numbers: Iterable[int]) -> list[StoredBatch]:
        """Batches of these numbers, in their order."""
        wanted = list(numbers)
        known = self._known
        if missing := [number for number in wanted if number not in known]:
            if len(known) + len(missing) > _KEPT:
                known = self._known = {n: known[n] for n in wanted if n in known}
            query = f"SELECT {FIELDS} FROM batches WHERE id = ANY(%s)"  # noqa: S608 - our own names
            for row in connection.execute(query.encode(), [missing]):
                known[row[0]] = as_batch(row)
        return [known[number] for number in wanted]


def of_receipts(connection: Connection[Any], receipts: Sequence[str]) -> list[StoredBatch]:
    """Batches of the receipts, or all, ordered by number."""
    where = "WHERE receipt = ANY(%s)" if receipts else ""
    query = f"SELECT {FIELDS} FROM batches {where} ORDER BY id"  # noqa: S608 - our own names
    return [
        as_batch(row)
        for row in connection.execute(query.encode(), [receipts] if receipts else None)
    ]


def as_batch(row: Sequence[Any]) -> StoredBatch:
    """One row of ``batches``, as `FIELDS`."""
    number, market, dataset, receipt, digest, version, name, archived, stamp, start, end, *rest = (
        row
    )
    synthetic, low, high, finality, rank, recorded = rest
    covers = None if start is None else Window(aware(start), aware(end))
    told = (market, dataset, receipt, digest, version, name, aware(archived))
    batch = Batch(*told, stamp and aware(stamp), covers, synthetic)
    return StoredBatch(number, batch, instant(low), instant(high), finality, rank, aware(recorded))


def span(observations: Observations) -> TimestampRange | None:
    """What a batch speaks of, from its first start to its last end; None for one without rows.

    Half-open like its intervals, so that documents that only touch are no neighbours; closed when an interval of
    no length could stand at the edge.
    """
    if not len(observations):
        return None
    low, high = (from_instant64(moment) for moment in recording.span_of(observations))
    assert low
    assert high
    closed = low == high or bool((observations.interval_start == observations.interval_end).any())
    return TimestampRange(plain(low), plain(high), "[]" if closed else "[)")


def runs(*tables: Observations) -> list[str]:
    """The runs of all series of the tables: batches without a common run have no common series."""
    return sorted({one.run for table in tables for one in table.series})


def insert(
    connection: Connection[Any],
    number: int,
    observations: Observations,
    rows: Observations,
    at: datetime,
) -> None:
    """Write the batch of the observations; ``rows`` are what was written for it."""
    batch = observations.batches[0]
    first = last = None
    finality = rank = 0
    spoken = span(observations)
    if spoken is not None:
        finality, rank = int(observations.finality.max()), int(observations.source_rank.max())
    if len(rows):
        first, last = rows.interval_start.min().item(), rows.interval_start.max().item()
    covers = (
        (None, None)
        if batch.covers is None
        else (plain(batch.covers.start), plain(batch.covers.end))
    )
    values = [
        number, *batch.key[:3], batch.digest, batch.parser_version, batch.document_name, plain(batch.archived_at),
        batch.document_stamp and plain(batch.document_stamp), *covers, batch.synthetic,
        spoken and spoken.lower, spoken and spoken.upper, finality, rank, plain(at), len(rows), first, last, spoken,
        runs(observations, rows),
    ]  # fmt: skip
    places = ", ".join(["%s"] * len(values))
    query = (
        f"INSERT INTO batches ({FIELDS}, rows, rows_from, rows_to, span, runs) "  # noqa: S608 - our own names
        f"VALUES ({places})"
    )
    connection.execute(query.encode(), values)


def aware(moment: datetime) -> datetime:
    """An instant from a ``timestamp`` column."""
    return moment.replace(tzinfo=UTC)


def plain(moment: datetime) -> datetime:
    """An instant for a ``timestamp`` column."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def instant(moment: datetime | None) -> np.datetime64:
    """A ``timestamp`` or NULL as ``datetime64``."""
    return NAT if moment is None else instant64(aware(moment))
