"""Probes, metrics, the server's own refusals as problems, over real sockets where the server speaks."""

from __future__ import annotations

import json
import re
import socket
from contextlib import suppress
from typing import Any

import pytest
from attrs import evolve
from falcon.testing import TestClient

from carbon254.adapters.http.app import create_app
from carbon254.adapters.http.server import listen
from carbon254.core.domain.errors import Conflict, SettingsInvalid, StoreUnavailable


def broken_store() -> dict[str, Any]:
    raise StoreUnavailable("postgres://user:pass@db.example/x does not answer: start it.")


def test_the_probes(world: Any) -> None:
    assert world.get("/livez", None).json == {"status": "ok"}
    ready = world.get("/readyz", None)
    assert ready.json == {"status": "ok", "synthetic": False}
    assert ready.headers["content-type"] == "application/json"


def test_the_process_is_alive_while_its_store_is_down_and_tells_no_address(world: Any) -> None:
    client = TestClient(create_app(world.platform, broken_store))
    assert client.simulate_get("/livez").status_code == 200
    ready = client.simulate_get("/readyz")
    assert (ready.status_code, ready.json["code"]) == (503, "store_unavailable")
    assert "db.example" not in ready.text


def test_the_process_is_not_ready_while_its_policy_cannot_be_read(world: Any) -> None:
    class Broken:
        def roles(self) -> list[str]:
            raise SettingsInvalid("policy /etc/policies/roles.csv, line 3: no.")

    platform = evolve(world.platform, admit=evolve(world.platform.admit, policy=Broken()))
    client = TestClient(create_app(platform, dict))
    assert client.simulate_get("/livez").status_code == 200
    ready = client.simulate_get("/readyz")
    assert (ready.status_code, ready.json["code"]) == (500, "settings_invalid")
    assert "/etc" not in ready.text


def decisions(page: str) -> dict[str, float]:
    found = re.findall(r'^c254_authz_decisions_total{effect="(\w+)"} (\S+)$', page, re.MULTILINE)
    return {effect: float(count) for effect, count in found}


def test_metrics_name_no_series_and_no_caller(world: Any) -> None:
    before = decisions(world.get("/metrics", None).text)
    world.get("/v1/series/caiso/day_ahead/price/hub/TH_NP15_GEN-APND")
    world.get("/v1/series/caiso/day_ahead/price/node/X", "pilot")
    world.get("/v1/me", None)
    page = world.get("/metrics", None)
    assert page.headers["content-type"].startswith("text/plain")
    route = "/v1/series/{market}/{run}/{measure}/{kind}/{location}"
    assert (
        f'c254_http_requests_total{{method="GET",route="{route}",status_class="2xx"}}' in page.text
    )
    assert "c254_http_request_duration_seconds_bucket" in page.text
    assert decisions(page.text) == {"allow": before["allow"] + 1, "deny": before["deny"] + 2}
    assert "c254_http_requests_in_flight 1.0" in page.text
    for inside in (
        "TH_NP15",
        "some-analyst",
        *(token.split("_")[1] for token in world.tokens.values()),
    ):
        assert inside not in page.text


def test_a_fault_tells_nothing_of_the_inside(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(type(world.platform.describe), "run", fail)
    answer = world.get("/v1/series/caiso/day_ahead/price/hub/NO_CACHE")
    assert (answer.status_code, answer.json["code"]) == (500, "internal")
    assert "secret" not in answer.text


def spoken(port: int, sent: bytes) -> tuple[int, dict[str, str], Any]:
    """Say bytes to the server; status, headers and body of what it answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(sent)
        heard = b""
        with suppress(ConnectionResetError):
            while more := line.recv(65536):
                heard += more
    head, _, body = heard.decode("latin-1").partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    headers = dict(one.lower().split(": ", 1) for one in lines)
    return int(status.split()[1]), headers, json.loads(body)


HOST = b"Host: x\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"NONSENSE\r\n\r\n", 400, "invalid_request"),
        (b"POST /v1/me HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999\r\n\r\n", 413, "too_large"),
        (b"POST /v1/me HTTP/1.1\r\n" + HOST + b"Content-Length: many\r\n\r\n", 400, "invalid_request"),
        (b"POST /v1/me HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n", 501, "invalid_request"),
        (b"GET /v1/nothing HTTP/1.1\r\n" + HOST + b"\r\n", 404, "not_found"),
        (b"GET /v1/me HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\n{}", 422, "invalid_request"),
        (b"GET /v1/me HTTP/1.1\r\n" + HOST + b"X-Request-Id: a\r\n b: c\r\n\r\n", 422, "invalid_request"),
        (b"PATCH /v1/me HTTP/1.1\r\n" + HOST + b"\r\n", 405, "invalid_request"),
    ],
)  # fmt: skip
def test_what_the_server_refuses_is_a_problem_too(
    port: int, sent: bytes, status: int, code: str
) -> None:
    found, headers, body = spoken(port, sent)
    assert (found, headers["content-type"]) == (status, "application/problem+json")
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:carbon254:{code}")


def test_a_header_of_ours_cannot_be_split(port: int) -> None:
    sent = b"GET /livez?x=%0d%0aSet-Cookie:%20a HTTP/1.1\r\n" + HOST + b"Traceparent: 00-x\r\n\r\n"
    status, headers, _ = spoken(port, sent)
    assert status in (200, 422)
    assert "set-cookie" not in headers
    assert "traceparent" not in headers


def test_a_port_that_is_taken_is_a_conflict() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Conflict, match="--port"):
            listen(lambda environment, start: [], taken.getsockname()[1])
