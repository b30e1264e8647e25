"""Tables of the series store. TIMESTAMP columns hold UTC; an absent instant is NULL."""

from __future__ import annotations

from typing import Final

VERSION: Final = 1

COLUMNS: Final = (
    ("series", "INTEGER"), ("interval_start", "TIMESTAMP"), ("interval_end", "TIMESTAMP"), ("issued_at", "TIMESTAMP"),
    ("value", "DOUBLE"), ("locator", "BIGINT"), ("state", "UTINYINT"), ("finality", "UTINYINT"),
    ("source_rank", "INTEGER"), ("flags", "UINTEGER"), ("published_at", "TIMESTAMP"), ("published_basis", "UTINYINT"),
    ("batch", "INTEGER"), ("recorded_at", "TIMESTAMP"),
)  # fmt: skip
NAMES: Final = ", ".join(name for name, _ in COLUMNS)
_ROWS: Final = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)

TABLES: Final = f"""
CREATE TABLE IF NOT EXISTS meta (name VARCHAR PRIMARY KEY, value VARCHAR);
CREATE TABLE IF NOT EXISTS series (
    code INTEGER PRIMARY KEY, id VARCHAR UNIQUE, market VARCHAR, run VARCHAR, measure VARCHAR, kind VARCHAR,
    location VARCHAR, unit VARCHAR, longest BIGINT);
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY, market VARCHAR, dataset VARCHAR, receipt VARCHAR, digest VARCHAR, parser_version VARCHAR,
    name VARCHAR, archived_at TIMESTAMP, document_stamp TIMESTAMP, covers_from TIMESTAMP, covers_to TIMESTAMP,
    synthetic BOOLEAN, low TIMESTAMP, high TIMESTAMP, finality UTINYINT, source_rank INTEGER, rows BIGINT,
    recorded_at TIMESTAMP);
ALTER TABLE batches ADD COLUMN IF NOT EXISTS runs VARCHAR[];
ALTER TABLE batches ADD COLUMN IF NOT EXISTS closed BOOLEAN;
CREATE TABLE IF NOT EXISTS observations ({_ROWS});
CREATE TABLE IF NOT EXISTS tail ({_ROWS});
CREATE TABLE IF NOT EXISTS restatements (
    batch INTEGER, series INTEGER[], first TIMESTAMP, last TIMESTAMP, issued_at TIMESTAMP, source_rank INTEGER,
    published_at TIMESTAMP, published_basis UTINYINT, recorded_at TIMESTAMP);
CREATE SEQUENCE IF NOT EXISTS outbox_id;
CREATE TABLE IF NOT EXISTS outbox (id BIGINT DEFAULT nextval('outbox_id'), topic VARCHAR, body BLOB,
    recorded_at TIMESTAMP, done BOOLEAN DEFAULT false);
"""
