"""Rows of the ``batches`` table, and what they say of a batch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

from carbon254.core.domain.observations import NAT, Batch, Observations
from carbon254.core.domain.time import Window
from carbon254.ports.recording import StoredBatch

_AT_ONCE: Final = 2048
_PAGE: Final = 256

FIELDS = (
    "id, market, dataset, receipt, digest, parser_version, name, archived_at, document_stamp, covers_from, covers_to, "
    "synthetic, low, high, finality, source_rank, recorded_at"
)


def read_batches(cursor: Any, column: str, keys: list[Any]) -> list[StoredBatch]:
    """Batches by id or receipt, ordered by id; all when no keys are given."""
    kind = "INTEGER[]" if column == "id" else "VARCHAR[]"
    where = f"WHERE {column} IN (SELECT unnest(?::{kind}))" if keys else ""
    query = f"SELECT {FIELDS} FROM batches {where} ORDER BY id"  # noqa: S608 - our own names
    return [as_batch(row) for row in cursor.execute(query, [keys] if keys else []).fetchall()]


def read_around(cursor: Any, numbers: list[int]) -> list[StoredBatch]:
    """Batches of ascending ids, and those around them unless they are many: the next question will ask for them."""
    first, last = numbers[0] // _PAGE * _PAGE, (numbers[-1] // _PAGE + 1) * _PAGE
    if last - first > _AT_ONCE:
        return read_batches(cursor, "id", numbers)
    query = f"SELECT {FIELDS} FROM batches WHERE id >= ? AND id < ?"  # noqa: S608 - our own names
    return [as_batch(row) for row in cursor.execute(query, [first, last]).fetchall()]


def as_batch(row: tuple[Any, ...]) -> StoredBatch:
    """One row of ``batches``."""
    (
        number,
        market,
        dataset,
        receipt,
        digest,
        version,
        name,
        archived,
        stamp,
        start,
        end,
        synthetic,
        *rest,
    ) = row
    low, high, finality, rank, recorded = rest
    covers = None if start is None else Window(start.replace(tzinfo=UTC), end.replace(tzinfo=UTC))
    batch = Batch(
        market, dataset, receipt, digest, version, name, archived.replace(tzinfo=UTC),
        stamp and stamp.replace(tzinfo=UTC), covers, synthetic,
    )  # fmt: skip
    return StoredBatch(
        number, batch, _instant(low), _instant(high), finality, rank, recorded.replace(tzinfo=UTC)
    )


def runs_of(*tables: Observations) -> list[str]:
    """The runs of all series of the tables: batches without a common run have no common series."""
    return sorted({one.run for table in tables for one in table.series})


def is_closed(*tables: Observations) -> bool:
    """Whether an interval of no length could stand at the edge of the span, so that what touches it matters."""
    return any(bool((table.interval_start == table.interval_end).any()) for table in tables)


def _instant(moment: datetime | None) -> np.datetime64:
    return NAT if moment is None else np.datetime64(moment, "us")
