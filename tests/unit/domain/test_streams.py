"""Subjects, streams and what a scope allows of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.grants import grants_of
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.streams import batch_subject, covers, series_of, stream_of


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("md.v1.caiso.day_ahead.price.hub.TH_NP15_GEN-APND", "MD-caiso-hub"),
        ("md.v1.miso.*.*.node.AMIL=2EHENNPN81_AGG", "MD-miso-node"),
        ("batch.v1.eu_ets.auction-eua.platform", "MD-eu_ets-platform"),
        ("batch.v1.entsoe.*.zone", "MD-entsoe-zone"),
        ("sys.v1.heartbeat.nem", "MD-nem-heartbeat"),
    ],
)
def test_a_subject_belongs_to_one_stream(subject: str, name: str) -> None:
    stream = stream_of(subject)
    assert stream.name == name
    assert any(covers(pattern, subject) for pattern in stream.subjects)


def test_a_series_is_found_again_from_its_subject() -> None:
    odd = SeriesId("miso", "day_ahead-ex_post", "price_loss", "node", "A.B:C/D =Ö*>")
    assert (
        odd.subject()
        == "md.v1.miso.day_ahead-ex_post.price_loss.node.A=2EB=3AC=2FD=20=3D=C3=96=2A=3E"
    )
    assert series_of(odd.subject()) == odd
    with pytest.raises(InvalidRequest):
        series_of("batch.v1.caiso.day_ahead.hub")


def test_a_batch_has_run_and_kind_in_its_subject() -> None:
    assert batch_subject("caiso", "real_time-fmm", "node") == "batch.v1.caiso.real_time-fmm.node"


@pytest.mark.parametrize(
    ("pattern", "subject", "held"),
    [
        ("a.*.c", "a.b.c", True),
        ("a.*", "a.b.c", False),
        ("a.*.c", "a.b.d", False),
        ("a.b", "a.b", True),
    ],
)
def test_a_star_is_any_one_token(pattern: str, subject: str, held: bool) -> None:
    assert covers(pattern, subject) is held


# ---------------------------------------------------------------- grants


def card(market: str, redistribution: str = "open") -> Any:
    """A market with two runs, two measures, hubs and nodes."""
    dataset = SimpleNamespace(measures=("price", "load"), kinds=("hub", "node"))
    return SimpleNamespace(
        id=market, redistribution=redistribution, runs={"day_ahead": 1, "actual": 1}, datasets={"all": dataset}
    )  # fmt: skip


def granted(allow: list[str], deny: list[str] | None = None, **cards: str) -> dict[str, set[str]]:
    scope = Scope(
        tuple(SeriesPattern.parse(one) for one in allow),
        tuple(SeriesPattern.parse(one) for one in deny or []),
    )
    found = {name: card(name, word) for name, word in (cards or {"caiso": "open"}).items()}
    return {one.stream.name: set(one.subjects) for one in grants_of(scope, found)}


HEARTBEAT = {"MD-caiso-heartbeat": {"sys.v1.heartbeat.caiso"}}
HUBS = {"MD-caiso-hub": {"md.v1.caiso.*.*.hub.*", "batch.v1.caiso.*.hub"}, **HEARTBEAT}


def test_a_pilot_of_hubs_gets_the_stream_of_hubs_and_no_other() -> None:
    assert granted(["caiso/*/*/hub/*"], caiso="open", miso="open") == HUBS


def test_nothing_is_granted_to_who_may_nothing() -> None:
    assert granted([]) == {}


def test_a_deny_of_nodes_leaves_the_hubs() -> None:
    assert granted(["*"], ["*/*/*/node/*"]) == HUBS


def test_alarms_speak_of_whole_datasets_and_are_for_who_sees_the_whole_market() -> None:
    alarms = {"sys.v1.heartbeat.caiso", "dq.v1.caiso.*", "src.v1.caiso.*.state"}
    assert granted(["caiso"])["MD-caiso-heartbeat"] == alarms
    assert granted(["caiso"], ["caiso/*/*/node/*"])["MD-caiso-heartbeat"] == {
        "sys.v1.heartbeat.caiso"
    }


@pytest.mark.parametrize("word", ["forbidden", "internal", "open"])
def test_a_market_that_forbids_redistribution_is_granted_to_nobody(word: str) -> None:
    assert bool(granted(["*"], caiso=word)) is (word != "forbidden")


def test_one_run_is_granted_with_its_batches() -> None:
    assert granted(["caiso/day_ahead/*/hub/*"]) == {
        "MD-caiso-hub": {"md.v1.caiso.day_ahead.*.hub.*", "batch.v1.caiso.day_ahead.hub"},
        **HEARTBEAT,
    }


def test_one_measure_is_granted_without_batches_which_hold_the_others_too() -> None:
    assert granted(["caiso/*/price/hub/*"])["MD-caiso-hub"] == {
        "md.v1.caiso.day_ahead.price.hub.*",
        "md.v1.caiso.actual.price.hub.*",
    }


def test_one_place_is_granted_by_its_name() -> None:
    assert granted(["caiso/day_ahead/price/hub/TH_SP15_GEN-APND"])["MD-caiso-hub"] == {
        "md.v1.caiso.day_ahead.price.hub.TH_SP15_GEN-APND"
    }


def test_a_place_that_is_denied_takes_the_pattern_with_it() -> None:
    found = granted(["caiso/day_ahead/*/hub/*"], ["caiso/day_ahead/price/hub/TH_NP15_GEN-APND"])
    assert found["MD-caiso-hub"] == {"md.v1.caiso.day_ahead.load.hub.*"}


def test_a_deny_of_one_run_leaves_the_others() -> None:
    assert granted(["caiso/*/*/hub/*"], ["caiso/actual/*/*/*"])["MD-caiso-hub"] == {
        "md.v1.caiso.day_ahead.*.hub.*", "batch.v1.caiso.day_ahead.hub",
    }  # fmt: skip


def test_a_pattern_that_is_no_whole_word_grants_nothing_and_denies_all_that_it_may_touch() -> None:
    assert granted(["caiso/*/*/hub/TH_*"]) == {}
    assert granted(["cais?/*/*/hub/*"]) == {}
    assert granted(["caiso/*/*/hub/*"], ["caiso/*/*/h*b/*"]) == {}
