"""Rolling-origin backtests over stored history: kept with their plan, resumed where they stopped, comparable."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final

import numpy as np
from attrs import evolve, field, frozen

from carbon254.core.domain.backtests import (
    AskedModel,
    BacktestPlan,
    DayForecast,
    Origins,
    Target,
    summarise_gaps,
)
from carbon254.core.domain.entitlements import Scope
from carbon254.core.domain.errors import Conflict, NotFound
from carbon254.core.domain.forecast_table import ForecastTable, table_of
from carbon254.core.domain.forecasts import ModelSpec, Subject
from carbon254.core.domain.metrics import seasonal_scale
from carbon254.core.domain.observations import Column, Observations
from carbon254.core.domain.schemas import build, plain
from carbon254.core.domain.vocabulary import PublishedBasis
from carbon254.core.usecases.forecast_files import read_tables, subject_facts, write_tables
from carbon254.core.usecases.forecast_subjects import ForecastSubjects
from carbon254.core.usecases.ingest_documents import IngestDocuments
from carbon254.core.usecases.known_at import (
    Knowledge,
    first_words,
    is_additive,
    of_series,
    on_cells,
)
from carbon254.core.usecases.run_models import RunModels, Said
from carbon254.core.usecases.score_forecasts import finite, significance, value
from carbon254.ports.executions import Execution

_SEASON_DAYS: Final = 7
OnProgress = Callable[[int, int], None]


@frozen(eq=False)
class BacktestResult:
    """A finished backtest: its record, and a table for each target (and for each resolution it has had)."""

    execution: Execution
    tables: tuple[ForecastTable, ...]

    @property
    def synthetic(self) -> bool:
        """Whether what was forecast is made up."""
        return bool(self.execution.facts.get("synthetic"))


@frozen(eq=False)
class _Part:
    """One target over days of one resolution."""

    target: Target
    subject: Subject
    days: tuple[date, ...]
    knowledge: Knowledge = field(repr=False)
    origins: Origins


@frozen(eq=False)
class RunBacktest:
    """The use case behind ``carbon254 backtest``."""

    subjects: ForecastSubjects
    runner: RunModels
    ingest: IngestDocuments

    def run(
        self, plan: BacktestPlan, scope: Scope, on_progress: OnProgress = lambda done, total: None
    ) -> BacktestResult:
        """`submit` and `work`."""
        return self.work(self.submit(plan, scope).id, scope, on_progress)

    def submit(self, plan: BacktestPlan, scope: Scope) -> Execution:
        """Check a plan and take it down, as running or queued; `work` does it.

        Raises `NotFound`, `InvalidRequest`, `NotEntitled`, `PluginBroken` for a plan that cannot be done.
        """
        plan = evolve(plan, models=tuple(map(self._meant, plan.models)))
        wanted = self.runner.wanted([one.spec for one in plan.models], plan.days)
        for target in plan.targets:
            self.subjects.gate(target, plan.conditions)
            self.subjects.knowledge(
                self.subjects.subject(target, plan.start), plan.conditions, scope
            )
        facts = {"plan": plain(plan)}
        now = self.ingest.clock.now()
        text = json.dumps([facts, now.isoformat()], sort_keys=True)
        execution = Execution(
            id=hashlib.sha256(text.encode()).hexdigest()[:12], kind="backtest", configuration=plan.name or "backtest",
            state="running", started_at=now, total=wanted.count * len(plan.targets), facts=facts,
        )  # fmt: skip
        return self.runner.begin(execution)

    def work(
        self,
        execution_id: str,
        scope: Scope,
        on_progress: OnProgress = lambda done, total: None,
    ) -> BacktestResult:
        """Do a plan that was submitted; again after it was interrupted, it goes on where it stopped.

        Raises `NotFound`, `Conflict` for one that is done or that another process works on, and what the plan itself
        cannot have.
        """
        execution = self._of(execution_id)
        if execution.state == "done":
            raise Conflict(
                f"backtest {execution.id} is done: 'carbon254 backtest show {execution.id}' prints it."
            )
        execution = self.runner.resume(execution)
        with self.runner.failing(execution_id, self.ingest.clock.now):
            done = self._work(execution, scope, on_progress)
        self.runner.log.put(done.execution)
        return done

    def result(self, execution_id: str) -> BacktestResult:
        """A finished backtest. Raises `NotFound`, `Conflict` for one that is not done, with what it waits for."""
        execution = self._of(execution_id)
        if execution.state != "done":
            raise Conflict(f"backtest {execution.id} is {execution.state}: {self._next(execution)}")
        body = self.ingest.archive.get(execution.result)
        return BacktestResult(execution, read_tables(body, execution.facts["subjects"]))

    def _next(self, execution: Execution) -> str:
        """What brings a backtest that is not done to its end."""
        if execution.state == "queued":
            return f"it {execution.message}"
        if self.runner.is_worked_on(execution):
            return f"{execution.done} of {execution.total} are done; ask again when all are."
        return f"'carbon254 backtest resume {execution.id}' goes on with it."

    def _of(self, execution_id: str) -> Execution:
        execution = self.runner.log.execution(execution_id)
        if execution.kind != "backtest":
            raise NotFound(f"{execution_id} is a {execution.kind}, no backtest.")
        return execution

    # ------------------------------------------------------------ working

    def _work(self, execution: Execution, scope: Scope, on_progress: OnProgress) -> BacktestResult:
        plan = build(BacktestPlan, execution.facts["plan"])
        parts = [one for target in plan.targets for one in self._parts(plan, target, scope)]
        specs = [self.runner.settled(one.spec) for one in plan.models]
        wanted = [self.runner.wanted(specs, one.days) for one in parts]
        total, done = sum(one.count for one in wanted), 0

        def on_days(count: int) -> None:
            nonlocal done
            done += count
            self.runner.take(evolve(execution, done=done, total=total))
            on_progress(done, total)

        tables, told = [], []
        for part, want in zip(parts, wanted, strict=True):
            said = self.runner.run(
                want, part.knowledge, part.origins, plan.conditions, on_days=on_days
            )
            own = {spec.name: [said[spec][day] for day in part.days] for spec in specs}
            table = self._table(plan, part, own)
            tables.append(table)
            told.append(
                subject_facts(table)
                | self._judged(part, own, table)
                | {"silent": _silent(said, specs)}
            )
        facts = self._facts(plan, parts, told)
        finished = evolve(
            execution, state="done", finished_at=self.ingest.clock.now(), done=total, total=total, code="", message="",
            facts={**execution.facts, **facts}, result=self.ingest.archive.put(write_tables(tables)),
        )  # fmt: skip
        return BacktestResult(finished, tuple(tables))

    def _parts(self, plan: BacktestPlan, target: Target, scope: Scope) -> Iterator[_Part]:
        """The target's days, apart where its resolution changes: its history is bridged to each."""
        gate = self.subjects.gate(target, plan.conditions)
        last = self.subjects.subject(target, plan.end)
        known = self.subjects.knowledge(last, plan.conditions, scope)
        for grid, group in groupby(
            plan.days, key=lambda day: self.subjects.grid(target.series, day)
        ):
            days, subject = tuple(group), evolve(last, grid=grid)
            knowledge = evolve(known, subject=subject)
            yield _Part(target, subject, days, knowledge, Origins(gate, grid.zone))

    def _table(
        self, plan: BacktestPlan, part: _Part, said: Mapping[str, Sequence[DayForecast]]
    ) -> ForecastTable:
        grid, target = part.subject.grid, part.subject.target
        last = part.days[-1] + timedelta(plan.conditions.days - 1)
        rows = of_series(part.knowledge.rows, target)
        if plan.actuals == "first":
            rows = first_words(rows)
        cells = grid.starts(part.days[0] - timedelta(_SEASON_DAYS * 53), last)
        actual = on_cells(rows, cells, grid.resolution, additive=is_additive(target))
        before = cells < grid.starts(part.days[0])[0]
        scale = seasonal_scale(actual[before], _SEASON_DAYS * grid.slots)
        late = cells >= grid.starts(part.days[0] - timedelta(_SEASON_DAYS))[0]
        return table_of(
            target, part.subject.unit, grid, said, plan.conditions.days, (cells[late], actual[late]), scale
        )  # fmt: skip

    def _judged(
        self, part: _Part, said: Mapping[str, Sequence[DayForecast]], table: ForecastTable
    ) -> dict[str, Any]:
        """What a reader must know to believe the scores: gaps, whose word the clocks are, and what was revised."""
        known = part.knowledge.rows.take(part.knowledge.known(part.origins.of(part.days[-1])))
        return {
            "origins": len(part.days),
            "gate": part.origins.gate.text,
            "gaps": [
                {
                    "model": name,
                    "day": one.day.isoformat(),
                    "code": one.code,
                    "message": one.message,
                }
                for name, days in said.items()
                for one in days
                if not one.ok
            ],
            "notes": {name: summarise_notes(days) for name, days in said.items()},
            "rows": len(known),
            "rule_share": _share(known.published_basis == PublishedBasis.RULE),
            "revised_share": revised_share(part.knowledge.rows),
            "unscored": int(np.isnan(table.actual).sum()),
            "inputs": part.knowledge.digests(),
            "tests": [finite(row) for row in significance(table)],
            "value": [finite(row) for row in value(table)],
        }

    def _meant(self, asked: AskedModel) -> AskedModel:
        spec = self.runner.named.meant(asked.spec)
        return AskedModel(model=spec.model, parameters=spec.parameters, label=spec.label)

    def _facts(
        self, plan: BacktestPlan, parts: Sequence[_Part], told: list[dict[str, Any]]
    ) -> dict[str, Any]:
        wanted = self.runner.wanted([one.spec for one in plan.models], plan.days).days
        return {
            "subjects": told,
            "actuals": plan.actuals,
            "versions": {one.model: self.runner.models.version(one.model) for one in wanted},
            "synthetic": any(
                batch.synthetic for part in parts for batch in part.knowledge.rows.batches
            ),
        }


def _silent(said: Said, asked: Sequence[ModelSpec]) -> list[dict[str, Any]]:
    """Why members that were asked on behalf of others said nothing on some days."""
    return [
        gap
        for spec, days in said.items()
        if spec not in asked
        for gap in summarise_gaps(spec.name, (days[day] for day in sorted(days)))
    ]


def summarise_notes(days: Sequence[DayForecast]) -> dict[str, Any]:
    """What a model said of its calibration: of numbers the first, last and mean, of words the last."""
    found: dict[str, list[Any]] = {}
    for one in days:
        for name, note in one.notes.items():
            found.setdefault(name, []).append(note)
    made: dict[str, Any] = {}
    for name, notes in found.items():
        if all(isinstance(note, (int, float)) for note in notes):
            made[name] = {"first": notes[0], "last": notes[-1], "mean": float(np.mean(notes))}
        else:
            made[name] = notes[-1]
    return made


def revised_share(rows: Observations) -> float:
    """The share of intervals (of a series and an issue) of which another value was said later."""
    if not len(rows):
        return 0.0
    order = np.lexsort(
        (
            rows.value,
            rows.issued_at.view(np.int64),
            rows.interval_end,
            rows.interval_start,
            rows.code,
        )
    )
    keys = [
        rows.column(name)[order] for name in ("code", "interval_start", "interval_end", "issued_at")
    ]
    same = np.ones(len(order) - 1, dtype=bool)
    for values in keys:
        plain_values = values.view(np.int64) if values.dtype.kind == "M" else values
        same &= plain_values[1:] == plain_values[:-1]
    said = rows.value[order]
    differs = same & ~((said[1:] == said[:-1]) | (np.isnan(said[1:]) & np.isnan(said[:-1])))
    number = np.append(0, np.cumsum(~same))
    revised = np.zeros(int(number[-1]) + 1, dtype=bool)
    revised[number[1:][differs]] = True
    return float(revised.mean())


def _share(mask: Column) -> float:
    return float(mask.mean()) if len(mask) else 0.0
