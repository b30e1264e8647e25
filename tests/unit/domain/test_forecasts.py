"""Forecasts, horizons and plans are valid or are not made."""

import pickle
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from carbon254.core.domain.backtests import (
    AskedModel,
    BacktestPlan,
    Conditions,
    DayForecast,
    Origins,
    Target,
    read_days,
    write_days,
)
from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import (
    Forecast,
    Horizon,
    MemberForecasts,
    ModelSpec,
    level_name,
    named_level,
    quantile_measure,
)
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.schemas import build, json_schema, plain
from carbon254.core.domain.series import SeriesId

GRID = DayGrid("Europe/Brussels", timedelta(hours=1))
DAY = date(2025, 6, 11)
HORIZON = Horizon(GRID, DAY)
FLAT = np.full(24, 40.0)


@pytest.mark.parametrize(
    ("first", "count", "minutes", "length"),
    [(DAY, 1, 60, 24), (date(2025, 3, 30), 1, 60, 23), (date(2025, 10, 26), 1, 60, 25), (DAY, 1, 30, 48),
     (DAY, 1, 15, 96), (date(2025, 3, 29), 2, 60, 47), (date(2025, 10, 26), 1, 15, 100)],
)  # fmt: skip
def test_a_horizon_has_as_many_intervals_as_its_days(
    first: date, count: int, minutes: int, length: int
) -> None:
    horizon = Horizon(DayGrid("Europe/Brussels", timedelta(minutes=minutes)), first, count)
    assert len(horizon) == len(horizon.interval_start) == length
    step = np.timedelta64(minutes, "m")
    assert (horizon.interval_end - horizon.interval_start == step).all()
    assert len(horizon.days) == count


def test_a_horizon_of_no_day_is_none() -> None:
    for count in (0, -1, 367):
        with pytest.raises(InvalidRequest, match="horizon"):
            Horizon(GRID, DAY, count)
    with pytest.raises(ValueError, match="matrix"):
        HORIZON.flatten(np.zeros((1, 23)))


@pytest.mark.parametrize(
    ("value", "levels", "fan", "says"),
    [
        (np.zeros(23), (), None, "shape"),
        (np.full(24, np.nan), (), None, "finite"),
        (np.full(24, np.inf), (), None, "finite"),
        (FLAT, (0.5,), None, "together"),
        (FLAT, (), np.zeros((1, 24)), "together"),
        (FLAT, (0.05, 0.95), np.zeros((1, 24)), "shape"),
        (FLAT, (0.95, 0.05), np.zeros((2, 24)), "ascend"),
        (FLAT, (0.0, 0.5), np.zeros((2, 24)), "ascend"),
        (FLAT, (0.5, 0.5), np.zeros((2, 24)), "ascend"),
        (FLAT, (0.05, 0.95), np.array([FLAT, FLAT - 1]), "cross"),
        (FLAT, (0.05,), np.full((1, 24), np.nan), "finite"),
    ],
)
def test_a_forecast_that_cannot_be_is_refused(
    value: np.ndarray, levels: tuple[float, ...], fan: np.ndarray | None, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        Forecast(HORIZON, value, levels, fan)


def test_a_forecast_is_read_only() -> None:
    made = Forecast(HORIZON, FLAT.copy(), (0.5,), np.array([FLAT]))
    assert not made.value.flags.writeable
    assert made.quantiles is not None
    assert not made.quantiles.flags.writeable


@pytest.mark.parametrize(
    ("level", "word"), [(0.05, "price-p05"), (0.5, "price-p50"), (0.975, "price-p97_5"), (0.025, "price-p02_5")]
)  # fmt: skip
def test_quantiles_have_words(level: float, word: str) -> None:
    assert quantile_measure("price", level) == word
    SeriesId("entsoe", "forecast-x", word, "zone", "X")  # the vocabulary has it


def test_a_level_is_read_as_the_very_number_that_was_written() -> None:
    """Levels of two sources are put side by side where they are equal, so not even the last bit may differ."""
    assert [named_level(level_name(n / 1000)) for n in range(1, 1000)] == [
        n / 1000 for n in range(1, 1000)
    ]
    assert [named_level(word) for word in ("p5", "p05_", "p100", "q05", "")] == [None] * 5


@pytest.mark.parametrize(
    ("measure", "level"), [("price", 0.0), ("price", 1.0), ("price", 0.0333), ("price-gbp", 0.5)]
)
def test_quantiles_without_a_word_are_refused(measure: str, level: float) -> None:
    with pytest.raises(InvalidRequest, match="no word"):
        quantile_measure(measure, level)


def test_two_specs_are_the_same_when_model_and_parameters_are() -> None:
    one = ModelSpec("lear", {"windows": [56, 84], "penalty": 1.0}, "a")
    other = ModelSpec("lear", {"penalty": 1.0, "windows": (56, 84)}, "b")
    assert one == other
    assert len({one, other}) == 1
    assert one != ModelSpec("lear", {"windows": [56], "penalty": 1.0})
    there = pickle.loads(pickle.dumps(one))
    assert (there, there.name) == (one, "a")


def test_what_members_said_fits_their_names_and_days() -> None:
    MemberForecasts(("a",), (DAY,), np.zeros((1, 1, 24)))
    with pytest.raises(ValueError, match="members"):
        MemberForecasts(("a", "b"), (DAY,), np.zeros((1, 1, 24)))


def test_days_are_kept_bit_for_bit() -> None:
    origin = datetime(2025, 6, 10, 10, tzinfo=UTC)
    value = np.random.default_rng(1).normal(size=24) * 1e-7
    days = (
        DayForecast(DAY, origin, value, (0.1, 0.9), np.array([value - 1, value + 1]), {"weight": 1 / 3, "how": "é"}),
        DayForecast(DAY, origin, code="plugin_broken", message="ä\nb"),
        DayForecast(DAY, origin, value),
    )  # fmt: skip
    read = read_days(write_days(days))
    assert [one.ok for one in read] == [True, False, True]
    assert read[0].value.tobytes() == value.tobytes()
    assert read[0].quantiles is not None
    assert read[0].quantiles.tobytes() == np.array([value - 1, value + 1]).tobytes()
    assert (read[0].notes, read[0].levels) == ({"weight": 1 / 3, "how": "é"}, (0.1, 0.9))
    assert (read[1].code, read[1].message) == ("plugin_broken", "ä\nb")
    assert read[2].quantiles is None


def test_the_origin_is_the_gate_on_days_of_any_length() -> None:
    origins = Origins(Rule.parse("D-1 12:00 Europe/Brussels"), "Europe/Brussels")
    assert origins.of(date(2025, 3, 31)) == datetime(
        2025, 3, 30, 10, tzinfo=UTC
    )  # on the day of 23 hours
    assert origins.of(date(2025, 3, 30)) == datetime(2025, 3, 29, 11, tzinfo=UTC)
    assert origins.of(date(2025, 10, 27)) == datetime(
        2025, 10, 26, 11, tzinfo=UTC
    )  # on the day of 25 hours
    capped = Origins(origins.gate, origins.zone, datetime(2025, 3, 29, 9, tzinfo=UTC))
    assert capped.of(date(2025, 3, 30)) == datetime(2025, 3, 29, 9, tzinfo=UTC)
    assert capped.of(date(2025, 3, 29)) == datetime(2025, 3, 28, 11, tzinfo=UTC)


def test_a_plan_is_described_and_read_back() -> None:
    plan = BacktestPlan(
        targets=(Target(series=SeriesId.parse("entsoe/day_ahead-sdac/price/zone/X")),),
        models=(AskedModel(model="lear", parameters={"windows": [56]}),),
        start=DAY, end=DAY + timedelta(3), stride=2, conditions=Conditions(refit=7, gap=timedelta(hours=2)),
    )  # fmt: skip
    schema = json_schema(BacktestPlan)
    assert set(schema["required"]) == {"targets", "models", "start", "end"}
    assert build(BacktestPlan, plain(plan)) == plan
    assert plan.days == (DAY, DAY + timedelta(2))
    with pytest.raises(InvalidRequest, match="refit"):
        build(BacktestPlan, {**plain(plan), "conditions": {"refit": 0}})
    with pytest.raises(InvalidRequest):
        build(BacktestPlan, {**plain(plan), "models": []})
    with pytest.raises(InvalidRequest, match="other"):
        build(BacktestPlan, {**plain(plan), "other": 1})
