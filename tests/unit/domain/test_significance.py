"""Tests of significance, by hand and by statistics worked out in another way."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.significance import (
    automatic_lags,
    daily_differences,
    diebold_mariano,
    giacomini_white,
)

NAN = float("nan")
ALTERNATING = np.array([3.0, -1.0] * 8)  # mean 1, variance 4


def test_the_difference_of_a_day_is_that_of_its_mean_errors() -> None:
    actual = np.zeros(5)
    first, second = np.array([2.0, -4.0, 1.0, 1.0, NAN]), np.array([1.0, 1.0, -3.0, NAN, 2.0])
    # day 1: (2 + 4) / 2 − 1; day 2: 1 − 3 on the one hour that both have; day 3: none
    assert daily_differences(actual, first, second, np.array([1, 1, 2, 2, 3])).tolist() == [
        2.0,
        -2.0,
    ]


def test_a_day_of_25_hours_weighs_as_much_as_one_of_23() -> None:
    day = np.repeat([0, 1, 2], [25, 23, 24])
    errors = np.repeat([1.0, 2.0, 3.0], [25, 23, 24])
    assert daily_differences(np.zeros(72), errors, np.zeros(72), day).tolist() == [1.0, 2.0, 3.0]


def test_diebold_mariano_is_the_mean_over_its_error() -> None:
    result = diebold_mariano(ALTERNATING)
    assert result.statistic == pytest.approx(2.0)  # 1 / √(4 / 16)
    assert result.p_value == pytest.approx(1 - NormalDist().cdf(2.0))
    assert (result.difference, result.days) == (1.0, 16)


def test_it_is_one_sided() -> None:
    assert diebold_mariano(-ALTERNATING).p_value == pytest.approx(NormalDist().cdf(2.0))


def test_hac_counts_what_neighbours_share() -> None:
    # The autocovariance at one day is −4 × 15 / 16, Bartlett's weight ½: variance 4 − 2 × ½ × 3.75.
    assert diebold_mariano(ALTERNATING, hac_lags=1).statistic == pytest.approx(
        1 / math.sqrt(0.25 / 16)
    )


def test_a_usual_number_of_lags() -> None:
    assert [automatic_lags(days) for days in (30, 100, 728, 1456)] == [3, 4, 6, 7]


def test_forecasts_that_never_differ_are_equally_good() -> None:
    same = np.zeros(12)
    assert (diebold_mariano(same).statistic, diebold_mariano(same).p_value) == (0.0, 0.5)
    assert (giacomini_white(same).statistic, giacomini_white(same).p_value) == (0.0, 1.0)


def test_a_difference_that_never_changes_is_certain() -> None:
    assert diebold_mariano(np.full(12, 0.5)).p_value == 0.0
    assert diebold_mariano(np.full(12, -0.5)).p_value == 1.0


def test_giacomini_white_is_the_wald_form_of_the_moments() -> None:
    d = np.random.default_rng(3).normal(0.2, 1.0, 60)
    moments = np.column_stack([d[1:], d[1:] * d[:-1]])
    mean, cross = moments.mean(axis=0), moments.T @ moments / 59
    expected = 59 * mean @ np.linalg.inv(cross) @ mean
    result = giacomini_white(d)
    assert result.statistic == pytest.approx(expected)
    assert result.p_value == pytest.approx(math.exp(-expected / 2))


def test_a_forecast_that_is_worse_on_average_is_not_significantly_better() -> None:
    result = giacomini_white(-ALTERNATING)
    assert result.statistic < 0
    assert result.p_value == 1.0


@pytest.mark.parametrize("bad", [np.zeros(9), np.zeros((12, 1)), np.array([NAN] * 12)])
def test_too_few_days_and_gaps_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(InvalidRequest, match="10 days"):
        diebold_mariano(bad)
    with pytest.raises(InvalidRequest, match="10 days"):
        giacomini_white(bad)


def test_more_lags_than_days_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="lags"):
        diebold_mariano(ALTERNATING, hac_lags=16)


def test_forecasts_of_different_intervals_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="same intervals"):
        daily_differences(np.zeros(3), np.zeros(2), np.zeros(3), np.zeros(3))
