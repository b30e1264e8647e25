"""Rows out of Postgres, as blocks of bytes that numpy reads in place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import numpy as np
from psycopg import Connection

from carbon254.adapters.postgres import schema
from carbon254.adapters.postgres.batches import KnownBatches, plain
from carbon254.adapters.postgres.binary import COPIED, HEAD, PACKED, ROW, TAIL, unpack
from carbon254.adapters.postgres.names import Book, Known
from carbon254.core.domain.entitlements import Selection
from carbon254.core.domain.observations import Column, Observations

AT_ONCE: Final = 200_000
_OWN: Final = ("series", "batch")

Condition = tuple[str, list[Any]]


def rows(
    connection: Connection[Any], where: str, values: Sequence[Any], *, at_once: int = AT_ONCE
) -> dict[str, Column]:
    """Columns of the rows that a condition names.

    Up to ``at_once`` rows come as one value, glued together by the server: half the time of COPY, which sends a
    message a row. What is larger is streamed by COPY.
    """
    query = (
        f"SELECT count(*), string_agg({ROW}, '') FROM "  # noqa: S608 - values are bound
        f"(SELECT {schema.NAMES} FROM observations WHERE {where} LIMIT {at_once + 1}) AS found"
    )
    found = connection.execute(query.encode(), values, binary=True, prepare=False).fetchone()
    count, block = found or (0, b"")
    if count > at_once:
        return unpack(_streamed(connection, where, values))
    return unpack(np.frombuffer(block or b"", dtype=PACKED))


def _streamed(
    connection: Connection[Any], where: str, values: Sequence[Any]
) -> np.ndarray[Any, Any]:
    query = f"COPY (SELECT {ROW} FROM observations WHERE {where}) TO STDOUT (FORMAT binary)"  # noqa: S608
    block = bytearray()
    with connection.cursor().copy(query.encode(), values) as copy:
        for piece in copy:
            block += piece
    inner = memoryview(block)[len(HEAD) : -len(TAIL)]
    found: np.ndarray[Any, Any] = np.frombuffer(inner, dtype=COPIED)["row"]
    return found


def condition(selection: Selection, wanted: Sequence[Known], until: Any) -> Condition:
    """What a question asks of the rows; ``until`` is the last instant of recording that may be seen."""
    where, values = (
        ["series = ANY(%s::int4[])", "recorded_at <= %s"],
        [[one.code for one in wanted], plain(until)],
    )
    if len(wanted) == 1:
        where[0], values[0] = "series = %s", wanted[0].code
    if selection.window:
        start, end = plain(selection.window.start), plain(selection.window.end)
        first = start - timedelta(microseconds=max(one.longest for one in wanted))
        where += [
            f"{schema.START_SLOT} BETWEEN {schema.SLOT_OF} AND {schema.SLOT_OF}",
            "interval_start >= %s AND interval_start < %s AND (interval_end > %s OR interval_start >= %s)",
        ]
        values += [first, end, first, end, start, start]
    if selection.published_by:
        where.append("published_at <= %s AND published_at > '-infinity'")
        values.append(plain(selection.published_by))
    return " AND ".join(where), values


def observations(
    connection: Connection[Any], book: Book, known: KnownBatches, columns: dict[str, Column]
) -> Observations:
    """Observations of the series and batches that the rows name."""
    codes, code = _numbered(columns["series"])
    book.load_codes(connection, codes)
    series = [book.coded[number] for number in codes]
    numbers, batch = _numbered(columns["batch"])
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


def _numbered(values: Column) -> tuple[list[int], Column]:
    """The different values, ascending, and the place of each row's value among them."""
    if len(values) and (values == values[0]).all():
        return [int(values[0])], np.zeros(len(values), dtype=np.int32)
    different, places = np.unique(values, return_inverse=True)
    return different.tolist(), places
