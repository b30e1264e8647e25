"""Is one forecast better than another, or was it luck: Diebold–Mariano and Giacomini–White.

Both look at the daily difference of losses of two forecasts, positive where the second was better, and answer with
a one-sided p: small where the second forecast is significantly better than the first.

Forms as in Lago, Marcjasz, De Schutter, Weron (2021), Applied Energy 293, 116983; Diebold, Mariano (1995), Journal
of Business & Economic Statistics 13(3); Giacomini, White (2006), Econometrica 74(6); Newey, West (1987),
Econometrica 55(3).
"""

from __future__ import annotations

import math

import numpy as np
from attrs import frozen

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Column

_LEAST_DAYS = 10


@frozen
class Comparison:
    """The outcome of a test over ``days`` days.

    ``difference`` is the mean daily loss of the first forecast less that of the second, in the series' unit, and
    ``p_value`` the chance of a difference as large as that if the second were no better.
    """

    statistic: float
    p_value: float
    difference: float
    days: int


def daily_differences(actual: Column, first: Column, second: Column, day: Column) -> Column:
    """Mean absolute error of the first forecast less that of the second, for each day in order.

    ``day`` names the local day of each interval (anything that sorts). An interval in which any of the three is
    ``NaN`` counts for neither forecast; a day without any interval left is left out. Days of 23 and 25 hours weigh
    as much as others. Raises `InvalidRequest` where shapes differ.
    """
    truth, one, other = (np.asarray(part, np.float64) for part in (actual, first, second))
    label = np.asarray(day)
    if not truth.shape == one.shape == other.shape == label.shape:
        raise InvalidRequest("Forecasts are compared on the same intervals: the shapes differ.")
    difference = np.abs(one - truth) - np.abs(other - truth)
    there = ~np.isnan(difference)
    _, number = np.unique(label[there], return_inverse=True)
    means: Column = np.bincount(number, difference[there]) / np.bincount(number)
    return means


def diebold_mariano(differences: Column, *, hac_lags: int = 0) -> Comparison:
    """Mean over standard error, against the normal distribution.

    With ``hac_lags`` the variance counts autocovariances up to that many days, with Bartlett's weights;
    `automatic_lags` is a usual choice. The published form has none. Raises `InvalidRequest` for fewer than 10 days.
    """
    d = _checked(differences)
    if not 0 <= hac_lags < len(d):
        raise InvalidRequest(f"{hac_lags} lags do not fit {len(d)} days.")
    centred = d - d.mean()
    variance = float(centred @ centred) / len(d)
    for lag in range(1, hac_lags + 1):
        weight = 1 - lag / (hac_lags + 1)
        variance += 2 * weight * float(centred[lag:] @ centred[:-lag]) / len(d)
    statistic = _ratio(float(d.mean()), math.sqrt(max(variance, 0.0) / len(d)))
    return Comparison(statistic, 0.5 * math.erfc(statistic / math.sqrt(2)), float(d.mean()), len(d))


def automatic_lags(days: int) -> int:
    """⌊4 (days / 100)^(2/9)⌋, the rule of Newey and West for daily data."""
    return int(4 * (days / 100) ** (2 / 9))


def giacomini_white(differences: Column) -> Comparison:
    """Test of conditional predictive ability: can today's difference be told from a constant and yesterday's?

    The statistic is N·R² of regressing 1 on d(t) × (1, d(t − 1)), with the sign of the mean difference, against χ²
    with two degrees of freedom; a second forecast that is worse on average has p = 1. Raises `InvalidRequest` for
    fewer than 10 days.
    """
    d = _checked(differences)
    moments = d[1:, None] * np.column_stack([np.ones(len(d) - 1), d[:-1]])
    ones = np.ones(len(moments))
    weights = np.linalg.lstsq(moments, ones, rcond=None)[0]
    explained = 1 - float(np.mean((ones - moments @ weights) ** 2))
    statistic = math.copysign(len(moments) * explained, float(d.mean()))
    return Comparison(statistic, math.exp(-max(statistic, 0.0) / 2), float(d.mean()), len(d))


def _ratio(mean: float, error: float) -> float:
    """The mean in units of its error; two forecasts that never differ are equally good."""
    if error > 0:
        return mean / error
    return math.copysign(math.inf, mean) if mean else 0.0


def _checked(differences: Column) -> Column:
    d = np.asarray(differences, np.float64)
    if d.ndim != 1 or len(d) < _LEAST_DAYS or np.isnan(d).any():
        raise InvalidRequest(
            f"A test of significance needs {_LEAST_DAYS} days or more and no NaN among them, "
            f"this is of shape {d.shape}."
        )
    return d
