"""Connections to the server, kept for the next call, and the server's errors in our words."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

import psycopg
from psycopg import IsolationLevel, errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from carbon254.core.domain.errors import DiskFull, SettingsInvalid, StoreBusy, StoreUnavailable

_KEPT: Final = 8  # connections that wait for the next call; more are opened when more threads ask
_BUSY: Final = (
    errors.LockNotAvailable,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.TooManyConnections,
)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise the server's errors as `StoreBusy`, `DiskFull` or `StoreUnavailable`."""
    try:
        yield
    except _BUSY as error:
        raise StoreBusy(f"{where} is busy ({_first(error)}); try again.") from None
    except errors.DiskFull as error:
        raise DiskFull(
            f"no space left at {where} ({_first(error)}); free some and run the same again."
        ) from None
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise StoreUnavailable(
            f"{where} does not answer ({_first(error)}); see that it is up, then run the same again."
        ) from None
    except psycopg.Error as error:
        raise StoreUnavailable(f"{where} refused what we asked ({_first(error)}).") from None


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


class Connections:
    """Opens connections and keeps a few; one that the server has closed meanwhile is not handed out again.

    ``defaults`` are parameters of libpq that the address may set otherwise. ``plan_once``: the server plans a statement
    once a connection, not for the values of each question, and follows an index instead of noting places first.
    """

    def __init__(
        self,
        dsn: str,
        schema: str,
        *,
        plan_once: bool = False,
        defaults: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        try:
            given = conninfo_to_dict(dsn)
        except psycopg.ProgrammingError:  # its text would repeat the address, password and all
            raise SettingsInvalid(
                "the database's address is not in the form postgresql://user@host/name."
            ) from None
        settings: dict[str, Any] = {
            "connect_timeout": "10",
            "application_name": "carbon254",
            **defaults,
        } | given
        self._conninfo = make_conninfo(**settings)
        self._schema = schema
        self._plans = (
            "SET plan_cache_mode TO force_generic_plan; SET enable_bitmapscan TO off"
            if plan_once
            else ""
        )
        self.where = f"Postgres {given.get('host', 'on this machine')}/{given.get('dbname', '')}"
        self._idle: list[psycopg.Connection[Any]] = []
        self._lock = threading.Lock()

    def open(self) -> psycopg.Connection[Any]:
        """A new connection of the caller's own."""
        connection = psycopg.connect(self._conninfo, autocommit=True)
        connection.isolation_level = IsolationLevel.READ_COMMITTED
        connection.execute(
            f"SET search_path TO {self._schema}; SET TimeZone TO 'UTC'; SET client_min_messages TO warning; "
            "SET jit TO off; "  # compiling costs more than any of our queries
            f"{self._plans}".encode()
        )
        return connection

    @contextmanager
    def borrow(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection for one call, outside any transaction. Raises as `translated`."""
        with translated(self.where):
            connection = self._waiting() or self.open()
            try:
                yield connection
            finally:
                self._give_back(connection)

    def _waiting(self) -> psycopg.Connection[Any] | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if not _spoken_to(connection):
                return connection
            connection.close()

    def _give_back(self, connection: psycopg.Connection[Any]) -> None:
        usable = (
            not connection.closed and connection.info.transaction_status == TransactionStatus.IDLE
        )
        if usable:
            with self._lock:
                if len(self._idle) < _KEPT:
                    self._idle.append(connection)
                    return
        connection.close()

    def close(self) -> None:
        """Close those that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def _spoken_to(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server has said something unasked: usually that it is going down."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
