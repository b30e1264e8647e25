"""A store's file written anew: every table copied, the rows sorted, then put in the place of the old file.

DuckDB gives no room back: rows that were sorted into a table of the same file would leave their old room free in it
for ever, two thirds of the file. A copy has none, and a kill at any point leaves one whole file under the name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from carbon254.adapters.duckdb import schema

_TABLES = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database()"
_ROWS = ("observations", "tail")


def unfinished(path: Path) -> Path:
    """Where the copy of a store's file is written."""
    return path.with_name(path.name + ".unfinished")


def discard(path: Path) -> None:
    """Remove what is left of a copy that was not finished."""
    for name in (unfinished(path), _log(unfinished(path))):
        name.unlink(missing_ok=True)


def write(cursor: Any, path: Path) -> None:
    """Write the cursor's database to the copy of ``path``, all rows sorted; nobody may write meanwhile.

    Raises `duckdb.Error`, also when the disk is full.
    """
    ((ours,),) = cursor.execute("SELECT current_database()").fetchall()
    place = str(unfinished(path)).replace("'", "''")
    cursor.execute(f"ATTACH '{place}' AS fresh")
    try:
        cursor.execute(f'COPY FROM DATABASE "{ours}" TO fresh (SCHEMA)')
        others = [name for (name,) in cursor.execute(_TABLES).fetchall() if name not in _ROWS]
        for table in others:
            cursor.execute(f"INSERT INTO fresh.{table} SELECT * FROM {table}")  # noqa: S608 - our own names
        cursor.execute(
            f"INSERT INTO fresh.observations SELECT {schema.NAMES} FROM "  # noqa: S608 - our own names
            "(SELECT * FROM observations UNION ALL SELECT * FROM tail) "
            "ORDER BY series, interval_start, recorded_at"
        )
        cursor.execute("CHECKPOINT fresh")
    finally:
        cursor.execute("DETACH fresh")


def take_place(path: Path) -> bool:
    """Put the copy in the place of ``path``, which nobody may hold open; whether it was done.

    It is not done where the database could not end its log, which belongs to the old file and would be read into the
    new one. Raises `OSError`.
    """
    if _log(path).exists():
        return False
    _sync(unfinished(path))
    unfinished(path).replace(path)
    _sync(path.parent)
    return True


def _log(path: Path) -> Path:
    """DuckDB's write-ahead log of a file."""
    return path.with_name(path.name + ".wal")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
