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

# A row out of the server is one value, glued together in SQL. Each part that is glued on costs as much as finding the
# row does, so the small columns come two and four as one number, and the series only where there are several.
_MARKS: Final = ("flags", "state", "finality", "published_basis")
_SOURCE: Final = ("source_rank", "batch")
_WIDE: Final = tuple(
    (name, kind) for name, kind in schema.COLUMNS if name not in (*_MARKS, *_SOURCE, "series")
)
PACKED_OF_ONE: Final = np.dtype(
    [(name, _FORMAT[kind]) for name, kind in _WIDE] + [("source", ">i8"), ("marks", ">i8")]
)
PACKED: Final = np.dtype([*PACKED_OF_ONE.descr, ("series", ">i4")])
ROW_OF_ONE: Final = (
    " || ".join(f"{_SEND[kind]}({name})" for name, kind in _WIDE)
    + " || int8send((source_rank::int8 << 32) | batch::int8)"
    + " || int8send((flags::int8 << 32) | ((state::int4 << 16) | (finality::int4 << 8) | published_basis::int4))"
)  # a row as `PACKED_OF_ONE`, in SQL
ROW: Final = f"{ROW_OF_ONE} || int4send(series)"  # a row as `PACKED`
_NOTHING: Final = {"timestamp": "'-infinity'::timestamp", "float8": "0::float8", "int8": "0::int8"}
_STAND: Final = {
    "recorded_at": "coalesce((SELECT recorded_at FROM batches ORDER BY id DESC LIMIT 1), '-infinity')",
    "locator": "(SELECT value::int8 FROM meta WHERE name = 'lengths')",
}
_NO_SOURCE: Final = -1
STAND: Final = (
    " || ".join(f"{_SEND[kind]}({_STAND.get(name, _NOTHING[kind])})" for name, kind in _WIDE)
    + f" || int8send({_NO_SOURCE}::int8) || int8send(0::int8)"
)  # where the store stands, as a row of no source: its last instant, and the state of its lengths as locator
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
    """Columns of rows of type `PACKED` or `PACKED_OF_ONE`, in the order (series, interval_start, recorded_at)."""
    columns = {name: _native(rows[name]) for name in rows.dtype.names or ()}
    order = _order(columns)
    if order is not None:
        columns = {name: values.take(order) for name, values in columns.items()}
    for name in _INSTANTS:
        columns[name] = _from_server(columns[name])
    marks, source = columns.pop("marks"), columns.pop("source")
    flags = (marks >> 32).astype(np.uint32)
    state, finality, basis = ((marks >> bits).astype(np.uint8) for bits in (16, 8, 0))
    columns |= dict(zip(_MARKS, (flags, state, finality, basis), strict=True))
    return columns | {
        "source_rank": (source >> 32).astype(np.int32),
        "batch": source.astype(np.int32),
    }


def without_stand(rows: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.datetime64, int]:
    """The rows but for the one that is `STAND`, and what that says: the last instant or ``NaT``, and the lengths."""
    place = 0 if rows["source"][0] == _NO_SOURCE else int(np.argmax(rows["source"] == _NO_SOURCE))
    stand = rows[place : place + 1]
    last = _from_server(_native(stand["recorded_at"]))[0]
    others = rows[1:] if place == 0 else np.delete(rows, place)
    return others, last, int(stand["locator"][0])


def _native(values: Column) -> Column:
    return values.astype(values.dtype.newbyteorder("="))


def _order(columns: dict[str, Column]) -> Column | None:
    """How to put the rows in order; None where they are. They stand in a few runs, which a stable sort merges."""
    order = None
    for name in ("recorded_at", "interval_start", "series"):
        if name not in columns:
            continue
        values = columns[name] if order is None else columns[name].take(order)
        if (values[1:] < values[:-1]).any():
            step = np.argsort(values, kind="stable")
            order = step if order is None else order.take(step)
    return order


def _to_server(instants: Column) -> Column:
    moved = as_int(instants)
    return np.where(moved == _ABSENT, _ABSENT, moved - _EPOCH)


def _from_server(moved: Column) -> Column:
    moved += _EPOCH
    moved[moved == _ABSENT + _EPOCH] = _ABSENT
    return moved.view("M8[us]")
