"""The HTTP door: probes, the list of markets, and problems."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from falcon.testing import TestClient

from carbon254.adapters.http.app import create_app
from carbon254.adapters.http.server import listen
from carbon254.adapters.plugins.host import PluginHost
from carbon254.core.domain.errors import Conflict, StoreUnavailable

FACTS = {"synthetic": True, "last_recorded": "2026-11-02T22:30:00+00:00"}


@pytest.fixture(scope="module")
def host() -> PluginHost:
    return PluginHost()


@pytest.fixture
def client(host: PluginHost) -> TestClient:
    return TestClient(create_app(host.cards, lambda: FACTS))


def broken_store() -> dict[str, Any]:
    raise StoreUnavailable("the database does not answer: start it.")


def test_the_probes(client: TestClient) -> None:
    assert client.simulate_get("/livez").json == {"status": "ok"}
    ready = client.simulate_get("/readyz")
    assert ready.json == {"status": "ok", **FACTS}
    assert ready.headers["content-type"] == "application/json"


def test_the_process_is_alive_while_its_store_is_down(host: PluginHost) -> None:
    client = TestClient(create_app(host.cards, broken_store))
    assert client.simulate_get("/livez").status_code == 200
    ready = client.simulate_get("/readyz")
    assert (ready.status_code, ready.json["code"]) == (503, "store_unavailable")
    assert ready.json["detail"] == "the database does not answer: start it."


def test_the_markets_and_whether_their_data_are_made_up(
    client: TestClient, host: PluginHost
) -> None:
    found = client.simulate_get("/v1/markets").json
    assert [market["id"] for market in found["markets"]] == list(host.cards())
    assert found["synthetic"] is True
    caiso = next(market for market in found["markets"] if market["id"] == "caiso")
    assert caiso["time_zone"] == "America/Los_Angeles"
    assert caiso == client.simulate_get("/v1/markets/caiso").json
    assert {"id", "title", "runs", "measures", "kinds", "verified"} == set(caiso["datasets"][0])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/markets/nope", 404, "not_found"),
        ("GET", "/v1/nope", 404, "not_found"),
        ("POST", "/v1/markets", 405, "invalid_request"),
        ("DELETE", "/livez", 405, "invalid_request"),
    ],
)
def test_every_refusal_is_a_problem(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    answer = client.simulate_request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["vary"] == "Accept"
    assert set(answer.json) == {"type", "title", "status", "code", "detail", "instance"}
    assert (answer.json["status"], answer.json["code"], answer.json["instance"]) == (
        status,
        code,
        path,
    )
    assert answer.json["type"] == f"urn:carbon254:{code}"
    assert answer.json["detail"]
    assert ("allow" in answer.headers) == (status == 405)


def test_a_fault_tells_nothing_of_the_inside() -> None:
    def fail() -> Any:
        raise RuntimeError("secret")

    answer = TestClient(create_app(fail, lambda: FACTS)).simulate_get("/v1/markets")
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    assert "secret" not in answer.text


def test_a_head_request_is_answered(client: TestClient) -> None:
    answer = client.simulate_head("/livez")
    assert answer.status_code in (200, 405)
    assert not answer.content


def test_a_port_that_is_taken_is_a_conflict() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Conflict, match="--port"):
            listen(lambda environment, start: [], taken.getsockname()[1])
