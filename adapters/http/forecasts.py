"""Models, forecasts and backtests: what there is, what was made, and making more in the background.

A POST is taken down and answered with 202 and a Location; the work goes on behind it, one piece after the other, and
the Location tells how far it is. What a process left undone when it ended is told there as ``interrupted``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, TypeVar

import falcon
from attrs import frozen

from carbon254.adapters.http.cursors import Pinned
from carbon254.adapters.http.door import Door
from carbon254.adapters.http.encoders import plain_json
from carbon254.adapters.http.executions import told
from carbon254.adapters.http.idempotency import BegunOnce, read_key
from carbon254.adapters.http.parameters import ExecutionsAsked, NothingAsked, ScoresAsked
from carbon254.adapters.http.replies import Made
from carbon254.core.domain.backtests import BacktestPlan
from carbon254.core.domain.entitlements import Scope, Selection
from carbon254.core.domain.errors import Interrupted, InvalidRequest, NotFound
from carbon254.core.domain.executions import ExecutionKind
from carbon254.core.domain.schemas import build, json_schema, plain
from carbon254.core.usecases.keep_models import KeepModels, NamedModel
from carbon254.core.usecases.run_forecast import ForecastRequest
from carbon254.core.usecases.score_forecasts import finite, scores
from carbon254.core.usecases.watch_executions import WatchExecutions, series_of
from carbon254.ports.executions import Execution
from carbon254.ports.jobs import Background

T = TypeVar("T")
_STARTS: Final = "administer"  # the policy's word for starting work


class Models:
    """What there is to forecast with."""

    def __init__(self, door: Door, keep: KeepModels) -> None:
        self._door, self._keep, self._models = door, keep, keep.models

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """The installed models, in the order of their ids, and those that were named."""
        call, form = self._door.call(request, response)
        with call:
            named = [plain(one) for one in self._keep.named().values()]
            head = {"models": [self._card(name) for name in self._models.cards()], "named": named}
            self._door.give(
                request, response, call, form, NothingAsked, lambda *_: Made(head), keep=False
            )

    def on_get_one(self, request: falcon.Request, response: falcon.Response, model: str) -> None:
        """One model with the JSON Schema of its parameters; under a name, also with what they are."""
        call, form = self._door.call(request, response)
        with call:
            named = self._keep.named().get(model)
            installed = named.model if named else model
            schema = json_schema(self._models.model(installed).Parameters)
            head = {
                **self._card(installed),
                "version": self._models.version(installed),
                "parameters": schema,
                "named": plain(named) if named else None,
            }
            self._door.give(
                request, response, call, form, NothingAsked, lambda *_: Made(head), keep=False
            )

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Give a model with its parameters a name for ever; the same again changes nothing."""
        call, _ = self._door.call(request, response, action=_STARTS)
        with call:
            asked = build(NamedModel, _json(request.bounded_stream.read()), "the body")
            kept = self._keep.keep(asked)
            _posted(request, response, falcon.HTTP_201, kept.name, plain(kept))

    def _card(self, model: str) -> dict[str, Any]:
        card = self._models.cards()[model]
        return {
            "id": card.id, "version": card.version, "kind": card.kind, "title": card.title, "summary": card.summary,
            "licence": card.licence, "sources": list(card.sources), "extra": card.extra,
        }  # fmt: skip


@frozen
class Executions:
    """What forecasts and backtests share: lists within a scope, one of them, and a POST that is answered once."""

    door: Door
    log: WatchExecutions
    once: BegunOnce

    def all(self, request: falcon.Request, response: falcon.Response, kind: ExecutionKind) -> None:
        """The executions whose series the caller sees, the latest first."""
        call, form = self.door.call(request, response)
        with call:

            def make(asked: ExecutionsAsked, pinned: Pinned, scope: Scope) -> Made:
                found = self.log.executions(kind, asked.configuration)
                seen = [one for one in found if all(map(scope.allows, series_of(one)))]
                return Made({f"{kind}s": [told(one) for one in seen[: asked.limit]]})

            self.door.give(request, response, call, form, ExecutionsAsked, make, keep=False)

    def one(self, execution: str, kind: ExecutionKind, scope: Scope) -> Execution:
        """One of a kind. Raises `NotFound`, `NotEntitled`."""
        found = self.log.execution(execution)
        if found.kind != kind:
            raise NotFound(f"there is no {kind} {execution}.")
        scope.restrict(Selection(series_of(found)))
        return found

    def post(
        self,
        request: falcon.Request,
        response: falcon.Response,
        cls: type[T],
        submit: Callable[[T, Scope], Execution],
    ) -> None:
        """Take down what the body asks for and answer 202.

        The same Idempotency-Key again starts nothing anew, but for what was interrupted.
        """
        call, _ = self.door.call(request, response, action=_STARTS)
        with call:
            body = request.bounded_stream.read()

            def begin() -> str:
                sees = self.door.admit.scope(call.principal, "read")
                return submit(build(cls, _json(body), "the body"), sees).id

            made = self.once.begin(
                read_key(request, call.principal, body), self.door.clock.now(), self._stands, begin
            )
            execution = self.log.execution(made)
            _posted(request, response, falcon.HTTP_202, made, told(execution))

    def _stands(self, execution: str) -> bool:
        return self.log.execution(execution).code != Interrupted.code


def _posted(
    request: falcon.Request, response: falcon.Response, status: str, name: str, answer: Any
) -> None:
    """Answer a POST: what there is now, and where."""
    response.status = status
    response.set_header("Location", f"{request.path}/{name}")
    response.set_header("Cache-Control", "no-store")
    response.content_type = "application/json"
    response.data = plain_json(answer)


class _Started:
    """What is begun by a POST: the list of what there is of its kind, and taking down another."""

    kind: ClassVar[ExecutionKind]
    body: ClassVar[type[Any]]

    def __init__(self, executions: Executions, use_case: Any, behind: Background) -> None:
        self._executions, self._use_case, self._behind = executions, use_case, behind

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Those whose series the caller sees, the latest first."""
        self._executions.all(request, response, self.kind)

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Take one down; it is done behind the answer."""
        self._executions.post(request, response, self.body, self._submit)

    def _submit(self, asked: Any, scope: Scope) -> Execution:
        execution: Execution = self._use_case.submit(asked, scope)
        if execution.state != "queued":  # another process takes those
            self._behind.do(lambda: self._use_case.work(execution.id, scope))
        return execution


class Forecasts(_Started):
    """Live forecasts; their numbers are series, read as others are."""

    kind, body = "forecast", ForecastRequest

    def on_get_one(
        self, request: falcon.Request, response: falcon.Response, execution: str
    ) -> None:
        """One forecast: how far it is, what it was made from, and the series that hold its numbers."""
        door = self._executions.door
        call, form = door.call(request, response)
        with call:
            found = self._executions.one(execution, "forecast", call.scope)
            head = {**told(found), "record": _without_request(found.facts)}
            door.give(
                request, response, call, form, NothingAsked, lambda *_: Made(head), keep=False
            )


class Backtests(_Started):
    """Backtests."""

    kind, body = "backtest", BacktestPlan

    def on_get_one(
        self, request: falcon.Request, response: falcon.Response, execution: str
    ) -> None:
        """One backtest: how far it is, and its scores when it is done."""
        door = self._executions.door
        call, form = door.call(request, response)
        with call:
            found = self._executions.one(execution, "backtest", call.scope)

            def make(asked: ScoresAsked, pinned: Pinned, scope: Scope) -> Made:
                head = {**told(found), "plan": found.facts["plan"]}
                if found.state == "done":
                    tables = self._use_case.result(execution).tables
                    rows = [finite(row) for table in tables for row in scores(table, asked.by)]
                    kept = {name: found.facts[name] for name in ("subjects", "synthetic")}
                    head |= {**kept, "scores": rows}
                return Made(head)

            door.give(request, response, call, form, ScoresAsked, make, keep=False)


def _without_request(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in ("request", "worker")}


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRequest("the body is no JSON, or JSON that nests too deeply.") from None
    if not isinstance(found, dict):
        raise InvalidRequest("the body is no JSON object.")
    return found
