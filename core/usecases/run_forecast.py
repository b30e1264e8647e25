"""Make a live forecast, and keep it: as observations of its own run, issued at its origin, with all that replays it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from attrs import evolve, field, frozen
from attrs.validators import min_len

from carbon254.core.domain.backtests import AskedModel, Conditions, DayForecast, Origins, Target
from carbon254.core.domain.documents import Document, receipt_for
from carbon254.core.domain.entitlements import Scope, Selection
from carbon254.core.domain.errors import BY_CODE, Conflict, NotFound
from carbon254.core.domain.forecast_documents import (
    DATASET,
    ForecastRecord,
    check_configuration,
    read_record,
    write_forecast,
)
from carbon254.core.domain.forecasts import Forecast, Horizon, ModelSpec, Subject
from carbon254.core.domain.schemas import build, plain
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import format_instant, parse_day, parse_instant
from carbon254.core.usecases.forecast_subjects import ForecastSubjects, next_open_day
from carbon254.core.usecases.ingest_documents import IngestDocuments
from carbon254.core.usecases.known_at import Knowledge
from carbon254.core.usecases.run_models import OnDays, RunModels
from carbon254.ports.executions import Execution


def _series(values: Iterable[SeriesId]) -> tuple[SeriesId, ...]:
    return tuple(values)


@frozen(kw_only=True)
class ForecastRequest:
    """Which model forecasts which series for which day; ``configuration`` names model and parameters for ever."""

    series: SeriesId
    exogenous: tuple[SeriesId, ...] = field(default=(), converter=_series)
    model: str = field(validator=min_len(1))
    parameters: Mapping[str, Any] = field(factory=dict)
    configuration: str = field(
        default="",
        metadata={"doc": "a token; empty: the model's id, and a digest of its parameters"},
    )
    day: date | None = field(
        default=None, metadata={"doc": "first delivery day; null: the first whose gate is open"}
    )
    conditions: Conditions = Conditions()

    @property
    def target(self) -> Target:
        """The series with what it is forecast from."""
        return Target(series=self.series, exogenous=self.exogenous)

    @property
    def spec(self) -> ModelSpec:
        """The model with its parameters."""
        return AskedModel(model=self.model, parameters=self.parameters).spec


@frozen(eq=False)
class MadeForecast:
    """A forecast with the execution that made it; ``series`` are where its numbers are kept."""

    execution: Execution
    forecast: Forecast
    series: tuple[SeriesId, ...]
    unit: str
    origin: datetime
    synthetic: bool


@frozen(eq=False)
class _Case:
    """One forecast as it is executed: what of, when, under which conditions, and out of what."""

    request: ForecastRequest
    subject: Subject
    day: date
    origin: datetime
    conditions: Conditions
    knowledge: Knowledge = field(repr=False)
    as_of: datetime | None = None

    @property
    def horizon(self) -> Horizon:
        return Horizon(self.subject.grid, self.day, self.conditions.days)

    @property
    def synthetic(self) -> bool:
        return any(batch.synthetic for batch in self.knowledge.rows.batches)


@frozen(eq=False)
class RunForecast:
    """The use case behind ``carbon254 forecast``."""

    subjects: ForecastSubjects
    runner: RunModels
    ingest: IngestDocuments

    def run(
        self, request: ForecastRequest, scope: Scope, *, on_days: OnDays = lambda count: None
    ) -> MadeForecast:
        """`submit` and `work`."""
        return self.work(self.submit(request, scope).id, scope, on_days=on_days)

    def submit(self, request: ForecastRequest, scope: Scope) -> Execution:
        """Check a request and take it down, as running or queued; `work` does it.

        Raises `NotEntitled` outside the scope, `NotFound`, `InvalidRequest`, `PluginBroken` for one that cannot be
        done, `Conflict` where the configuration stands for something else.
        """
        scope.restrict(Selection((request.series, *request.exogenous)))
        configuration = self._configuration(request)
        meant = self.runner.named.meant(request.spec)
        request = evolve(
            request, model=meant.model, parameters=meant.parameters, configuration=configuration
        )
        now = self.ingest.clock.now()
        self.subjects.gate(request.target, request.conditions)
        self.subjects.subject(request.target, request.day or now.date())
        wanted = self.runner.wanted([request.spec], [request.day or now.date()])
        facts = {
            "target": str(request.series), "model": request.model, "parameters": plain(request.parameters),
            "request": plain(request),
        }  # fmt: skip
        text = json.dumps([configuration, facts, now.isoformat()], sort_keys=True)
        execution = Execution(
            id=hashlib.sha256(text.encode()).hexdigest()[:12], kind="forecast", configuration=configuration,
            state="running", started_at=now, total=wanted.count, facts=facts,
        )  # fmt: skip
        return self.runner.begin(execution)

    def work(
        self, execution_id: str, scope: Scope, *, on_days: OnDays = lambda count: None
    ) -> MadeForecast:
        """Make a forecast that was submitted, and keep it.

        For a day whose gate is open the origin is now, and what we had recorded counts; for an earlier day it is the
        gate closure, and what had been published by then. Raises `NotFound`, `InvalidRequest`, `NotEntitled`,
        `PluginBroken` (the model failed), `Conflict` for one that another process works on.
        """
        execution = self.runner.log.execution(execution_id)
        if execution.kind != "forecast":
            raise NotFound(f"{execution_id} is a {execution.kind}, no forecast.")
        execution = self.runner.resume(execution)
        with self.runner.failing(execution_id, self.ingest.clock.now):
            case = self._case(build(ForecastRequest, execution.facts["request"]), scope)
            return self._keep(case, execution, self._execute(case, on_days))

    def replay(self, digest: str, scope: Scope) -> bool:
        """Execute a kept forecast again, out of what we had at the time; whether every bit is the same.

        ``digest`` is that of its document. Raises `NotFound`, and as `run`.
        """
        document = Document("kept", self.ingest.archive.get(digest))
        head = read_record(document)
        request = ForecastRequest(
            series=SeriesId.parse(head["target"]),
            exogenous=map(SeriesId.parse, head["exogenous"]),
            model=head["model"],
            parameters=head["parameters"],
            conditions=build(Conditions, head["conditions"]),
        )
        origin, as_of = parse_instant(head["origin"]), head["as_of"]
        case = self._at(
            request, parse_day(head["day"]), origin, as_of and parse_instant(as_of), scope
        )
        made = self._execute(case, lambda count: None, anew=True)
        record = ForecastRecord(
            configuration=head["configuration"],
            target=request.series,
            unit=head["unit"],
            origin=origin,
        )
        again = write_forecast(record, made).body.split(b"\n", 1)[1]
        return again == document.body.split(b"\n", 1)[1]

    # ------------------------------------------------------------ what is asked

    def _configuration(self, request: ForecastRequest) -> str:
        """The id asked for, or one of the model's. Raises `Conflict` where it stands for another model."""
        spec = request.spec
        own = spec.model + (f"_{spec.digest[:8]}" if spec.parameters else "")
        configuration = check_configuration(request.configuration or own)
        for before in self.runner.log.executions("forecast", configuration):
            known = ModelSpec(before.facts["model"], before.facts["parameters"])
            if before.state == "done" and self.runner.settled(known) != self.runner.settled(spec):
                raise Conflict(
                    f"configuration '{configuration}' is {known.model} with {dict(known.parameters)}; "
                    "give other parameters another configuration."
                )
        return configuration

    def _case(self, request: ForecastRequest, scope: Scope) -> _Case:
        now = self.ingest.clock.now()
        gate = self.subjects.gate(request.target, request.conditions)
        grid = self.subjects.grid(request.series, request.day or now.date())
        day = request.day or next_open_day(gate, grid, now)
        origin, recorded = gate.on(day, grid.zone), self.ingest.store.last_recorded()
        if origin >= now:
            since = request.conditions.live_since
            live = evolve(request.conditions, live_since=now if since is None else min(since, now))
            # What was recorded at once may lie a little ahead of the clock: it is what we have.
            request, origin = evolve(request, conditions=live), max(now, recorded or now)
        return self._at(request, day, origin, recorded, scope)

    def _at(
        self,
        request: ForecastRequest,
        day: date,
        origin: datetime,
        as_of: datetime | None,
        scope: Scope,
    ) -> _Case:
        subject = self.subjects.subject(request.target, day)
        knowledge = self.subjects.knowledge(subject, request.conditions, scope, as_of=as_of)
        return _Case(request, subject, day, origin, request.conditions, knowledge, as_of)

    # ------------------------------------------------------------ executing and keeping

    def _execute(self, case: _Case, on_days: OnDays, *, anew: bool = False) -> Forecast:
        gate = self.subjects.gate(case.request.target, case.conditions)
        origins = Origins(gate, case.subject.grid.zone, case.origin)
        spec = self.runner.settled(case.request.spec)
        wanted = self.runner.wanted([spec], [case.day])
        said = self.runner.run(
            wanted, case.knowledge, origins, case.conditions, on_days=on_days, anew=anew
        )
        made = forecast_of(said[spec][case.day], case.horizon)
        silent = {
            one.name: f"{told.code}: {told.message}"
            for one in wanted.members.get(spec, ())
            if not (told := said[one][case.day]).ok
        }
        return evolve(made, notes={**made.notes, **silent})

    def _facts(self, case: _Case) -> dict[str, Any]:
        request, models = case.request, self.runner.models
        members = self.runner.wanted([request.spec], [case.day]).days
        return {
            "day": case.day.isoformat(),
            "exogenous": [str(one) for one in request.exogenous],
            "model": request.model,
            "version": models.version(request.model),
            "parameters": plain(request.parameters),
            "versions": {one.model: models.version(one.model) for one in members},
            "conditions": plain(case.conditions),
            "seed": case.conditions.seed,
            "inputs": case.knowledge.until([case.origin]).digests(),
            "as_of": case.as_of and format_instant(case.as_of),
            "executed_at": format_instant(self.ingest.clock.now()),
            "synthetic": case.synthetic,
        }

    def _keep(self, case: _Case, execution: Execution, made: Forecast) -> MadeForecast:
        facts = self._facts(case) | {"notes": dict(made.notes)}
        record = ForecastRecord(
            configuration=execution.configuration, target=case.request.series, unit=case.subject.unit,
            origin=case.origin, facts=facts,
        )  # fmt: skip
        document = write_forecast(record, made)
        self._record(document, case)
        finished = evolve(
            execution, state="done", finished_at=self.ingest.clock.now(), done=execution.total, result=document.digest,
            facts={**execution.facts, **read_record(document)}, code="", message="",
        )  # fmt: skip
        self.runner.log.put(finished)
        return MadeForecast(
            finished, made, record.series(made.levels), record.unit, case.origin, case.synthetic
        )

    def _record(self, document: Document, case: _Case) -> None:
        market, ingest = case.request.series.market, self.ingest
        ingest.claim(synthetic=case.synthetic)
        ingest.archive.put(document.body)
        receipt = ingest.journal.receipt(
            receipt_for(
                document, market=market, dataset=DATASET, request=f"forecast:{document.name}",
                archived_at=ingest.clock.now(),
            )
        )  # fmt: skip
        outcome = ingest.read(receipt, DATASET, document, synthetic=case.synthetic)
        if outcome.code:
            raise BY_CODE[outcome.code](outcome.message)


def forecast_of(said: DayForecast, horizon: Horizon) -> Forecast:
    """The forecast that was kept. Raises the error that took its place."""
    if not said.ok:
        raise BY_CODE[said.code](said.message)
    return Forecast(horizon, said.value, said.levels, said.quantiles, said.notes)
