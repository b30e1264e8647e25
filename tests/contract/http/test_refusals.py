"""Bad input over HTTP: each a clear problem with its stable code, whatever the caller accepts."""

from __future__ import annotations

import base64
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from falcon.testing import TestClient

from carbon254.adapters.http.app import create_app
from carbon254.core.domain.errors import AuditUnavailable, StoreUnavailable

NP15 = "/v1/series/caiso/day_ahead/price/hub/TH_NP15_GEN-APND"
AUTUMN = "start=2025-11-02T07:00Z&end=2025-11-03T08:00Z"
HUBS = "caiso/day_ahead/price/hub"
VALUES = f"{NP15}/values"
PROBLEM = {"type", "title", "status", "code", "detail", "instance"}


def refused(answer: Any, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json) - {"decision"} == PROBLEM
    assert (answer.json["status"], answer.json["code"]) == (status, code)
    assert answer.json["instance"] == answer.headers["x-request-id"]
    detail: str = answer.json["detail"]
    assert detail
    return detail


@pytest.mark.parametrize(
    ("path", "status", "code", "named"),
    [
        (f"{VALUES}?{AUTUMN}&colour=red", 422, "invalid_request", "colour"),
        (f"{VALUES}?{AUTUMN}&as_of=2025-11-02T07:00Z", 422, "invalid_request", "as_of"),
        (f"{VALUES}?end=2025-11-03T08:00Z", 422, "invalid_request", "'start' is needed"),
        (f"{VALUES}?start=2025-11-02T07:00&end=2025-11-03T08:00Z", 422, "invalid_request", "start: "),
        (f"{VALUES}?start=2025-11-02T07:00+01:00&end=2025-11-03T08:00Z", 422, "invalid_request", "%2B"),
        (f"{VALUES}?start=2025-11-03T07:00Z&end=2025-11-02T08:00Z", 422, "invalid_request", "before it starts"),
        (f"{VALUES}?{AUTUMN}&start=2025-11-02T07:00Z", 422, "invalid_request", "more than once"),
        (f"{VALUES}?{AUTUMN}&asOf=2099-01-01T00:00Z", 422, "invalid_request", "last commit"),
        (f"{VALUES}?{AUTUMN}&limit=0", 422, "invalid_request", "limit"),
        (f"{VALUES}?{AUTUMN}&limit=1e9", 422, "invalid_request", "limit"),
        (f"{VALUES}?{AUTUMN}&limit=100001", 422, "invalid_request", "limit"),
        (f"{VALUES}?{AUTUMN}&includeHistory=yes", 422, "invalid_request", "neither true nor false"),
        (f"{VALUES}?{AUTUMN}&resample=P1W", 422, "invalid_request", "P1W"),
        (f"{VALUES}?{AUTUMN}&resample=PT7H", 422, "invalid_request", "no multiple of PT7H"),
        (f"{VALUES}?{AUTUMN}&as=energy", 422, "invalid_request", "resample"),
        (f"{VALUES}?{AUTUMN}&resample=P1D&as=energy", 422, "conversion_unavailable", "neither energy"),
        (f"{VALUES}?{AUTUMN}&block=peak", 422, "invalid_request", "no block"),
        (f"{VALUES}?{AUTUMN}&block=base&resample=PT1H", 422, "invalid_request", "by the day"),
        (f"{VALUES}?{AUTUMN}&stat=mean", 422, "invalid_request", "capture"),
        (f"{VALUES}?{AUTUMN}&stat=capture:generation_solar", 422, "invalid_request", "in full"),
        (f"{VALUES}?{AUTUMN}&stat=capture:fish", 422, "invalid_request", "fish"),
        (f"{VALUES}?{AUTUMN}&unit=MWh", 422, "conversion_unavailable", "USD/MWh"),
        (f"{VALUES}?{AUTUMN}&unit=parsecs", 422, "invalid_request", "parsecs"),
        (f"{VALUES}?{AUTUMN}&timezone=Mars/Base", 422, "invalid_request", "Mars"),
        (f"{VALUES}?{AUTUMN}&dayTimezone=Mars/Base", 422, "invalid_request", "Mars"),
        (f"{VALUES}?{AUTUMN}&columns=value,colour", 422, "invalid_request", "colour"),
        (f"{VALUES}?{AUTUMN}&format=xls", 422, "invalid_request", "xls"),
        (f"{VALUES}?{AUTUMN}&format=csv&format=json", 422, "invalid_request", "more than once"),
        (f"{VALUES}?{AUTUMN}&cursor=abc", 422, "invalid_request", "cursor"),
        (f"{VALUES}?start=1901-01-01T00:00Z&end=2199-01-01T00:00Z", 413, "too_large", "ask for less"),
        (f"{VALUES}?start=0001-01-01T00:00Z&end=2199-01-01T00:00Z", 422, "invalid_request", "years"),
        ("/v1/series/caiso/day_ahead/price/hub/ATLANTIS/values?" + AUTUMN, 404, "not_found", "ATLANTIS"),
        ("/v1/series/caiso/day_ahead/price/hub/ATLANTIS", 404, "not_found", "ATLANTIS"),
        ("/v1/series/caiso/noon/price/hub/X", 422, "invalid_request", "noon"),
        ("/v1/series/caiso/day_ahead/price/galaxy/X", 422, "invalid_request", "galaxy"),
        ("/v1/series/caiso/day_ahead/price/hub/=2", 422, "invalid_request", "hex"),
        ("/v1/values?" + AUTUMN, 422, "invalid_request", "series"),
        (f"/v1/values?series={HUBS}&{AUTUMN}&layout=wide&columns=value", 422, "invalid_request", "layout=long"),
        (f"{VALUES}?{AUTUMN}&fx=ECB", 422, "invalid_request", "currency"),
        (f"/v1/values?series={HUBS}&{AUTUMN}&layout=wide&includeHistory=true", 422, "invalid_request", "several rows"),
        ("/v1/markets/atlantis", 404, "not_found", "caiso"),
        ("/v1/markets?x=1", 422, "invalid_request", "'x'"),
        ("/v1/coverage?start=2025-11-02T07:00Z", 422, "invalid_request", "go together"),
        ("/v1/board?day=yesterday", 422, "invalid_request", "day"),
        ("/v1/quality?market=atlantis", 404, "not_found", "atlantis"),
        ("/v1/quality?asOf=2099-01-01T00:00Z", 422, "invalid_request", "last commit"),
        ("/v1/quality/documents?market=atlantis", 404, "not_found", "atlantis"),
        ("/v1/locations?kind=galaxy", 422, "invalid_request", "galaxy"),
        ("/v1/locations?market=atlantis", 404, "not_found", "caiso"),
        (f"/v1/provenance?series={HUBS}/X&start=2025-12-02T07:00Z", 404, "not_found", "no stored row"),
        ("/v1/decisions/0000000000000000", 404, "not_found", "decision"),
        ("/v1/nothing", 404, "not_found", "openapi"),
    ],
)  # fmt: skip
def test_each_has_its_code(world: Any, path: str, status: int, code: str, named: str) -> None:
    assert named in refused(world.get(path), status, code)


@pytest.mark.parametrize("accept", ["text/html", "text/csv", "image/png", "application/xml", "*/*"])
def test_a_refusal_is_a_problem_whatever_is_accepted(world: Any, accept: str) -> None:
    refused(world.get("/v1/nothing", Accept=accept), 404, "not_found")
    refused(world.get("/v1/me", None, Accept=accept), 401, "unauthenticated")
    answer = world.client.simulate_delete("/v1/me", headers={"Accept": accept})
    refused(answer, 405, "invalid_request")
    assert "GET" in answer.headers["allow"]


# ---------------------------------------------------------------- keys


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer  ", "Basic eDp5", "Bearer nonsense", "nonsense"]
)
def test_without_a_right_key(world: Any, given: str) -> None:
    answer = world.get("/v1/me", None, Authorization=given)
    refused(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_unknown_wrong_expired_and_revoked_keys(world: Any) -> None:
    made = world.platform.keys.create(
        "pilot", "passing", tenant="acme", life=timedelta(microseconds=1)
    )
    refused(world.get("/v1/me", None, Authorization=f"Bearer {made.token}"), 401, "unauthenticated")
    made = world.platform.keys.create("pilot", "passing", tenant="acme")
    bearer = f"Bearer {made.token}"
    assert world.get("/v1/me", None, Authorization=bearer).status_code == 200
    wrong = bearer[:-1] + ("1" if bearer.endswith("0") else "0")
    refused(world.get("/v1/me", None, Authorization=wrong), 401, "unauthenticated")
    refused(
        world.get("/v1/me", None, Authorization=bearer[:-64] + "0" * 64), 401, "unauthenticated"
    )
    world.platform.keys.revoke(made.key.id)
    refused(world.get("/v1/me", None, Authorization=bearer), 401, "unauthenticated")


@pytest.mark.parametrize(
    "query", ["key=KEY", "apiKey=x", "access_token=x", "q=KEY", "Authorization=Bearer%20KEY"]
)
def test_a_key_in_a_url_is_refused_and_not_repeated(world: Any, query: str) -> None:
    token = world.tokens["analyst"]
    answer = world.get(f"/v1/series?{query.replace('KEY', token)}")
    assert "Authorization: Bearer" in refused(answer, 422, "invalid_request")
    assert token not in answer.text
    path = world.get(f"/v1/markets/{token}")
    refused(path, 422, "invalid_request")
    assert token not in path.text


# ---------------------------------------------------------------- ids and tricks


@pytest.mark.parametrize("given", ["a b", "a\tb", "é", "x" * 65, "", "a\x7f"])
def test_a_request_id_that_could_forge_a_header_is_refused(world: Any, given: str) -> None:
    refused(world.get("/livez", None, X_Request_Id=given), 422, "invalid_request")


def test_ids_travel_into_the_answer_and_the_audit(world: Any) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = world.get("/v1/me", X_Request_Id="my-id.1", Traceparent=trace)
    assert (answer.headers["x-request-id"], answer.headers["traceparent"]) == ("my-id.1", trace)
    entries = world.rows("/v1/audit?principal=some-analyst&limit=2", "auditor")
    assert [(one["kind"], one["request_id"], one["trace"]) for one in entries] == [
        ("finished", "my-id.1", trace), ("started", "my-id.1", trace),
    ]  # fmt: skip
    assert "traceparent" not in world.get("/v1/me", Traceparent="00-zz").headers


@pytest.mark.parametrize(
    "path",
    [
        "/v1/series/caiso/day_ahead/price/node/SECRET_1_N001%2Fvalues",
        "/v1/series/caiso/day_ahead/price/hub/..%2F..%2Fnode%2FSECRET_1_N001",
        "/v1/series/caiso/day_ahead/price%2Fnode/SECRET_1_N001/x",
        "/v1/series/caiso/day_ahead/price/hub%2F..%2Fnode/SECRET_1_N001",
    ],
)
def test_an_escaped_slash_opens_nothing(world: Any, path: str) -> None:
    answer = world.get(path, "pilot")
    assert answer.status_code in (403, 404, 422)
    assert "rows" not in answer.text


def test_a_location_with_a_slash_is_written_with_its_escape(world: Any) -> None:
    detail = refused(world.get("/v1/series/caiso/day_ahead/price/hub/A=2FB"), 404, "not_found")
    assert "hub/A=2FB" in detail


# ---------------------------------------------------------------- cursors


def cursor_of(world: Any, role: str = "analyst", query: str = AUTUMN) -> str:
    found: str = world.get(f"{VALUES}?{query}&limit=3", role).json["next_cursor"]
    return found


def test_a_cursor_is_of_its_question_and_its_caller(world: Any) -> None:
    own = cursor_of(world)
    assert world.get(f"{VALUES}?{AUTUMN}&limit=5&cursor={own}").status_code == 200
    for path, role in (
        (f"{VALUES}?{AUTUMN}&cursor={own}", "pilot"),
        (f"{VALUES}?{AUTUMN}&vintages=true&cursor={own}", "analyst"),
        (f"/v1/values?series=caiso/day_ahead/price/hub&{AUTUMN}&cursor={own}", "analyst"),
        (f"{VALUES.replace('NP15', 'SP15')}?{AUTUMN}&cursor={own}", "analyst"),
        (f"/v1/series?cursor={own}", "analyst"),
    ):
        assert "cursor" in refused(world.get(path, role), 422, "invalid_request")


def test_a_cursor_is_not_handed_on_to_who_sees_the_same(fresh: Any, tmp_path: Path) -> None:
    with fresh(tmp_path) as own:
        own.tokens["colleague"] = own.platform.keys.create("analyst", "carl", tenant="acme").token
        own.arrive(
            "2025-11-01T20:30:00",
            {f"{HUBS}/TH_NP15_GEN-APND": ("2025-11-02T07:00", 60, [20.0] * 12)},
        )
        path = f"{VALUES}?{AUTUMN}"
        cursor = own.get(f"{path}&limit=3").json["next_cursor"]
        assert own.get(f"{path}&cursor={cursor}").status_code == 200
        told = refused(own.get(f"{path}&cursor={cursor}", "colleague"), 422, "invalid_request")
        assert "cursor" in told


def test_no_altered_cursor_is_read(world: Any) -> None:
    own = cursor_of(world)
    raw = bytearray(base64.urlsafe_b64decode(own + "=" * (-len(own) % 4)))
    altered = []
    for place in range(0, len(raw), 7):
        other = bytearray(raw)
        other[place] ^= 1
        altered.append(base64.urlsafe_b64encode(bytes(other)).decode().rstrip("="))
    lasts = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    altered += [own[:-1] + one for one in lasts if one != own[-1]]  # some decode to the same bytes
    for text in (*altered, own[:-1], own + "A", own + "%21", "", "%00", "A" * 3000):
        answer = world.get(f"{VALUES}?{AUTUMN}&cursor={text}")
        if text == "":
            continue
        refused(answer, 422, "invalid_request")


# ---------------------------------------------------------------- limits and what is down


def test_too_many_requests(world: Any) -> None:
    seconds = [7.0]
    app = create_app(world.platform, dict, requests_a_minute=2, now=lambda: seconds[0])
    client = TestClient(app)

    def ask(role: str) -> Any:
        return client.simulate_get(
            "/v1/me", headers={"Authorization": f"Bearer {world.tokens[role]}"}
        )

    first = ask("pilot")
    assert first.headers["ratelimit-policy"] == '"default";q=2;w=60'
    assert first.headers["ratelimit"] == '"default";r=1;t=53'
    assert ask("pilot").headers["ratelimit"] == '"default";r=0;t=53'
    third = ask("pilot")
    refused(third, 429, "rate_limited")
    assert third.headers["retry-after"] == "53"
    assert ask("analyst").status_code == 200
    seconds[0] = 60.0
    assert ask("pilot").status_code == 200


def test_the_database_is_down(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any) -> Any:
        raise StoreUnavailable("host=db.example password=x: connection refused")

    monkeypatch.setattr(type(world.platform.store), "read", down)
    answer = world.get(f"{VALUES}?start=2025-11-02T09:00Z&end=2025-11-02T10:00Z")
    refused(answer, 503, "store_unavailable")
    assert "db.example" not in answer.text


def test_the_audit_cannot_be_written(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise AuditUnavailable("no space left on /var/lib")

    monkeypatch.setattr(type(world.platform.audit), "append", full)
    for path in (f"{VALUES}?{AUTUMN}", "/v1/markets", "/v1/me", "/v1/board", "/v1/series"):
        answer = world.get(path)
        refused(answer, 503, "audit_unavailable")
        assert "/var/lib" not in answer.text
        assert "rows" not in answer.json
    assert world.get("/livez", None).status_code == 200
    assert world.get("/openapi.json", None).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_body_that_is_too_large(world: Any, method: str) -> None:
    headers = {
        "Authorization": f"Bearer {world.tokens['analyst']}",
        "Content-Length": str(2 * 1024 * 1024),
    }
    answer = world.client.simulate_request(method, "/v1/me", headers=headers)
    refused(answer, 413, "too_large")


def test_a_query_that_is_too_long(world: Any) -> None:
    refused(world.get(f"/v1/series?q={'x' * 20_000}"), 413, "too_large")
