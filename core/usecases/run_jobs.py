"""Run jobs: each calls the use case that a request would call, leaves a failing feed alone for a while, and alarms."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Final

from attrs import evolve, field, frozen

from carbon254.core.domain.cards import DatasetCard
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import Carbon254Error, Interrupted, InvalidRequest
from carbon254.core.domain.jobs import Job, back_off, jobs_of, next_run
from carbon254.core.domain.quality import QualityFinding
from carbon254.core.domain.time import Window, day_window, format_instant
from carbon254.core.usecases.check_quality import CheckQuality
from carbon254.core.usecases.fetch_documents import FetchDocuments
from carbon254.core.usecases.find_missed_work import FindMissedWork
from carbon254.core.usecases.ingest_documents import Outcome
from carbon254.core.usecases.raise_alarms import RaiseAlarms
from carbon254.ports.records import Facts
from carbon254.ports.stopping import Stop, is_stopped

# Every few minutes only what must be whole is judged; places by the hundred are for `carbon254 quality`.
_MANY: Final = ("node", "unit", "aggregate", "constraint")
_WATCHED: Final = Scope((SeriesPattern(),), tuple(SeriesPattern(kind=kind) for kind in _MANY))
_ALARM_AFTER: Final = 3  # failures in a row, but for those that a person must look at
_LOOK: Final = ("feed_format_changed", "plugin_broken", "settings_invalid")
_AWAY: Final = 3  # requests in a row without an answer, each after its retries
_FAILED: Final = ("unavailable", "quarantined")


@frozen
class JobState:
    """How a job went the last time, and until when it leaves its feed alone after failures."""

    job: Job
    at: datetime | None = None
    windows: int = 0  # stretches that were asked for; none when nothing was due
    recorded: int = 0  # rows written
    failures: int = 0  # in a row
    code: str = ""
    message: str = ""
    until: datetime | None = None


@frozen
class RunJobs:
    """The use case behind the scheduler. The scheduler never runs one job twice at a time."""

    fetch: FetchDocuments
    missed: FindMissedWork
    quality: CheckQuality
    alarms: RaiseAlarms
    facts: Facts
    checkpoint: Callable[[], str | None]
    queued: Callable[[Stop | None], int]
    credentials: Mapping[str, str] = field(factory=dict, repr=False)
    _states: dict[str, JobState] = field(factory=dict, init=False, eq=False, repr=False)

    def jobs(self) -> tuple[Job, ...]:
        """What is to be done, from the cards as they are now."""
        known = [name for name, value in self.credentials.items() if value]
        synthetic = self.facts.get("nature") == "synthetic"
        return jobs_of(self.missed.catalogue.cards(), known, synthetic=synthetic)

    def states(self) -> Sequence[JobState]:
        """Every job with how it went the last time in this process."""
        return [self._states.get(job.name, JobState(job)) for job in self.jobs()]

    def when(self, job: Job, after: datetime) -> datetime:
        """The instant after ``after`` at which the job is to run next."""
        return next_run(job, self._facts_of(job), after)

    def run(self, job: Job, stop: Stop | None = None) -> JobState:
        """Run a job now; once ``stop`` is set, it waits for nothing and ends after the document in hand.

        A feed that fails is told in the state and by alarms; what is wrong with ourselves is raised.
        """
        before = self._states.get(job.name, JobState(job))
        now = self.missed.clock.now()
        if before.until is not None and now < before.until:
            return before
        match job.task:
            case "check":
                state = self._check(job, now, stop)
            case "checkpoint":
                state = JobState(job, now, message="signed" if self.checkpoint() else "nothing new")
            case "executions":
                state = JobState(job, now, message=f"{self.queued(stop)} queued")
            case _:
                state = self._ask(job, now, before, stop)
        self._states[job.name] = state
        return state

    def _facts_of(self, job: Job) -> DatasetCard | None:
        cards = self.missed.catalogue.cards()
        return cards[job.market].dataset(job.dataset) if job.dataset else None

    # ------------------------------------------------------------ fetching

    def _ask(self, job: Job, now: datetime, before: JobState, stop: Stop | None) -> JobState:
        fresh = job.task == "fetch"
        final = () if fresh else self._final(job)
        windows = (*self._windows(job, before), *self._days(job, final))
        outcomes: list[Outcome] = []

        def hear(outcome: Outcome) -> None:
            outcomes.append(outcome)
            if is_stopped(stop) or _is_away(outcomes):
                raise _Stopped

        failed: Outcome | Carbon254Error | None = None
        try:
            for window in windows:
                self.fetch.run(
                    job.market, job.dataset, window, observed=fresh, on_outcome=hear, stop=stop
                )
                if failed := _failure(outcomes):
                    break  # the source does not answer: the rest of the windows would not come either
        except _Stopped:
            final, failed = (), _failure(outcomes)
            if failed is not None and failed.code == Interrupted.code:
                return evolve(before, at=now, code=failed.code, message=failed.message)
        except InvalidRequest as error:  # a plugin that refuses the window it was asked for
            failed = error
        if windows and not failed and final:
            self.facts.put(_settled(job), final[-1].isoformat())
        self._alarm(job, windows, failed, before)
        return _state(job, now, windows, outcomes, failed, before)

    def _windows(self, job: Job, before: JobState) -> tuple[Window, ...]:
        """What to ask for. A poll after failures asks for all that was missed meanwhile."""
        fresh = self.missed.fresh(job.market, job.dataset) if job.task == "fetch" else ()
        behind = job.task == "catch_up" or before.failures
        return (*fresh, *(self.missed.missed(job.market, job.dataset) if behind else ()))

    def _final(self, job: Job) -> tuple[date, ...]:
        kept = self.facts.get(_settled(job))
        after = date.fromisoformat(kept) if kept else None
        return self.missed.final(job.market, job.dataset, after)

    def _days(self, job: Job, days: Iterable[date]) -> list[Window]:
        facts = self._facts_of(job)
        assert facts is not None
        return [day_window(day, facts.day_zone, facts.day_start) for day in days]

    def _alarm(
        self,
        job: Job,
        windows: Sequence[Window],
        failed: Outcome | Carbon254Error | None,
        before: JobState,
    ) -> None:
        if failed is None:
            if windows:  # nothing asked, nothing learnt
                self.alarms.judge(job.market, job.dataset, "source", None)
            return
        code, told = failed.code, _told(failed)
        if code in _LOOK or before.failures + 1 >= _ALARM_AFTER:
            self.alarms.judge(job.market, job.dataset, "source", told, code=code, sure=True)

    # ------------------------------------------------------------ judging

    def _check(self, job: Job, now: datetime, stop: Stop | None) -> JobState:
        findings = self.quality.run(_WATCHED, markets=(job.market,))
        card = self.missed.catalogue.cards()[job.market]
        for dataset, facts in card.datasets.items():
            if is_stopped(stop):  # an alarm may wait for a message server that is away
                return JobState(job, now, code=Interrupted.code, message="not all was judged")
            own = [one for one in findings if one.series and card.feeding(one.series) is facts]
            self.alarms.judge(job.market, dataset, "freshness", _worst(own, "freshness"))
            self.alarms.judge(job.market, dataset, "completeness", _worst(own, "completeness"))
        return JobState(job, now, message=f"{len(findings)} findings")


class _Stopped(Exception):
    """The process is going down; what is recorded stays, the rest is found missing after the next start."""


def _is_away(outcomes: Sequence[Outcome]) -> bool:
    """Whether nothing came several times in a row: then the rest would not come either."""
    last = outcomes[-_AWAY:]
    return len(last) == _AWAY and all(one.status == "unavailable" for one in last)


def _failure(outcomes: Sequence[Outcome]) -> Outcome | None:
    return next((one for one in outcomes if one.status in _FAILED), None)


def _told(failed: Outcome | Carbon254Error) -> str:
    return failed.message if isinstance(failed, Outcome) else str(failed)


def _state(
    job: Job,
    now: datetime,
    windows: Sequence[Window],
    outcomes: Sequence[Outcome],
    failed: Outcome | Carbon254Error | None,
    before: JobState,
) -> JobState:
    written = sum(one.recorded.written for one in outcomes if one.recorded)
    if failed is None:
        return JobState(job, now, len(windows), written)
    failures = before.failures + 1
    return JobState(
        job, now, len(windows), written, failures, failed.code, _told(failed),
        now + back_off(job.every, failures),
    )  # fmt: skip


def _settled(job: Job) -> str:
    return f"settled/{job.market}/{job.dataset}"


def _worst(findings: Sequence[QualityFinding], rule: str) -> str | None:
    """What to say of a dataset's findings of a rule: the first, and of how many series; None for none."""
    own = [one for one in findings if one.rule == rule]
    if not own:
        return None
    series = {str(one.series) for one in own}
    since = min((one.interval_start for one in own if one.interval_start), default=None)
    from_ = f", from {format_instant(since)}" if since else ""
    return f"{own[0].message} ({len(series)} series{from_})"
