"""Adaptive conformal offsets, by hand and by what they promise: to hold."""

import numpy as np
import pytest

from carbon254.core.domain.errors import InvalidRequest
from carbon254.plugins.models.bands.adapting import Other, adapt, read_off, volatility


def test_quantiles_are_read_between_scores_and_one_step_beyond_them() -> None:
    scores = np.array([[0.0], [1.0], [3.0]])  # the levels ¼, ½ and ¾ of three
    at = np.array([[0.25], [0.375], [0.75], [1.0], [7.0]])
    assert read_off(scores, at)[:, 0].tolist() == [0.0, 0.5, 3.0, 5.0, 5.0]


def test_quantiles_do_not_cross_even_where_their_levels_do() -> None:
    scores = np.arange(9.0)[:, None]
    assert read_off(scores, np.array([[0.5], [0.2], [0.7]]))[:, 0].tolist() == [4.0, 4.0, 6.0]


def test_volatility_follows_the_slot_by_one_half_and_the_day_by_the_other() -> None:
    errors = np.full((15, 2), [1.0, -3.0])
    errors[14] = [9.0, 3.0]
    found = volatility(errors, 1.0)  # a day's errors count one half
    assert found[14].tolist() == [1.0, 3.0]
    # The day's mean is 6 and the slots' shares ½ and 1½: 3 and 9; halves with 9 and 3: 6 and 6; halves with 1 and 3.
    assert found[15] == pytest.approx([3.5, 4.5])


def test_volatility_is_never_zero() -> None:
    assert volatility(np.zeros((20, 3)), 7.0).tolist() == [[1.0] * 3] * 21


def test_without_adapting_it_reads_the_errors_own_quantiles() -> None:
    errors = np.tile([-2.0, 2.0], 30)[:, None]  # volatility 2, scores −1 and 1
    found = adapt(errors, (0.25, 0.75), 0.0, 7.0)
    assert found.offsets[:, 0].tolist() == [-2.0, 2.0]
    assert found.levels[:, 0].tolist() == [0.25, 0.75]


def test_a_miss_moves_the_level_by_the_rate_and_a_hit_moves_it_back() -> None:
    errors = np.tile([-2.0, 2.0], 30)[:, None]
    # Of 60 days 32 come after the start, half of them below the median: ±γ/2 each time, back where it was.
    assert adapt(errors, (0.5,), 0.1, 7.0).levels[0, 0] == pytest.approx(0.5)
    # All above all before, and the volatility stands still: each day the level for 0.9 rises by 0.9 γ.
    rising = np.cumsum(np.arange(100.0, 160.0))[:, None]
    assert adapt(rising, (0.9,), 0.01, 1e12).levels[0, 0] == pytest.approx(0.9 + 32 * 0.009)


def test_it_is_the_mixture_that_must_hold() -> None:
    errors = np.tile([-2.0, 2.0], 30)[:, None]  # the median is between them
    high = Other(np.full((61, 1, 1), 10.0), 0.5)
    found = adapt(errors, (0.5,), 0.001, 7.0, high)
    # (adaptive + 10) / 2 was above each of 32 actuals, though the adaptive median alone was above one half of them.
    assert found.levels[0, 0] == pytest.approx(0.5 - 32 * 0.0005)
    # At 0.484 the adaptive one is still −2: the lower half of the scores are all −1, in units of a volatility of 2.
    assert found.offsets[0, 0] == pytest.approx((-2 + 10) / 2)


def test_on_a_day_on_which_the_other_said_nothing_the_adaptive_quantile_stands_alone() -> None:
    errors, offsets = simulated(100), np.full((101, 2, 6), np.nan)
    for last in (np.nan, 50.0):
        offsets[-1] = last
        found = adapt(errors, (0.1, 0.9), 0.02, 7.0, Other(offsets, 0.25))
        alone = adapt(errors, (0.1, 0.9), 0.02, 7.0)
        np.testing.assert_array_equal(found.levels, alone.levels)
        expected = alone.offsets if np.isnan(last) else 0.75 * alone.offsets + 12.5
        np.testing.assert_allclose(found.offsets, expected)


def simulated(days: int = 500) -> np.ndarray:
    """Errors whose scale doubles and falls again, with heavy tails, and more by day than by night."""
    random = np.random.default_rng(254)
    scale = 3 + 2 * np.sin(np.arange(days) / 40)[:, None]
    return random.standard_t(3, (days, 6)) * scale * np.array([1, 1, 2, 3, 3, 1])


def test_nine_of_ten_fall_into_the_band_of_ninety_percent_in_every_slot() -> None:
    errors, inside = simulated(), []
    for day in range(91, 500, 3):
        low, high = adapt(errors[day - 91 : day], (0.05, 0.95), 0.02, 7.0).offsets
        inside.append((low <= errors[day]) & (errors[day] <= high))
    share = np.array(inside).mean(axis=0)
    assert share.mean() == pytest.approx(0.9, abs=0.025)
    assert (np.abs(share - 0.9) < 0.075).all()  # three standard errors of 137 days


def test_the_order_and_size_of_quantiles_follow_units() -> None:
    errors = simulated(100)
    one, cents = (adapt(errors * k, (0.1, 0.5, 0.9), 0.02, 7.0).offsets for k in (1, 100))
    np.testing.assert_allclose(cents, one * 100, rtol=1e-9)
    assert (np.diff(one, axis=0) >= 0).all()


def test_a_day_with_a_gap_is_left_out() -> None:
    errors = simulated(100)
    holes = np.insert(errors, 50, np.nan, axis=0)
    found, whole = (adapt(one, (0.1, 0.9), 0.02, 7.0).offsets for one in (holes, errors))
    np.testing.assert_array_equal(found, whole)


def test_too_few_days_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="42 days"):
        adapt(simulated(41), (0.5,), 0.02, 7.0)
