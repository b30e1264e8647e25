"""`RecordStore` on an engine of SQLAlchemy; SQLite and Postgres differ in nothing but the engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, Final

import cattrs
import sqlalchemy as sa
from cattrs.preconf.json import make_converter
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from carbon254.adapters.sqlmodel.engines import WRITES, translated
from carbon254.adapters.sqlmodel.keys import SqlKeyStore
from carbon254.adapters.sqlmodel.tables import FactRow, PlaceRow, RefusalRow
from carbon254.core.domain.cards import Place
from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.time import utc
from carbon254.ports.records import PlaceEntry, Quarantined

_CONVERTER: Final[cattrs.Converter] = make_converter()


class SqlRecordStore:
    """Records in a database; ``where`` names it in errors."""

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine, self._where = engine, where
        self._writer = engine.execution_options(**{WRITES: True})

    def session(self, *, writes: bool = False) -> AbstractContextManager[Session]:
        """A transaction for other kinds of records in the same database."""
        return self._session(self._writer if writes else self._engine)

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        with translated(self._where), Session(engine) as session, session.begin():
            yield session

    def keys(self) -> SqlKeyStore:
        """API keys, in the same database."""
        return SqlKeyStore(self._engine, self._where)

    # -- locations ---------------------------------------------------------------------------------------

    def learn(self, entries: Sequence[PlaceEntry]) -> int:
        with self._session(self._writer) as session:
            known: dict[Key, dict[str, Any]] = {}
            for market in {entry.market for entry in entries}:
                known |= {_key(row): row.place for row in _places(session, market)}
            fresh = []
            for entry in entries:
                row = _row(entry)
                if known.get(_key(row)) != row.place:
                    known[_key(row)] = row.place
                    fresh.append(row)
            session.add_all(fresh)
            return len(fresh)

    def places(
        self, market: str, *, kind: str | None = None, as_of: datetime | None = None
    ) -> Sequence[PlaceEntry]:
        with self._session(self._engine) as session:
            return [_entry(row) for row in _places(session, market, kind, as_of)]

    # -- quarantine --------------------------------------------------------------------------------------

    def refuse(self, entry: Quarantined) -> None:
        with self._session(self._writer) as session:
            row = session.get(RefusalRow, (entry.digest, entry.dataset))
            first = row.at if row and row.accepted_at is None else utc(entry.at)
            fresh = RefusalRow(**_CONVERTER.unstructure_attrs_asdict(entry) | {"at": first})
            session.merge(fresh)

    def accept(self, digest: str, at: datetime) -> Sequence[Quarantined]:
        with self._session(self._writer) as session:
            rows = session.exec(
                select(RefusalRow).where(RefusalRow.digest == digest).order_by(RefusalRow.dataset)
            ).all()
            if not rows:
                raise NotFound(
                    f"no document {digest} is in quarantine; `quality` lists those that are."
                )
            for row in rows:
                row.accepted_at = row.accepted_at or utc(at)
            return [_quarantined(row) for row in rows]

    def refused(
        self, market: str | None = None, *, as_of: datetime | None = None
    ) -> Sequence[Quarantined]:
        accepted = col(RefusalRow.accepted_at)
        query = select(RefusalRow)
        if as_of is None:
            query = query.where(accepted.is_(None))
        else:
            query = query.where(col(RefusalRow.at) <= utc(as_of))
            query = query.where(sa.or_(accepted.is_(None), accepted > utc(as_of)))
        if market is not None:
            query = query.where(RefusalRow.market == market)
        query = query.order_by(col(RefusalRow.at), RefusalRow.digest, RefusalRow.dataset)
        with self._session(self._engine) as session:
            return [_quarantined(row) for row in session.exec(query)]

    # -- facts -------------------------------------------------------------------------------------------

    def get(self, name: str) -> str | None:
        with self._session(self._engine) as session:
            row = session.get(FactRow, name)
            return row.value if row else None

    def put(self, name: str, value: str) -> None:
        with self._session(self._writer) as session:
            session.merge(FactRow(name=name, value=value))

    def claim(self, name: str, value: str, before: str | None) -> bool:
        with self._session(self._writer) as session:  # alone among writers
            row = session.get(FactRow, name)
            still = (row.value if row else None) == before
            if still:
                session.merge(FactRow(name=name, value=value))
            return still

    def close(self) -> None:
        self._engine.dispose()


Key = tuple[str, str, str, Any]


def _key(row: PlaceRow) -> Key:
    return (row.market, row.kind, row.code, row.valid_from)


def _row(entry: PlaceEntry) -> PlaceRow:
    place = entry.place
    return PlaceRow(
        market=entry.market, kind=place.kind, code=place.code, valid_from=place.from_, digest=entry.digest,
        recorded_at=utc(entry.recorded_at), place=_CONVERTER.unstructure(place),
    )  # fmt: skip


def _entry(row: PlaceRow) -> PlaceEntry:
    return PlaceEntry(
        row.market, _CONVERTER.structure(row.place, Place), row.recorded_at, row.digest
    )


def _quarantined(row: RefusalRow) -> Quarantined:
    return Quarantined(**row.model_dump())


def _places(
    session: Session, market: str, kind: str | None = None, as_of: datetime | None = None
) -> Sequence[PlaceRow]:
    """The last row of each place, among those recorded by an instant."""
    own = (col(PlaceRow.kind), col(PlaceRow.code), col(PlaceRow.valid_from))
    latest = (col(PlaceRow.recorded_at).desc(), col(PlaceRow.id).desc())
    rank = sa.func.row_number().over(partition_by=own, order_by=latest).label("rank")
    known = sa.select(col(PlaceRow.id), rank).where(col(PlaceRow.market) == market)
    if kind is not None:
        known = known.where(col(PlaceRow.kind) == kind)
    if as_of is not None:
        known = known.where(col(PlaceRow.recorded_at) <= utc(as_of))
    last = known.subquery()
    query = select(PlaceRow).join(last, last.c.id == col(PlaceRow.id)).where(last.c.rank == 1)
    return session.exec(query.order_by(own[0], own[1], own[2].nulls_first())).all()
