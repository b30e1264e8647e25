"""`SeriesStore` and `Outbox` on Postgres. Any number of processes may read and write; threads may share a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from carbon254.adapters.postgres import batches, reading, writing
from carbon254.adapters.postgres.batches import KnownBatches, aware
from carbon254.adapters.postgres.connections import Connections
from carbon254.adapters.postgres.names import Names
from carbon254.adapters.postgres.outbox import Relay
from carbon254.adapters.postgres.schema import check_name, lock_key, settle
from carbon254.adapters.postgres.writing import Status
from carbon254.core.domain.entitlements import Permitted, Selection
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Batch, Observations
from carbon254.core.domain.time import format_instant
from carbon254.ports.storage import OutboxMessage, Recorded, SeriesEntry


class PostgresSeriesStore:
    """The series store of a server.

    ``dsn`` is an address as libpq takes it. A writer that waits longer than ``patience`` seconds for another
    raises `StoreBusy`; a server that does not answer is `StoreUnavailable`, and is called anew the next time.
    """

    def __init__(self, dsn: str, *, schema: str = "carbon254", patience: float = 60.0) -> None:
        self._schema, self._patience = check_name(schema), patience
        self._connections = Connections(dsn, schema)
        # A year of a series lies in many months, and planning for all of them takes as long as reading a few.
        self._planned = Connections(dsn, schema, plan_once=True)
        self._relay = Relay(self._connections)
        self._names, self._batches = Names(), KnownBatches()
        self._seen: Status | None = None  # where the store once stood
        try:
            with self._connections.borrow() as connection:
                settle(connection, schema)
        except BaseException:
            self.close()
            raise

    def record(
        self,
        observations: Observations,
        *,
        now: datetime,
        mark: Callable[[datetime], None] | None = None,
    ) -> Recorded:
        with self._connections.borrow() as connection:
            with connection.transaction():
                writing.lock(connection, lock_key(self._schema), self._patience)
                if writing.is_recorded(connection, observations.batches[0]):
                    return Recorded(None)
                status = writing.status(connection)
                writer = writing.Writer(connection, status, self._batches)
                done, book = writer.write(self._names.at(status.lengths), observations, now, mark)
            self._names.keep(book)
            return done

    def read(self, question: Permitted[Selection]) -> Observations:
        selection = question.value
        one = len(selection.series) == 1 and not selection.patterns
        with (self._planned if one else self._connections).borrow() as connection:
            status = self._status(connection, selection.as_of)
            until = selection.as_of or status.last
            if until is None:
                return Observations.empty()
            if status.last is None or until > status.last:
                last = format_instant(status.last) if status.last else "there is none"
                raise InvalidRequest(
                    f"as of {format_instant(until)} is later than the last commit ({last})."
                )
            book = self._names.at(status.lengths)
            wanted = book.match(connection, selection.series, selection.patterns, question.scope)
            if not wanted:
                return Observations.empty()
            past = until if until != status.last else None
            condition = reading.condition(selection, wanted, past)
            found = reading.rows(connection, *condition, prepare=one)
            columns = reading.within(found, selection, until)
            return reading.observations(connection, book, self._batches, columns)

    def _status(self, connection: Connection[Any], as_of: datetime | None) -> Status:
        """Where the store stands; for a question about the past, where it stood at that time or later."""
        seen = self._seen
        if as_of is None or seen is None or seen.last is None or as_of > seen.last:
            seen = self._seen = writing.status(connection)
        return seen

    def find(self, question: Permitted[Selection]) -> Sequence[SeriesEntry]:
        selection = question.value
        with self._connections.borrow() as connection:
            book = self._names.at(writing.status(connection).lengths)
            wanted = book.match(connection, selection.series, selection.patterns, question.scope)
            rows = connection.execute(
                "SELECT series, min(interval_start), max(interval_end), count(*), max(recorded_at) FROM observations "
                "WHERE series = ANY(%s) GROUP BY series",
                [[one.code for one in wanted]],
            ).fetchall()
        entries = [
            SeriesEntry(
                book.coded[code].series,
                book.coded[code].unit,
                aware(first),
                aware(last),
                count,
                aware(at),
            )
            for code, first, last, count, at in rows
        ]
        return sorted(entries, key=lambda entry: entry.series)

    def batches(self, keys: Iterable[str] = ()) -> Sequence[Batch]:
        with self._connections.borrow() as connection:
            return [stored.batch for stored in batches.of_receipts(connection, list(keys))]

    def last_recorded(self) -> datetime | None:
        with self._connections.borrow() as connection:
            return writing.status(connection).last

    def claim(self, limit: int) -> Sequence[OutboxMessage]:
        return self._relay.claim(limit)

    def done(self, ids: Iterable[int]) -> None:
        self._relay.done(ids)

    def close(self) -> None:
        self._relay.close()
        self._planned.close()
        self._connections.close()
