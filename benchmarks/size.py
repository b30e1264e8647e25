"""Bytes a stored row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import filled
from benchmarks.harness import Context, Line

_FLOOR = "<= 1.25"


def bytes_per_row(context: Context) -> Iterator[Line]:
    """What a row takes on disk in our store, over a bare sorted table of the same rows and columns.

    DuckDB: the whole file, sorted and checkpointed, with the other tables in it. "used blocks" leaves out what the
    file keeps free for later. Postgres: all months with their indexes over the bare table, without an index.
    """
    held = filled.duckdb(context)
    held.store.sort(force=True)
    ours, other = held.store._connection, held.bare.connection
    for connection in (ours, other):
        connection.execute("CHECKPOINT")
    yield _line("bytes_per_row duckdb, file", _file(ours), _file(other), held.rows, _FLOOR)
    yield _line("bytes_per_row duckdb, used blocks", _used(ours), _used(other), held.rows, _FLOOR)
    server = filled.postgres(context)
    size = "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('observations')"
    whole = int(server.bare.execute(size.encode()).fetchone()[0])
    table = int(server.bare.execute(b"SELECT pg_table_size('bare')").fetchone()[0])
    both = int(server.bare.execute(b"SELECT pg_total_relation_size('bare')").fetchone()[0])
    yield _line("bytes_per_row postgres", whole, table, server.rows, _FLOOR)
    yield _line("bytes_per_row postgres, bare with btree", whole, both, server.rows, None)


def _line(name: str, ours: float, other: float, rows: int, floor: str | None) -> Line:
    return Line(
        name, f"{ours / rows:.2f} B", f"{other / rows:.2f} B", ours / other, floor, f"{rows:,} rows"
    )


def _file(connection: Any) -> int:
    query = "SELECT path FROM duckdb_databases() WHERE NOT internal"
    ((path,),) = connection.execute(query).fetchall()
    return Path(path).stat().st_size


def _used(connection: Any) -> int:
    query = "SELECT block_size * used_blocks FROM pragma_database_size()"
    return int(connection.execute(query).fetchall()[0][0])
