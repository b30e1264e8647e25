"""`ExecutionLog` and `PartLog` beside the record store, in the same database."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from attrs import asdict
from sqlmodel import col, select

from carbon254.adapters.sqlmodel.store import SqlRecordStore
from carbon254.adapters.sqlmodel.tables import ExecutionRow, PartRow
from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.executions import ExecutionKind, ExecutionState
from carbon254.ports.executions import Execution


class SqlExecutionLog:
    """Executions and parts in the database of a record store, which closes it."""

    def __init__(self, records: SqlRecordStore) -> None:
        self._records = records

    def put(self, execution: Execution) -> None:
        row = ExecutionRow(**asdict(execution, recurse=False))
        row.facts = dict(execution.facts)
        with self._records.session(writes=True) as session:
            session.merge(row)

    def claim(self, id: str, worker: str) -> Execution | None:  # noqa: A002 - the word of the record
        # What is queued changes in nothing but its state, so only that is looked at again.
        taken = self.execution(id).taken_by(worker)
        update = (
            sa.update(ExecutionRow)
            .where(col(ExecutionRow.id) == id, col(ExecutionRow.state) == "queued")
            .values(
                state=taken.state, code=taken.code, message=taken.message, facts=dict(taken.facts)
            )
            .returning(col(ExecutionRow.id))
        )
        with self._records.session(writes=True) as session:
            return taken if session.exec(update).first() else None

    def execution(self, id: str) -> Execution:  # noqa: A002 - the word of the record
        with self._records.session() as session:
            row = session.get(ExecutionRow, id)
            if row is None:
                raise NotFound(f"there is no execution {id}.")
            return _execution(row)

    def executions(
        self,
        kind: ExecutionKind | None = None,
        configuration: str | None = None,
        state: ExecutionState | None = None,
    ) -> Sequence[Execution]:
        query = select(ExecutionRow)
        if kind is not None:
            query = query.where(ExecutionRow.kind == kind)
        if configuration is not None:
            query = query.where(ExecutionRow.configuration == configuration)
        if state is not None:
            query = query.where(ExecutionRow.state == state)
        query = query.order_by(col(ExecutionRow.started_at).desc(), ExecutionRow.id)
        with self._records.session() as session:
            return [_execution(row) for row in session.exec(query)]

    def keep_part(self, key: str, digest: str) -> None:
        with self._records.session(writes=True) as session:
            session.merge(PartRow(key=key, digest=digest))

    def part(self, key: str) -> str | None:
        with self._records.session() as session:
            row = session.get(PartRow, key)
            return row.digest if row else None


def _execution(row: ExecutionRow) -> Execution:
    return Execution(**row.model_dump())
