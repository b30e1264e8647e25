"""Batches of messages as Arrow streams: the body of a batch, one column a field of `Observations`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa

from carbon254.core.domain.deltas import written
from carbon254.core.domain.observations import Column, Observations
from carbon254.core.domain.vocabulary import Finality, PublishedBasis, State

_INSTANT: Final = pa.timestamp("us", tz="UTC")
_WORD: Final = pa.dictionary(pa.int8(), pa.string())
_NAME: Final = pa.dictionary(pa.int32(), pa.string())

SCHEMA: Final = pa.schema(
    {
        "series": _NAME,
        "unit": _NAME,
        "interval_start": _INSTANT,
        "interval_end": _INSTANT,
        "value": pa.float64(),  # null where the state is not ok
        "state": _WORD,
        "finality": _WORD,
        "source_rank": pa.int32(),
        "flags": pa.uint32(),  # bits of VOCABULARY §7.1
        "issued_at": _INSTANT,
        "published_at": _INSTANT,
        "published_basis": _WORD,
    }
)


def encode(rows: Observations) -> bytes:
    """The rows as an Arrow stream of one record batch, in their order; absent instants and values are null."""
    columns: list[Any] = [
        _named(rows.code, [written(one) for one in rows.series]),
        _units(rows),
        pa.array(rows.interval_start, _INSTANT),
        pa.array(rows.interval_end, _INSTANT),
        pa.array(rows.value, pa.float64(), mask=np.isnan(rows.value)),
        _words(rows.state, [state.word for state in State]),
        _words(rows.finality, [finality.word for finality in Finality]),
        pa.array(rows.source_rank),
        pa.array(rows.flags),
        pa.array(rows.issued_at, _INSTANT),
        pa.array(rows.published_at, _INSTANT),
        _words(rows.published_basis, [basis.word for basis in PublishedBasis]),
    ]
    batch = pa.record_batch(columns, schema=SCHEMA)
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, SCHEMA) as writer:
        writer.write_batch(batch)
    body: bytes = out.getvalue().to_pybytes()
    return body


def decode(body: bytes) -> Any:
    """The table of a body that `encode` wrote."""
    return pa.ipc.open_stream(body).read_all()


def _named(codes: Column, names: list[str]) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names, pa.string()))


def _units(rows: Observations) -> Any:
    """Units of rows; each stands once among the words, or pandas refuses the column."""
    names = sorted(set(rows.units))
    place = np.array([names.index(unit) for unit in rows.units], dtype=np.int32)
    return _named(place[rows.code], names)


def _words(codes: Column, words: list[str]) -> Any:
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int8)), pa.array(words, pa.string())
    )
