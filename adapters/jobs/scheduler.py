"""`Scheduler` on APScheduler: its jobs are kept in memory and made anew from the cards at every start."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from random import uniform
from typing import Any, Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from carbon254.core.domain.jobs import Job

_THREADS: Final = 4  # operators are waited for; the store's writers take turns anyway
_JITTER: Final = timedelta(seconds=20)  # so that jobs of one step do not all ask in the same second
_log = logging.getLogger("carbon254.jobs")


class JobScheduler:
    """Runs jobs on four threads. ``jitter`` delays each time by up to so much, and by a tenth of the job's step."""

    def __init__(self, *, threads: int = _THREADS, jitter: timedelta = _JITTER) -> None:
        self._threads, self._jitter = threads, jitter
        self._scheduler: BackgroundScheduler | None = None

    def start(
        self,
        jobs: Iterable[Job],
        when: Callable[[Job, datetime], datetime],
        run: Callable[[Job], object],
    ) -> None:
        self.stop()
        made = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(self._threads)},
            job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        )
        for job in jobs:
            trigger = _Times(job, when, min(self._jitter, job.every / 10))
            made.add_job(_guarded, trigger, args=(job, run), id=job.name, name=job.name)
        made.start()
        self._scheduler = made

    def next_times(self) -> Mapping[str, datetime]:
        if self._scheduler is None:
            return {}
        return {job.id: job.next_run_time for job in self._scheduler.get_jobs()}

    def stop(self) -> None:
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is not None:
            scheduler.shutdown(wait=True)


def _guarded(job: Job, run: Callable[[Job], object]) -> None:
    """Run a job; whatever goes wrong is logged and stays in the job."""
    try:
        run(job)
    except Exception as error:  # the edge of a thread: no job may stop another  # noqa: BLE001
        _log.error(
            "job '%s' failed: %s: %s", job.name, getattr(error, "code", type(error).__name__), error
        )


class _Times(BaseTrigger):  # type: ignore[misc] # it ships no types
    """When a job runs: soon after the start, then as ``when`` says."""

    def __init__(
        self, job: Job, when: Callable[[Job, datetime], datetime], jitter: timedelta
    ) -> None:
        self._job, self._when, self._jitter = job, when, jitter

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> Any:
        late = uniform(0, self._jitter.total_seconds())  # noqa: S311 - no secret
        if previous is None:
            return now + timedelta(seconds=late)
        return self._when(self._job, max(previous, now)) + timedelta(seconds=late)
