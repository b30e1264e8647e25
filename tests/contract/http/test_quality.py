"""Quality over HTTP: judged at the instant that is asked for, and refused documents for who may know of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from carbon254.core.domain.entitlements import Scope, SeriesPattern

NP15 = "caiso/day_ahead/price/hub/TH_NP15_GEN-APND"
SP15 = "caiso/day_ahead/price/hub/TH_SP15_GEN-APND"
NODE = "caiso/day_ahead/price/node/SECRET_1_N001"
LOAD = "caiso/actual/load/area/CA=20ISO-TAC"
AUTUMN = "start=2025-11-02T07:00Z&end=2025-11-03T08:00Z"  # the day of 25 hours in California
SPRING = "start=2025-03-09T08:00Z&end=2025-03-10T07:00Z"  # and that of 23


def lacking(world: Any, query: str, role: str = "pilot") -> dict[str, tuple[str, int, str]]:
    """What is not whole, by series: from when on, how many intervals, in which words."""
    rows = world.rows(f"/v1/quality?market=caiso&{query}", role)
    return {
        row["series"]: (row["interval_start"], row["count"], row["message"])
        for row in rows
        if row["rule"] == "completeness"
    }


# SP15's day of 25 hours came with 24; the numbers of a day are due at 14:00 of the day before, 21:00 UTC in October.
@pytest.mark.parametrize(
    ("clock", "told"),
    [
        ("", ("2025-11-03T07:00:00Z", 1, "1 intervals are late")),
        ("&asOf=2025-11-02T12:00:00Z", ("2025-11-03T07:00:00Z", 1, "1 intervals are late")),
        ("&asOf=2025-11-01T20:30:01Z", None),  # was pending
        ("&publishedBy=2025-11-01T21:00:01Z", ("2025-11-03T07:00:00Z", 1, "1 intervals are late")),
        ("&publishedBy=2025-11-01T20:59:59Z", None),
    ],
)
def test_what_lacks_is_judged_at_the_instant_asked(
    world: Any, clock: str, told: tuple[str, int, str] | None
) -> None:
    assert lacking(world, f"{AUTUMN}{clock}").get(SP15) == told


def test_a_day_of_23_hours_is_whole_and_what_was_not_there_yet_does_not_lack(world: Any) -> None:
    assert NP15 not in lacking(world, SPRING)
    assert lacking(world, SPRING)[SP15][:2] == ("2025-03-09T08:00:00Z", 23)
    assert SP15 not in lacking(world, f"{SPRING}&asOf=2025-06-11T12:00:00Z")  # nor known


def test_freshness_is_of_then_too(world: Any) -> None:
    def stale(clock: str) -> list[str]:
        rows = world.rows(f"/v1/quality?{AUTUMN}{clock}", "pilot")
        return [row["series"] for row in rows if row["rule"] == "freshness"]

    assert stale("") == [NP15, SP15]
    assert stale("&asOf=2025-11-01T20:30:01Z") == []
    assert stale("&asOf=2025-06-11T12:00:00Z") == [NP15]  # nothing since the spring


def test_the_clocks_are_told(world: Any) -> None:
    clocks = "asOf=2025-11-02T12:00:00Z&publishedBy=2025-11-02T11:00:00Z"
    answer = world.get(f"/v1/quality?{AUTUMN}&{clocks}")
    assert answer.headers["knowledge-time"] == "2025-11-02T12:00:00Z"
    told = {name: answer.json[name] for name in ("as_of", "published_by")}
    assert told == {"as_of": "2025-11-02T12:00:00Z", "published_by": "2025-11-02T11:00:00Z"}


@pytest.mark.parametrize(
    ("clock", "rows"),
    [
        ("", 23 + 25 + 1),  # of the correction only the hour that differs was written
        ("?asOf=2025-11-01T20:30:01Z", 23 + 25),
        (
            "?publishedBy=2025-11-01T20:00:00Z",
            23,
        ),  # five minutes before the stamp in the document's name
    ],
)
def test_an_identity_card_counts_what_there_was(world: Any, clock: str, rows: int) -> None:
    card = world.get(f"/v1/series/{NP15}{clock}", "pilot").json
    assert card["coverage"]["rows"] == rows


# ---------------------------------------------------------------- refused documents


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory, fresh: Any) -> Iterator[Any]:
    """A world in which two documents were refused: one that feeds nodes, one of a system's load."""
    with fresh(tmp_path_factory.mktemp("refusing")) as world:
        world.arrive("2025-10-31T20:30", {NP15: ("2025-11-01T07:00", 60, [10.0] * 24)})
        world.nodal = world.damage(
            "2025-11-01T20:30", {NODE: ("2025-11-02T07:00", 60, [50.0] * 25)}
        )
        world.load = world.damage("2025-11-04T03:00", {LOAD: ("2025-11-02T08:00", 60, [9.0] * 24)})
        world.arrive("2025-11-04T04:00", {NP15: ("2025-11-02T07:00", 60, [10.0] * 25)})
        yield world


def listed(world: Any, role: str, query: str = "") -> list[str]:
    return [row["digest"] for row in world.rows(f"/v1/quality/documents{query}", role)]


def test_a_refused_document_is_told_with_all_that_a_decision_needs(refusing: Any) -> None:
    row, _ = refusing.rows("/v1/quality/documents", "analyst")
    assert (row["market"], row["dataset"], row["code"]) == (
        "caiso",
        "day_ahead_lmp",
        "document_damaged",
    )
    assert row["at"] == "2025-11-01T20:30:00Z"
    assert row["document"] in row["message"]
    assert row["digest"] == refusing.nodal


@pytest.mark.parametrize("role", ["admin", "analyst"])
def test_who_sees_the_market_sees_its_refusals(refusing: Any, role: str) -> None:
    assert listed(refusing, role) == [refusing.nodal, refusing.load]
    assert listed(refusing, role, "?market=entsoe") == []


def test_a_pilot_of_hubs_learns_nothing_of_a_document_that_feeds_nodes(refusing: Any) -> None:
    for query in ("", "?market=caiso", "?asOf=2025-11-01T20:30:00Z"):
        assert listed(refusing, "pilot", query) == []
    assert listed(refusing, "auditor") == []


def test_what_stood_refused_at_an_instant(refusing: Any) -> None:
    assert listed(refusing, "analyst", "?asOf=2025-10-31T20:30:00Z") == []
    assert listed(refusing, "analyst", "?asOf=2025-11-01T20:30:00Z") == [refusing.nodal]


@pytest.mark.parametrize(
    ("denied", "seen"),
    [
        ([], {"nodal", "load"}),
        (["caiso/*/*/node"], {"load"}),
        (["caiso/day_ahead/price_loss/zone"], {"load"}),
        (["caiso/actual/load/area/PGE-TAC"], {"nodal"}),
        (["caiso"], set()),
        (["entsoe"], {"nodal", "load"}),
    ],
)
def test_one_series_that_is_not_shown_hides_the_document(
    refusing: Any, denied: list[str], seen: set[str]
) -> None:
    scope = Scope.everything().without(SeriesPattern.parse(one) for one in denied)
    found = {one.digest for one in refusing.platform.quality.refused(scope)}
    assert found == {getattr(refusing, name) for name in seen}
