"""Scores of forecasts that are quantiles or intervals: sharp is good, as long as it holds.

Quantiles are a matrix, a row for each interval and a column for each level of non-exceedance (0.05 is exceeded in
95 of 100 cases). A row with ``NaN`` on either side is left out as a whole. Nothing is scored: ``NaN``.

Definitions: Gneiting, Raftery (2007), Journal of the American Statistical Association 102 (pinball, CRPS, interval
score); Winkler (1972) for the last.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import frozen

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Column


@frozen
class QuantileScores:
    """Scores over a set of intervals: ``pinball`` is the plain mean over levels, ``crps`` weighs them by distance."""

    scored: int
    missing: int
    pinball: float
    crps: float


@frozen
class BandScores:
    """A band between two quantiles: ``nominal`` is the share it should cover, ``coverage`` the share it did.

    ``width`` and ``winkler`` are in the series' unit.
    """

    scored: int
    missing: int
    nominal: float
    coverage: float
    width: float
    winkler: float


def score_quantiles(actual: Column, quantiles: Column, levels: Sequence[float]) -> QuantileScores:
    """Score a forecast of quantiles. Raises `InvalidRequest` for wrong shapes and for levels outside 0 … 1."""
    truth, fan = _rows(actual, quantiles, levels)
    loss = _pinball(truth, fan, levels)
    return QuantileScores(
        scored=len(truth),
        missing=len(np.asarray(actual)) - len(truth),
        pinball=float(loss.mean()) if len(truth) else float("nan"),
        crps=float(2 * loss.mean(axis=0) @ _cells(levels)) if len(truth) else float("nan"),
    )


def score_band(actual: Column, lower: Column, upper: Column, nominal: float) -> BandScores:
    """Score the band from ``lower`` to ``upper``. Raises `InvalidRequest` as `score_quantiles`."""
    tail = (1 - nominal) / 2
    truth, fan = _rows(actual, np.column_stack([lower, upper]), (tail, 1 - tail))
    if not len(truth):
        nan = float("nan")
        return BandScores(0, len(np.asarray(actual)), nominal, nan, nan, nan)
    low, high = fan.T
    return BandScores(
        scored=len(truth),
        missing=len(np.asarray(actual)) - len(truth),
        nominal=nominal,
        coverage=float(np.mean((low <= truth) & (truth <= high))),
        width=float(np.mean(high - low)),
        winkler=float(np.mean(_winkler(truth, low, high, nominal))),
    )


def pinball(actual: Column, quantiles: Column, levels: Sequence[float]) -> Column:
    """Mean of max(τ(y − q), (τ − 1)(y − q)) for each level, in the series' unit."""
    truth, fan = _rows(actual, quantiles, levels)
    if not len(truth):
        return np.full(len(levels), np.nan)
    mean: Column = _pinball(truth, fan, levels).mean(axis=0)
    return mean


def crps(actual: Column, quantiles: Column, levels: Sequence[float]) -> float:
    """Continuous ranked probability score from quantiles: 2 ∫ pinball dτ, in the series' unit.

    Each level stands for the levels that are nearest to it, so that levels need not be evenly spaced. At the levels
    (k − ½)/K it is the score of an ensemble of K equally likely members.
    """
    return score_quantiles(actual, quantiles, levels).crps


def coverage(actual: Column, lower: Column, upper: Column) -> float:
    """The share of actuals inside the band, both ends included."""
    return score_band(actual, lower, upper, 0.5).coverage


def width(actual: Column, lower: Column, upper: Column) -> float:
    """Mean width of the band over the intervals that are scored, in the series' unit."""
    return score_band(actual, lower, upper, 0.5).width


def winkler(actual: Column, lower: Column, upper: Column, nominal: float) -> float:
    """Mean of width + 2/(1 − nominal) × the distance of actuals outside the band, in the series' unit."""
    return score_band(actual, lower, upper, nominal).winkler


def _winkler(truth: Column, low: Column, high: Column, nominal: float) -> Column:
    outside = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    score: Column = high - low + 2 / (1 - nominal) * outside
    return score


def _pinball(truth: Column, fan: Column, levels: Sequence[float]) -> Column:
    above = truth[:, None] - fan
    loss: Column = np.maximum(np.asarray(levels) * above, (np.asarray(levels) - 1) * above)
    return loss


def _cells(levels: Sequence[float]) -> Column:
    """The length of the part of 0 … 1 that is nearest to each level."""
    order = np.argsort(levels)
    ranked = np.asarray(levels, np.float64)[order]
    length = np.empty(len(ranked))
    length[order] = np.diff(np.concatenate([[0.0], (ranked[1:] + ranked[:-1]) / 2, [1.0]]))
    return length


def _rows(actual: Column, quantiles: Column, levels: Sequence[float]) -> tuple[Column, Column]:
    truth, fan = np.asarray(actual, np.float64), np.asarray(quantiles, np.float64)
    if fan.shape != (len(truth), len(levels)):
        raise InvalidRequest(
            f"Quantiles of shape {fan.shape} do not fit {len(truth)} actuals at {len(levels)} levels."
        )
    if not len(levels) or not all(0 < level < 1 for level in levels):
        raise InvalidRequest(f"Levels of quantiles lie between 0 and 1, these do not: {levels}.")
    there = ~(np.isnan(truth) | np.isnan(fan).any(axis=1))
    return truth[there], fan[there]
