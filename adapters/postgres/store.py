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
        if len(selection.series) == 1 and not selection.patterns:
            with self._planned.borrow() as connection:
                if (found := self._read_one(connection, question)) is not None:
                    return found
        with self._connections.borrow() as connection:
            status = writing.status(connection)
            until = _until(selection, status.last)
            if until is None:
                return Observations.empty()
            book = self._names.at(status.lengths)
            wanted = book.match(connection, selection.series, selection.patterns, question.scope)
            if not wanted:
                return Observations.empty()
            past = until if until != status.last else None
            columns = reading.rows(connection, *reading.condition(selection, wanted, past))
            columns = reading.within(columns, selection, until)
            return reading.observations(connection, book, self._batches, columns)

    def _read_one(
        self, connection: Connection[Any], question: Permitted[Selection]
    ) -> Observations | None:
        """The rows of one series, asked for at once with where the store stands; None where it is not known."""
        selection, book = question.value, self._names.book
        while wanted := book.match(connection, selection.series, (), question.scope):
            condition = reading.condition(selection, wanted, selection.as_of)
            columns, last, lengths = reading.rows_and_stand(connection, wanted[0], *condition)
            if lengths != book.lengths:  # there may be longer intervals than we asked for
                book = self._names.at(lengths)
                continue
            if (until := _until(selection, last)) is None:
                return Observations.empty()
            columns = reading.within(columns, selection, until)
            return reading.observations(connection, book, self._batches, columns)
        return None

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


def _until(selection: Selection, last: datetime | None) -> datetime | None:
    """The last instant of recording that the question may see; None for a store without any."""
    if selection.as_of and (last is None or selection.as_of > last):
        told = format_instant(last) if last else "there is none"
        raise InvalidRequest(
            f"as of {format_instant(selection.as_of)} is later than the last commit ({told})."
        )
    return selection.as_of or last
