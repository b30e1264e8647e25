"""Models, forecasts and backtests over HTTP: taken down with 202, told of at their Location, within a scope."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from attrs import evolve

from carbon254.core.domain.backtests import BacktestPlan
from carbon254.core.domain.entitlements import Scope
from carbon254.core.domain.schemas import build
from carbon254.core.domain.series import SeriesId
from carbon254.core.usecases.run_backtest import RunBacktest
from carbon254.core.usecases.run_forecast import ForecastRequest
from carbon254.ports.testing.fakes.jobs import AtOnce

from .conftest import NP15, World, opening

DAY = "2025-03-09"  # has 23 hours in California; its gate closed at ten on the 8th
PLAN = {
    "targets": [{"series": NP15}],
    "models": [{"model": "naive"}, {"model": "naive", "parameters": {"rule": "seasonal"}, "label": "week"}],
    "start": "2025-03-01", "end": "2025-03-08",
}  # fmt: skip


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world of its own with thirty made-up days; work is done before the answer leaves."""
    with opening(tmp_path_factory.mktemp("forecasts"), behind=AtOnce()) as world:
        (outcome,) = world.platform.samples.history(SeriesId.parse(NP15), "day_ahead_lmp", 30)
        assert outcome.status == "recorded", outcome
        yield world


def post(world: World, path: str, body: Any, role: str = "admin", **headers: str) -> Any:
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    given.setdefault("Authorization", f"Bearer {world.tokens[role]}")
    text = body if isinstance(body, str) else json.dumps(body)
    return world.client.simulate_post(path, body=text, headers=given)


def asked(**more: Any) -> dict[str, Any]:
    return {"series": NP15, "model": "naive", "day": DAY, **more}


def test_models_are_listed_with_the_schema_of_their_parameters(own: World) -> None:
    listed = own.get("/v1/models").json["models"]
    assert "naive" in {one["id"] for one in listed}
    one = own.get("/v1/models/naive").json
    assert one["parameters"]["properties"]["rule"]["enum"] == ["similar_day", "seasonal"]
    assert "+" in one["version"]
    assert own.get("/v1/models/nobody").status_code == 404


def test_a_model_is_given_a_name_that_forecasts_may_say(own: World) -> None:
    body = {"name": "weekly", "model": "naive", "parameters": {"rule": "seasonal"}}
    made = post(own, "/v1/models", body)
    assert (made.status_code, made.headers["location"]) == (201, "/v1/models/weekly")
    assert made.json["parameters"]["rule"] == "seasonal"
    assert own.get("/v1/models").json["named"] == [made.json]
    one = own.get("/v1/models/weekly").json
    assert (one["id"], one["named"]) == ("naive", made.json)
    assert own.get("/v1/models/naive").json["named"] is None
    assert post(own, "/v1/models", body).json == made.json
    told = own.get(post(own, "/v1/forecasts", asked(model="weekly")).headers["location"]).json
    assert (told["state"], told["configuration"], told["record"]["model"]) == (
        "done",
        "weekly",
        "naive",
    )
    other = post(own, "/v1/models", {**body, "parameters": {}})
    assert (other.status_code, other.json["code"]) == (409, "conflict")
    for status, wrong in (
        (409, {**body, "name": "lear"}),
        (422, {**body, "name": "Big"}),
        (422, {**body, "name": "new", "parameters": {"rule": "none"}}),
        (404, {**body, "name": "new", "model": "nobody"}),
        (422, {"model": "naive"}),
    ):
        assert post(own, "/v1/models", wrong).status_code == status
    for role in ("analyst", "pilot", "auditor"):
        assert post(own, "/v1/models", {**body, "name": "new"}, role).status_code == 403
    assert [one["name"] for one in own.get("/v1/models").json["named"]] == ["weekly"]


def test_a_forecast_is_taken_down_made_and_read_like_any_series(own: World) -> None:
    answer = post(own, "/v1/forecasts", asked(configuration="rest"))
    assert answer.status_code == 202, answer.text
    location = answer.headers["location"]
    assert location == f"/v1/forecasts/{answer.json['id']}"
    made = own.get(location).json
    assert (made["state"], made["done"], made["total"]) == ("done", 1, 1)
    assert made["record"]["origin"] == "2025-03-08T18:00:00Z"
    (series,) = made["series"]
    assert series == NP15.replace("day_ahead", "forecast-rest")
    rows = own.rows(f"/v1/series/{series}/values?start=2025-03-09T08:00Z&end=2025-03-10T07:00Z")
    assert len(rows) == 23
    assert {row["issued_at"] for row in rows} == {"2025-03-08T18:00:00Z"}
    ahead = own.rows(
        f"/v1/series/{series}/values?start=2025-03-09T08:00Z&end=2025-03-10T07:00Z&lead=P1D"
    )
    assert len(ahead) == 13  # of 23: those that start a day or more after 18:00 UTC on the 8th
    listed = own.get("/v1/forecasts?configuration=rest").json["forecasts"]
    assert [one["id"] for one in listed] == [answer.json["id"]]


def test_a_backtest_is_taken_down_and_scored(own: World) -> None:
    answer = post(own, "/v1/backtests", PLAN)
    assert answer.status_code == 202, answer.text
    made = own.get(answer.headers["location"]).json
    assert (made["state"], made["done"], made["total"]) == ("done", 16, 16)
    assert made["synthetic"] is True
    assert [(row["model"], row["scored"]) for row in made["scores"]] == [
        ("naive", 192),
        ("week", 192),
    ]
    assert made["scores"][0]["coverage"] is None
    (subject,) = made["subjects"]
    assert [(row["model"], row["days"], row["days_missing"]) for row in subject["value"]] == [
        ("naive", 8, 0),
        ("week", 8, 0),
    ]
    assert all(row["share"] <= 1 for row in subject["value"])
    assert [(row["model"], row["against"]) for row in subject["tests"]] == [
        ("naive", "week"),
        ("week", "naive"),
    ]
    assert "10 days" in subject["tests"][0]["note"]
    assert subject["tests"][0]["difference"] is None
    by_hour = own.get(f"{answer.headers['location']}?by=hour").json["scores"]
    assert len(by_hour) == 48
    assert own.get(f"{answer.headers['location']}?by=weather").status_code == 422


def test_what_fails_later_tells_at_its_location(own: World) -> None:
    answer = post(own, "/v1/forecasts", asked(day="2025-01-01"))
    assert answer.status_code == 202
    made = own.get(answer.headers["location"]).json
    assert (made["state"], made["code"]) == ("failed", "invalid_request")
    assert "too little history" in made["message"]


def test_the_same_key_starts_nothing_twice(own: World) -> None:
    first, again = (
        post(own, "/v1/backtests", {**PLAN, "name": "once"}, Idempotency_Key="abc")
        for _ in range(2)
    )
    assert first.headers["location"] == again.headers["location"]
    listed = own.get("/v1/backtests?configuration=once").json["backtests"]
    assert len(listed) == 1
    other = post(own, "/v1/backtests", {**PLAN, "name": "other"}, Idempotency_Key="abc")
    assert (other.status_code, other.json["code"]) == (422, "invalid_request")
    long = post(own, "/v1/backtests", PLAN, Idempotency_Key="x" * 129)
    assert long.status_code == 422


def test_the_same_key_at_the_same_moment_starts_one(
    own: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is still being taken down when the second comes."""
    submit, answers = RunBacktest.submit, list[Any]()
    body = {**PLAN, "name": "twice"}

    def slow(self: RunBacktest, plan: Any, scope: Any) -> Any:
        if not answers:
            answers.append(None)
            answers.append(post(own, "/v1/backtests", body, Idempotency_Key="k"))
        return submit(self, plan, scope)

    monkeypatch.setattr(RunBacktest, "submit", slow)
    first = post(own, "/v1/backtests", body, Idempotency_Key="k")
    assert first.status_code == 202
    assert (answers[1].status_code, answers[1].json["code"]) == (409, "conflict")
    again = post(own, "/v1/backtests", body, Idempotency_Key="k")
    assert again.headers["location"] == first.headers["location"]
    assert len(own.get("/v1/backtests?configuration=twice").json["backtests"]) == 1


def test_a_key_is_free_again_after_a_refusal_and_after_a_process_died_over_it(
    own: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = post(own, "/v1/backtests", {**PLAN, "models": []}, Idempotency_Key="free")
    assert bad.status_code == 422
    body = {**PLAN, "name": "free"}
    with monkeypatch.context() as patched:
        patched.setattr(own.platform.records, "put", lambda name, value: None)
        assert post(own, "/v1/backtests", body, Idempotency_Key="free").status_code == 202
    assert post(own, "/v1/backtests", body, Idempotency_Key="free").status_code == 409
    own.clock.move(timedelta(minutes=1))
    assert post(own, "/v1/backtests", body, Idempotency_Key="free").status_code == 202


@pytest.mark.parametrize("role", ["analyst", "pilot", "auditor"])
@pytest.mark.parametrize("path", ["/v1/forecasts", "/v1/backtests"])
def test_only_who_administers_starts_work(own: World, role: str, path: str) -> None:
    body = asked() if path == "/v1/forecasts" else PLAN
    refused = post(own, path, body, role)
    assert (refused.status_code, refused.json["code"]) == (403, "not_entitled")
    assert own.get(path, role).status_code == 200


def test_who_may_not_see_a_series_sees_no_forecast_of_it(own: World) -> None:
    made = post(own, "/v1/forecasts", asked(configuration="hidden")).json["id"]
    assert own.get(f"/v1/forecasts/{made}", "auditor").status_code == 403
    assert own.get("/v1/forecasts", "auditor").json["forecasts"] == []
    assert own.get(f"/v1/forecasts/{made}", "pilot").status_code == 200  # a hub


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/v1/forecasts", "{", 422, "no JSON"),
        ("/v1/forecasts", "[]", 422, "no JSON object"),
        ("/v1/forecasts", "[" * 100_000, 422, "no JSON"),
        ("/v1/forecasts", '{"series":' * 100_000, 422, "no JSON"),
        ("/v1/forecasts", {}, 422, "the body: 'series' is missing; 'model' is missing."),
        ("/v1/backtests", {**PLAN, "models": [{"model": "naive", "label": 1}]}, 422, "the body: models.label: 1 is no"),
        ("/v1/forecasts", asked(parameters=[]), 422, "the body: 'parameters' is no table of keys."),
        ("/v1/forecasts", asked(model="nobody"), 404, "nobody"),
        ("/v1/forecasts", asked(other=1), 422, "other"),
        ("/v1/forecasts", asked(parameters={"season": 0}), 422, "season"),
        ("/v1/forecasts", asked(configuration="A-b"), 422, "a-z"),
        ("/v1/forecasts", asked(series="nowhere/day_ahead/price/hub/X"), 404, "nowhere"),
        ("/v1/backtests", {**PLAN, "end": "2025-02-01"}, 422, "before it starts"),
        ("/v1/backtests", {**PLAN, "models": []}, 422, "models"),
        ("/v1/backtests", {**PLAN, "targets": [{"series": "caiso/day_ahead/price/hub/X"}]}, 404, "X"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_not_taken_down(
    own: World, path: str, body: Any, status: int, says: str
) -> None:
    before = len(own.platform.forecast.runner.log.executions())
    refused = post(own, path, body)
    assert refused.status_code == status, refused.text
    assert says in refused.json["detail"]
    assert len(own.platform.forecast.runner.log.executions()) == before


def test_what_is_not_there_is_not_found(own: World) -> None:
    backtest = post(own, "/v1/backtests", {**PLAN, "name": "kind"}).json["id"]
    for path in (
        "/v1/forecasts/0123456789ab",
        "/v1/backtests/0123456789ab",
        f"/v1/forecasts/{backtest}",
    ):
        assert own.get(path).status_code == 404, path


def test_what_is_queued_tells_which_process_it_waits_for(own: World) -> None:
    runner = evolve(own.platform.forecast.runner, queues=True)
    for path, body, use_case in (
        ("/v1/forecasts", build(ForecastRequest, asked()), own.platform.forecast),
        ("/v1/backtests", build(BacktestPlan, {**PLAN, "name": "wait"}), own.platform.backtest),
    ):
        waiting = evolve(use_case, runner=runner).submit(body, Scope.everything())
        told = own.get(f"{path}/{waiting.id}")
        assert (told.status_code, told.json["state"], told.json["code"]) == (200, "queued", None)
        assert told.json["message"] == "waits for a process that takes it: carbon254 work."
        assert "scores" not in told.json


def test_what_was_interrupted_is_told_and_the_same_key_starts_it_anew(own: World) -> None:
    """As a process leaves it that dies over its work: taken down, and never to be done."""
    forecast = asked(configuration="cut")
    for path, body, again in (
        ("/v1/forecasts", forecast, "ask again"),
        ("/v1/backtests", {**PLAN, "name": "cut"}, "backtest resume"),
    ):
        first = post(own, path, body, Idempotency_Key=f"cut {path}")
        log, place = own.platform.executions.log, first.headers["location"]
        made = log.execution(first.json["id"])
        log.put(evolve(made, state="running", done=0, facts={**made.facts, "worker": "died"}))
        told = own.get(place).json
        assert (told["state"], told["code"], told["done"]) == ("failed", "interrupted", 0)
        assert again in told["message"]
        assert "died" not in own.get(place).text
        own.clock.move(timedelta(seconds=1))
        anew = post(own, path, body, Idempotency_Key=f"cut {path}")
        assert anew.headers["location"] != place
        assert own.get(anew.headers["location"]).json["state"] == "done"
        assert post(own, path, body, Idempotency_Key=f"cut {path}").json["id"] == anew.json["id"]
