"""The other side of storage: the databases used bare, with the columns that our tables have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import psycopg
import pyarrow as pa

from carbon254.adapters.duckdb import schema as duck
from carbon254.adapters.postgres import binary
from carbon254.adapters.postgres import schema as pg
from carbon254.core.domain.observations import Observations

KEY: Final = ("series", "interval_start", "interval_end", "issued_at", "recorded_at")
SORTED: Final = "series, interval_start, recorded_at"
_EPOCH: Final = np.datetime64(0, "us")


class BareDuckDb:
    """A DuckDB file with one table, opened as our store opens its own."""

    def __init__(self, path: Path, *, memory_limit: str = "512MB") -> None:
        self.connection = duckdb.connect(
            str(path), config={"memory_limit": memory_limit, "threads": 2}
        )

    def make(self, name: str, key: Sequence[str] = ()) -> None:
        """A table of the columns of ``observations``."""
        columns = ", ".join(f"{column} {kind}" for column, kind in duck.COLUMNS)
        unique = f", PRIMARY KEY ({', '.join(key)})" if key else ""
        self.connection.execute(f"CREATE TABLE {name} ({columns}{unique})")

    @staticmethod
    def prepared(rows: Observations) -> pa.Table:
        """The rows as the table takes them; a primary key allows no NULL, so an absent issue is the epoch."""
        columns = {name: rows.column(name) for name in rows.column_names()} | {"series": rows.code}
        columns["issued_at"] = np.full(len(rows), _EPOCH)
        return pa.table({name: columns[name] for name, _ in duck.COLUMNS})

    def upsert(self, name: str, table: pa.Table) -> None:
        """Insert or replace all rows, committed."""
        self._put("INSERT OR REPLACE INTO", name, table)

    def insert(self, name: str, table: pa.Table) -> None:
        """Insert all rows, committed."""
        self._put("INSERT INTO", name, table)

    def _put(self, verb: str, name: str, table: pa.Table) -> None:
        self.connection.register("incoming", table)
        self.connection.execute(f"{verb} {name} SELECT {duck.NAMES} FROM incoming")
        self.connection.unregister("incoming")

    def close(self) -> None:
        self.connection.close()


_SENT: Final = {
    "timestamp": ("timestamp_send", ">i8"), "float8": ("float8send", ">f8"), "int8": ("int8send", ">i8"),
    "int4": ("int4send", ">i4"), "int2": ("int2send", ">i2"),
}  # fmt: skip
GLUED: Final = " || ".join(f"{_SENT[kind][0]}({name})" for name, kind in pg.COLUMNS)
GLUED_ROW: Final = np.dtype([(name, _SENT[kind][1]) for name, kind in pg.COLUMNS])


class BarePostgres:
    """Tables in a schema of their own, on the server that our store uses."""

    def __init__(self, dsn: str, schema: str) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)
        self._do(f"CREATE SCHEMA {schema}")
        self._do(f"SET search_path TO {schema}")

    def _do(self, query: str) -> None:
        self.connection.execute(query.encode())

    def make(self, name: str, key: Sequence[str] = ()) -> None:
        """A table of the columns of ``observations``, and one to copy into first."""
        columns = ", ".join(f"{column} {kind} NOT NULL" for column, kind in pg.COLUMNS)
        unique = f", PRIMARY KEY ({', '.join(key)})" if key else ""
        self._do(f"CREATE TABLE {name} ({columns}{unique})")
        self._do(f"CREATE TEMP TABLE staging_{name} ({columns}) ON COMMIT DELETE ROWS")

    @staticmethod
    def prepared(rows: Observations) -> bytes:
        """The rows as binary COPY takes them."""
        packed = b"".join(binary.pack(rows, rows.code, rows.batch))
        return binary.HEAD + packed + binary.TAIL

    def upsert(self, name: str, block: bytes) -> None:
        """COPY to the staging table, then INSERT … ON CONFLICT, in one transaction."""
        new = ", ".join(f"{one} = excluded.{one}" for one, _ in pg.COLUMNS if one not in KEY)
        with self.connection.transaction():
            self.insert(f"staging_{name}", block)
            self._do(
                f"INSERT INTO {name} SELECT {pg.NAMES} FROM staging_{name} "
                f"ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {new}"
            )

    def insert(self, name: str, block: bytes) -> None:
        """COPY all rows."""
        query = f"COPY {name} ({pg.NAMES}) FROM STDIN (FORMAT binary)"
        with self.connection.cursor().copy(query.encode()) as copy:
            copy.write(block)

    def close(self) -> None:
        self.connection.close()
