"""Claims on the outbox, held by a connection of their own.

A claim is a row lock: other relays skip it, and it ends with `done`, or when the relay dies and its connection with
it. A relay that hangs loses its claims after ten minutes. Consumers expect repeats.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any, Final

from psycopg import Connection
from psycopg.pq import TransactionStatus

from carbon254.adapters.postgres.batches import aware
from carbon254.adapters.postgres.connections import Connections, translated
from carbon254.ports.storage import OutboxMessage

_PATIENCE: Final = "10min"


class Relay:
    """One relay's side of the outbox."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._connection: Connection[Any] | None = None
        self._lock = threading.Lock()

    def claim(self, limit: int) -> Sequence[OutboxMessage]:
        """Messages that no other relay has claimed, oldest first, those claimed before among them."""
        with self._lock, translated(self._connections.where):
            connection = self._open()
            if connection.info.transaction_status == TransactionStatus.IDLE:
                connection.execute("BEGIN")
                connection.execute(
                    f"SET LOCAL idle_in_transaction_session_timeout TO '{_PATIENCE}'".encode()
                )
            rows = connection.execute(
                "SELECT id, topic, body, recorded_at FROM outbox ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
                [limit],
            ).fetchall()
            if not rows:
                connection.execute("COMMIT")
            return [
                OutboxMessage(number, topic, body, aware(at)) for number, topic, body, at in rows
            ]

    def done(self, ids: Iterable[int]) -> None:
        """Take messages out for good. Lets go of everything claimed: mark all of a claim in one call."""
        with self._lock, translated(self._connections.where):
            connection = self._open()
            connection.execute("DELETE FROM outbox WHERE id = ANY(%s)", [list(ids)])
            if connection.info.transaction_status == TransactionStatus.INTRANS:
                connection.execute("COMMIT")

    def _open(self) -> Connection[Any]:
        """The relay's connection; a new one when it broke, and with it the claim."""
        if self._connection is not None and self._connection.info.transaction_status in (
            TransactionStatus.IDLE,
            TransactionStatus.INTRANS,
        ):
            return self._connection
        self.close()
        self._connection = self._connections.open()
        return self._connection

    def close(self) -> None:
        """Let go of every claim."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
