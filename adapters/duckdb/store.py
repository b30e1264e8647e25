"""`SeriesStore` and `Outbox` on one DuckDB file.

Rows arrive in ``tail``; `DuckDbSeriesStore.sort` merges it into ``observations``, kept in the physical order
(series, interval_start, recorded_at) that decides how fast a series is read, in a file that takes the place of the
old one. Writers are serialised; a reader has a cursor to itself; results are finished before the next statement.
"""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from carbon254.adapters.duckdb import rewriting, schema
from carbon254.adapters.duckdb.gate import Gate
from carbon254.adapters.duckdb.rows import from_columns, from_result, to_arrow
from carbon254.adapters.duckdb.shelf import DuckDbShelf
from carbon254.adapters.duckdb.shelf_batches import is_closed, read_batches, runs_of
from carbon254.core.domain.entitlements import Permitted, Selection
from carbon254.core.domain.errors import (
    DiskFull,
    InvalidRequest,
    StoreBusy,
    StoreUnavailable,
)
from carbon254.core.domain.events import recorded as recorded_event
from carbon254.core.domain.observations import Batch, Observations
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import format_instant
from carbon254.ports import recording
from carbon254.ports.storage import OutboxMessage, Recorded, SeriesEntry

_TAIL_SHARE = 4  # the tail is merged when it has grown to a quarter of the sorted part
_TAIL_ROWS = 100_000


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        text = str(error)
        if "lock" in text.lower() and "Could not set lock" in text:
            raise StoreBusy(
                f"{path} is in use by another process; end it or use another --data."
            ) from None
        if "No space left" in text or "Not enough space" in text:
            raise DiskFull(f"no space left for {path}; free some and run the same again.") from None
        raise StoreUnavailable(f"{path}: {text.splitlines()[0]}") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"no space left for {path}; free some and run the same again.") from None
        raise StoreUnavailable(f"{path}: {error.strerror or error}.") from None


class DuckDbSeriesStore:
    """The embedded series store; owns its file until `close`."""

    def __init__(self, path: Path, *, memory_limit: str = "512MB", threads: int = 2) -> None:
        self._path = path
        self._config: dict[str, Any] = {"memory_limit": memory_limit, "threads": threads}
        self._lock, self._gate = threading.RLock(), Gate()
        self._idle: list[Any] = []  # cursors that wait for the next reader
        self._codes: dict[SeriesId, tuple[int, str, int]] = {}
        self._batches: dict[int, Batch] = {}  # by number; they never change
        with _translated(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
            rewriting.discard(path)  # not before: the file's lock shows that nobody else writes it

    def _open(self) -> None:
        self._connection = duckdb.connect(str(self._path), config=self._config)
        try:
            self._settle()
        except BaseException:
            self._connection.close()
            raise

    def _settle(self) -> None:
        """Make the tables where there are none, and read where the store stands."""
        self._connection.execute(schema.TABLES)
        self._check_version()
        self._last = self._read_last()
        self._tail_rows = self._count("tail")

    def _check_version(self) -> None:
        known = self._meta("schema_version")
        if known is None:
            self._connection.execute(
                "INSERT INTO meta VALUES ('schema_version', ?)", [str(schema.VERSION)]
            )
        elif int(known) > schema.VERSION:
            raise StoreUnavailable(
                f"{self._path} was written by a newer 254Carbon (schema {known}); upgrade to read it."
            )

    def _meta(self, name: str) -> str | None:
        rows = self._connection.execute("SELECT value FROM meta WHERE name = ?", [name]).fetchall()
        return str(rows[0][0]) if rows else None

    def _count(self, table: str) -> int:
        return int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])  # noqa: S608 - our own names

    def _read_last(self) -> datetime | None:
        ((last,),) = self._connection.execute("SELECT max(recorded_at) FROM batches").fetchall()
        return None if last is None else _aware(last)

    def close(self) -> None:
        with self._lock, self._gate.alone():
            self._shut()

    def _shut(self) -> None:
        """Close the file; nobody may read."""
        for cursor in self._idle:
            cursor.close()
        self._idle.clear()
        self._connection.close()

    def last_recorded(self) -> datetime | None:
        return self._last

    # -- writing -----------------------------------------------------------------------------------------

    def record(
        self,
        observations: Observations,
        *,
        now: datetime,
        mark: Callable[[datetime], None] | None = None,
    ) -> Recorded:
        batch = observations.batches[0]
        with self._lock, _translated(self._path), self._connection.cursor() as cursor:
            if self._is_recorded(cursor, batch):
                return Recorded(None)
            nature = recording.check_nature(self._meta("nature"), batch)
            cursor.execute("BEGIN")
            try:
                done = self._write(cursor, observations, nature, now, mark)
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                self._codes.clear()
                self._batches.clear()
                raise
            self._tail_rows += (
                done.written
            )  # before the instant: who may ask for it must see its rows
            self._last = done.recorded_at
            return done

    def _write(
        self,
        cursor: Any,
        observations: Observations,
        nature: str,
        now: datetime,
        mark: Callable[[datetime], None] | None,
    ) -> Recorded:
        batch = observations.batches[0]
        codes = self._assign_codes(cursor, observations)
        shelf = DuckDbShelf(cursor, self._codes, self._batches, observations)
        merged = recording.plan(shelf, observations)
        at = recording.next_instant(now, self._last)
        if mark:
            mark(at)
        number = self._next_id(cursor, "batches", "id")
        numbers = [number if b == batch else shelf.number(b) for b in merged.rows.batches]
        table = to_arrow(
            recording.stamped(merged.rows, at),
            self._codes_of(cursor, merged.rows, observations, codes),
            numbers,
        )
        cursor.register("incoming", table)
        cursor.execute(f"INSERT INTO tail SELECT {schema.NAMES} FROM incoming")  # noqa: S608 - our own names
        cursor.unregister("incoming")
        self._write_batch(cursor, number, observations, at, merged.rows)
        for one in merged.restatements:
            shelf.write_restatement(number, one, at)
        event = recorded_event(batch, merged.rows, at)
        cursor.execute(
            "INSERT INTO outbox (topic, body, recorded_at) VALUES (?, ?, ?)",
            [event.topic, json.dumps(event.facts()).encode(), _plain(at)],
        )
        cursor.execute("INSERT OR IGNORE INTO meta VALUES ('nature', ?)", [nature])
        return Recorded(
            at, merged.new, merged.revised, merged.unchanged, merged.retracted, merged.superseded
        )

    def _is_recorded(self, cursor: Any, batch: Batch) -> bool:
        query = "SELECT 1 FROM batches WHERE market = ? AND dataset = ? AND receipt = ? AND parser_version = ?"
        return bool(cursor.execute(query, list(batch.key)).fetchall())

    def _next_id(self, cursor: Any, table: str, column: str) -> int:
        query = f"SELECT coalesce(max({column}), -1) + 1 FROM {table}"  # noqa: S608 - our own names
        return int(cursor.execute(query).fetchall()[0][0])

    def _assign_codes(self, cursor: Any, observations: Observations) -> np.ndarray[Any, Any]:
        """Codes of the series, new ones given; the longest interval of each is kept for reading overlaps."""
        self._load_codes(cursor, observations.series)
        longest = recording.longest(observations)
        fresh: list[tuple[int, str, SeriesId, str, int]] = []
        grown: list[tuple[int, int]] = []
        codes = np.empty(len(observations.series), dtype=np.int32)
        free = self._next_id(cursor, "series", "code")
        for place, (series, unit) in enumerate(
            zip(observations.series, observations.units, strict=True)
        ):
            known = self._codes.get(series)
            length = int(longest[place])
            if known is None:
                known = (free + len(fresh), unit, length)
                fresh.append((known[0], str(series), series, unit, length))
            recording.check_unit(series, unit, known[1])
            if length > known[2]:
                grown.append((length, known[0]))
                known = (known[0], unit, length)
            self._codes[series] = known
            codes[place] = known[0]
        if fresh:
            self._insert_series(cursor, fresh)
        if grown:
            cursor.executemany("UPDATE series SET longest = ? WHERE code = ?", grown)
        return codes

    def _insert_series(self, cursor: Any, fresh: list[tuple[int, str, SeriesId, str, int]]) -> None:
        parts = {
            name: [getattr(one[2], name) for one in fresh]
            for name in ("market", "run", "measure", "kind", "location")
        }
        table = pa.table(
            {
                "code": pa.array([one[0] for one in fresh], pa.int32()),
                "id": [one[1] for one in fresh],
                **parts,
                "unit": [one[3] for one in fresh],
                "longest": pa.array([one[4] for one in fresh], pa.int64()),
            }
        )
        cursor.register("fresh", table)
        cursor.execute("INSERT INTO series SELECT * FROM fresh")
        cursor.unregister("fresh")

    def _load_codes(self, cursor: Any, series: Iterable[SeriesId]) -> None:
        unknown = [one for one in series if one not in self._codes]
        if not unknown:
            return
        by_text = {str(one): one for one in unknown}
        query = "SELECT id, code, unit, longest FROM series"
        if len(by_text) == 1:  # a question about one series, which the index answers at once
            rows = cursor.execute(f"{query} WHERE id = ?", list(by_text)).fetchall()
        else:
            cursor.register("asked", pa.table({"id": list(by_text)}))
            rows = cursor.execute(f"{query} SEMI JOIN asked USING (id)").fetchall()
            cursor.unregister("asked")
        for text, code, unit, longest in rows:
            self._codes[by_text[text]] = (code, unit, longest)

    def _codes_of(
        self, cursor: Any, rows: Observations, observations: Observations, codes: Any
    ) -> Any:
        if rows.series is observations.series:
            return codes
        self._load_codes(cursor, rows.series)
        return np.array([self._codes[one][0] for one in rows.series], dtype=np.int32)

    def _write_batch(
        self, cursor: Any, number: int, observations: Observations, at: datetime, rows: Observations
    ) -> None:
        batch = observations.batches[0]
        low = high = None
        finality = rank = 0
        if len(observations):
            low, high = (moment.item() for moment in recording.span_of(observations))
            finality, rank = int(observations.finality.max()), int(observations.source_rank.max())
        covers = (
            (None, None)
            if batch.covers is None
            else (_plain(batch.covers.start), _plain(batch.covers.end))
        )
        cursor.execute(
            "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [number, *batch.key[:3], batch.digest, batch.parser_version, batch.document_name, _plain(batch.archived_at),
             batch.document_stamp and _plain(batch.document_stamp), *covers, batch.synthetic, low, high, finality,
             rank, len(rows), _plain(at), runs_of(observations, rows), is_closed(observations, rows)],
        )  # fmt: skip

    # -- reading -----------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        """A cursor on a file that stays while it is used, kept for the next reader."""
        with _translated(self._path), self._gate.inside():
            try:
                cursor = self._idle.pop()
            except IndexError:
                cursor = self._connection.cursor()
            try:
                yield cursor
            finally:
                self._idle.append(cursor)

    def read(self, question: Permitted[Selection]) -> Observations:
        selection = question.value
        if selection.as_of and (self._last is None or selection.as_of > self._last):
            raise InvalidRequest(
                f"as of {format_instant(selection.as_of)} is later than the last commit "
                f"({format_instant(self._last) if self._last else 'there is none'})."
            )
        with self._reading() as cursor:
            wanted = self._matching(cursor, question)
            if not wanted:
                return Observations.empty()
            longest = max(self._codes[one][2] for one in wanted)
            where, values = self._conditions(
                selection, [self._codes[one][0] for one in wanted], longest
            )
            columns = self._select(cursor, where, values)
            units = [self._codes[one][1] for one in wanted]
            codes = [self._codes[one][0] for one in wanted]
            return from_columns(cursor, columns, wanted, units, codes, self._batches)

    def _select(self, cursor: Any, where: str, values: list[Any]) -> dict[str, Any]:
        """Sorted rows and tail in one statement: between two of them, `sort` could move rows from one to the other."""
        tables = ["observations", "tail"] if self._tail_rows else ["observations"]
        parts = [f"SELECT {schema.NAMES} FROM {table} WHERE {where}" for table in tables]  # noqa: S608 - values are bound
        return from_result(cursor.execute(" UNION ALL ".join(parts), values * len(parts)))

    def _conditions(
        self, selection: Selection, codes: list[int], longest: int
    ) -> tuple[str, list[Any]]:
        one = len(codes) == 1
        conditions = ["series = ?" if one else "series IN (SELECT unnest(?::INTEGER[]))"]
        values: list[Any] = [codes[0] if one else codes]
        if selection.window:
            start = _plain(selection.window.start)
            conditions.append("interval_start >= ? AND interval_start < ?")
            values += [start - timedelta(microseconds=longest), _plain(selection.window.end)]
        if selection.as_of:  # also the last commit's: another may come before the rows are read
            conditions.append("recorded_at <= ?")
            values.append(_plain(selection.as_of))
        if selection.published_by:
            conditions.append("published_at <= ?")
            values.append(_plain(selection.published_by))
        return " AND ".join(conditions), values

    def _matching(self, cursor: Any, question: Permitted[Selection]) -> list[SeriesId]:
        """Series of the question that the store holds and the scope shows, by their codes."""
        selection = question.value
        self._load_codes(cursor, selection.series)
        found = {one for one in selection.series if one in self._codes}
        for pattern in selection.patterns:
            exact = {
                name: getattr(pattern, name)
                for name in ("market", "run", "measure", "kind", "location")
                if not set("*?[") & set(getattr(pattern, name))
            }
            where = " AND ".join(f"{name} = ?" for name in exact) or "true"
            query = f"SELECT market, run, measure, kind, location, code, unit, longest FROM series WHERE {where}"  # noqa: S608
            for *parts, code, unit, longest in cursor.execute(
                query, list(exact.values())
            ).fetchall():
                one = SeriesId(*parts)
                if pattern.matches(one) and question.scope.allows(one):
                    self._codes.setdefault(one, (code, unit, longest))
                    found.add(one)
        return sorted(found, key=lambda one: self._codes[one][0])

    def find(self, question: Permitted[Selection]) -> Sequence[SeriesEntry]:
        with self._reading() as cursor:
            wanted = {self._codes[one][0]: one for one in self._matching(cursor, question)}
            if not wanted:
                return []
            query = (
                "SELECT series, min(interval_start), max(interval_end), count(*), max(recorded_at) FROM "
                "(SELECT series, interval_start, interval_end, recorded_at FROM observations UNION ALL "
                "SELECT series, interval_start, interval_end, recorded_at FROM tail) "
                "WHERE series IN (SELECT unnest(?::INTEGER[])) GROUP BY series"
            )
            rows = cursor.execute(query, [list(wanted)]).fetchall()
        entries = [
            SeriesEntry(
                wanted[code],
                self._codes[wanted[code]][1],
                _aware(first),
                _aware(last),
                count,
                _aware(at),
            )
            for code, first, last, count, at in rows
        ]
        return sorted(entries, key=lambda entry: entry.series)

    def batches(self, keys: Iterable[str] = ()) -> Sequence[Batch]:
        with self._reading() as cursor:
            return [stored.batch for stored in read_batches(cursor, "receipt", list(keys))]

    # -- outbox and upkeep -------------------------------------------------------------------------------

    def claim(self, limit: int) -> Sequence[OutboxMessage]:
        query = "SELECT id, topic, body, recorded_at FROM outbox WHERE NOT done ORDER BY id LIMIT ?"
        with self._reading() as cursor:
            rows = cursor.execute(query, [limit]).fetchall()
        return [
            OutboxMessage(number, topic, bytes(body), _aware(at))
            for number, topic, body, at in rows
        ]

    def done(self, ids: Iterable[int]) -> None:
        with self._lock, _translated(self._path), self._connection.cursor() as cursor:
            cursor.execute(
                "UPDATE outbox SET done = true WHERE id IN (SELECT unnest(?::BIGINT[]))",
                [list(ids)],
            )

    def sort(self, *, force: bool = False) -> bool:
        """Merge the tail into the sorted rows when it has grown enough; return whether it was.

        Everything is written to a fresh file beside the old one, while readers read on; they wait only for the
        moment in which the one takes the place of the other.
        """
        with self._lock, _translated(self._path):
            if not self._tail_rows or not (force or self._has_grown()):
                return False
            try:
                with self._connection.cursor() as cursor:
                    rewriting.write(cursor, self._path)
                with self._gate.alone():
                    return self._exchange()
            finally:
                rewriting.discard(self._path)

    def _has_grown(self) -> bool:
        enough = self._tail_rows >= _TAIL_ROWS
        return enough and self._tail_rows * _TAIL_SHARE >= self._count("observations")

    def _exchange(self) -> bool:
        """Go on with the fresh file; return whether it could be put in place."""
        self._shut()
        try:
            done = rewriting.take_place(self._path)
        finally:
            self._open()
        if done and self._tail_rows:
            self._connection.close()
            raise StoreUnavailable(f"{self._path} is still open in this process; start it again.")
        return done


def _plain(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
