"""The logs of executions and their parts, and the workers, against their contracts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from carbon254.adapters.files.workers import OwnerAlone
from carbon254.adapters.postgres.workers import PostgresWorkers
from carbon254.adapters.sqlmodel.executions import SqlExecutionLog
from carbon254.adapters.sqlmodel.postgres import PostgresRecordStore
from carbon254.adapters.sqlmodel.sqlite import SqliteRecordStore
from carbon254.adapters.sqlmodel.store import SqlRecordStore
from carbon254.ports.executions import ExecutionLog, PartLog, Workers
from carbon254.ports.testing.executions import (
    MADE,
    ExecutionLogSuite,
    PartLogSuite,
    WorkersSuite,
)
from carbon254.ports.testing.fakes.executions import MemoryExecutionLog, MemoryWorkers
from carbon254.ports.testing.servers import PostgresServer


class TestMemoryWorkers(WorkersSuite):
    @pytest.fixture
    def process(self) -> Callable[[], Workers]:
        living: set[str] = set()
        names = map(str, count())
        return lambda: MemoryWorkers(living, next(names))


class TestOwnerAlone(WorkersSuite):
    @pytest.fixture
    def process(self) -> Callable[[], Workers]:
        return OwnerAlone


@pytest.mark.postgres
class TestPostgresWorkers(WorkersSuite):
    @pytest.fixture
    def process(
        self, postgres_server: PostgresServer, postgres_schema: str
    ) -> Callable[[], Workers]:
        return lambda: PostgresWorkers(postgres_server.dsn, schema=postgres_schema)

    def test_two_live_at_a_time_and_none_takes_the_others_for_dead(
        self, process: Callable[[], Workers]
    ) -> None:
        one, other = process(), process()
        first, second = one.join(), other.join()
        for workers in (one, other, process()):
            assert workers.lives(first)
            assert workers.lives(second)
            assert workers.lives(second), "looking does not kill"
        one.close()
        assert not other.lives(first)
        assert other.lives(second)
        other.close()

    def test_whose_connection_was_cut_lives_again_with_the_next_step(
        self, process: Callable[[], Workers], postgres_server: PostgresServer
    ) -> None:
        one, other = process(), process()
        name = one.join()
        postgres_server.run(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
        )
        assert not other.lives(name)
        assert one.join() == name
        assert other.lives(name)
        one.close()


class TestMemory(ExecutionLogSuite, PartLogSuite):
    @pytest.fixture
    def log(self) -> ExecutionLog:
        return MemoryExecutionLog()

    @pytest.fixture
    def beside(self, log: ExecutionLog) -> ExecutionLog:
        return log  # what is in memory has one process

    @pytest.fixture
    def parts(self) -> PartLog:
        return MemoryExecutionLog()


class InDatabases(ExecutionLogSuite, PartLogSuite):
    """Every opening is another connection, as of another process."""

    @pytest.fixture
    def opening(self) -> Iterator[Callable[[], SqlExecutionLog]]:
        raise NotImplementedError

    @pytest.fixture
    def log(self, opening: Callable[[], SqlExecutionLog]) -> ExecutionLog:
        return opening()

    @pytest.fixture
    def beside(self, log: ExecutionLog, opening: Callable[[], SqlExecutionLog]) -> ExecutionLog:
        return opening()

    @pytest.fixture
    def parts(self, opening: Callable[[], SqlExecutionLog]) -> PartLog:
        return opening()


def opened(closing: ExitStack, records: SqlRecordStore) -> SqlExecutionLog:
    closing.callback(records.close)
    return SqlExecutionLog(records)


class TestSqlite(InDatabases):
    @pytest.fixture
    def opening(self, tmp_path: Path) -> Iterator[Callable[[], SqlExecutionLog]]:
        with ExitStack() as closing:
            yield lambda: opened(closing, SqliteRecordStore(tmp_path / "records.sqlite"))

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
class TestPostgres(InDatabases):
    @pytest.fixture
    def opening(
        self, postgres_server: PostgresServer, postgres_schema: str
    ) -> Iterator[Callable[[], SqlExecutionLog]]:
        dsn = postgres_server.dsn
        with ExitStack() as closing:
            yield lambda: opened(closing, PostgresRecordStore(dsn, schema=postgres_schema))
