"""From a Reading in memory to the commit, against a bare bulk upsert of the same columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen

from benchmarks import made
from benchmarks.bare import KEY, BareDuckDb, BarePostgres
from benchmarks.harness import Context, Line, Pairs, million, note, timed
from benchmarks.servers import dsn, schema
from carbon254.adapters.duckdb.store import DuckDbSeriesStore
from carbon254.adapters.postgres.store import PostgresSeriesStore
from carbon254.core.domain.observations import Reading
from carbon254.ports.recording import stamped

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_FLOOR = ">= 0.50"


def ingest_duckdb(context: Context) -> Iterator[Line]:
    """Rows a second from a Reading to DuckDB's commit (merge, series, batch, outbox), over those of INSERT OR REPLACE.

    The other side begins with a finished Arrow table and puts it into a table whose primary key is ours. Fresh: a
    day that the store has not seen. Restated: the same day again, in a later document. The lines "no key" compare
    with a plain INSERT into a table without any key, for information. "with upkeep" counts our sorting as well.
    """
    folder = context.folder / "ingest"
    store = DuckDbSeriesStore(folder / "series.duckdb")
    bare = BareDuckDb(folder / "bare.duckdb")
    context.later(store.close)
    context.later(bare.close)
    yield from _lines("ingest_duckdb", context, store, bare, context.sizes.rounds)


def ingest_postgres(context: Context) -> Iterator[Line]:
    """The same for Postgres: the other side is a binary COPY to a staging table and INSERT … ON CONFLICT.

    The bytes that the other side copies are made beforehand. fsync is off on the server for both.
    """
    store = PostgresSeriesStore(dsn(context), schema=schema(context, "ours"))
    bare = BarePostgres(dsn(context), schema(context, "bare"))
    context.later(bare.close)
    context.later(store.close)
    yield from _lines("ingest_postgres", context, store, bare, context.sizes.rounds)


@frozen
class _Round:
    """One day in three forms: the reading, and what the other side takes, fresh and again."""

    reading: Reading
    number: int
    block: Any


def _lines(name: str, context: Context, store: Any, bare: Any, rounds: int) -> Iterator[Line]:
    bare.make("keyed", KEY)
    bare.make("plain")
    nodes = context.sizes.nodes
    rows = nodes * 5 * 24
    taken: dict[str, list[float]] = {
        one: [] for one in ("ours", "keyed", "plain", "again", "rekeyed", "upkeep")
    }
    for number in range(rounds + 1):
        day = _round(nodes, number, bare)
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            _fresh(store, bare, day, taken, side)
        taken["plain"].append(timed(lambda: bare.insert("plain", day.block)))  # noqa: B023
        taken["upkeep"].append(timed(getattr(store, "sort", lambda: None)))
    for number in range(rounds + 1):
        day = _round(nodes, number, bare)
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            _restated(store, bare, day, taken, side)
    note(f"{name}: {rows} rows a document, {rounds} documents after one to warm up")
    measured = {one: values[1:] for one, values in taken.items()}
    for label, ours, other, floor in (
        ("fresh", "ours", "keyed", _FLOOR),
        ("restated", "again", "rekeyed", _FLOOR),
        ("fresh, no key", "ours", "plain", None),
    ):
        pairs = Pairs(measured[ours], measured[other])
        yield _line(f"{name} {label}", rows, pairs, floor)
    both = [sum(measured["ours"]) + sum(measured["upkeep"])]
    if sum(measured["upkeep"]) > 0.01 * both[0]:
        yield _line(
            f"{name} fresh, with upkeep", rows * rounds, Pairs(both, [sum(measured["keyed"])]), None
        )


def _line(name: str, rows: int, pairs: Pairs, floor: str | None) -> Line:
    return Line(
        name, million(rows, pairs.our_median), million(rows, pairs.other_median), pairs.rate_ratio, floor,
        pairs.spread(rate=True),
    )  # fmt: skip


def _round(nodes: int, number: int, bare: Any) -> _Round:
    reading = made.caiso_day(nodes, made.DAY + timedelta(days=number))
    at = _NOW + timedelta(hours=number)
    return _Round(reading, number, bare.prepared(stamped(made.observed(reading, number), at)))


def _fresh(store: Any, bare: Any, day: _Round, taken: dict[str, list[float]], side: int) -> None:
    if side:
        taken["keyed"].append(timed(lambda: bare.upsert("keyed", day.block)))
        return
    taken["ours"].append(timed(lambda: _record(store, day, 0, "new")))


def _restated(store: Any, bare: Any, day: _Round, taken: dict[str, list[float]], side: int) -> None:
    if side:
        taken["rekeyed"].append(timed(lambda: bare.upsert("keyed", day.block)))
        return
    taken["again"].append(timed(lambda: _record(store, day, 1000, "unchanged")))


def _record(store: Any, day: _Round, later: int, expected: str) -> None:
    observations = made.observed(day.reading, day.number + later)
    done = store.record(observations, now=_NOW + timedelta(hours=day.number + later))
    if getattr(done, expected) != len(day.reading):
        raise AssertionError(f"{done}, where {len(day.reading)} rows should be {expected}")
