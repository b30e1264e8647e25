"""The logs of executions against the contract of `ExecutionLog`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from carbon254.adapters.sqlmodel.executions import SqlExecutionLog
from carbon254.adapters.sqlmodel.postgres import PostgresRecordStore
from carbon254.adapters.sqlmodel.sqlite import SqliteRecordStore
from carbon254.ports.executions import ExecutionLog
from carbon254.ports.testing.executions import MADE, ExecutionLogSuite
from carbon254.ports.testing.fakes.executions import MemoryExecutionLog
from carbon254.ports.testing.servers import PostgresServer


class TestMemory(ExecutionLogSuite):
    @pytest.fixture
    def log(self) -> ExecutionLog:
        return MemoryExecutionLog()


class TestSqlite(ExecutionLogSuite):
    @pytest.fixture
    def log(self, tmp_path: Path) -> Iterator[ExecutionLog]:
        records = SqliteRecordStore(tmp_path / "records.sqlite")
        yield SqlExecutionLog(records)
        records.close()

    def test_what_was_written_outlives_the_store(self, tmp_path: Path) -> None:
        for last in (False, True):
            records = SqliteRecordStore(tmp_path / "kept.sqlite")
            log = SqlExecutionLog(records)
            if last:
                assert log.execution(MADE.id) == MADE
                assert log.part("k") == "d"
            log.put(MADE)
            log.keep_part("k", "d")
            records.close()


@pytest.mark.postgres
class TestPostgres(ExecutionLogSuite):
    @pytest.fixture
    def log(self, postgres_server: PostgresServer, postgres_schema: str) -> Iterator[ExecutionLog]:
        records = PostgresRecordStore(postgres_server.dsn, schema=postgres_schema)
        yield SqlExecutionLog(records)
        records.close()
