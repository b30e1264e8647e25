"""The record store of a server: Postgres, its tables made and changed by alembic migrations."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Connection, Engine

from carbon254.adapters.sqlmodel.engines import WRITES, begin_with, translated
from carbon254.adapters.sqlmodel.store import SqlRecordStore
from carbon254.core.domain.errors import SettingsInvalid

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")


class PostgresRecordStore(SqlRecordStore):
    """Records in a schema of a database; any number of processes may use it.

    The schema is brought up to date when the store opens, by one process at a time. A writer that waits longer
    than ``patience`` seconds for another raises `StoreBusy`.
    """

    def __init__(self, dsn: str, *, schema: str = "carbon254", patience: float = 10.0) -> None:
        if not _NAME.fullmatch(schema):
            raise SettingsInvalid(
                f"database schema '{schema}': use a-z, 0-9 and '_', at most 40, no digit first."
            )
        settings = _settings(dsn)
        where = f"Postgres {settings.get('host', 'on this machine')}/{settings.get('dbname', '')}"
        engine = _engine(settings, schema, patience)
        try:
            with (
                translated(where),
                engine.execution_options(**{WRITES: True}).begin() as connection,
            ):
                connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
                upgrade(connection)
        except BaseException:
            engine.dispose()
            raise
        super().__init__(engine, where)


def _settings(dsn: str) -> dict[str, Any]:
    try:
        return {"connect_timeout": "10", "application_name": "carbon254"} | conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:  # its text would repeat the address, password and all
        raise SettingsInvalid(
            "the database's address is not in the form postgresql://user@host/name."
        ) from None


def _engine(settings: dict[str, Any], schema: str, patience: float) -> Engine:
    conninfo = make_conninfo(**settings)

    def connect() -> psycopg.Connection[Any]:
        connection = psycopg.connect(conninfo, autocommit=True)
        connection.execute(f"SET search_path TO {schema}; SET TimeZone TO 'UTC'".encode())
        connection.execute(f"SET lock_timeout TO {max(1, round(patience * 1000))}".encode())
        connection.autocommit = False
        return connection

    engine = sa.create_engine("postgresql+psycopg://", creator=connect, pool_pre_ping=True)
    begin_with(engine, None, f"SELECT pg_advisory_xact_lock({_lock_key(schema)})")
    return engine


def _lock_key(schema: str) -> int:
    """The number of the advisory lock that writers of records hold; the series store has another."""
    return int.from_bytes(
        hashlib.sha256(f"carbon254 records {schema}".encode()).digest()[:8], "big", signed=True
    )


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations that are missing, within the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    command.upgrade(config, revision)
