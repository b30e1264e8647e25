"""Errors of point forecasts, by hand and by the published tables."""

import numpy as np
import pytest

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.metrics import (
    bias,
    mae,
    mape,
    mase,
    naive_by_similar_day,
    rmae,
    rmse,
    score_points,
    seasonal_scale,
    similar_day_lags,
    smape,
    wape,
)

NAN = float("nan")
ACTUAL = np.array([10.0, -20.0, 0.0, 40.0])
FORECAST = np.array([13.0, -16.0, 5.0, 40.0])  # errors 3, 4, 5, 0


def test_each_error_is_the_one_worked_out_by_hand() -> None:
    assert mae(ACTUAL, FORECAST) == 3.0  # 12 / 4
    assert rmse(ACTUAL, FORECAST) == pytest.approx(12.5**0.5)  # (9 + 16 + 25) / 4
    assert bias(ACTUAL, FORECAST) == 3.0
    assert wape(ACTUAL, FORECAST) == pytest.approx(12 / 70)
    assert mape(ACTUAL, FORECAST) == (pytest.approx((0.3 + 0.2 + 0) / 3), 1)
    assert smape(ACTUAL, FORECAST) == (pytest.approx((6 / 23 + 8 / 36 + 2 + 0) / 4), 0)


def test_two_zeros_have_no_symmetric_error() -> None:
    assert smape(np.array([0.0, 1.0]), np.array([0.0, 3.0])) == (1.0, 1)


def test_a_negative_bias_is_a_forecast_that_is_too_low() -> None:
    assert bias(np.array([5.0]), np.array([3.0])) == -2.0


def test_a_gap_on_either_side_leaves_the_interval_out_of_every_error() -> None:
    holes = score_points(np.append(ACTUAL, [NAN, 7.0]), np.append(FORECAST, [1.0, NAN]))
    whole = score_points(ACTUAL, FORECAST)
    assert (holes.scored, holes.missing) == (4, 2)
    assert (holes.mae, holes.rmse, holes.wape) == (whole.mae, whole.rmse, whole.wape)
    assert (holes.mape, holes.mape_excluded) == (whole.mape, 1)


def test_nothing_to_score_is_no_zero() -> None:
    nothing = score_points(np.array([NAN]), np.array([1.0]))
    assert nothing.scored == 0
    assert np.isnan([nothing.mae, nothing.rmse, nothing.wape, nothing.mape, nothing.smape]).all()


def test_gaps_of_the_naive_forecast_count_in_the_denominator_alone() -> None:
    naive = np.array([NAN, -14.0, 2.0, 44.0])  # errors 6, 2, 4
    assert rmae(ACTUAL, FORECAST, naive) == pytest.approx(3.0 / 4.0)
    assert score_points(ACTUAL, FORECAST, naive=naive).rmae == pytest.approx(3.0 / 4.0)


def test_mase_scales_by_what_repeating_the_season_did_on_the_history() -> None:
    history = np.array([1.0, 2.0, 4.0, 8.0, NAN, 7.0])  # two apart: 3, 6, -, 1
    scale = seasonal_scale(history, 2)
    assert scale == pytest.approx(10 / 3)
    assert mase(ACTUAL, FORECAST, scale) == pytest.approx(0.9)
    assert score_points(ACTUAL, FORECAST, scale=scale).mase == pytest.approx(0.9)
    assert np.isnan(seasonal_scale(history, 6))


def test_a_season_of_nothing_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="season"):
        seasonal_scale(ACTUAL, 0)


def test_a_forecast_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="shape"):
        mae(ACTUAL, FORECAST[:3])


def test_tuesday_to_friday_repeat_yesterday_and_the_others_last_week() -> None:
    monday_to_sunday = np.arange("2024-01-01", "2024-01-08", dtype="datetime64[D]")
    assert similar_day_lags(monday_to_sunday).tolist() == [7, 1, 1, 1, 1, 7, 7]


def test_the_naive_forecast_takes_the_day_that_is_alike() -> None:
    days = np.arange("2024-01-01", "2024-01-10", dtype="datetime64[D]")  # Monday to Tuesday
    prices = np.arange(9.0)[:, None] * [1, 10]
    naive = naive_by_similar_day(days, prices)
    assert naive[:, 1].tolist()[1:5] == [0, 10, 20, 30]
    assert naive[7:, 0].tolist() == [0, 7]  # Monday as Monday, Tuesday as Monday
    assert np.isnan(naive[[0, 5, 6]]).all()


def test_a_day_that_is_not_there_is_not_replaced_by_another() -> None:
    days = np.array(["2024-01-02", "2024-01-04", "2024-01-05"], dtype="datetime64[D]")
    naive = naive_by_similar_day(days, np.array([[1.0], [2.0], [3.0]]))
    assert np.isnan(naive[1, 0])  # the 3rd is absent
    assert naive[2, 0] == 2.0
