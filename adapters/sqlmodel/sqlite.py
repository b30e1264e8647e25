"""The record store of the embedded default: one SQLite file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, event
from sqlmodel import create_engine

from carbon254.adapters.sqlmodel.engines import WRITES, begin_with, translated
from carbon254.adapters.sqlmodel.store import SqlRecordStore
from carbon254.adapters.sqlmodel.tables import METADATA
from carbon254.core.domain.errors import StoreUnavailable

VERSION: Final = 1


class SqliteRecordStore(SqlRecordStore):
    """Records in a file; a second process waits ``patience`` seconds for its turn to write, then `StoreBusy`."""

    def __init__(self, path: Path, *, patience: float = 10.0) -> None:
        where = str(path)
        engine = _engine(path, patience)
        try:
            with translated(where):
                make_folder(path)
                with engine.execution_options(**{WRITES: True}).begin() as connection:
                    _settle(connection, where)
        except BaseException:
            engine.dispose()
            raise
        super().__init__(engine, where)


def make_folder(path: Path) -> None:
    """Make the folder of a file. Raises `StoreUnavailable`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"{path.parent} cannot be made ({error.strerror}).") from None


def _engine(path: Path, patience: float) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": patience})

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver would begin transactions when it sees fit
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    begin_with(engine, "BEGIN", "BEGIN IMMEDIATE")
    return engine


def _settle(connection: Connection, where: str) -> None:
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > VERSION:
        raise StoreUnavailable(
            f"{where} was written by a newer 254Carbon (schema {version}); upgrade to read it."
        )
    METADATA.create_all(connection)
    connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
