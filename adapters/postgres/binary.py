"""Rows in Postgres' binary formats, whole columns at a time.

Instants are microseconds since 2000; the smallest int64, which is also numpy's ``NaT``, is ``-infinity``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from carbon254.adapters.postgres import schema
from carbon254.core.domain.observations import Column, Observations, as_int

_FORMAT: Final = {"timestamp": ">i8", "float8": ">f8", "int8": ">i8", "int4": ">i4", "int2": ">i2"}
_SEND: Final = {
    "timestamp": "timestamp_send", "float8": "float8send", "int8": "int8send", "int4": "int4send", "int2": "int2send"
}  # fmt: skip
_EPOCH: Final = int(np.datetime64("2000-01-01", "us").astype(np.int64))
_ABSENT: Final = np.iinfo(np.int64).min
_INSTANTS: Final = frozenset(name for name, kind in schema.COLUMNS if kind == "timestamp")

HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TAIL: Final = b"\xff\xff"
_AT_ONCE: Final = 16_384  # rows turned into bytes at a time

PACKED: Final = np.dtype([(name, _FORMAT[kind]) for name, kind in schema.COLUMNS])
ROW: Final = " || ".join(
    f"{_SEND[kind]}({name})" for name, kind in schema.COLUMNS
)  # a row as `PACKED`, in SQL
_FIELDS: Final = np.dtype(
    [("fields", ">i2")]
    + [
        part
        for name, kind in schema.COLUMNS
        for part in ((f"#{name}", ">i4"), (name, _FORMAT[kind]))
    ]
)


def pack(rows: Observations, series: Column, batch: Column) -> Iterator[bytes]:
    """The rows as COPY takes them, in pieces; ``series`` and ``batch`` are the store's own numbers for each row."""
    columns = {
        name: rows.column(name) for name, _ in schema.COLUMNS if name not in ("series", "batch")
    }
    columns |= {"series": series, "batch": batch, "flags": rows.flags.view(np.int32)}
    buffer = np.empty(min(len(rows), _AT_ONCE), dtype=_FIELDS)
    buffer["fields"] = len(schema.COLUMNS)
    for name, kind in schema.COLUMNS:
        buffer[f"#{name}"] = int(_FORMAT[kind][2:])
    for first in range(0, len(rows), _AT_ONCE):
        part = buffer[: min(_AT_ONCE, len(rows) - first)]
        for name, values in columns.items():
            some = values[first : first + len(part)]
            part[name] = _to_server(some) if name in _INSTANTS else some
        yield part.tobytes()


def unpack(rows: np.ndarray[Any, Any]) -> dict[str, Column]:
    """Columns of rows of type `PACKED`, in the order (series, interval_start, recorded_at)."""
    columns = {name: _native(rows[name]) for name, _ in schema.COLUMNS}
    order = _order(columns)
    if order is not None:
        columns = {name: values[order] for name, values in columns.items()}
    for name in _INSTANTS:
        columns[name] = _from_server(columns[name])
    columns["flags"] = columns["flags"].view(np.uint32)
    return columns


def _native(values: Column) -> Column:
    return values.astype(values.dtype.newbyteorder("="))


def _order(columns: dict[str, Column]) -> Column | None:
    series, start, recorded = columns["series"], columns["interval_start"], columns["recorded_at"]
    ahead = recorded[1:] >= recorded[:-1]
    ahead = (start[1:] > start[:-1]) | ((start[1:] == start[:-1]) & ahead)
    ahead = (series[1:] > series[:-1]) | ((series[1:] == series[:-1]) & ahead)
    return None if ahead.all() else np.lexsort((recorded, start, series))


def _to_server(instants: Column) -> Column:
    moved = as_int(instants)
    return np.where(moved == _ABSENT, _ABSENT, moved - _EPOCH)


def _from_server(moved: Column) -> Column:
    return np.where(moved == _ABSENT, _ABSENT, moved + _EPOCH).view("M8[us]")
