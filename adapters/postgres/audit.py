"""The audit log of a server: tables that only grow, written by a role that may not change them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from psycopg import Connection, errors

from carbon254.adapters.postgres.connections import Connections, translated
from carbon254.adapters.postgres.schema import check_name, lock_key
from carbon254.adapters.postgres.writing import lock
from carbon254.core.domain.audit import Kept
from carbon254.core.domain.errors import Conflict, StoreUnavailable
from carbon254.ports.audit import AuditQuestion
from carbon254.ports.auditing import GroupedAuditLog, Node, Row, conditions

VERSION: Final = 1
SCHEMA: Final = "carbon254_audit"
_TABLES: Final = """
CREATE TABLE meta (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE entries (
    place int8 PRIMARY KEY, at int8 NOT NULL, principal text NOT NULL, tenant text NOT NULL, call text NOT NULL,
    decision text, body bytea NOT NULL, leaf bytea NOT NULL, root bytea NOT NULL);
CREATE INDEX entries_by_decision ON entries (decision) WHERE decision IS NOT NULL;
CREATE TABLE nodes (level int2 NOT NULL, place int8 NOT NULL, hash bytea NOT NULL, PRIMARY KEY (level, place));
CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$;
CREATE TRIGGER entries_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON entries EXECUTE FUNCTION stays();
CREATE TRIGGER nodes_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON nodes EXECUTE FUNCTION stays();
"""


class PostgresAuditLog(GroupedAuditLog):
    """The log in a schema of its own; any number of processes may write to it, one after the other.

    A writer that waits longer than ``patience`` seconds for another cannot write: `AuditUnavailable`.
    """

    def __init__(self, dsn: str, *, schema: str = SCHEMA, patience: float = 10.0) -> None:
        super().__init__(PostgresAuditShelf(dsn, schema, patience))


class PostgresAuditShelf:
    """A connection that writes, as a role that may only add where the server lets us make one; others read."""

    def __init__(self, dsn: str, schema: str, patience: float) -> None:
        self._schema, self._patience = check_name(schema), patience
        self._role = f"{schema}_writer"
        self._connections = Connections(dsn, schema)
        self._writer: Connection[Any] | None = None
        self._within: int | None = None
        with self._connections.borrow() as connection:
            _settle(connection, schema, self._role)

    @contextmanager
    def writing(self) -> Iterator[None]:
        with translated(self._connections.where):
            connection = self._writing_connection()
            with connection.transaction():
                lock(connection, lock_key(self._schema), self._patience)
                self._within = threading.get_ident()
                try:
                    yield
                finally:
                    self._within = None

    def _writing_connection(self) -> Connection[Any]:
        if self._writer is not None and not self._writer.broken and not self._writer.closed:
            return self._writer
        made = self._connections.open()
        with suppress(errors.InvalidParameterValue, errors.InsufficientPrivilege):
            made.execute(f"SET ROLE {self._role}".encode())  # else the triggers stand alone
        self._writer = made
        return made

    def put(self, rows: Sequence[Row], nodes: Sequence[Node]) -> None:
        assert self._writer is not None
        with self._writer.cursor() as cursor:
            try:
                cursor.executemany(
                    "INSERT INTO entries VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)", rows
                )
            except errors.UniqueViolation:
                raise Conflict(f"{self._connections.where}: another process wrote first.") from None
            if nodes:
                cursor.executemany("INSERT INTO nodes VALUES (%s, %s, %s)", nodes)

    def hashes(self, level: int, first: int, count: int) -> Sequence[bytes]:
        span = [first, first + count]
        if level:
            query = "SELECT hash FROM nodes WHERE level = %s AND place >= %s AND place < %s ORDER BY place"
            return [row[0] for row in self._ask(query, [level, *span])]
        query = "SELECT leaf FROM entries WHERE place >= %s AND place < %s ORDER BY place"
        return [row[0] for row in self._ask(query, span)]

    def find(self, question: AuditQuestion) -> Sequence[Kept]:
        where, values = conditions(question, "%s")
        query = f"SELECT place, body, leaf, root FROM entries {where}"  # noqa: S608 - our own names
        return [Kept(*row) for row in self._ask(query, values)]

    def _ask(self, query: str, values: Sequence[Any]) -> list[Any]:
        if self._within == threading.get_ident():
            assert self._writer is not None
            return self._writer.execute(query.encode(), values).fetchall()
        with self._connections.borrow() as connection:
            return connection.execute(query.encode(), values).fetchall()

    def touch(self) -> None:
        with self._connections.borrow() as connection:
            connection.execute("UPDATE meta SET value = value WHERE name = 'schema_version'")

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._connections.close()


def _settle(connection: Connection[Any], schema: str, role: str) -> None:
    """Make schema, tables and role where there are none. Raises `StoreUnavailable` for those of a newer release."""
    if not _is_there(connection, schema):
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key(schema)])
            if not _is_there(connection, schema):
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}".encode())
                connection.execute(_TABLES.encode())
                version = [str(VERSION)]
                connection.execute("INSERT INTO meta VALUES ('schema_version', %s)", version)
                _make_role(connection, schema, role)
    row = connection.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone()
    if row and int(row[0]) > VERSION:
        raise StoreUnavailable(
            f"schema {schema} was written by a newer 254Carbon (version {row[0]}); upgrade to read it."
        )


def _is_there(connection: Connection[Any], schema: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{schema}.meta"]).fetchone()
    return bool(row and row[0])


def _make_role(connection: Connection[Any], schema: str, role: str) -> None:
    """A role that reads and adds, and nothing else; servers that let us make none keep the triggers."""
    with suppress(errors.InsufficientPrivilege, errors.DuplicateObject), connection.transaction():
        connection.execute(f"CREATE ROLE {role} NOLOGIN".encode())
    with suppress(errors.InsufficientPrivilege, errors.UndefinedObject), connection.transaction():
        connection.execute(
            f"GRANT {role} TO CURRENT_USER; GRANT USAGE ON SCHEMA {schema} TO {role}; "
            f"GRANT SELECT, INSERT ON {schema}.entries, {schema}.nodes TO {role}".encode()
        )
