"""What both databases share: transactions that write are alone, and errors are ours."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from carbon254.core.domain.errors import DiskFull, StoreBusy, StoreUnavailable

_HELPERS: Final = 1 << 16  # bytes; a helper file that cannot grow is no SQLITE_FULL
WRITES: Final = "carbon254_writes"
_BUSY: Final = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.TooManyConnections,
)
_BUSY_CODES: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def begin_with(engine: Engine, reading: str | None, writing: str) -> None:
    """Say which statement begins a transaction that reads, and one that writes (``execution_options``)."""

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        statement = writing if connection.get_execution_options().get(WRITES) else reading
        if statement:
            connection.exec_driver_sql(statement)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise the database's errors as `StoreBusy`, `DiskFull` or `StoreUnavailable`."""
    try:
        yield
    except SQLAlchemyError as error:
        raise _ours(where, error) from None
    except (psycopg.Error, sqlite3.Error) as error:
        raise _ours(where, error) from None


def _ours(where: str, error: Exception) -> StoreBusy | DiskFull | StoreUnavailable:
    cause: Any = error.orig if isinstance(error, DBAPIError) and error.orig else error
    text = (str(cause).splitlines() or [type(cause).__name__])[0]
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the rest tells which kind of busy
    if isinstance(cause, _BUSY) or code in _BUSY_CODES:
        return StoreBusy(f"{where} is busy ({text}); try again.")
    full = code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(where))
    if isinstance(cause, psycopg.errors.DiskFull) or full:
        return DiskFull(f"no space left for {where} ({text}); free some and run the same again.")
    return StoreUnavailable(f"{where} cannot be used ({text}).")


def _is_full(where: str) -> bool:
    """Whether the file's disk has no room left for the database's own helper files."""
    try:
        disk = os.statvfs(Path(where).parent)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _HELPERS
