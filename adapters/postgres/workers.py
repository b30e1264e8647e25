"""`Workers` on a shared database: each holds an advisory lock, which the server frees when the process has died."""

from __future__ import annotations

import secrets

from carbon254.adapters.postgres.leadership import PostgresLeadership


class PostgresWorkers:
    """Processes on one schema of a database, whichever machines they run on.

    Whose connection was cut is seen as dead until it joins again, which it does with every step of its work.
    """

    def __init__(self, dsn: str, *, schema: str = "carbon254") -> None:
        self._dsn, self._schema = dsn, schema
        self._name = secrets.token_hex(8)
        self._seat = self._of(self._name)

    def _of(self, name: str) -> PostgresLeadership:
        return PostgresLeadership(self._dsn, schema=self._schema, seat=f"worker {name}")

    def join(self) -> str:
        self._seat.acquire()
        return self._name

    def lives(self, name: str) -> bool:
        if name == self._name:
            return True
        seat = self._of(name)
        empty = seat.acquire()
        seat.release()
        return not empty

    def close(self) -> None:
        self._seat.release()
