"""Tables of the record store, the same in SQLite and Postgres. Instants are UTC."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

METADATA: Final = sa.MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Record(SQLModel):
    """What all tables here share: a list of tables of their own."""

    metadata = METADATA


class PlaceRow(Record, table=True):
    """A place as it was known from ``recorded_at`` on; never changed, only followed by a later row."""

    __tablename__ = "places"
    __table_args__ = (sa.Index("ix_places_key", "market", "kind", "code", "valid_from"),)

    id: int | None = Field(default=None, primary_key=True)
    market: str
    kind: str
    code: str
    valid_from: date | None = None
    recorded_at: datetime
    digest: str
    place: dict[str, Any] = Field(sa_type=sa.JSON)


class RefusalRow(Record, table=True):
    """A document that was refused for a dataset."""

    __tablename__ = "refusals"

    digest: str = Field(primary_key=True)
    dataset: str = Field(primary_key=True)
    market: str = Field(index=True)
    receipt: str
    name: str
    code: str
    message: str
    at: datetime
    accepted_at: datetime | None = None


class FactRow(Record, table=True):
    """A small fact of the store."""

    __tablename__ = "facts"

    name: str = Field(primary_key=True)
    value: str


class ExecutionRow(Record, table=True):
    """What a model or a backtest did, and how far it has come."""

    __tablename__ = "executions"
    __table_args__ = (sa.Index("ix_executions_started", "kind", "configuration", "started_at"),)

    id: str = Field(primary_key=True)
    kind: str
    configuration: str
    state: str
    started_at: datetime
    finished_at: datetime | None = None
    done: int
    total: int
    facts: dict[str, Any] = Field(sa_type=sa.JSON)
    result: str
    code: str
    message: str


class PartRow(Record, table=True):
    """Where in the archive a finished part of an execution lies."""

    __tablename__ = "execution_parts"

    key: str = Field(primary_key=True)
    digest: str


class KeyRow(Record, table=True):
    """An API key, its secret hashed; ``roles`` with spaces between them."""

    __tablename__ = "keys"
    __table_args__ = (sa.Index("ix_keys_holder", "tenant", "principal"),)

    id: str = Field(primary_key=True)
    digest: str
    principal: str
    tenant: str
    roles: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
