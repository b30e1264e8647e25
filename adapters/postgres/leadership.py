"""`Leadership` by an advisory lock of Postgres, held by a connection of its own: who loses it leads no more."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import psycopg

from carbon254.adapters.postgres.connections import Connections, translated
from carbon254.adapters.postgres.schema import check_name, lock_key

# A connection that the network cut is noticed by both sides within half a minute; the server then frees the lock.
_ALIVE = (
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; "
    "SET statement_timeout = '10s'"
)
_PATIENCE = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}


class PostgresLeadership:
    """One leader for each seat and schema of a database, whichever machine it runs on."""

    def __init__(self, dsn: str, *, schema: str = "carbon254", seat: str = "jobs") -> None:
        self._key = lock_key(f"{check_name(schema)} leader of {seat}")
        self._connections = Connections(dsn, schema, defaults=_PATIENCE)
        self._connection: psycopg.Connection[Any] | None = None
        self._guard = threading.Lock()

    def acquire(self) -> bool:
        with self._guard, translated(self._connections.where):
            if self._holds():
                return True
            connection = self._connections.open()
            try:
                connection.execute(_ALIVE.encode())
                row = connection.execute("SELECT pg_try_advisory_lock(%s)", [self._key]).fetchone()
            except BaseException:
                connection.close()
                raise
            if row is None or not row[0]:
                connection.close()
                return False
            self._connection = connection
            return True

    def held(self) -> bool:
        with self._guard:
            return self._holds()

    def _holds(self) -> bool:
        """Whether the connection still answers: the lock is as alive as it is."""
        if self._connection is None:
            return False
        try:
            self._connection.execute("SELECT 1")
        except psycopg.Error:
            self._drop()
            return False
        return True

    def release(self) -> None:
        with self._guard:
            # The server may notice only a while later that a connection is closed.
            if self._connection is not None:
                with suppress(psycopg.Error):
                    self._connection.execute("SELECT pg_advisory_unlock(%s)", [self._key])
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
