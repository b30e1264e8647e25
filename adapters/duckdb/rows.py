"""Between `Observations` and DuckDB's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from carbon254.adapters.duckdb import schema
from carbon254.adapters.duckdb.shelf_batches import read_around
from carbon254.core.domain.observations import Batch, Observations
from carbon254.core.domain.series import SeriesId
from carbon254.ports.recording import numbered

_SAME = ("interval_start", "interval_end", "issued_at", "value", "locator", "state", "finality", "source_rank", "flags",
         "published_at", "published_basis", "recorded_at")  # fmt: skip


def to_arrow(rows: Observations, codes: Any, numbers: Sequence[int]) -> pa.Table:
    """Rows as an Arrow table with the store's series codes and batch numbers."""
    batch = np.array(numbers, dtype=np.int32)[rows.batch] if len(rows) else rows.batch
    series = codes[rows.code] if len(rows) else rows.code
    columns = {name: rows.column(name) for name in _SAME} | {"series": series, "batch": batch}
    return pa.table({name: columns[name] for name, _ in schema.COLUMNS})


def from_result(result: Any) -> dict[str, Any]:
    """Columns of a finished query as numpy arrays; absent instants are ``NaT``."""
    found: Mapping[str, Any] = result.fetchnumpy()
    return {name: _plain(values) for name, values in found.items()}


def _plain(values: Any) -> Any:
    if not isinstance(values, np.ma.MaskedArray):
        return values
    plain = values.data
    plain[values.mask] = np.datetime64("NaT", "us") if plain.dtype.kind == "M" else 0
    return plain


def from_columns(
    cursor: Any,
    columns: dict[str, Any],
    series: Sequence[SeriesId],
    units: Sequence[str],
    codes: Sequence[int],
    known: dict[int, Batch],
) -> Observations:
    """Observations from columns; ``codes`` are the store's codes of ``series``, ascending.

    ``known`` remembers batches, which never change, by their number.
    """
    used, batch = numbered(columns["batch"])
    if unknown := [one for one in used if one not in known]:
        known.update((stored.id, stored.batch) for stored in read_around(cursor, unknown))
    code = (
        np.searchsorted(np.asarray(codes), columns["series"])
        if len(codes) > 1
        else np.zeros(len(batch), np.int32)
    )
    own = {name: columns[name] for name in _SAME}
    return Observations(
        tuple(series),
        tuple(units),
        tuple(map(known.__getitem__, used)),
        code=code,
        batch=batch,
        **own,
    )
