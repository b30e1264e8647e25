"""Rows out of Postgres, as bytes that numpy reads in place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import numpy as np
from psycopg import Connection

from carbon254.adapters.postgres import schema
from carbon254.adapters.postgres.batches import KnownBatches, plain
from carbon254.adapters.postgres.binary import PACKED, ROW, unpack
from carbon254.adapters.postgres.names import Book, Known
from carbon254.core.domain.entitlements import Selection
from carbon254.core.domain.observations import Column, Observations

_OWN: Final = ("series", "batch")
_AT_ONCE: Final = 65_536  # rows taken out of the answer at a time

Condition = tuple[str, list[Any]]


def rows(connection: Connection[Any], where: str, values: Sequence[Any]) -> dict[str, Column]:
    """Columns of the rows that a condition names.

    The server glues the columns of a row together, so that a row is one value, and an answer is one array.
    """
    query = f"SELECT {ROW} FROM observations WHERE {where}"  # noqa: S608 - values are bound
    result = connection.execute(query.encode(), values, binary=True, prepare=False).pgresult
    assert result is not None
    count, value = result.ntuples, result.get_value
    found = np.empty(count, dtype=PACKED)
    for first in range(0, count, _AT_ONCE):
        last = min(first + _AT_ONCE, count)
        block = b"".join([value(row, 0) or b"" for row in range(first, last)])
        found[first:last] = np.frombuffer(block, dtype=PACKED)
    return unpack(found)


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
