"""Run models with their members over days, in blocks, on the executor; what was done before is not done again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, Final

from attrs import evolve, field, frozen

from carbon254.core.domain.backtests import Conditions, DayForecast, Origins, read_days, write_days
from carbon254.core.domain.errors import Carbon254Error, Conflict, Interrupted, InvalidRequest
from carbon254.core.domain.forecasts import ModelSpec
from carbon254.core.domain.schemas import build, plain
from carbon254.core.usecases.execute_model import ModelTask
from carbon254.core.usecases.keep_models import KeepModels
from carbon254.core.usecases.known_at import Knowledge
from carbon254.core.usecases.watch_executions import interruption
from carbon254.ports.archive import DocumentArchive
from carbon254.ports.compute import Executor
from carbon254.ports.executions import Execution, ExecutionLog, PartLog, Workers
from carbon254.ports.models import Combiner, ModelCatalogue

_BLOCK_DAYS: Final = 28
_WAITS: Final = "waits for a process that takes it: carbon254 work."
Said = dict[ModelSpec, dict[date, DayForecast]]
OnDays = Callable[[int], None]


@frozen(eq=False)
class Wanted:
    """Which days of which models are needed, members before those that combine them."""

    days: dict[ModelSpec, set[date]] = field(factory=dict)
    members: dict[ModelSpec, tuple[ModelSpec, ...]] = field(factory=dict)

    @property
    def count(self) -> int:
        """Days of forecasts, over all models."""
        return sum(len(days) for days in self.days.values())

    def layers(self) -> list[list[ModelSpec]]:
        """Models that need nobody, then those that need them, and so on."""
        depth: dict[ModelSpec, int] = {}

        def of(spec: ModelSpec) -> int:
            if spec not in depth:
                depth[spec] = 1 + max((of(one) for one in self.members.get(spec, ())), default=-1)
            return depth[spec]

        ranked = sorted(self.days, key=lambda spec: (of(spec), spec.digest))
        return [list(group) for _, group in groupby(ranked, key=of)]


@frozen(eq=False)
class RunModels:
    """What `run_forecast` and `run_backtest` share; ``work`` names the function that executes a task in a worker."""

    named: KeepModels
    executor: Callable[[], Executor]
    archive: DocumentArchive
    log: ExecutionLog
    parts: PartLog
    workers: Workers
    work: str
    queues: bool = False  # this process takes nothing in, so another does what is asked of it

    def begin(self, execution: Execution) -> Execution:
        """Take down a new execution: as worked on by this process, or queued where another must do it."""
        if not self.queues:
            return self.take(execution)
        queued = evolve(execution, state="queued", message=_WAITS)
        self.log.put(queued)
        return queued

    def take(self, execution: Execution) -> Execution:
        """Take down an execution as worked on by this process, which others then see to live."""
        taken = execution.taken_by(self.workers.join())
        self.log.put(taken)
        return taken

    def claim(self, execution_id: str) -> Execution | None:
        """Take a queued execution for this process; None where another was sooner. Raises `NotFound`."""
        return self.log.claim(execution_id, self.workers.join())

    def resume(self, execution: Execution) -> Execution:
        """Take an execution for this process, whatever was done of it.

        Raises `Conflict` where another process works on it.
        """
        if execution.state == "queued":
            taken = self.claim(execution.id)
        elif self.is_worked_on(execution):
            taken = execution if execution.worker == self.workers.join() else None
        else:
            taken = self.take(execution)
        if taken is None:
            raise Conflict(f"{execution.kind} {execution.id} is worked on by another process.")
        return taken

    def is_worked_on(self, execution: Execution) -> bool:
        """Whether it runs in a process that lives."""
        return execution.state == "running" and self.workers.lives(execution.worker)

    @contextmanager
    def failing(self, execution_id: str, now: Callable[[], datetime]) -> Iterator[None]:
        """Whatever goes wrong inside stands in the execution's record, and is raised."""
        try:
            yield
        except Exception as error:  # whatever it was, nothing may seem to run for ever
            last = self.log.execution(execution_id)
            code, told = Carbon254Error.code, "the platform failed; its log says why."
            if isinstance(error, Carbon254Error):
                code, told = error.code, str(error)
            if isinstance(error, Interrupted):
                told = interruption(last)
            self.log.put(evolve(last, state="failed", finished_at=now(), code=code, message=told))
            raise

    @property
    def models(self) -> ModelCatalogue:
        """The installed models."""
        return self.named.models

    def settled(self, spec: ModelSpec) -> ModelSpec:
        """As `KeepModels.settled`."""
        return self.named.settled(spec)

    def wanted(self, specs: Sequence[ModelSpec], days: Sequence[date]) -> Wanted:
        """The models, `settled`, with their members, and the days of each. Raises as `settled`."""
        wanted = Wanted()
        for spec in specs:
            self._want(wanted, self.settled(spec), set(days), ())
        return wanted

    def _want(
        self, wanted: Wanted, spec: ModelSpec, days: set[date], above: tuple[ModelSpec, ...]
    ) -> None:
        model = self.models.model(spec.model)
        parameters = build(model.Parameters, spec.parameters)
        if spec in above:
            raise InvalidRequest(f"'{spec.name}' is a member of itself.")
        wanted.days.setdefault(spec, set()).update(days)
        if not isinstance(model, Combiner):
            return
        members = tuple(self.settled(one) for one in model.members(parameters))
        wanted.members[spec] = members
        first, last = min(days) - timedelta(model.memory(parameters)), max(days)
        past = {first + timedelta(n) for n in range((last - first).days + 1)}
        for member in members:
            self._want(wanted, member, past, (*above, spec))

    def run(
        self,
        wanted: Wanted,
        knowledge: Knowledge,
        origins: Origins,
        conditions: Conditions,
        *,
        on_days: OnDays = lambda count: None,
        anew: bool = False,
    ) -> Said:
        """What each model said of each of its days; ``on_days`` hears how many more are done.

        With ``anew`` nothing that was kept is taken.
        """
        said: Said = {}
        seen = _Seen(knowledge, origins)
        for layer in wanted.layers():
            tasks = [
                task for spec in layer for task in self._tasks(spec, wanted, seen, conditions, said)
            ]
            for task, days in self._done(tasks, on_days, anew=anew):
                said.setdefault(task.spec, {}).update({one.day: one for one in days})
        return said

    def _tasks(
        self,
        spec: ModelSpec,
        wanted: Wanted,
        seen: _Seen,
        conditions: Conditions,
        said: Said,
    ) -> Iterator[ModelTask]:
        members = tuple(
            (one.name, tuple(said[one][day] for day in sorted(said[one])))
            for one in wanted.members.get(spec, ())
        )
        for days in blocks(sorted(wanted.days[spec]), conditions.refit):
            asked = {*days, *(conditions.refit_day(day) for day in days)}
            known = [
                (name, tuple(one for one in told if one.day <= days[-1])) for name, told in members
            ]
            yield ModelTask(
                spec=spec, days=days, conditions=conditions, origins=seen.origins,
                knowledge=seen.until(frozenset(asked)), members=tuple(known),
            )  # fmt: skip

    def _done(
        self, tasks: Sequence[ModelTask], on_days: OnDays, *, anew: bool
    ) -> Iterator[tuple[ModelTask, Sequence[DayForecast]]]:
        keys = [self.key(task) for task in tasks]
        left = []
        for task, key in zip(tasks, keys, strict=True):
            kept = None if anew else self._kept(key)
            if kept is None:
                left.append((task, key))
            else:
                on_days(len(task.days))
                yield task, kept
        if not left:
            return
        # One task, too, goes to the executor: here numbers could differ in their last bits, by the threads of algebra.
        outcomes = self.executor().outcomes(self.work, [task for task, _ in left])
        for (task, key), outcome in zip(left, outcomes, strict=True):
            if outcome.error is None:
                self.parts.keep_part(key, self.archive.put(write_days(outcome.value)))
            on_days(len(task.days))
            yield task, outcome.value if outcome.error is None else _lost(task, outcome.error)

    def _kept(self, key: str) -> tuple[DayForecast, ...] | None:
        digest = self.parts.part(key)
        if digest is None:
            return None
        try:
            return read_days(self.archive.get(digest))
        except Carbon254Error:  # gone or rotten: it is made again
            return None

    def key(self, task: ModelTask) -> str:
        """A digest of all that the task's result depends on."""
        members = [
            (name, hashlib.sha256(write_days(days)).hexdigest()) for name, days in task.members
        ]
        subject, conditions = task.knowledge.subject, task.conditions
        asked = sorted({*task.days, *(conditions.refit_day(day) for day in task.days)})
        origins = [task.origins.of(day) for day in asked]
        live = [task.knowledge.is_live(origin) for origin in origins]
        facts: list[Any] = [
            task.spec.model, dict(task.spec.parameters), self.models.version(task.spec.model),
            plain(evolve(conditions, live_since=None)), [str(one) for one in subject.series],
            [subject.grid.zone, plain(subject.grid.resolution), subject.grid.day_start.isoformat()],
            [day.isoformat() for day in task.days], [one.isoformat() for one in origins], live,
            task.knowledge.digests(recorded=any(live)), members,
        ]  # fmt: skip
        text = json.dumps(facts, sort_keys=True, default=list)
        return hashlib.sha256(text.encode()).hexdigest()


@frozen(eq=False)
class _Seen:
    """What may be known on the days of a block: made once, however many models forecast them.

    Rows of years are some megabytes for each block; one copy for each model and block was seen to take two gigabytes.
    """

    knowledge: Knowledge = field(repr=False)
    origins: Origins
    _by_days: dict[frozenset[date], Knowledge] = field(factory=dict, init=False, repr=False)

    def until(self, days: frozenset[date]) -> Knowledge:
        """What was known at one of the days' origins or another."""
        if days not in self._by_days:
            self._by_days[days] = self.knowledge.until([self.origins.of(day) for day in days])
        return self._by_days[days]


def blocks(days: Sequence[date], refit: int) -> Iterator[tuple[date, ...]]:
    """Days in blocks that begin on the same days whatever is asked, whole refits long and about four weeks."""
    length = refit * max(1, round(_BLOCK_DAYS / refit))
    for _, group in groupby(days, key=lambda day: day.toordinal() // length):
        yield tuple(group)


def _lost(task: ModelTask, error: Carbon254Error) -> tuple[DayForecast, ...]:
    return tuple(
        DayForecast(day, task.origins.of(day), code=error.code, message=str(error))
        for day in task.days
    )


def of_model(
    said: Mapping[ModelSpec, Mapping[date, DayForecast]], spec: ModelSpec
) -> list[DayForecast]:
    """What a model said, by day."""
    return [said[spec][day] for day in sorted(said[spec])]
