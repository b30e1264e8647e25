"""Rows out of Postgres, as bytes that numpy reads in place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import repeat
from typing import Any, Final

import numpy as np
from psycopg import Connection, Cursor

from carbon254.adapters.postgres import schema
from carbon254.adapters.postgres.batches import KnownBatches, plain
from carbon254.adapters.postgres.binary import (
    PACKED,
    PACKED_OF_ONE,
    ROW,
    ROW_OF_ONE,
    STAND,
    unpack,
    without_stand,
)
from carbon254.adapters.postgres.names import Book, Known
from carbon254.core.domain.entitlements import Selection
from carbon254.core.domain.observations import Column, Observations, from_instant64, instant64
from carbon254.ports.recording import numbered

_OWN: Final = ("series", "batch")
_AT_ONCE: Final = 65_536  # rows taken out of the answer at a time

Condition = tuple[str, list[Any]]


def rows(connection: Connection[Any], where: str, values: Sequence[Any]) -> dict[str, Column]:
    """Columns of the rows that a condition names.

    The server glues the columns of a row together, so that a row is one value, and an answer is one array.
    """
    query = f"SELECT {ROW} FROM observations WHERE {where}"  # noqa: S608 - values are bound
    answer = connection.execute(query.encode(), values, binary=True, prepare=False)
    return unpack(_array(answer, PACKED))


def rows_and_stand(
    connection: Connection[Any], one: Known, where: str, values: Sequence[Any]
) -> tuple[dict[str, Column], datetime | None, int]:
    """The same for one series, in one statement with where the store stands: its last instant, and its lengths' state.

    The statement is kept for the next question of its form.
    """
    query = f"SELECT {STAND} UNION ALL SELECT {ROW_OF_ONE} FROM observations WHERE {where}"  # noqa: S608 - values are bound
    answer = connection.execute(query.encode(), values, binary=True, prepare=True)
    found, last, lengths = without_stand(_array(answer, PACKED_OF_ONE))
    columns = unpack(found) | {"series": np.full(len(found), one.code, dtype=np.int32)}
    return columns, from_instant64(last), lengths


def _array(answer: Cursor[Any], kind: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """The rows of an answer of one column."""
    result = answer.pgresult
    assert result is not None
    count, value, width = result.ntuples, result.get_value, kind.itemsize
    block = bytearray(count * width)
    for first in range(0, count, _AT_ONCE):
        last = min(first + _AT_ONCE, count)
        some = map(value, range(first, last), repeat(0))  # no row is NULL
        block[first * width : last * width] = b"".join(some)  # type: ignore[arg-type]
    return np.frombuffer(block, dtype=kind)


def condition(selection: Selection, wanted: Sequence[Known], until: datetime | None) -> Condition:
    """What a question asks of the rows; ``until`` is the last instant of recording, None for all.

    Rows at the edges, which only `within` leaves out, are few, and testing all rows for them in the server is not
    cheap.
    """
    one = len(wanted) == 1
    where = ["series = %s::int4" if one else "series = ANY(%s::int4[])"]
    values: list[Any] = [wanted[0].code if one else [known.code for known in wanted]]
    if until:
        where.append("recorded_at <= %s")
        values.append(plain(until))
    if selection.window:
        start, end = plain(selection.window.start), plain(selection.window.end)
        first = start - timedelta(microseconds=max(known.longest for known in wanted))
        where += [
            f"{schema.START_SLOT} BETWEEN {schema.SLOT_OF} AND {schema.SLOT_OF}",
            "interval_start >= %s AND interval_start < %s",
        ]
        values += [first, end, first, end]
    if selection.published_by:
        where.append("published_at <= %s AND published_at > '-infinity'")
        values.append(plain(selection.published_by))
    return " AND ".join(where), values


def within(columns: dict[str, Column], selection: Selection, until: datetime) -> dict[str, Column]:
    """The rows that were recorded by an instant and reach into the question's window."""
    keep = columns["recorded_at"] <= instant64(until)
    if selection.window:
        start = instant64(selection.window.start)
        keep &= (columns["interval_end"] > start) | (columns["interval_start"] >= start)
    return columns if keep.all() else {name: values[keep] for name, values in columns.items()}


def observations(
    connection: Connection[Any], book: Book, known: KnownBatches, columns: dict[str, Column]
) -> Observations:
    """Observations of the series and batches that the rows name."""
    codes, code = numbered(columns["series"])
    book.load_codes(connection, codes)
    series = [book.coded[number] for number in codes]
    numbers, batch = numbered(columns["batch"])
    batches = [stored.batch for stored in known.of(connection, numbers)]
    own = {name: values for name, values in columns.items() if name not in _OWN}
    return Observations(
        [one.series for one in series],
        [one.unit for one in series],
        batches,
        code=code,
        batch=batch,
        **own,
    )
