"""One batch into Postgres, in one transaction.

The merge is done in numpy (`ports.recording.plan`), so what comes out of it is known to be new: it is copied
straight into the partitions. A staging table and a second merge in SQL would write every row twice for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
from attrs import frozen
from psycopg import Connection

from carbon254.adapters.postgres import batches, binary, names, schema
from carbon254.adapters.postgres.batches import KnownBatches, aware, plain
from carbon254.adapters.postgres.names import Book
from carbon254.adapters.postgres.shelf import PostgresShelf
from carbon254.core.domain.events import ObservationsRecorded
from carbon254.core.domain.events import recorded as recorded_event
from carbon254.core.domain.observations import Batch, Observations
from carbon254.ports import recording
from carbon254.ports.storage import Recorded


@frozen
class Status:
    """Where the store stands: last commit, its batch, nature, state of the lengths (`names.Book`)."""

    last: datetime | None
    batch: int
    nature: str | None
    lengths: int


def status(connection: Connection[Any]) -> Status:
    """Read where the store stands."""
    row = connection.execute(
        "SELECT (SELECT recorded_at FROM batches ORDER BY id DESC LIMIT 1), "
        "(SELECT coalesce(max(id), -1) FROM batches), "
        "(SELECT value FROM meta WHERE name = 'nature'), (SELECT value::int8 FROM meta WHERE name = 'lengths')"
    ).fetchone()
    assert row is not None
    last, batch, nature, lengths = row
    return Status(last and aware(last), batch, nature, lengths)


def lock(connection: Connection[Any], key: int, patience: float) -> None:
    """Become the only writer until the end of the transaction; what is read afterwards is the last commit's."""
    connection.execute(
        "SELECT set_config('lock_timeout', %s, true)", [f"{max(1, round(patience * 1000))}ms"]
    )
    connection.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def is_recorded(connection: Connection[Any], batch: Batch) -> bool:
    """Whether the batch has been recorded before."""
    query = "SELECT 1 FROM batches WHERE market = %s AND dataset = %s AND receipt = %s AND parser_version = %s"
    return connection.execute(query, batch.key).fetchone() is not None


@frozen(eq=False)
class Writer:
    """Writes one batch within a transaction that holds the writer's lock."""

    connection: Connection[Any]
    status: Status
    known: KnownBatches

    def write(
        self,
        book: Book,
        observations: Observations,
        now: datetime,
        mark: Callable[[datetime], None] | None,
    ) -> tuple[Recorded, Book]:
        """Merge, mark and write; returns what was done, and the book to go on with after the commit."""
        batch = observations.batches[0]
        nature = recording.check_nature(self.status.nature, batch)
        book = names.assign(self.connection, book, observations)
        shelf = PostgresShelf(self.connection, book, self.known, observations)
        merged = recording.plan(shelf, observations)
        at = recording.next_instant(now, self.status.last)
        if mark:
            mark(at)
        number = self.status.batch + 1
        rows = recording.stamped(merged.rows, at)
        batches.insert(self.connection, number, observations, rows, at)
        numbers = [number if b == batch else shelf.number(b) for b in rows.batches]
        self._copy(book, rows, np.array(numbers, dtype=np.int32))
        shelf.write_restatements(number, merged.restatements, at)
        if self.status.nature is None:
            self.connection.execute("INSERT INTO meta VALUES ('nature', %s)", [nature])
        self.announce(recorded_event(batch, rows, at))
        done = Recorded(
            at, merged.new, merged.revised, merged.unchanged, merged.retracted, merged.superseded
        )
        return done, book

    def _copy(self, book: Book, rows: Observations, numbers: np.ndarray[Any, Any]) -> None:
        if not len(rows):
            return
        for month in np.unique(rows.interval_start.astype("M8[M]")):
            schema.create_month(self.connection, month)
        book.load(self.connection, rows.series)
        codes = book.codes(rows.series)
        query = f"COPY observations ({schema.NAMES}) FROM STDIN (FORMAT binary)"
        with self.connection.cursor().copy(query.encode()) as copy:
            copy.write(binary.HEAD)
            for piece in binary.pack(rows, codes[rows.code], numbers[rows.batch]):
                copy.write(piece)
            copy.write(binary.TAIL)

    def announce(self, event: ObservationsRecorded) -> None:
        """Put the event into the outbox."""
        body = json.dumps(event.facts()).encode()
        query = "INSERT INTO outbox (topic, body, recorded_at) VALUES (%s, %s, %s)"
        self.connection.execute(query, [event.topic, body, plain(event.recorded_at)])
