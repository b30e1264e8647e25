"""What every scheduler and every leadership must do."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from carbon254.core.domain.jobs import Job
from carbon254.ports.jobs import Background, Leadership, Scheduler

STEP = timedelta(minutes=5)
LOAD = Job("fetch", "toy", "load", STEP)
PRICES = Job("fetch", "toy", "prices", timedelta(hours=1))


def every(job: Job, after: datetime) -> datetime:
    """A step after the last time."""
    return after + job.every


class SchedulerSuite:
    """Subclasses make the scheduler and move its clock: `advance` returns when all that became due has been begun.

    ``settle`` returns when what was begun has ended.
    """

    @pytest.fixture
    def scheduler(self) -> Scheduler:
        raise NotImplementedError

    @abstractmethod
    def advance(self, scheduler: Scheduler, by: timedelta) -> None:
        raise NotImplementedError

    @abstractmethod
    def settle(self, scheduler: Scheduler) -> None:
        raise NotImplementedError

    def _after(self, scheduler: Scheduler, *steps: timedelta) -> None:
        for step in steps:
            self.advance(scheduler, step)
            self.settle(scheduler)

    def test_each_job_runs_at_the_start_and_then_at_its_times(self, scheduler: Scheduler) -> None:
        ran: list[str] = []
        scheduler.start([LOAD, PRICES], every, lambda job: ran.append(job.dataset))
        self._after(scheduler, timedelta(minutes=1))
        assert sorted(ran) == ["load", "prices"]
        ran.clear()
        self._after(scheduler, *[STEP + timedelta(minutes=1)] * 12)
        assert ran.count("load") == 12
        assert ran.count("prices") == 1
        scheduler.stop()

    def test_the_next_times_are_told(self, scheduler: Scheduler) -> None:
        assert scheduler.next_times() == {}
        heard: list[datetime] = []

        def tomorrow(job: Job, after: datetime) -> datetime:
            heard.append(after + timedelta(days=1))
            return heard[-1]

        scheduler.start([LOAD], tomorrow, lambda job: None)
        self._after(scheduler, timedelta(minutes=1))
        told = scheduler.next_times()
        assert list(told) == [LOAD.name]
        assert heard[-1] <= told[LOAD.name] <= heard[-1] + STEP
        scheduler.stop()
        assert scheduler.next_times() == {}

    def test_a_job_that_raises_runs_again_and_stops_no_other(self, scheduler: Scheduler) -> None:
        ran: list[str] = []

        def run(job: Job) -> None:
            ran.append(job.dataset)
            if job is LOAD:
                raise ZeroDivisionError("of the job's own")

        scheduler.start([LOAD, PRICES], every, run)
        self._after(scheduler, timedelta(minutes=1), *[timedelta(hours=1, minutes=1)] * 2)
        assert ran.count("load") == 3
        assert ran.count("prices") == 3
        scheduler.stop()

    def test_what_was_slept_through_is_made_up_for_by_one_run(self, scheduler: Scheduler) -> None:
        ran: list[str] = []
        scheduler.start([LOAD], every, lambda job: ran.append(job.dataset))
        self._after(scheduler, timedelta(minutes=1), timedelta(days=3))
        assert ran == ["load", "load"]
        scheduler.stop()

    def test_a_job_never_runs_twice_at_a_time(self, scheduler: Scheduler) -> None:
        began, inside, again, go_on = (threading.Event() for _ in range(4))
        main = threading.get_ident()

        def run(job: Job) -> None:
            if began.is_set():
                again.set()
                return
            began.set()
            if threading.get_ident() == main:  # of a scheduler that runs jobs where it is ticked
                inside.set()
                self.advance(scheduler, STEP + timedelta(minutes=1))
            else:
                assert go_on.wait(30)

        scheduler.start([LOAD], every, run)
        self.advance(scheduler, timedelta(minutes=1))
        assert began.wait(30)
        if not inside.is_set():
            self.advance(scheduler, STEP + timedelta(minutes=1))  # due, while it still runs
        assert not again.wait(0.2)
        go_on.set()
        self.settle(scheduler)
        self._after(scheduler, 2 * STEP)
        assert again.is_set()  # it goes on when the first has ended
        scheduler.stop()

    def test_once_stopped_nothing_runs(self, scheduler: Scheduler) -> None:
        ran: list[str] = []
        scheduler.start([LOAD], every, lambda job: ran.append(job.dataset))
        self._after(scheduler, timedelta(minutes=1))
        scheduler.stop()
        scheduler.stop()
        self._after(scheduler, timedelta(days=1))
        assert ran == ["load"]

    def test_it_can_be_started_again(self, scheduler: Scheduler) -> None:
        ran: list[str] = []
        scheduler.start([LOAD], every, lambda job: ran.append(job.dataset))
        self._after(scheduler, timedelta(minutes=1))
        scheduler.start([PRICES], every, lambda job: ran.append(job.dataset))
        self._after(scheduler, timedelta(hours=2))
        assert ran == ["load", "prices"]
        scheduler.stop()


class BackgroundSuite:
    """Subclasses give a ``background``; its work may be done in the caller's thread."""

    @pytest.fixture
    def background(self) -> Background:
        raise NotImplementedError

    def test_pieces_are_done_in_order_and_what_fails_stops_none(
        self, background: Background
    ) -> None:
        done: list[int] = []
        last = threading.Event()

        def fail() -> None:
            done.append(1)
            raise ZeroDivisionError("of the work's own")

        for work in (fail, lambda: done.append(2), lambda: done.append(3), last.set):
            background.do(work)
        assert last.wait(20)
        assert done == [1, 2, 3]
        background.close()

    def test_once_closed_nothing_begins(self, background: Background) -> None:
        done: list[int] = []
        background.close()
        background.close()
        background.do(lambda: done.append(1))
        background.close()
        assert done == []


class LeadershipSuite:
    """Subclasses give a maker of candidates for one seat, a new seat for each test."""

    @pytest.fixture
    def candidate(self) -> Callable[[], Leadership]:
        raise NotImplementedError

    def test_one_leads_at_a_time(self, candidate: Callable[[], Leadership]) -> None:
        one, other = candidate(), candidate()
        assert not one.held()
        assert one.acquire()
        assert one.acquire()  # it leads already
        assert one.held()
        assert not other.acquire()
        assert not other.held()
        one.release()
        assert not one.held()

    def test_who_stands_by_takes_over(self, candidate: Callable[[], Leadership]) -> None:
        one, other = candidate(), candidate()
        assert one.acquire()
        one.release()
        assert other.acquire()
        assert not one.acquire()
        other.release()
        assert one.acquire()
        one.release()

    def test_releasing_what_is_not_held_takes_nothing(
        self, candidate: Callable[[], Leadership]
    ) -> None:
        one, other = candidate(), candidate()
        assert one.acquire()
        other.release()
        assert one.held()
        assert not other.acquire()
        one.release()
