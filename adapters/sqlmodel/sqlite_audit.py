"""The audit log of the embedded default: one SQLite file that refuses to change what it holds."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from carbon254.adapters.sqlmodel.engines import translated
from carbon254.adapters.sqlmodel.sqlite import make_folder
from carbon254.core.domain.audit import Kept
from carbon254.core.domain.errors import Conflict, StoreUnavailable
from carbon254.ports.audit import AuditQuestion
from carbon254.ports.auditing import GroupedAuditLog, Node, Row, conditions

VERSION: Final = 1
_NEVER: Final = "BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END"
# Whoever changes a row may leave text where bytes were; it is told as what it is, and found out.
_BYTES: Final = "CAST(body AS BLOB), CAST(leaf AS BLOB), CAST(root AS BLOB)"
_TABLES: Final = f"""
CREATE TABLE IF NOT EXISTS entries (
    place INTEGER PRIMARY KEY, at INTEGER NOT NULL, principal TEXT NOT NULL, tenant TEXT NOT NULL, call TEXT NOT NULL,
    decision TEXT, body BLOB NOT NULL, leaf BLOB NOT NULL, root BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS entries_by_decision ON entries (decision) WHERE decision IS NOT NULL;
CREATE TABLE IF NOT EXISTS nodes (
    level INTEGER NOT NULL, place INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, place)) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS entries_stay BEFORE UPDATE ON entries {_NEVER};
CREATE TRIGGER IF NOT EXISTS entries_are_kept BEFORE DELETE ON entries {_NEVER};
CREATE TRIGGER IF NOT EXISTS entries_follow BEFORE INSERT ON entries
    WHEN NEW.place <> (SELECT coalesce(max(place) + 1, 0) FROM entries) {_NEVER};
CREATE TRIGGER IF NOT EXISTS nodes_follow BEFORE INSERT ON nodes
    WHEN NEW.place <> (SELECT coalesce(max(place) + 1, 0) FROM nodes WHERE level = NEW.level) {_NEVER};
CREATE TRIGGER IF NOT EXISTS nodes_stay BEFORE UPDATE ON nodes {_NEVER};
CREATE TRIGGER IF NOT EXISTS nodes_are_kept BEFORE DELETE ON nodes {_NEVER};
PRAGMA user_version = {VERSION};
"""  # noqa: S608 - our own text


class SqliteAuditLog(GroupedAuditLog):
    """The log in a file; a second process waits ``patience`` seconds for its turn to write.

    Raises `StoreUnavailable`, `DiskFull`, `StoreBusy` where the file cannot be opened.
    """

    def __init__(self, path: Path, *, patience: float = 10.0) -> None:
        super().__init__(SqliteAuditShelf(path, patience))


class SqliteAuditShelf:
    """A connection that writes, and one that reads for all threads in turn."""

    def __init__(self, path: Path, patience: float) -> None:
        self._where, self._patience = str(path), patience
        self._guard = threading.RLock()
        self._open: list[sqlite3.Connection] = []
        with translated(self._where):
            make_folder(path)
            try:
                self._writer = self._connect()
                self._settle()
                self._reader = self._connect()
            except BaseException:
                self.close()
                raise
        self._within: int | None = None  # the thread that writes, which reads what it has put

    def _connect(self) -> sqlite3.Connection:
        made = sqlite3.connect(
            self._where, timeout=self._patience, isolation_level=None, check_same_thread=False
        )
        self._open.append(made)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            made.execute(f"PRAGMA {pragma}")
        return made

    def _settle(self) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StoreUnavailable(
                f"{self._where} was written by a newer 254Carbon (schema {version}); upgrade to read it."
            )
        if version < VERSION:
            self._writer.executescript(f"BEGIN IMMEDIATE;{_TABLES}COMMIT;")

    @contextmanager
    def writing(self) -> Iterator[None]:
        with translated(self._where):
            self._writer.execute("BEGIN IMMEDIATE")
            self._within = threading.get_ident()
            try:
                yield
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            finally:
                self._within = None

    def put(self, rows: Sequence[Row], nodes: Sequence[Node]) -> None:
        try:
            self._writer.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        except sqlite3.IntegrityError as error:
            raise Conflict(f"{self._where} is not as it was left ({error}).") from None
        if nodes:
            self._writer.executemany("INSERT INTO nodes VALUES (?, ?, ?)", nodes)

    def hashes(self, level: int, first: int, count: int) -> Sequence[bytes]:
        table, where = ("nodes", "level = ? AND ") if level else ("entries", "")
        column = "hash" if level else "leaf"
        query = f"SELECT {column} FROM {table} WHERE {where}place >= ? AND place < ? ORDER BY place"  # noqa: S608
        values = ([level] if level else []) + [first, first + count]
        return [row[0] for row in self._ask(query, values)]

    def find(self, question: AuditQuestion) -> Sequence[Kept]:
        where, values = conditions(question, "?")
        query = f"SELECT place, {_BYTES} FROM entries {where}"  # noqa: S608 - our own names
        return [Kept(*row) for row in self._ask(query, values)]

    def _ask(self, query: str, values: Sequence[Any]) -> list[Any]:
        with translated(self._where):
            if self._within == threading.get_ident():
                return self._writer.execute(query, values).fetchall()
            with self._guard:
                return self._reader.execute(query, values).fetchall()

    def touch(self) -> None:
        with translated(self._where):
            self._writer.execute(f"PRAGMA user_version = {VERSION}")  # writes the file's first page

    def close(self) -> None:
        for connection in self._open:
            connection.close()
