"""JSON Schema out of attrs classes, and values out of plain data."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import pytest
from attrs import field, frozen
from attrs.validators import deep_iterable, ge, gt, in_, le, matches_re, max_len, min_len, optional

from carbon254.core.domain.backtests import BacktestPlan
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.schemas import build, json_schema, plain
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import State

NP15 = "caiso/day_ahead/price/hub/TH_NP15_GEN-APND"


@frozen(kw_only=True)
class Inner:
    """Something within."""

    name: str = field(validator=[min_len(1), max_len(8), matches_re("[a-z]+")])


@frozen(kw_only=True)
class Asked:
    """What is asked.

    More about it.
    """

    series: SeriesId
    windows: tuple[int, ...] = field(default=(56, 84), validator=deep_iterable(ge(7)))
    share: float = field(default=0.5, validator=[gt(0.0), le(1.0)], metadata={"doc": "of all"})
    how: Literal["first", "final"] = "final"
    kind: str = field(default="hub", validator=in_(("hub", "zone")))
    gap: timedelta = timedelta(hours=2)
    day: date | None = None
    at: datetime | None = None
    most: int | None = field(default=None, validator=optional(ge(1)))
    inner: tuple[Inner, ...] = ()
    weights: Mapping[str, float] = field(factory=dict)
    pair: tuple[int, str] = (1, "a")
    state: State = State.OK
    flag: bool = False
    anything: Any = None


def test_a_class_says_what_it_takes() -> None:
    schema = json_schema(Asked)
    found = schema["properties"]
    assert (schema["type"], schema["required"], schema["additionalProperties"]) == (
        "object",
        ["series"],
        False,
    )
    assert schema["description"] == "What is asked."
    assert found["series"]["type"] == "string"
    assert found["windows"] == {
        "type": "array",
        "items": {"type": "integer", "minimum": 7},
        "default": [56, 84],
    }
    assert found["share"] == {
        "type": "number", "exclusiveMinimum": 0.0, "maximum": 1.0, "description": "of all", "default": 0.5,
    }  # fmt: skip
    assert found["how"] == {"enum": ["first", "final"], "default": "final"}
    assert found["kind"]["enum"] == ["hub", "zone"]
    assert found["gap"] == {"type": "string", "format": "duration", "default": "PT2H"}
    assert found["day"]["anyOf"] == [{"type": "string", "format": "date"}, {"type": "null"}]
    assert found["most"]["anyOf"][0] == {"type": "integer", "minimum": 1}
    assert found["inner"]["items"]["properties"]["name"] == {
        "type": "string", "minLength": 1, "maxLength": 8, "pattern": "^(?:[a-z]+)$",
    }  # fmt: skip
    assert found["weights"]["additionalProperties"] == {"type": "number"}
    assert found["pair"]["prefixItems"] == [{"type": "integer"}, {"type": "string"}]
    assert found["state"]["enum"] == [0, 1, 2, 3, 4, 5, 6]


def test_types_that_are_shared_are_not_spoilt_by_the_bounds_of_one_field() -> None:
    json_schema(Asked)
    assert "minimum" not in str(json_schema(Inner))
    assert "minimum" not in json_schema(Asked)["properties"]["pair"]["prefixItems"][0]


def test_plain_data_becomes_a_value_and_back() -> None:
    facts = {
        "series": NP15, "windows": [7, 8], "share": 1, "gap": "PT15M", "day": "2025-03-30", "most": 3,
        "at": "2025-03-30T12:00+02:00", "inner": [{"name": "ab"}], "weights": {"x": 2}, "pair": [3, "b"], "state": 1,
    }  # fmt: skip
    made = build(Asked, facts)
    assert made.series == SeriesId.parse(NP15)
    assert made.windows == (7, 8)
    assert made.gap == timedelta(minutes=15)
    assert made.day == date(2025, 3, 30)
    assert made.at == datetime(2025, 3, 30, 10, tzinfo=UTC)
    assert made.inner == (Inner(name="ab"),)
    assert (made.pair, made.state) == ((3, "b"), State.MISSING)
    assert plain(made)["at"] == "2025-03-30T10:00:00Z"
    assert build(Asked, plain(made)) == made


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"windows": [3]}, "windows"),
        ({"windows": "56"}, "windows"),
        ({"share": 0}, "share"),
        ({"share": "0.5"}, "share"),
        ({"share": True}, "share"),
        ({"how": "last"}, "how"),
        ({"kind": "node"}, "kind"),
        ({"gap": "2 hours"}, "duration"),
        ({"day": "2025-02-30"}, "2025-02-30"),
        ({"at": "2025-03-30T12:00"}, "offset"),
        ({"most": 0}, "most"),
        ({"most": 1.5}, "most"),
        ({"inner": [{"name": "TOO LONG"}]}, "name"),
        ({"flag": 1}, "flag"),
        ({"other": 1}, "other"),
        ({"series": "caiso/x"}, "caiso/x"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], names: str) -> None:
    with pytest.raises(InvalidRequest, match=names):
        build(Asked, {"series": NP15, **wrong})


def test_what_lacks_is_named() -> None:
    with pytest.raises(InvalidRequest, match="series"):
        build(Asked, {})


def test_a_type_without_a_schema_is_told() -> None:
    @frozen
    class Odd:
        """Odd."""

        what: complex = 1j

    with pytest.raises(TypeError, match="complex"):
        json_schema(Odd)


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"series": NP15, "how": "best"}, "asked: how: 'best' is none of first, final."),
        ({"series": NP15, "windows": ["x"]}, "asked: windows: 'x' is no int."),
        (
            {"series": NP15, "hov": 1},
            (
                "asked: unknown key hov; there are series, windows, share, how, kind, gap, day, at, "
                "most, inner, weights, pair, state, flag, anything."
            ),
        ),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_who_asked(facts: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        build(Asked, facts, "asked")
    assert str(refused.value) == says


def test_a_key_that_is_missing_is_named_and_a_sentence_ends_once() -> None:
    plan = {"models": [{"model": "naive"}], "start": "2026-01-02", "end": "2026-01-01"}
    with pytest.raises(InvalidRequest) as refused:
        build(BacktestPlan, plan, "the plan")
    assert str(refused.value) == "the plan: 'targets' is missing."
    target = {"series": "caiso/day_ahead/price/hub/X"}
    with pytest.raises(InvalidRequest) as refused:
        build(BacktestPlan, plan | {"targets": [target]}, "the plan")
    assert str(refused.value).endswith("before it starts (2026-01-02).")
    with pytest.raises(InvalidRequest) as refused:
        build(BacktestPlan, plan | {"targets": [target | {"exo": []}]}, "the plan")
    assert (
        str(refused.value) == "the plan: unknown key exo in targets; there are series, exogenous."
    )
