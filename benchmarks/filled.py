"""Stores with many rows, filled through `record`, and bare sorted tables of the same rows; made once a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import frozen

from benchmarks import made
from benchmarks.bare import SORTED, BareDuckDb
from benchmarks.harness import Context, Sizes, note
from benchmarks.servers import dsn, schema
from carbon254.adapters.duckdb import schema as duck
from carbon254.adapters.duckdb.store import DuckDbSeriesStore
from carbon254.adapters.postgres import schema as pg
from carbon254.adapters.postgres.store import PostgresSeriesStore
from carbon254.core.domain.series import SeriesId

REVISIONS: Final = 3
_FIRST: Final = datetime(2026, 1, 1, tzinfo=UTC)


@frozen
class Filled:
    """A store of daily documents, 1 % of whose rows were revised three times, and the bare table beside it."""

    store: Any
    bare: Any
    series: tuple[SeriesId, ...]
    rows: int
    first_said: datetime  # an ``as_of`` before the first revision
    once_revised: datetime  # an ``as_of`` between the first revision and the second


def duckdb(context: Context) -> Filled:
    """The embedded store, sorted, and a bare table in a file of its own."""

    def make() -> Filled:
        folder = context.folder / "filled"
        store = DuckDbSeriesStore(folder / "series.duckdb")
        context.later(store.close)
        series, rows, moments = fill(store, context.sizes, context.sizes.read_rows)
        store.sort(force=True)
        store.close()
        bare = BareDuckDb(folder / "bare.duckdb")
        context.later(bare.close)
        bare.connection.execute(f"ATTACH '{folder / 'series.duckdb'}' AS ours (READ_ONLY)")
        bare.connection.execute(
            f"CREATE TABLE sorted AS SELECT {duck.NAMES} FROM ours.observations ORDER BY {SORTED}"
        )
        bare.connection.execute("DETACH ours")
        bare.connection.execute("CHECKPOINT")
        reopened = DuckDbSeriesStore(folder / "series.duckdb")
        context.later(reopened.close)
        return Filled(reopened, bare, series, rows, *moments)

    found: Filled = context.once("duckdb", make)
    return found


def postgres(context: Context) -> Filled:
    """The server's store, and a bare table with a btree on series and start, clustered by it."""

    def make() -> Filled:
        import psycopg

        name = schema(context, "filled")
        store = PostgresSeriesStore(dsn(context), schema=name)
        context.later(store.close)
        series, rows, moments = fill(store, context.sizes, context.sizes.read_rows_postgres)
        bare = psycopg.connect(dsn(context), autocommit=True)
        context.later(bare.close)
        for query in (
            f"SET search_path TO {name}",
            "SET jit TO off",
            f"CREATE TABLE bare AS SELECT {pg.NAMES} FROM observations ORDER BY {SORTED}",
            "CREATE INDEX bare_key ON bare (series, interval_start)",
            "VACUUM ANALYZE bare",
            "VACUUM ANALYZE observations",
        ):
            bare.execute(query.encode())
        return Filled(store, bare, series, rows, *moments)

    found: Filled = context.once("postgres", make)
    return found


def fill(
    store: Any, sizes: Sizes, rows: int
) -> tuple[tuple[SeriesId, ...], int, tuple[datetime, datetime]]:
    """Record daily documents, then three times a document of each day that revises every hundredth series."""
    begun = time.monotonic()
    days = made.daily_documents(max(rows // sizes.hours, 5), sizes.hours)
    clock = _clock()
    written = sum(_record(store, day, number, "day", clock) for number, day in enumerate(days))
    first_said = once_revised = store.last_recorded()
    for turn in range(REVISIONS):
        for number, day in enumerate(days):
            later = made.revised(day, number + turn)
            written += _record(store, later, number + 1000 * (turn + 1), "revision", clock)
        once_revised = store.last_recorded() if turn == 0 else once_revised
    note(f"{written:,} rows recorded in {time.monotonic() - begun:.0f} s")
    return days[0].series, written, (first_said, once_revised)


def _clock() -> Callable[[], datetime]:
    ticks = iter(range(1 << 30))
    return lambda: _FIRST + timedelta(seconds=next(ticks))


def _record(store: Any, reading: Any, number: int, name: str, clock: Callable[[], datetime]) -> int:
    done = store.record(made.observed(reading, number, name=name), now=clock())
    getattr(store, "sort", lambda: None)()  # as the platform does after each ingest
    return int(done.written)
