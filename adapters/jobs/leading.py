"""Running jobs while this process leads, and standing by while another does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Final

from carbon254.core.domain.errors import Interrupted
from carbon254.core.domain.jobs import Job
from carbon254.core.usecases.run_jobs import RunJobs
from carbon254.ports.jobs import Leadership, Scheduler

LOOK: Final = 5.0  # seconds between looks at who leads
_log = logging.getLogger("carbon254.jobs")


class Leader:
    """Runs the jobs of what ``opening`` opens, as long as this process leads.

    When the lead is lost no job starts any more, and those that run wait for nothing and end after the document in
    hand: what they write twice with the next leader changes nothing. ``opening`` is closed before another may lead.
    """

    def __init__(
        self,
        leadership: Leadership,
        scheduler: Scheduler,
        opening: Callable[[], AbstractContextManager[RunJobs]],
        *,
        look: float = LOOK,
    ) -> None:
        self._leadership, self._scheduler, self._opening = leadership, scheduler, opening
        self._look = look
        self.leads = False

    def __call__(self, stop: threading.Event) -> None:
        """Lead or stand by until ``stop``. Raises what opening raises, such as `StoreUnavailable`."""
        try:
            while not stop.is_set():
                if self._leadership.acquire():
                    self._lead(stop)
                else:
                    stop.wait(self._look)
        finally:
            self._leadership.release()

    def _lead(self, stop: threading.Event) -> None:
        ending = threading.Event()
        with self._opening() as jobs:
            all_jobs = jobs.jobs()
            _log.info("this process leads: %d jobs", len(all_jobs))
            self.leads = True
            try:
                self._scheduler.start(all_jobs, jobs.when, partial(_run, jobs, ending))
                while self._leadership.held() and not stop.wait(self._look):
                    pass
            finally:
                self.leads = False
                ending.set()
                self._scheduler.stop()
        if not stop.is_set():
            _log.warning("this process leads no more; its jobs are stopped")


def _run(jobs: RunJobs, ending: threading.Event, job: Job) -> None:
    """Run a job and log what came of it, where anything did."""
    done = jobs.run(job, ending)
    if done.code == Interrupted.code:
        _log.info("job '%s' was interrupted: %s", job.name, done.message)
    elif done.failures:
        _log.warning(
            "job '%s' failed %d times: %s: %s", job.name, done.failures, done.code, done.message
        )
    elif done.windows:
        _log.info("job '%s' asked for %d stretches: %d rows", job.name, done.windows, done.recorded)
