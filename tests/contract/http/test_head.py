"""HEAD is GET without the body (RFC 9110 §9.3.2): the same status and headers, admission and audit."""

from __future__ import annotations

import re
import socket
from typing import Any

import pytest

from carbon254.adapters.http.routes import ROUTES

NP15 = "caiso/day_ahead/price/hub/TH_NP15_GEN-APND"
NODE = "caiso/day_ahead/price/node/SECRET_1_N001"
AUTUMN = "start=2025-11-02T07:00Z&end=2025-11-03T08:00Z"
VALUES = f"/v1/series/{NP15}/values?{AUTUMN}"
PATHS = [
    "/v1/markets", "/v1/markets/caiso", "/v1/locations", "/v1/series", f"/v1/series/{NP15}", VALUES,
    f"{VALUES}&limit=3", f"{VALUES}&format=csv", f"/v1/values?series={NP15}&{AUTUMN}", "/v1/board", "/v1/coverage",
    f"/v1/provenance?series={NP15}&start=2025-11-02T07:00Z", "/v1/quality", "/v1/quality/documents", "/v1/models",
    "/v1/models/naive", "/v1/forecasts", "/v1/backtests", "/v1/me", "/openapi.json", "/livez", "/readyz",
    # refusals
    f"{VALUES}&colour=red", f"/v1/series/{NODE}/values?{AUTUMN}", "/v1/markets/atlantis", "/v1/nothing", "/v1/audit",
    "/v1/forecasts/0123456789ab",
]  # fmt: skip


def asked(world: Any, method: str, path: str, role: str = "pilot", **headers: str) -> Any:
    route, _, query = path.partition("?")
    given = {"Authorization": f"Bearer {world.tokens[role]}", "X-Request-Id": "the-same", **headers}
    return world.client.simulate_request(method, route, query_string=query, headers=given)


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_body(world: Any, path: str) -> None:
    get, head = asked(world, "GET", path), asked(world, "HEAD", path)
    assert head.status_code == get.status_code
    assert head.content == b""

    def told(answer: Any) -> dict[str, str]:
        return {name: text for name, text in answer.headers.items() if name != "ratelimit"}

    if get.status_code != 403:  # the decision's id is another, and as long
        assert int(head.headers["content-length"]) == len(get.content)
    assert told(head) == told(get)
    assert ("ratelimit" in head.headers) == ("ratelimit" in get.headers)


def test_every_resource_has_it(world: Any) -> None:
    for route in ROUTES:
        answer = asked(world, "HEAD", re.sub(r"\{(\w+)\}", "x", route.path))
        assert answer.status_code != 405, route.path


def test_an_entity_tag_is_asked_for_and_sent_back(world: Any) -> None:
    tag = asked(world, "HEAD", VALUES).headers["etag"]
    known = asked(world, "HEAD", VALUES, **{"If-None-Match": tag})
    assert (known.status_code, known.headers["etag"]) == (304, tag)
    assert asked(world, "GET", VALUES, **{"If-None-Match": tag}).status_code == 304


def test_it_is_admitted_counted_and_written_down(world: Any) -> None:
    first = asked(world, "HEAD", VALUES)
    left = [int(re.findall(r"r=(\d+)", first.headers["ratelimit"])[0])]
    left.append(int(re.findall(r"r=(\d+)", asked(world, "HEAD", VALUES).headers["ratelimit"])[0]))
    assert left[1] == left[0] - 1
    assert world.client.simulate_head("/v1/me").status_code == 401
    started, *_ = [
        row
        for row in world.rows("/v1/audit?principal=some-pilot&limit=2", "auditor")
        if row["kind"] == "started"
    ]
    assert (started["action"], started["target"]) == ("read", f"HEAD {VALUES}")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/me", {"GET", "HEAD", "OPTIONS"}),
        ("PUT", "/v1/forecasts", {"GET", "HEAD", "OPTIONS", "POST"}),
        ("POST", f"/v1/series/{NP15}", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/livez", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_what_is_not_allowed_says_what_is(
    world: Any, method: str, path: str, allowed: set[str]
) -> None:
    answer = asked(world, method, path)
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == allowed


def test_nothing_follows_the_headers_on_the_wire(world: Any, port: int) -> None:
    lines = f"HEAD /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {world.tokens['pilot']}\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(f"{lines}Connection: close\r\n\r\n".encode())
        heard = b"".join(iter(lambda: line.recv(65536), b""))
    head, _, body = heard.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert re.search(rb"(?i)content-length: [1-9]", head)
    assert body == b""
