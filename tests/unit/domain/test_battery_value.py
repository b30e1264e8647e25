"""A battery's margin, against margins worked out by linear and integer programming elsewhere, and by hand."""

from datetime import timedelta
from fractions import Fraction

import numpy as np
import pytest

from carbon254.core.domain.battery_value import Battery, schedule, score_value
from carbon254.core.domain.errors import InvalidRequest

HOUR = timedelta(hours=1)
# A made-up day (EUR/MWh), and the same with negative prices from 12 to 16.
DAY = np.array(
    [
        40,
        35,
        30,
        28,
        27,
        30,
        45,
        70,
        90,
        75,
        55,
        40,
        30,
        25,
        20,
        35,
        60,
        95,
        120,
        110,
        85,
        65,
        50,
        45,
    ],
    dtype=float,
)
NEGATIVE = np.concatenate([DAY[:12], [-20, -60, -80, -30], DAY[16:]])
NINETEEN = Fraction(95, 100)


def margin(prices: np.ndarray, battery: Battery) -> float:
    return float((schedule(prices[None], HOUR, battery)[0] * prices).sum())


@pytest.mark.parametrize(
    ("prices", "energy", "efficiency", "expected"),
    [
        (DAY, 1, NINETEEN, 149.710526316),
        (DAY, 2, NINETEEN, 270.184210526),
        (DAY, 4, NINETEEN, 431.210526316),
        (DAY, 2, Fraction(1), 295.0),
        (NEGATIVE, 2, NINETEEN, 461.50),  # with charging or discharging, never both at once
    ],
)
def test_the_margin_is_that_of_the_solvers(
    prices: np.ndarray, energy: int, efficiency: Fraction, expected: float
) -> None:
    battery = Battery(1, energy, efficiency, efficiency)
    assert margin(prices, battery) == pytest.approx(expected, abs=1e-6)


def test_a_perfect_forecast_captures_all_and_its_opposite_loses() -> None:
    day = np.repeat([0], 24)
    assert score_value(DAY, DAY, day, HOUR).share == 1.0
    assert score_value(DAY, DAY + 7, day, HOUR).share == pytest.approx(1.0)
    assert score_value(DAY, -DAY, day, HOUR).share < 0


def test_the_share_is_what_was_earned_of_what_could_be() -> None:
    battery = Battery(1, 1, 1, 1)
    actual, forecast = np.array([10.0, 20.0, 50.0]), np.array([10.0, 60.0, 50.0])
    score = score_value(actual, forecast, np.zeros(3), HOUR, battery)
    assert (score.margin, score.perfect_margin, score.share) == (10.0, 40.0, 0.25)


def test_a_spread_that_does_not_pay_for_the_loss_is_left() -> None:
    assert not schedule(np.array([[90.0, 100.0]]), HOUR, Battery()).any()  # 0.85 × 100 < 90
    assert score_value(np.array([90.0, 100.0]), np.zeros(2), np.zeros(2), HOUR).margin == 0.0


def test_nothing_to_earn_has_no_share() -> None:
    assert np.isnan(score_value(np.full(24, 50.0), DAY, np.zeros(24), HOUR).share)


def test_days_of_23_and_25_hours_are_traded_as_they_are() -> None:
    lengths = (23, 25, 24)
    day = np.repeat([0, 1, 2], lengths)
    prices = np.concatenate([np.resize(DAY, length) for length in lengths])
    alone = [
        score_value(prices[day == n], prices[day == n], day[day == n], HOUR).margin
        for n in range(3)
    ]
    score = score_value(prices, prices, day, HOUR)
    assert score.days == 3
    assert score.margin == pytest.approx(sum(alone))


def test_a_quarter_hour_moves_a_quarter_of_the_energy() -> None:
    quarters = np.repeat(DAY, 4)
    by_quarter = score_value(quarters, quarters, np.zeros(96), timedelta(minutes=15))
    by_hour = score_value(DAY, DAY, np.zeros(24), HOUR)
    assert by_quarter.margin == pytest.approx(by_hour.margin)


def test_a_day_with_a_gap_is_not_traded() -> None:
    holes = DAY.copy()
    holes[5] = np.nan
    score = score_value(np.r_[DAY, DAY], np.r_[DAY, holes], np.repeat([0, 1], 24), HOUR)
    assert (score.days, score.days_missing, score.share) == (1, 1, 1.0)


@pytest.mark.parametrize(
    "figures", [{"power_mw": 0}, {"energy_mwh": -1}, {"charging": 0}, {"discharging": 2}]
)
def test_impossible_batteries_are_refused(figures: dict[str, int]) -> None:
    with pytest.raises(InvalidRequest):
        Battery(**figures)


def test_a_battery_of_odd_figures_is_told_to_be_rounded() -> None:
    with pytest.raises(InvalidRequest, match="round"):
        schedule(DAY[None], HOUR, Battery(charging=Fraction(9219544457, 10**10)))
    with pytest.raises(InvalidRequest, match="no length"):
        schedule(DAY[None], timedelta(0), Battery())
