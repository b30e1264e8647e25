"""The schedulers and the leaderships, held to their suites; APScheduler's clock is one that we move."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import apscheduler.executors.base
import apscheduler.schedulers.base
import psycopg
import pytest

from carbon254.adapters.files.leadership import FolderLeadership
from carbon254.adapters.jobs.behind import Behind
from carbon254.adapters.jobs.scheduler import JobScheduler
from carbon254.adapters.postgres.leadership import PostgresLeadership
from carbon254.core.domain.errors import StoreUnavailable
from carbon254.ports.jobs import Background, Leadership, Scheduler
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.jobs import AtOnce, ManualScheduler, MemoryLeadership
from carbon254.ports.testing.jobs import BackgroundSuite, LeadershipSuite, SchedulerSuite, every
from carbon254.ports.testing.servers import PostgresServer

START = datetime(2025, 3, 29, 22, tzinfo=UTC)


class TestManualScheduler(SchedulerSuite):
    @pytest.fixture
    def scheduler(self) -> Scheduler:
        self.clock = PinnedClock(START)
        return ManualScheduler(self.clock)

    def advance(self, scheduler: Any, by: timedelta) -> None:
        self.clock.move(by)
        scheduler.tick()

    def settle(self, scheduler: Any) -> None:
        """It runs inside of `advance`."""


class TestJobScheduler(SchedulerSuite):
    @pytest.fixture
    def scheduler(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scheduler]:
        clock = PinnedClock(START)

        class Moved(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return clock.now().astimezone(tz)

        monkeypatch.setattr(apscheduler.schedulers.base, "datetime", Moved)
        monkeypatch.setattr(apscheduler.executors.base, "datetime", Moved)
        self.clock = clock
        made = JobScheduler()
        yield made
        made.stop()

    def advance(self, scheduler: Any, by: timedelta) -> None:
        self.clock.move(by)
        if scheduler._scheduler is not None:
            scheduler._scheduler._process_jobs()

    def settle(self, scheduler: Any) -> None:
        """Wait for the pool: one more work for each of its threads, which all must take at once, runs last."""
        if scheduler._scheduler is None:
            return
        pool = scheduler._scheduler._executors["default"]._pool
        gate = threading.Barrier(5)
        works = [pool.submit(gate.wait, 30) for _ in range(4)]
        gate.wait(30)
        for work in works:
            work.result()

    def test_a_new_start_ends_what_ran_before(self, scheduler: Any) -> None:
        scheduler.start([], every, print)
        before = scheduler._scheduler
        scheduler.start([], every, print)
        assert not before.running


class TestAtOnce(BackgroundSuite):
    @pytest.fixture
    def background(self) -> Background:
        return AtOnce()


class TestBehind(BackgroundSuite):
    @pytest.fixture
    def background(self) -> Iterator[Background]:
        made = Behind(lambda event, **facts: None)
        yield made
        made.close()

    def test_what_fails_is_logged(self) -> None:
        told: list[str] = []
        behind = Behind(lambda event, **facts: told.append(facts["code"]))
        done = threading.Event()

        def refuse() -> None:
            raise StoreUnavailable("this is a test")

        for work in (refuse, lambda: 1 // 0, done.set):
            behind.do(work)
        assert done.wait(20)
        assert told == ["store_unavailable", "internal"]
        behind.close()

    def test_closing_gives_up_the_piece_in_hand_and_begins_no_other(self) -> None:
        began, given_up = threading.Event(), threading.Event()
        done: list[str] = []
        behind = Behind(lambda event, **facts: None, given_up.set)

        def work() -> None:
            began.set()
            assert given_up.wait(20)
            done.append("first")

        behind.do(work)
        behind.do(lambda: done.append("second"))
        assert began.wait(20)
        behind.close()
        assert done == ["first"]


class TestMemoryLeadership(LeadershipSuite):
    @pytest.fixture
    def candidate(self) -> Callable[[], Leadership]:
        seat: list[Any] = []
        return lambda: MemoryLeadership(seat)


class TestFolderLeadership(LeadershipSuite):
    @pytest.fixture
    def candidate(self, tmp_path: Path) -> Callable[[], Leadership]:
        return lambda: FolderLeadership(tmp_path / "data")


@pytest.mark.postgres
class TestPostgresLeadership(LeadershipSuite):
    @pytest.fixture
    def candidate(
        self, postgres_server: PostgresServer, postgres_schema: str
    ) -> Iterator[Callable[[], Leadership]]:
        made: list[PostgresLeadership] = []

        def make() -> PostgresLeadership:
            made.append(PostgresLeadership(postgres_server.dsn, schema=postgres_schema))
            return made[-1]

        yield make
        for one in made:
            one.release()

    def test_a_lost_connection_is_lost_leadership(
        self, candidate: Callable[[], Leadership], postgres_server: PostgresServer
    ) -> None:
        one, other = candidate(), candidate()
        assert one.acquire()
        postgres_server.run(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
        )
        assert other.acquire()
        assert not one.held()
        assert not one.acquire()

    def test_each_schema_has_a_leader_of_its_own(
        self, candidate: Callable[[], Leadership], postgres_server: PostgresServer
    ) -> None:
        one, stranger = candidate(), PostgresLeadership(postgres_server.dsn, schema="another")
        assert one.acquire()
        assert stranger.acquire()
        stranger.release()


def test_a_server_that_is_away_is_said_so() -> None:
    with pytest.raises(StoreUnavailable):
        PostgresLeadership("postgresql://nobody@127.0.0.1:1/none").acquire()


def test_the_address_is_not_told_when_it_is_wrong() -> None:
    with pytest.raises(Exception, match="not in the form") as refused:
        PostgresLeadership("postgresql://secret word@[")
    assert "secret" not in str(refused.value)
    assert not isinstance(refused.value, psycopg.Error)
