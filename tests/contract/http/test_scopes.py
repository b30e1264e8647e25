"""What each role is told: a pilot's answers are the same whether there is anything outside its scope or not."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.quality import QualityFinding

NP15 = "caiso/day_ahead/price/hub/TH_NP15_GEN-APND"
NODE = "caiso/day_ahead/price/node/SECRET_1_N001"
AUTUMN = "start=2025-11-02T07:00Z&end=2025-11-03T08:00Z"
# A hub's pilot may ask anything: granted, filtered or refused, nothing outside shows.
PATHS = [
    "/v1/markets", "/v1/markets/caiso", "/v1/markets/entsoe", "/v1/locations", "/v1/locations?market=caiso&kind=node",
    "/v1/locations?market=entsoe", "/v1/series", "/v1/series?q=secret", "/v1/series?series=caiso/*/*/node",
    "/v1/series?series=entsoe", f"/v1/series/{NP15}", f"/v1/series/{NODE}", f"/v1/series/{NP15}/values?{AUTUMN}",
    f"/v1/series/{NODE}/values?{AUTUMN}", "/v1/series/caiso/actual/load/area/CA=20ISO-TAC",
    "/v1/series/entsoe/day_ahead-sdac/price/zone/10YNL----------L", f"/v1/values?series=caiso&{AUTUMN}",
    f"/v1/values?series=caiso&{AUTUMN}&layout=wide", f"/v1/values?series={NODE}&{AUTUMN}",
    f"/v1/values?series={NP15}&series={NODE}&{AUTUMN}", f"/v1/values?series=caiso/*/*/node&{AUTUMN}",
    f"/v1/values?series=*/*/*/hub&{AUTUMN}&format=csv", "/v1/board", "/v1/board?day=2025-11-02",
    "/v1/board?asOf=2025-11-01T20:30:01Z", "/v1/coverage", "/v1/coverage?series=caiso/*/*/node",
    "/v1/coverage?series=entsoe", f"/v1/provenance?series={NP15}&start=2025-11-02T07:00Z",
    f"/v1/provenance?series={NODE}&start=2025-11-02T07:00Z", "/v1/quality", "/v1/quality?market=entsoe",
    "/v1/quality?asOf=2025-11-01T20:30:01Z", "/v1/quality/documents", "/v1/quality/documents?market=caiso",
    "/v1/quality/documents?asOf=2025-11-01T20:30:01Z&format=csv",
    f"/v1/series/{NP15}/values?{AUTUMN}&stat=capture:{NODE}", "/v1/me", "/v1/audit", "/v1/decisions/0123456789abcdef",
    f"/v1/series/{NP15}/values?{AUTUMN}&includeHistory=true&format=ndjson",
]  # fmt: skip
# What differs between any two requests, and the instant of the last commit, which is the platform's own clock.
OWN = re.compile(
    r'"(instance|decision|key|now|as_of|next_cursor)":("[^"]*"|null)|"recorded_at":"2025-03-08T20:30:00Z"'
)


def told(world: Any, path: str, role: str = "pilot") -> tuple[int, str]:
    answer = world.get(path, role)
    return answer.status_code, OWN.sub("", answer.text)


@pytest.mark.parametrize("path", PATHS)
def test_nothing_outside_the_scope_shows(world: Any, hubs_only: Any, path: str) -> None:
    assert told(world, path) == told(hubs_only, path)
    text = world.get(path, "pilot").text
    if "SECRET" not in path:
        assert "SECRET" not in text


def test_an_analyst_is_told_more(world: Any, hubs_only: Any) -> None:
    differing = [
        path for path in PATHS if told(world, path, "analyst") != told(hubs_only, path, "analyst")
    ]
    assert {
        "/v1/series",
        "/v1/coverage",
        "/v1/quality/documents",
        "/v1/board",
        f"/v1/values?series=caiso&{AUTUMN}",
    } <= set(differing)


@pytest.mark.parametrize(
    "kind", ["node", "zone", "system", "aggregate", "interface", "border", "area", "unit"]
)
def test_outside_is_outside_whether_it_is_there_or_not(world: Any, kind: str) -> None:
    place = "SECRET_1_N001" if kind == "node" else "X"
    found = world.get(f"/v1/series/caiso/day_ahead/price/{kind}/{place}/values?{AUTUMN}", "pilot")
    absent = world.get(f"/v1/series/caiso/day_ahead/price/{kind}/ATLANTIS/values?{AUTUMN}", "pilot")
    assert (found.status_code, found.json["code"]) == (403, "not_entitled")
    assert found.text.replace(place, "").replace("ATLANTIS", "").count("detail") == 1
    assert (absent.status_code, absent.json["code"]) == (403, "not_entitled")
    assert found.json["detail"].replace(place, "ATLANTIS") == absent.json["detail"]


def test_a_refusal_is_explained_to_whom_it_happened_and_to_auditors(world: Any) -> None:
    refusal = world.get(f"/v1/series/{NODE}/values?{AUTUMN}", "pilot").json["decision"]
    own = world.get(f"/v1/decisions/{refusal}", "pilot").json
    assert (own["principal"], own["series"], own["action"]) == ("some-pilot", NODE, "read")
    assert own["reason"]
    assert world.get(f"/v1/decisions/{refusal}", "auditor").json == own
    assert world.get(f"/v1/decisions/{refusal}", "analyst").status_code == 404


def test_an_auditor_reads_the_log_and_no_number(world: Any) -> None:
    assert world.get("/v1/audit", "auditor").status_code == 200
    assert world.rows("/v1/series", "auditor") == []
    assert world.get(f"/v1/series/{NP15}/values?{AUTUMN}", "auditor").status_code == 403
    for role in ("pilot", "analyst"):
        assert world.get("/v1/audit", role).status_code == 403


def test_the_log_is_walked_by_pages_and_holds_no_secret(world: Any) -> None:
    for _ in range(3):
        world.get("/v1/me")
    first = world.get("/v1/audit?limit=3&principal=some-analyst", "auditor").json
    second = world.get(
        f"/v1/audit?limit=3&principal=some-analyst&cursor={first['next_cursor']}", "auditor"
    ).json
    indexes = [row["index"] for row in (*first["rows"], *second["rows"])]
    assert len(indexes) == 6
    assert indexes == sorted(indexes, reverse=True)
    everything = world.get("/v1/audit?limit=100000", "auditor").text
    for token in world.tokens.values():
        assert token.split("_")[2] not in everything


def test_each_answer_is_started_and_finished(world: Any) -> None:
    world.get(f"/v1/series/{NODE}", "pilot", X_Request_Id="the-refused")
    world.get(f"/v1/series/{NP15}", "pilot", X_Request_Id="the-granted")
    rows = world.rows("/v1/audit?principal=some-pilot&limit=4", "auditor")
    assert [(row["request_id"], row["kind"], row["outcome"]) for row in rows] == [
        ("the-granted", "finished", "ok"), ("the-granted", "started", ""),
        ("the-refused", "finished", "not_entitled"), ("the-refused", "started", ""),
    ]  # fmt: skip


def test_the_caller_is_told_its_scope_and_its_limit(world: Any) -> None:
    me = world.get("/v1/me", "pilot").json
    assert (me["principal"], me["tenant"], me["roles"]) == ("some-pilot", "acme", ["pilot"])
    assert me["scopes"]["read"] == {"allow": ["caiso/*/*/hub/*"], "deny": []}
    assert me["limits"] == {"requests": 1_000_000, "seconds": 60}
    assert world.tokens["pilot"].split("_")[2] not in json.dumps(me)


def test_findings_of_no_series_are_for_who_sees_all(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = QualityFinding("plugin", None, None, None, "check 'x' failed on SECRET", "error")
    monkeypatch.setattr(type(world.platform.quality), "run", lambda *_, **__: [told])
    start = "start=2025-11-02T07:00Z&end=2025-11-02T09:00Z"
    assert [row["rule"] for row in world.rows(f"/v1/quality?{start}", "analyst")] == ["plugin"]
    assert world.rows(f"/v1/quality?{start}", "pilot") == []


def test_a_place_does_not_name_what_lies_outside_the_scope(world: Any) -> None:
    units = Scope([SeriesPattern.parse("nem/*/*/unit")])

    def parents(scope: Scope) -> set[str | None]:
        found = world.platform.locations.run(scope, market="nem", kind="unit")
        return {one.place.parent for one in found}

    assert {"NSW1", "VIC1"} <= parents(Scope.everything())
    assert parents(units) == {None}
