"""Threads that are started again, and leaders that stop; nothing here waits longer than it must."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest

from carbon254.adapters.jobs.leading import Leader
from carbon254.adapters.jobs.parts import Parts
from carbon254.adapters.jobs.scheduler import JobScheduler
from carbon254.adapters.postgres.leadership import PostgresLeadership
from carbon254.core.domain.errors import StoreUnavailable
from carbon254.core.domain.jobs import Job
from carbon254.core.usecases.run_jobs import JobState
from carbon254.ports.testing.fakes.jobs import MemoryLeadership
from carbon254.ports.testing.servers import PostgresServer

LONG = 30.0  # seconds after which a test has failed


class Flaky:
    """Raises so many times, then works until it is told to stop."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.works = threading.Event()

    def __call__(self, stop: threading.Event) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.works.set()
        stop.wait()


def test_a_part_that_fails_is_started_again_and_the_others_do_not_notice(
    caplog: pytest.LogCaptureFixture,
) -> None:
    flaky = Flaky(StoreUnavailable("down"), ZeroDivisionError("oh"), SystemExit("a plugin left"))
    calm = Flaky()
    parts = Parts({"api": calm, "relay": flaky}, pause=0)
    with caplog.at_level(logging.ERROR):
        parts.start()
        assert calm.works.wait(LONG)
        assert flaky.works.wait(LONG)
    assert parts.states() == {"api": "running", "relay": "running"}
    parts.stop()
    assert parts.states() == {"api": "stopped", "relay": "stopped"}
    said = [record.getMessage() for record in caplog.records]
    assert [next(w for w in ("down", "oh", "left") if w in line) for line in said] == [
        "down",
        "oh",
        "left",
    ]
    assert "store_unavailable" in said[0]


def test_a_part_that_returns_too_early_has_failed_and_says_when_it_starts_again() -> None:
    ended = threading.Event()
    parts = Parts({"api": lambda stop: ended.set()}, pause=3600)
    parts.start()
    assert ended.wait(LONG)
    while (state := parts.states()["api"]) == "running":  # the thread is about to say so
        pass
    assert state == "failed, starts again in 60 s: it ended by itself"
    parts.stop()


class Jobs:
    """One job that tells whose it is each time it runs; `Leader` opens and closes it."""

    JOB = Job("check", "toy")

    def __init__(self, name: str, ran: list[str]) -> None:
        self.name, self.ran = name, ran
        self.began, self.closed = threading.Event(), threading.Event()

    @contextmanager
    def opening(self) -> Iterator[Any]:
        yield self
        self.closed.set()

    def jobs(self) -> list[Job]:
        return [self.JOB]

    def when(self, job: Job, after: datetime) -> datetime:
        return after + timedelta(hours=1)

    def run(self, job: Job, stop: threading.Event) -> JobState:
        self.ran.append(self.name)
        self.began.set()
        return JobState(job)


@contextmanager
def leading(leader: Leader) -> Iterator[threading.Thread]:
    stop = threading.Event()
    thread = threading.Thread(target=leader, args=(stop,))
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(LONG)


def leader(leadership: Any, jobs: Jobs) -> Leader:
    return Leader(leadership, JobScheduler(jitter=timedelta(0)), jobs.opening, look=0.01)


def test_who_leads_runs_the_jobs_and_closes_what_it_opened() -> None:
    jobs = Jobs("one", [])
    own = leader(MemoryLeadership([]), jobs)
    with leading(own):
        assert jobs.began.wait(LONG)
        assert own.leads
    assert jobs.closed.is_set()
    assert not own.leads


def test_a_leader_that_cannot_open_lets_another_lead() -> None:
    seat: list[Any] = []
    leadership = MemoryLeadership(seat)

    @contextmanager
    def opening() -> Iterator[Any]:
        raise StoreUnavailable("down")
        yield

    with pytest.raises(StoreUnavailable):
        Leader(leadership, JobScheduler(), opening)(threading.Event())
    assert MemoryLeadership(seat).acquire()


@pytest.mark.postgres
def test_of_two_schedulers_on_a_database_one_runs_and_the_other_takes_over(
    postgres_server: PostgresServer, postgres_schema: str
) -> None:
    ran: list[str] = []
    first, second = Jobs("first", ran), Jobs("second", ran)
    seats = [PostgresLeadership(postgres_server.dsn, schema=postgres_schema) for _ in range(2)]
    with leading(leader(seats[0], first)):
        assert first.began.wait(LONG)
        with leading(leader(seats[1], second)):
            assert not second.began.wait(0.1)  # it stands by
            assert ran == ["first"]
            # Holding the first back, so that it is the other who leads next.
            seats[0].acquire = lambda: False  # type: ignore[method-assign]
            cut = (
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'"
            )
            postgres_server.run(cut)
            assert first.closed.wait(LONG)
            assert second.began.wait(LONG)
            assert ran == ["first", "second"]
