"""Tables of the series store. ``timestamp`` columns hold UTC.

A row of ``observations`` has no NULL, so that every row is as wide as the next: an absent instant is ``-infinity``.
Wide columns stand first, so that none is padded. Two indexes, both small (measured with 10⁵–10⁶ rows of 109 bytes):

* a btree on (series, four-hour slot of the start), in every month. Equal keys share one entry, so it costs 10–17
  bytes a row, where (series, interval_start, recorded_at) costs 64; a year of one hourly series is found in 2 ms
  with either. Rows of the first and last slot that lie outside are filtered.
* a BRIN on the batch, which is next to nothing: rows arrive batch by batch, and re-reading a document must find
  what its earlier reading wrote.

COPY with both runs at about twice the rate of COPY into a staging table and ``INSERT … ON CONFLICT``.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

import numpy as np
from psycopg import Connection

from carbon254.core.domain.errors import SettingsInvalid, StoreUnavailable

VERSION: Final = 1
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,39}")

COLUMNS: Final = (
    ("interval_start", "timestamp"), ("interval_end", "timestamp"), ("issued_at", "timestamp"), ("value", "float8"),
    ("locator", "int8"), ("published_at", "timestamp"), ("recorded_at", "timestamp"), ("series", "int4"),
    ("batch", "int4"), ("source_rank", "int4"), ("flags", "int4"), ("state", "int2"), ("finality", "int2"),
    ("published_basis", "int2"),
)  # fmt: skip
NAMES: Final = ", ".join(name for name, _ in COLUMNS)

_SLOT: Final = (
    "(date_part('epoch', {}::timestamp) / 14400)::int4"  # never falls as the instant grows
)
START_SLOT: Final = _SLOT.format("interval_start")
SLOT_OF: Final = _SLOT.format("%s")

TABLES: Final = f"""
CREATE TABLE IF NOT EXISTS meta (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS series (
    code int4 PRIMARY KEY, id text NOT NULL UNIQUE, market text NOT NULL, run text NOT NULL, measure text NOT NULL,
    kind text NOT NULL, location text NOT NULL, unit text NOT NULL, longest int8 NOT NULL);
CREATE INDEX IF NOT EXISTS series_by_run ON series (market, run, measure, kind);
CREATE TABLE IF NOT EXISTS batches (
    id int4 PRIMARY KEY, market text NOT NULL, dataset text NOT NULL, receipt text NOT NULL, digest text NOT NULL,
    parser_version text NOT NULL, name text NOT NULL, archived_at timestamp NOT NULL, document_stamp timestamp,
    covers_from timestamp, covers_to timestamp, synthetic bool NOT NULL, low timestamp, high timestamp,
    finality int2 NOT NULL, source_rank int4 NOT NULL, recorded_at timestamp NOT NULL UNIQUE, rows int8 NOT NULL,
    rows_from timestamp, rows_to timestamp, span tsrange, runs text[] NOT NULL,
    UNIQUE (market, dataset, receipt, parser_version));
CREATE INDEX IF NOT EXISTS batches_by_receipt ON batches (receipt);
CREATE INDEX IF NOT EXISTS batches_by_span ON batches USING gist (span);
CREATE TABLE IF NOT EXISTS observations (
    {", ".join(f"{name} {kind} NOT NULL" for name, kind in COLUMNS)}) PARTITION BY RANGE (interval_start);
CREATE INDEX IF NOT EXISTS observations_by_series ON observations (series, ({START_SLOT}));
CREATE INDEX IF NOT EXISTS observations_by_batch ON observations
    USING brin (batch) WITH (pages_per_range = 32, autosummarize = on);
CREATE TABLE IF NOT EXISTS restatements (
    batch int4 NOT NULL REFERENCES batches, market text NOT NULL, series int4[] NOT NULL, first timestamp NOT NULL,
    last timestamp NOT NULL, issued_at timestamp, source_rank int4 NOT NULL, published_at timestamp,
    published_basis int2 NOT NULL, recorded_at timestamp NOT NULL);
CREATE INDEX IF NOT EXISTS restatements_by_span ON restatements USING gist (tsrange(first, last, '[]'));
CREATE TABLE IF NOT EXISTS outbox (
    id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text NOT NULL, body bytea NOT NULL,
    recorded_at timestamp NOT NULL);
"""


def check_name(schema: str) -> str:
    """Return the schema's name. Raises `SettingsInvalid` for one that would need quotes."""
    if not _NAME.fullmatch(schema):
        raise SettingsInvalid(
            f"database schema '{schema}': use a-z, 0-9 and '_', at most 40, no digit first."
        )
    return schema


def lock_key(schema: str) -> int:
    """The number of the advisory lock that writers of a schema hold, one at a time."""
    return int.from_bytes(
        hashlib.sha256(f"carbon254 {schema}".encode()).digest()[:8], "big", signed=True
    )


def settle(connection: Connection[Any], schema: str) -> None:
    """Make the tables where there are none. Raises `StoreUnavailable` when a newer 254Carbon made them."""
    found = connection.execute(
        "SELECT to_regclass(%s) IS NOT NULL", [f"{schema}.outbox"]
    ).fetchone()
    if not (found and found[0]):
        _create(connection, schema)
    row = connection.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone()
    if row and int(row[0]) > VERSION:
        raise StoreUnavailable(
            f"schema {schema} was written by a newer 254Carbon (version {row[0]}); upgrade to read it."
        )


def _create(connection: Connection[Any], schema: str) -> None:
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [lock_key(schema)])
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}".encode())
        connection.execute(TABLES.encode())
        connection.execute(
            "INSERT INTO meta VALUES ('schema_version', %s), ('lengths', '0') ON CONFLICT DO NOTHING",
            [str(VERSION)],
        )


def month_name(month: np.datetime64) -> str:
    """The table of a month's rows."""
    return "observations_" + str(month).replace("-", "_")


def create_month(connection: Connection[Any], month: np.datetime64) -> None:
    """Make a month's partition, unless it is there; readers are not held up (ATTACH, not PARTITION OF)."""
    name = month_name(month)
    found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [name]).fetchone()
    if found and found[0]:
        return
    bounds = f"FROM ('{month}-01') TO ('{month + 1}-01')"
    connection.execute(f"CREATE TABLE {name} (LIKE observations)".encode())
    connection.execute(
        f"ALTER TABLE observations ATTACH PARTITION {name} FOR VALUES {bounds}".encode()
    )
