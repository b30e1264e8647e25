"""A series read through the port, against bare SQL."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from benchmarks import filled
from benchmarks.bare import GLUED, GLUED_ROW
from benchmarks.filled import Filled
from benchmarks.harness import Context, Line, Pairs, in_turn, milliseconds
from carbon254.adapters.duckdb import schema as duck
from carbon254.core.domain.entitlements import Scope, Selection
from carbon254.core.domain.revisions import current_rows
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window

_FLOOR: Final = "<= 1.50"
_START: Final = datetime(2025, 1, 1, tzinfo=UTC)
Bare = Callable[[int, list[Any], bool], int]


def read_duckdb(context: Context) -> Iterator[Line]:
    """Time of a year of one hourly series through `SeriesStore.read` and `current_rows`, over bare SQL's.

    Bare SQL selects all our columns with bound parameters from a table sorted by series, start and recorded_at, in
    a file of its own, and fetches them with ``fetchnumpy``, as we do; it does not find out which rows are current.
    "latest" resolves three revisions of 1 % of the rows; "as of" asks before the first and between the first and
    the second revision. The store holds daily documents and is sorted, and has been asked for the series before; what
    the first time costs stands in a line of its own, for information.
    """
    held = filled.duckdb(context)
    connection = held.bare.connection

    def bare(code: int, window: list[Any], dated: bool) -> int:
        where = " AND recorded_at <= ?" if dated else ""
        query = (
            f"SELECT {duck.NAMES} FROM sorted "
            f"WHERE series = ? AND interval_start >= ? AND interval_start < ?{where}"
        )
        found = connection.execute(query, [code, *window]).fetchnumpy()
        return len(found["value"])

    yield from _lines("read_duckdb", context, held, bare)


def read_postgres(context: Context) -> Iterator[Line]:
    """The same for Postgres: the bare table is sorted, with a btree on series and start.

    The bare side lets the server glue the columns of a row together and joins the rows, which takes half the time
    of fetching them one by one. We do the same with fewer parts.
    """
    held = filled.postgres(context)

    def glued(code: int, window: list[Any], dated: bool) -> int:
        where = " AND recorded_at <= %s" if dated else ""
        query = (
            f"SELECT {GLUED} FROM bare "
            f"WHERE series = %s AND interval_start >= %s AND interval_start < %s{where}"
        )
        found = held.bare.execute(query.encode(), [code, *window], binary=True).pgresult
        value = found.get_value
        block = b"".join([value(row, 0) for row in range(found.ntuples)])
        return len(np.frombuffer(block, dtype=GLUED_ROW))

    yield from _lines("read_postgres", context, held, glued)


def _lines(name: str, context: Context, held: Filled, bare: Bare) -> Iterator[Line]:
    """First what is read for the first time, without a floor; it warms both sides for the rest."""
    yield _line(f"{name} latest, never read before", _pairs(context, held, bare, None), None)
    for label, as_of in (
        ("latest", None),
        ("as of, before revisions", held.first_said),
        ("as of, amid revisions", held.once_revised),
    ):
        yield _line(f"{name} {label}", _pairs(context, held, bare, as_of), _FLOOR)


def _line(name: str, pairs: Pairs, floor: str | None) -> Line:
    ours, other = milliseconds(pairs.our_median), milliseconds(pairs.other_median)
    return Line(name, ours, other, pairs.ratio, floor, pairs.spread())


def _pairs(context: Context, held: Filled, bare: Bare, as_of: datetime | None) -> Pairs:
    hours = context.sizes.hours
    window = Window(_START, _START + timedelta(hours=hours))
    plain: list[Any] = [moment.replace(tzinfo=None) for moment in (window.start, window.end)]
    if as_of:
        plain.append(as_of.replace(tzinfo=None))
    # Codes are given in the order of the first document, so a series' place in it is its code.
    turns = {side: _turns(held.series, context.sizes.reads) for side in (0, 1)}
    scope = Scope.everything()

    def ours() -> None:
        _, series = next(turns[0])
        question = scope.restrict(Selection((series,), window=window, as_of=as_of))
        rows = current_rows(held.store.read(question))
        if len(rows) != hours:
            raise AssertionError(f"{len(rows)} rows of {series}, expected {hours}")

    def other() -> None:
        code, series = next(turns[1])
        if bare(code, plain, as_of is not None) < hours:
            raise AssertionError(f"the bare table lacks rows of {series}")

    return in_turn(ours, other, context.sizes.reads, warm=3)


def _turns(series: tuple[SeriesId, ...], reads: int) -> Iterator[tuple[int, SeriesId]]:
    """Series in an order that is the same for both sides, none twice where there are enough."""
    order = random.Random(254).sample(range(len(series)), len(series))
    for turn in range(reads + 10):
        code = order[turn % len(order)]
        yield code, series[code]
