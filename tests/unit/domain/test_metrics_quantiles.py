"""Scores of quantiles and bands, by hand and against the score of an ensemble."""

import numpy as np
import pytest

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.metrics_quantiles import (
    coverage,
    crps,
    pinball,
    score_band,
    score_quantiles,
    width,
    winkler,
)

NAN = float("nan")


def test_pinball_weighs_what_is_above_by_the_level_and_what_is_below_by_the_rest() -> None:
    actual = np.array([10.0, 10.0])
    quantiles = np.array([[6.0, 12.0], [14.0, 7.0]])
    # 0.1: above by 4 → 0.4, below by 4 → 3.6; 0.8: below by 2 → 0.4, above by 3 → 2.4
    assert pinball(actual, quantiles, (0.1, 0.8)) == pytest.approx([2.0, 1.4])
    assert score_quantiles(actual, quantiles, (0.1, 0.8)).pinball == pytest.approx(1.7)


def test_crps_at_the_middles_is_that_of_an_ensemble() -> None:
    draws = np.random.default_rng(7).normal(size=(5, 8))
    actual = np.array([0.3, -1.0, 5.0, 0.0, -4.0])
    # mean |x − y| − ½ mean |x − x'|, the definition for equally likely members
    own = np.abs(draws - actual[:, None]).mean(axis=1)
    among = np.abs(draws[:, :, None] - draws[:, None, :]).mean(axis=(1, 2))
    levels = (np.arange(8) + 0.5) / 8
    assert crps(actual, np.sort(draws, axis=1), levels) == pytest.approx((own - among / 2).mean())


def test_crps_weighs_levels_that_are_not_evenly_spaced_and_in_any_order() -> None:
    actual, quantiles = np.array([10.0]), np.array([[12.0, 6.0, 7.0]])
    # pinball 0.4, 0.4, 1.2; levels 0.8, 0.1, 0.4 stand for 0.6 … 1, 0 … 0.25 and what is between
    expected = 2 * (0.4 * 0.4 + 0.4 * 0.25 + 1.2 * 0.35)
    assert crps(actual, quantiles, (0.8, 0.1, 0.4)) == pytest.approx(expected)


def test_a_band_is_scored_by_what_it_covers_how_wide_it_is_and_how_far_it_missed() -> None:
    actual = np.array([1.0, 2.0, 9.0, -3.0, NAN])
    lower, upper = np.array([1.0, 0.0, 4.0, 0.0, 0.0]), np.array([3.0, 4.0, 8.0, 2.0, 1.0])
    assert coverage(actual, lower, upper) == 0.5  # an end is inside
    assert width(actual, lower, upper) == 3.0
    # widths 12, misses 1 and 3 at 2 / 0.2 each
    assert winkler(actual, lower, upper, 0.8) == pytest.approx((12 + 10 * 4) / 4)
    scores = score_band(actual, lower, upper, 0.8)
    assert (scores.scored, scores.missing, scores.nominal) == (4, 1, 0.8)


def test_a_row_with_a_gap_is_left_out_as_a_whole() -> None:
    scores = score_quantiles(np.array([1.0, 2.0]), np.array([[0.0, 2.0], [NAN, 2.0]]), (0.25, 0.75))
    assert (scores.scored, scores.missing, scores.pinball) == (1, 1, 0.25)


def test_nothing_to_score_is_no_zero() -> None:
    nothing = np.array([NAN])
    assert np.isnan(score_quantiles(nothing, np.zeros((1, 1)), (0.5,)).pinball)
    assert np.isnan(crps(nothing, np.zeros((1, 1)), (0.5,)))
    assert np.isnan(pinball(nothing, np.zeros((1, 1)), (0.5,))).all()
    assert np.isnan(score_band(nothing, nothing, nothing, 0.9).coverage)


@pytest.mark.parametrize("levels", [(0.0, 0.5), (0.5, 1.0), (0.5,)])
def test_levels_that_are_none_or_do_not_fit_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(InvalidRequest):
        pinball(np.array([1.0]), np.array([[0.0, 2.0]]), levels)
