"""Models under names of ours: kept for ever, and meant wherever a model is asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from carbon254.core.domain.backtests import AskedModel
from carbon254.core.domain.errors import Carbon254Error, Conflict, InvalidRequest, NotFound
from carbon254.core.domain.forecasts import ModelSpec
from carbon254.core.usecases.keep_models import KeepModels, NamedModel
from carbon254.core.usecases.run_forecast import ForecastRequest
from carbon254.plugins.models.blend.model import Blend
from carbon254.ports.testing.fakes.models import Repeat, card

from .conftest import EVERYTHING, PRICE, Desk, gate, plan
from .test_run_forecast import FIRST, TODAY, TOMORROW, at

WEEK = NamedModel(name="last_week", model="repeat", parameters={"lag": 7})
ALL = {"lag": 7, "noise": 0.0, "scale": 1.0, "band": False}


@pytest.fixture
def named(desk: Desk) -> KeepModels:
    return desk.runner.named


def test_a_name_is_kept_with_every_parameter(desk: Desk, named: KeepModels) -> None:
    assert named.keep(WEEK) == NamedModel(name="last_week", model="repeat", parameters=ALL)
    again = KeepModels(desk.models, desk.records)
    assert list(again.named()) == ["last_week"]
    assert again.keep(WEEK).parameters == ALL
    meant = again.settled(ModelSpec("last_week", {"lag": 2}))
    assert (meant.model, dict(meant.parameters), meant.name) == (
        "repeat",
        {**ALL, "lag": 2},
        "last_week",
    )


def test_a_model_that_is_installed_later_takes_no_name(make_desk: Callable[..., Desk]) -> None:
    before = make_desk()
    before.runner.named.keep(WEEK)
    later = KeepModels(make_desk(Repeat(), Repeat("last_week")).models, before.records)
    assert later.settled(ModelSpec("last_week")).model == "repeat"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (NamedModel(name="last_week", model="repeat"), Conflict),
        (NamedModel(name="last_week", model="average"), Conflict),
        (NamedModel(name="repeat", model="repeat"), Conflict),
        (NamedModel(name="Last week", model="repeat"), InvalidRequest),
        (NamedModel(name="other", model="repeat", parameters={"lag": 0}), InvalidRequest),
        (NamedModel(name="other", model="nobody"), NotFound),
    ],
)
def test_what_cannot_be_named_leaves_names_as_they_are(
    named: KeepModels, asked: NamedModel, error: type[Carbon254Error]
) -> None:
    named.keep(WEEK)
    with pytest.raises(error):
        named.keep(asked)
    assert named.named() == {"last_week": named.keep(WEEK)}


def test_a_name_that_another_process_kept_meanwhile_is_not_lost(
    desk: Desk, named: KeepModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = desk.records.claim

    def late(name: str, value: str, before: str | None) -> bool:
        monkeypatch.setattr(desk.records, "claim", claim)
        KeepModels(desk.models, desk.records).keep(NamedModel(name="theirs", model="repeat"))
        return claim(name, value, before)

    monkeypatch.setattr(desk.records, "claim", late)
    named.keep(WEEK)
    assert list(named.named()) == ["last_week", "theirs"]


def test_a_forecast_by_name_is_kept_under_it_with_what_it_means(
    desk: Desk, named: KeepModels
) -> None:
    named.keep(WEEK)
    at(desk, gate(TODAY))
    desk.fill(FIRST, TODAY)
    at(desk, gate(TOMORROW) - timedelta(hours=3))
    request = ForecastRequest(series=PRICE, model="last_week", day=TOMORROW)
    made = desk.forecast.run(request, EVERYTHING)
    assert made.execution.configuration == "last_week"
    facts = made.execution.facts
    assert (facts["model"], facts["parameters"]) == ("repeat", ALL)
    assert facts["version"] == desk.models.version("repeat")
    plainly = ForecastRequest(
        series=PRICE, model="repeat", parameters={"lag": 7}, configuration="plain", day=TOMORROW
    )
    assert list(made.forecast.value) == list(desk.forecast.run(plainly, EVERYTHING).forecast.value)
    assert made.execution.result
    assert desk.forecast.replay(made.execution.result, EVERYTHING)


def test_a_backtest_takes_names_also_of_members(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(Repeat(), Blend(card("blend")))
    desk.runner.named.keep(WEEK)
    desk.fill(FIRST, TODAY)
    asked = [
        AskedModel(model="last_week"),
        blend("of a name", {"model": "last_week"}),
        blend("plain", {"model": "repeat", "parameters": {"lag": 7}}),
    ]
    found = desk.backtest.run(plan(TODAY - timedelta(3), TODAY, *asked), EVERYTHING)
    stored = found.execution.facts["plan"]["models"][0]
    assert (stored["model"], stored["parameters"], stored["label"]) == ("repeat", ALL, "last_week")
    (table,) = found.tables
    values = {name: list(table.of(name).value) for name in table.models}
    assert len(values["plain"]) == 4 * 24
    assert values["of a name"] == values["plain"] == values["last_week"]


def blend(label: str, *members: object) -> AskedModel:
    return AskedModel(model="blend", label=label, parameters={"members": list(members)})
