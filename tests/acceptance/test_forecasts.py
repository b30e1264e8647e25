"""Steps of features/forecasts."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from pytest_bdd import given, parsers, scenarios, then, when

from carbon254.core.domain.backtests import AskedModel, BacktestPlan, Conditions, Target
from carbon254.core.domain.entitlements import Scope, Selection
from carbon254.core.domain.observations import Observations, from_instant64, instant64
from carbon254.core.domain.time import EARLIEST, parse_day
from carbon254.core.usecases.execute_model import execute
from carbon254.core.usecases.run_backtest import BacktestResult
from carbon254.core.usecases.run_forecast import ForecastRequest
from carbon254.ports.testing.fakes.compute import SerialExecutor
from carbon254.ports.testing.fakes.executions import MemoryExecutionLog
from carbon254.ports.testing.fakes.models import Cheat, ModelShelf, Repeat, Stumble
from carbon254.ports.testing.fakes.storage import MemorySeriesStore

scenarios("forecasts")

EVERYTHING = Scope.everything()
WORK = "work_of_the_features"


@pytest.fixture(autouse=True)
def case(desk: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.SimpleNamespace]:
    """The forecasters of the features at the desk; what a scenario has said and seen of forecasts."""

    def peek(day: date) -> Any:
        series = desk.series("Germany SDAC")
        grid = desk.made().subjects().subject(Target(series=series), day).grid
        rows = desk.store.read(EVERYTHING.restrict(Selection((series,))))
        return grid.matrix(rows.interval_start, rows.value, day, day)[0]

    shelf = ModelShelf(Repeat(), Stumble(), Cheat(peek))
    executor = SerialExecutor()
    module = types.ModuleType(WORK)
    module.execute = lambda task: execute(shelf, task)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, WORK, module)
    desk.more = {
        "models": shelf, "executions": MemoryExecutionLog(), "executor": executor, "work": f"{WORK}:execute"
    }  # fmt: skip
    yield types.SimpleNamespace(conditions=Conditions(), before={}, kept=None)
    executor.close()


def asked(words: str) -> AskedModel:
    """A forecaster in the words of the features."""
    if words.startswith("stumbles on "):
        return AskedModel(
            model="stumble", parameters={"days": [words.removeprefix("stumbles on ")]}
        )
    known: dict[str, tuple[str, dict[str, Any]]] = {
        "repeats yesterday": ("repeat", {}),
        "repeats last week": ("repeat", {"lag": 7}),
        "looks ahead": ("cheat", {}),
    }
    model, parameters = known.get(words, (words, {}))
    return AskedModel(model=model, parameters=parameters)


def backtest(desk: Any, case: Any, words: str, name: str, start: str, end: str) -> BacktestResult:
    plan = BacktestPlan(
        targets=(Target(series=desk.series(name)),), models=(asked(words),), start=parse_day(start), end=parse_day(end),
        conditions=case.conditions,
    )  # fmt: skip
    return desk.made().backtest().run(plan, EVERYTHING)  # type: ignore[no-any-return]


@given("what was published is what counts")
def _(case: Any) -> None:
    case.conditions = Conditions()


@given("what we had is what counts")
def _(case: Any) -> None:
    case.conditions = Conditions(live_since=EARLIEST)


@when(parsers.parse('"{words}" forecasts each day of "{name}" from {start} to {end}'))
def _(desk: Any, case: Any, words: str, name: str, start: str, end: str) -> None:
    desk.attempt(lambda: backtest(desk, case, words, name, start, end))


@then("the forecasts are:")
def _(desk: Any, datatable: list[list[str]]) -> None:
    result = desk.granted()
    (table,) = result.tables
    head, *wanted = datatable
    found = []
    for day in np.unique(table.days):
        own = table.take(table.days == day)
        row = {
            "day": str(day),
            "origin": f"{from_instant64(own.origin[0]):%Y-%m-%d %H:%M}",
            "first": f"{own.value[0]:g}",
            "last": f"{own.value[-1]:g}",
            "hours": str(len(own)),
            "scored": str(int(np.isfinite(own.actual).sum())),
        }
        found.append([row[name] for name in head])
    assert found == wanted


@then(parsers.parse('the gap of {day} is told as "{code}"'))
def _(desk: Any, day: str, code: str) -> None:
    (facts,) = desk.granted().execution.facts["subjects"]
    assert [(gap["day"], gap["code"]) for gap in facts["gaps"]] == [(day, code)]


# ---------------------------------------------------------------- no look-ahead


class Altered(MemorySeriesStore):
    """The store with every number changed that was recorded after an instant."""

    def __init__(self, inner: MemorySeriesStore, after: Any) -> None:
        super().__init__()
        self._inner, self._after = inner, instant64(after)

    def read(self, question: Any) -> Observations:
        rows = self._inner.read(question)
        return evolve(
            rows, value=np.where(rows.recorded_at > self._after, rows.value * 3 + 7, rows.value)
        )

    def find(self, question: Any) -> Any:
        return self._inner.find(question)

    def last_recorded(self) -> Any:
        return self._inner.last_recorded()


def said_of(desk: Any, case: Any, words: str, day: str) -> bytes:
    (table,) = backtest(desk, case, words, "Germany SDAC", day, day).tables
    return bytes(table.value.tobytes())


@when(parsers.parse("every price that arrived after the origin of {day} is altered"))
def _(desk: Any, case: Any, day: str) -> None:
    case.before = {
        words: said_of(desk, case, words, day) for words in ("repeats yesterday", "looks ahead")
    }
    desk.more["executions"] = MemoryExecutionLog()  # nothing that was kept is taken
    gate = desk.made().subjects().gate(Target(series=desk.series("Germany SDAC")), Conditions())
    desk.store = Altered(desk.store, gate.on(parse_day(day), "Europe/Brussels"))


@then(parsers.parse('what "{words}" says of {day} is the same as before'))
def _(desk: Any, case: Any, words: str, day: str) -> None:
    assert said_of(desk, case, words, day) == case.before[words]


@then(parsers.parse('what "{words}" says of {day} is not'))
def _(desk: Any, case: Any, words: str, day: str) -> None:
    assert said_of(desk, case, words, day) != case.before[words]


# ---------------------------------------------------------------- vintages


def live(
    desk: Any, words: str, name: str, day: str, at: str, configuration: str, days: int = 1
) -> Any:
    desk.set_clock(at)
    model = asked(words)
    request = ForecastRequest(
        series=desk.series(name), model=model.model, parameters=model.parameters, configuration=configuration,
        day=parse_day(day), conditions=Conditions(days=days),
    )  # fmt: skip
    return desk.made().forecast().run(request, EVERYTHING)


@given(
    parsers.parse(
        '"{words}" forecast two days of "{name}" from {day} on at {at} as "{configuration}"'
    )
)
def _(desk: Any, case: Any, words: str, name: str, day: str, at: str, configuration: str) -> None:
    case.kept = live(desk, words, name, day, at, configuration, 2)


@given(parsers.parse('"{words}" forecast "{name}" for {day} at {at} as "{configuration}"'))
def _(desk: Any, case: Any, words: str, name: str, day: str, at: str, configuration: str) -> None:
    case.kept = live(desk, words, name, day, at, configuration)


@when(parsers.parse('"{words}" forecasts "{name}" for {day} at {at} as "{configuration}"'))
def _(desk: Any, words: str, name: str, day: str, at: str, configuration: str) -> None:
    desk.attempt(lambda: live(desk, words, name, day, at, configuration))


@when(parsers.parse('I ask for "{name}" from {start} to {end}, as it was said a day ahead'))
def _(desk: Any, name: str, start: str, end: str) -> None:
    desk.ask(name, lambda: desk.window(start, end), lead=timedelta(days=1))


@when(parsers.parse('I ask for every vintage of "{name}" from {start} to {end}'))
def _(desk: Any, name: str, start: str, end: str) -> None:
    desk.ask(name, lambda: desk.window(start, end), vintages=True)


# ---------------------------------------------------------------- what it came from


@when(parsers.parse('I follow the number of "{name}" at {start}'))
def _(desk: Any, name: str, start: str) -> None:
    desk.trace_number(name, start)


@then(
    parsers.parse(
        'it stands in a document that names forecaster, version, parameters, seed and a digest of "{name}"'
    )
)
def _(desk: Any, name: str) -> None:
    found = desk.granted()
    assert found.same
    head = json.loads(desk.archive.get(found.batch.digest).splitlines()[0])
    assert head["model"] == "repeat"
    assert {"version", "parameters", "seed", "origin"} <= set(head)
    assert len(head["inputs"][str(desk.series(name))]) == 64


@when(parsers.parse('the forecast "ours" is repeated at {at}'))
def _(desk: Any, case: Any, at: str) -> None:
    desk.set_clock(at)
    digest = case.kept.execution.result
    desk.attempt(lambda: desk.made().forecast().replay(digest, EVERYTHING))


@then("it is the same bit for bit")
def _(desk: Any) -> None:
    assert desk.granted() is True


@when(parsers.parse("the store of numbers is lost and everything is read again at {at}"))
def _(desk: Any, at: str) -> None:
    desk.set_clock(at)
    desk.store = MemorySeriesStore()
    desk.reread.rebuild()
