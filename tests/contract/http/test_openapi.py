"""The OpenAPI document: valid, from the classes that parse requests, and held against the application as each role."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import positive_data_acceptance, unsupported_method

from carbon254.adapters.http import parameters
from carbon254.adapters.http.routes import ROUTES, SERIES

NP15 = "caiso/day_ahead/price/hub/TH_NP15_GEN-APND"
AUTUMN = "start=2025-11-02T07:00Z&end=2025-11-03T08:00Z"


@pytest.fixture(scope="session")
def document(opened: Any) -> Any:
    return opened.get("/openapi.json", None).json


def test_it_says_what_may_be_asked_as_the_classes_do(document: Any) -> None:
    operation = document["paths"]["/v1/values"]["get"]
    found = {one["name"]: one for one in operation["parameters"]}
    assert {name for name, one in found.items() if one["required"]} == {"start", "end", "series"}
    assert found["start"]["schema"] == {"type": "string", "format": "date-time"}
    assert found["limit"]["schema"] == {
        "type": "integer", "minimum": 1, "maximum": 100_000, "default": 10_000,
    }  # fmt: skip
    assert found["as"]["schema"] == {"enum": ["energy", "power"]}
    assert found["series"]["schema"]["items"] == {"type": "string"}
    assert all(one["description"] for one in found.values())


def test_every_route_is_there_and_every_parameter_is_used(document: Any) -> None:
    assert set(document["paths"]) == {route.path for route in ROUTES}
    asked = {one for name, one in vars(parameters).items() if name.endswith("Asked")}
    assert {route.asked for route in ROUTES} == asked
    for path, methods in document["paths"].items():
        told = {one["name"] for one in methods["get"]["parameters"] if one["in"] == "path"}
        assert told == set(re.findall(r"\{(\w+)\}", path))


def test_the_states_of_an_execution_are_a_closed_list_wherever_one_is_told(document: Any) -> None:
    states = ["queued", "running", "done", "failed"]
    for kind in ("forecasts", "backtests"):
        started = document["paths"][f"/v1/{kind}"]["post"]["responses"]["202"]["content"]
        one = document["paths"][f"/v1/{kind}/{{execution}}"]["get"]["responses"]["200"]["content"]
        many = document["paths"][f"/v1/{kind}"]["get"]["responses"]["200"]["content"]
        listed = many["application/json"]["schema"]["properties"][kind]["items"]
        for told in (
            started["application/json"]["schema"],
            one["application/json"]["schema"],
            listed,
        ):
            assert told["properties"]["state"]["enum"] == states
            assert {"id", "state", "done", "total", "code", "message"} <= set(told["required"])


def test_what_is_public_says_so(document: Any) -> None:
    public = {path for path, one in document["paths"].items() if one["get"].get("security") == []}
    assert public == {"/openapi.json", "/livez", "/readyz", "/metrics"}


@pytest.mark.parametrize("path", [route.path for route in ROUTES if not route.public])
def test_what_is_not_public_needs_a_key(opened: Any, path: str) -> None:
    filled = re.sub(r"\{(\w+)\}", "x", path)
    assert opened.get(filled, None).status_code == 401


ASKED = {
    "/v1/models/{model}": "/v1/models/naive",
    "/v1/markets/{market}": "/v1/markets/caiso", SERIES: f"/v1/series/{NP15}",
    f"{SERIES}/values": f"/v1/series/{NP15}/values?{AUTUMN}", "/v1/values": f"/v1/values?series={NP15}&{AUTUMN}",
    "/v1/provenance": f"/v1/provenance?series={NP15}&start=2025-11-02T07:00Z",
}  # fmt: skip


STARTS = {
    "/v1/forecasts": {"series": NP15, "model": "naive", "day": "2025-11-02"},
    "/v1/backtests": {
        "targets": [{"series": NP15}], "models": [{"model": "naive"}], "start": "2025-11-01", "end": "2025-11-02",
    },
}  # fmt: skip


def started(opened: Any, path: str) -> str:
    """An execution that was started: queued, running or ended, it is told of all the same."""
    headers = {"Authorization": f"Bearer {opened.tokens['admin']}"}
    answer = opened.client.simulate_post(path, json=STARTS[path], headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json["id"])


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_what_is_granted_has_the_form_that_is_told(opened: Any, document: Any, route: Any) -> None:
    path = ASKED.get(route.path, route.path)
    if "{decision}" in path:
        refused = opened.get(f"/v1/series/{NP15.replace('hub', 'node')}", "pilot").json["decision"]
        path = path.replace("{decision}", refused)
    if "{execution}" in path:
        path = path.replace("{execution}", started(opened, path.removesuffix("/{execution}")))
    answer = opened.get(path, "admin")
    assert answer.status_code == 200, answer.text
    media = answer.headers["content-type"].partition(";")[0]
    schema = document["paths"][route.path]["get"]["responses"]["200"]["content"][media]["schema"]
    body = answer.json if media == "application/json" else answer.text
    validator = jsonschema_rs.Draft202012Validator(schema)
    assert [str(one) for one in validator.iter_errors(body)] == []
    if route.rows and body["rows"]:
        assert set(body["rows"][0]) <= set(route.rows)


# Series, windows and words have rules that no schema holds: what fits the schema may be refused, with a problem that
# the document names. Whatever does not fit it must be.
EXCLUDED = [positive_data_acceptance, unsupported_method]
FILLED = {
    "market": "caiso",
    "run": "day_ahead",
    "measure": "price",
    "kind": "hub",
    "location": "TH_NP15_GEN-APND",
}
BOUNDS = settings(
    max_examples=2, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.mark.parametrize("role", ["admin", "analyst", "pilot", "auditor"])
def test_every_answer_is_as_the_document_says(opened: Any, document: Any, role: str) -> None:
    schema = schemathesis.openapi.from_wsgi(
        "/openapi.json", opened.client.app, headers={"Host": "localhost"}
    )
    headers = {
        "Authorization": f"Bearer {opened.tokens[role]}",
        "Accept-Encoding": "identity",  # WSGI calls are not unpacked
    }
    answered: Counter[int] = Counter()

    def held(case: Any) -> None:
        answer = case.call_and_validate(headers=headers, excluded_checks=EXCLUDED)
        answered[answer.status_code] += 1

    for found in schema.get_all_operations():
        operation = found.ok()
        known = FILLED if "{location}" in operation.path else None
        BOUNDS(given(case=operation.as_strategy(path_parameters=known))(held))()
        if list(operation.iter_parameters()):
            BOUNDS(given(case=operation.as_strategy(GenerationMode.NEGATIVE))(held))()
    assert answered[200] > 0
    assert answered[422] > 0
