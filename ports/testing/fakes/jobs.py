"""A scheduler that runs when its clock is moved, and leadership among objects of one process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime

from carbon254.core.domain.jobs import Job
from carbon254.ports.clock import Clock


class ManualScheduler:
    """Runs what is due in `tick`, in the caller's thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._jobs: dict[str, Job] = {}
        self._next: dict[str, datetime] = {}
        self._running: set[str] = set()

    def start(
        self,
        jobs: Iterable[Job],
        when: Callable[[Job, datetime], datetime],
        run: Callable[[Job], object],
    ) -> None:
        self._jobs = {job.name: job for job in jobs}
        self._next = dict.fromkeys(self._jobs, self._clock.now())
        self._when, self._run = when, run

    def next_times(self) -> Mapping[str, datetime]:
        return dict(self._next)

    def stop(self) -> None:
        self._jobs, self._next = {}, {}

    def tick(self) -> None:
        """Run what is due by now."""
        now = self._clock.now()
        for name in [name for name, at in self._next.items() if at <= now]:
            job = self._jobs[name]
            self._next[name] = self._when(job, now)
            if name not in self._running:
                self._try(job)

    def _try(self, job: Job) -> None:
        self._running.add(job.name)
        try:
            self._run(job)
        except Exception:  # noqa: BLE001, S110 - as the port says: it runs again the next time
            pass
        finally:
            self._running.discard(job.name)


class AtOnce:
    """Does the work before `do` returns."""

    def __init__(self) -> None:
        self._closed = False

    def do(self, work: Callable[[], object]) -> None:
        if not self._closed:
            with suppress(Exception):  # as the port says: it stops no other
                work()

    def close(self) -> None:
        self._closed = True


class MemoryLeadership:
    """Leads while no other of the same ``seat`` does."""

    def __init__(self, seat: list[MemoryLeadership]) -> None:
        self._seat = seat

    def acquire(self) -> bool:
        if not self._seat:
            self._seat.append(self)
        return self._seat[0] is self

    def held(self) -> bool:
        return bool(self._seat) and self._seat[0] is self

    def release(self) -> None:
        if self.held():
            self._seat.clear()
