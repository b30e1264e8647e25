"""Who may see what: default deny, deny wins, and no way round."""

import copy

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon254.core.domain.entitlements import Permitted, Scope, Selection, SeriesPattern
from carbon254.core.domain.errors import InvalidRequest, NotEntitled
from carbon254.core.domain.series import SeriesId

HUB = SeriesId.parse("caiso/day_ahead/price/hub/TH_NP15_GEN-APND")
NODE = SeriesId.parse("caiso/day_ahead/price/node/ACCORD_1_N001")
RTD = SeriesId.parse("caiso/real_time-rtd/price/hub/TH_NP15_GEN-APND")
EXAA = SeriesId.parse("entsoe/day_ahead-exaa/price/zone/10Y1001A1001A82H")
SLASH = SeriesId.parse("pjm/day_ahead/price/zone/MID-ATL/APS")
ALL = [HUB, NODE, RTD, EXAA, SLASH]


def scope(*allow: str, deny: tuple[str, ...] = ()) -> Scope:
    return Scope(map(SeriesPattern.parse, allow), map(SeriesPattern.parse, deny))


def test_nothing_is_allowed_by_default() -> None:
    assert Scope().filter(ALL) == []
    with pytest.raises(NotEntitled):
        Scope().restrict(Selection(series=[HUB]))


def test_everything_is_everything() -> None:
    assert Scope.everything().filter(ALL) == ALL


def test_work_on_some_series_sees_those_and_no_other() -> None:
    wild = [SeriesId("caiso", "day_ahead", "price", "node", code) for code in ("*", "A?1", "[AB]1")]
    tame = [SeriesId("caiso", "day_ahead", "price", "node", code) for code in ("A*1", "AB1", "A1")]
    assert Scope.of([HUB, SLASH]).filter(ALL) == [HUB, SLASH]
    assert Scope.of(wild).filter([*ALL, *tame, *wild]) == wild
    assert Scope.of(ALL).filter(ALL) == ALL
    assert Scope.of([]).filter(ALL) == []


def test_a_pilot_of_hubs_gets_hubs_and_no_other_kind() -> None:
    assert scope("*/*/*/hub").filter(ALL) == [HUB, RTD]


def test_a_run_matches_whole_and_not_by_its_beginning() -> None:
    assert scope("*/day_ahead").filter(ALL) == [HUB, NODE, SLASH]
    assert scope("*/day_ahead*").filter(ALL) == [HUB, NODE, EXAA, SLASH]


def test_deny_wins_over_any_allow() -> None:
    assert scope("*", "caiso/day_ahead/price/hub/*", deny=("caiso",)).filter(ALL) == [EXAA, SLASH]
    assert scope("caiso", deny=("*/*/*/node",)).filter(ALL) == [HUB, RTD]


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(["*", "caiso", "*/day_ahead", "*/*/*/hub", "pjm", str(EXAA)]), max_size=3
    ),
    st.lists(st.sampled_from(["caiso", "*/*/*/node", "entsoe/*", str(RTD), "*"]), max_size=3),
)
def test_what_is_seen_is_allowed_and_not_denied(allow: list[str], deny: list[str]) -> None:
    seen = scope(*allow, deny=tuple(deny)).filter(ALL)
    allowed = [one for one in ALL if any(scope(text).allows(one) for text in allow)]
    denied = [one for one in ALL if any(scope(text).allows(one) for text in deny)]
    assert seen == [one for one in allowed if one not in denied]


def test_patterns_are_read_with_the_codec_of_series() -> None:
    assert scope("pjm/*/*/*/MID-ATL=2FAPS").filter(ALL) == [SLASH]
    assert scope("pjm/*/*/*/MID-ATL/APS").filter(ALL) == [SLASH]
    assert scope("caiso/*/*/*/th_np15*").filter(ALL) == []  # case counts


@pytest.mark.parametrize("code", ["A*1", "A?1", "[AB]1", "MID-ATL/APS", "Æ*"])
def test_an_escaped_wildcard_is_no_wildcard(code: str) -> None:
    own = SeriesId("caiso", "day_ahead", "price", "node", code)
    others = [attrs.evolve(own, location=one) for one in ("AB1", "A1", "B1", "ÆA")]
    pattern = SeriesPattern.parse(str(own))
    assert [one for one in (own, *others) if pattern.matches(one)] == [own]


@pytest.mark.parametrize("text", ["", "/", "caiso//price", "caiso/", "/day_ahead"])
def test_a_pattern_with_an_empty_part_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        SeriesPattern.parse(text)


def test_an_exact_series_outside_the_scope_is_refused_with_its_name() -> None:
    with pytest.raises(NotEntitled, match="ACCORD_1_N001") as refusal:
        scope("*/*/*/hub").restrict(Selection(series=[HUB, NODE]))
    assert refusal.value.code == "not_entitled"


def test_patterns_in_a_question_are_left_to_the_scope_that_goes_with_it() -> None:
    hubs = scope("*/*/*/hub")
    permitted = hubs.restrict(Selection(patterns=[SeriesPattern.parse("caiso")]))
    assert permitted.scope is hubs
    assert permitted.value.patterns == (SeriesPattern("caiso"),)


def test_permitted_cannot_be_made_by_hand() -> None:
    question = Selection(series=[NODE])
    for forged in (None, object(), True, "seal"):
        with pytest.raises(TypeError, match=r"Scope\.restrict"):
            Permitted(question, Scope.everything(), forged)
    with pytest.raises(TypeError):
        Permitted(question, Scope.everything())  # type: ignore[call-arg]


def test_permitted_cannot_be_changed_into_another() -> None:
    permitted = scope("*/*/*/hub").restrict(Selection(series=[HUB]))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        permitted.scope = Scope.everything()  # type: ignore[misc]
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        permitted.value.series = (NODE,)  # type: ignore[misc]
    with pytest.raises(TypeError):
        attrs.evolve(permitted, seal=object())
    with pytest.raises(TypeError):
        attrs.evolve(permitted, value=Selection(series=[NODE]))
    assert "_seal" not in repr(permitted)
    assert copy.copy(permitted) == permitted
