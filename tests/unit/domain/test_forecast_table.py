"""Scores of a table of forecasts, worked out by hand, on days of 24, 23 and 25 hours."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from attrs import evolve

from carbon254.core.domain.backtests import DayForecast
from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecast_table import ForecastTable, table_of, together
from carbon254.core.domain.series import SeriesId
from carbon254.core.usecases import score_forecasts as scoring

GRID = DayGrid("Europe/Brussels", timedelta(hours=1))
PRICE = SeriesId.parse("entsoe/day_ahead-sdac/price/zone/X")
SHORT, LONG = date(2025, 3, 30), date(2025, 10, 26)


def table(first: date, count: int, errors: dict[str, float], **more: object) -> ForecastTable:
    """Models that are off by a constant; actuals are 10 for the first interval and one more for each after it."""
    last = first + timedelta(count - 1)
    cells = GRID.starts(first, last)
    actual = 10.0 + np.arange(len(cells))
    said = {}
    for name, error in errors.items():
        days = []
        for n in range(count):
            day = first + timedelta(n)
            own = np.isin(cells, GRID.starts(day))
            value = actual[own] + error
            fan = np.array([value - 5, value + 5]) if more.get("band") else None
            levels = (0.1, 0.9) if more.get("band") else ()
            days.append(
                DayForecast(
                    day,
                    GRID.window(day - timedelta(1)).start + timedelta(hours=12),
                    value,
                    levels,
                    fan,
                )
            )
        said[name] = days
    return table_of(
        PRICE, "EUR/MWh", GRID, said, 1, (cells, actual), float(more.get("scale", "nan"))
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(("first", "hours"), [(date(2025, 6, 9), 24), (SHORT, 23), (LONG, 25)])
def test_days_are_scored_as_they_are(first: date, hours: int) -> None:
    (row,) = scoring.scores(table(first, 1, {"m": 2.0}))
    assert (row["scored"], row["mae"], row["bias"]) == (hours, 2.0, 2.0)
    by_hour = scoring.scores(table(first, 1, {"m": 2.0}), "hour")
    counts = {int(one["hour"]): one["scored"] for one in by_hour}
    assert counts.get(2, 0) == {24: 1, 23: 0, 25: 2}[hours]
    assert len(by_hour) == min(hours, 24)


def test_rows_are_grouped_by_hour_horizon_month_and_regime() -> None:
    made = table(date(2025, 3, 31), 2, {"m": 1.0})
    assert [row["month"] for row in scoring.scores(made, "month")] == ["2025-03", "2025-04"]
    horizons = [row["horizon"] for row in scoring.scores(made, "horizon")]
    assert "12 h" in horizons  # midnight is twelve hours after noon
    assert (
        len(horizons) == 25
    )  # the day before the first has 23 hours: noon is reached an hour earlier
    actual = made.actual.copy()
    actual[:3] = [-5.0, -1.0, 5000.0]
    regimes = {
        row["regime"]: row["scored"] for row in scoring.scores(_with(made, actual), "regime")
    }
    assert regimes == {"negative": 2, "ordinary": 45, "spike": 1}
    with pytest.raises(InvalidRequest, match="weather"):
        scoring.scores(made, "weather")


def _with(made: ForecastTable, actual: np.ndarray) -> ForecastTable:
    return evolve(made, actual=actual)


def test_errors_are_set_against_the_similar_day_before() -> None:
    """Prices rise by one an hour: the day before is off by 24, the week before by 168."""
    made = table(date(2025, 6, 2), 14, {"m": 12.0}, scale=48.0)
    (row,) = scoring.scores(made)
    naive = (
        4 * 24 * 2 + 168 * 3
    ) / 11  # days of the second week, and Tuesday to Friday of the first
    assert row["rmae"] == pytest.approx(12.0 / naive)
    assert row["mase"] == pytest.approx(12.0 / 48.0)


def test_bands_are_scored() -> None:
    (row,) = scoring.scores(table(LONG, 1, {"m": 2.0}, band=True))
    assert (row["coverage"], row["width"], row["winkler"]) == (1.0, 10.0, 10.0)
    assert row["nominal"] == pytest.approx(0.8)
    assert row["pinball"] == pytest.approx((0.1 * 3 + 0.1 * 7) / 2)
    levels = {
        one["level"]: one["share"]
        for one in scoring.calibration(table(LONG, 1, {"m": 2.0}, band=True))
    }
    assert levels == {0.1: 0.0, 0.9: 1.0}
    (row,) = scoring.scores(table(LONG, 1, {"m": 2.0}))
    assert np.isnan(row["coverage"])


def test_how_evenly_a_band_covers_is_told_by_hour_and_over_days_on_end() -> None:
    """Four days around the longest: on two the band lies 10 too high from hour 12 on, so that half is outside."""
    made = table(LONG - timedelta(1), 4, {"m": 2.0}, band=True)
    hour, day = GRID.place(made.interval_start)[1], made.days
    off = (hour >= 12) & np.isin(day, [np.datetime64(LONG), np.datetime64(LONG + timedelta(1))])
    made = evolve(made, quantiles=made.quantiles + 10 * off[:, None])
    (row,) = scoring.reliability(made, days=2)
    assert row["coverage"] == pytest.approx(1 - 24 / 97)
    assert (row["least_hour"], row["most_hour"]) == (0.5, 1.0)
    assert row["worst_days"] == pytest.approx(1 - 24 / 49)  # 25 and 24 hours, 12 of each outside
    assert np.isnan(scoring.reliability(made, days=5)[0]["worst_days"])
    assert scoring.reliability(table(LONG, 1, {"m": 2.0})) == []


def test_a_better_model_is_told_from_a_worse_one() -> None:
    noise = np.random.default_rng(5).normal(0, 0.1, 30 * 24)
    made = table(date(2025, 6, 1), 30, {"far": 2.0, "near": 1.0})
    made = _value(made, made.value + np.tile(noise, 2))
    first, second = scoring.significance(made)
    assert (first["model"], first["against"], first["days"]) == ("far", "near", 30)
    assert first["difference"] == pytest.approx(1.0, abs=0.01)
    assert first["dm_p"] < 1e-6
    assert first["gw_p"] < 1e-4
    assert second["dm_p"] > 0.99
    few = scoring.significance(table(date(2025, 6, 1), 3, {"a": 1.0, "b": 2.0}))
    assert few[0]["days"] == 0
    assert "10 days" in few[0]["note"]


def _value(made: ForecastTable, value: np.ndarray) -> ForecastTable:
    return evolve(made, value=value)


def test_a_shift_of_all_prices_costs_a_battery_nothing() -> None:
    (row,) = scoring.value(table(LONG, 1, {"m": 50.0}))
    assert row["share"] == pytest.approx(1.0)
    assert row["days"] == 1


def test_gaps_have_no_rows_and_do_not_disturb_the_others() -> None:
    made = table(date(2025, 6, 9), 3, {"a": 1.0, "b": 2.0})
    gap = made.take(~((made.model == 1) & (made.days == np.datetime64("2025-06-10"))))
    rows = scoring.scores(gap)
    assert [row["scored"] for row in rows] == [72, 48]
    actual, one, other, _ = scoring.aligned(gap, "a", "b")
    assert len(actual) == len(one) == len(other) == 48


def test_tables_of_one_series_are_set_together() -> None:
    one, other = table(LONG, 1, {"a": 1.0, "b": 2.0}), table(LONG, 1, {"a": 3.0}, band=True)
    both = together([one, other], ["first", "second"])
    assert both.models == ("a (first)", "b", "a (second)")
    assert [row["mae"] for row in scoring.scores(both)] == [1.0, 2.0, 3.0]
    assert both.levels == (0.1, 0.9)
    assert np.isnan(both.of("b").quantiles).all()
    fine = DayGrid("Europe/Brussels", timedelta(minutes=15))
    with pytest.raises(InvalidRequest, match="not compared"):
        together([one, evolve(other, grid=fine)], ["", ""])


def test_a_table_is_not_set_beside_itself() -> None:
    made = table(LONG, 1, {"a": 1.0})
    with pytest.raises(InvalidRequest, match="twice"):
        together([made, made], ["same", "same"])


def test_models_of_other_origins_are_compared_where_each_spoke_once() -> None:
    """One made at noon, one six hours earlier; of who speaks twice of an hour, the same origin is taken."""
    noon = table(date(2025, 6, 1), 12, {"far": 2.0})
    early = table(date(2025, 6, 1), 12, {"near": 1.0})
    early = evolve(early, origin=early.origin - np.timedelta64(6, "h"))
    both = together([noon, early], ["", ""])
    assert scoring.significance(both)[0]["days"] == 12
    assert scoring.significance(both)[0]["difference"] == pytest.approx(1.0)
    later = evolve(early, origin=early.origin + np.timedelta64(12, "h"), models=("later",))
    twice = evolve(together([early, later], ["", ""]), models=("near",))
    twice = evolve(twice, model=np.zeros(len(twice), dtype=np.int64))
    assert scoring.significance(together([noon, twice], ["", ""]))[0]["days"] == 0


def test_days_on_end_are_those_of_the_models_own_band() -> None:
    """Another model's levels lie further out; the first has none of them."""
    first = date(2025, 6, 1)
    narrow, wide = table(first, 2, {"n": 2.0}, band=True), table(first, 2, {"w": 2.0}, band=True)
    both = together([narrow, evolve(wide, levels=(0.05, 0.95))], ["", ""])
    assert [row["worst_days"] for row in scoring.reliability(both, days=2)] == [1.0, 1.0]


def test_an_empty_table_has_no_scores_but_says_so() -> None:
    origin = datetime(2025, 6, 8, 10, tzinfo=UTC)
    said = {
        "m": [
            DayForecast(
                date(2025, 6, 9), origin, code="invalid_request", message="too little history"
            )
        ]
    }
    made = table_of(PRICE, "EUR/MWh", GRID, said, 1, (np.zeros(0, "M8[us]"), np.zeros(0)))
    (row,) = scoring.scores(made)
    assert row["scored"] == 0
    assert np.isnan(row["mae"])
    assert scoring.value(made) == []
    assert scoring.calibration(made) == []
