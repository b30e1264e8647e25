"""Errors of point forecasts: how far they are from what came, in the series' unit or as a share.

Every function takes arrays of one length and scores the pairs in which both numbers are there; ``NaN`` on either
side leaves the pair out, of all of them together, and `PointScores` counts it. Nothing is scored: the answer is
``NaN``. Shares are fractions (0.05 is 5 %). Days of 23 and 25 hours need no care: an interval counts once.

Definitions: Lago, Marcjasz, De Schutter, Weron (2021), Applied Energy 293, 116983; MASE: Hyndman, Koehler (2006),
International Journal of Forecasting 22(4).
"""

from __future__ import annotations

import numpy as np
from attrs import frozen

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Column

_NAN = float("nan")


@frozen
class PointScores:
    """The errors of one forecast over a set of intervals.

    ``mae``, ``rmse`` and ``bias`` (forecast less actual) are in the series' unit, the others are shares.
    ``mape_excluded`` and ``smape_excluded`` count scored intervals that these two cannot take, since they would
    divide by zero. ``rmae`` and ``mase`` are ``NaN`` where no naive forecast or no scale was given.
    """

    scored: int
    missing: int
    mae: float
    rmse: float
    bias: float
    wape: float
    mape: float
    mape_excluded: int
    smape: float
    smape_excluded: int
    rmae: float
    mase: float


def score_points(
    actual: Column, forecast: Column, *, naive: Column | None = None, scale: float = _NAN
) -> PointScores:
    """Score a forecast; ``naive`` is the benchmark of ``rmae``, ``scale`` that of ``mase`` (see `seasonal_scale`).

    Raises `InvalidRequest` where lengths differ.
    """
    truth, guess = pairs(actual, forecast)
    mean = mae(truth, guess)
    relative, relative_out = mape(truth, guess)
    symmetric, symmetric_out = smape(truth, guess)
    return PointScores(
        scored=len(truth),
        missing=len(np.asarray(actual)) - len(truth),
        mae=mean,
        rmse=rmse(truth, guess),
        bias=bias(truth, guess),
        wape=wape(truth, guess),
        mape=relative,
        mape_excluded=relative_out,
        smape=symmetric,
        smape_excluded=symmetric_out,
        rmae=_NAN if naive is None else _share(mean, mae(actual, naive)),
        mase=_share(mean, scale),
    )


def pairs(actual: Column, forecast: Column) -> tuple[Column, Column]:
    """The intervals where both numbers are there. Raises `InvalidRequest` where shapes differ."""
    truth, guess = np.asarray(actual, np.float64), np.asarray(forecast, np.float64)
    if truth.shape != guess.shape:
        raise InvalidRequest(
            f"A forecast of shape {guess.shape} cannot be scored on actuals of shape {truth.shape}."
        )
    there = ~(np.isnan(truth) | np.isnan(guess))
    return truth[there], guess[there]


def mae(actual: Column, forecast: Column) -> float:
    """Mean absolute error, in the series' unit."""
    truth, guess = pairs(actual, forecast)
    return _mean(np.abs(guess - truth))


def rmse(actual: Column, forecast: Column) -> float:
    """Root of the mean squared error, in the series' unit."""
    truth, guess = pairs(actual, forecast)
    return float(np.sqrt(_mean((guess - truth) ** 2)))


def bias(actual: Column, forecast: Column) -> float:
    """Mean of forecast less actual, in the series' unit: positive where the forecast is too high."""
    truth, guess = pairs(actual, forecast)
    return _mean(guess - truth)


def wape(actual: Column, forecast: Column) -> float:
    """Σ|error| / Σ|actual|, a share."""
    truth, guess = pairs(actual, forecast)
    return _share(float(np.abs(guess - truth).sum()), float(np.abs(truth).sum()))


def mape(actual: Column, forecast: Column) -> tuple[float, int]:
    """Mean of |error| / |actual|, and how many intervals it leaves out because their actual is zero."""
    truth, guess = pairs(actual, forecast)
    return _mean_share(np.abs(guess - truth), np.abs(truth))


def smape(actual: Column, forecast: Column) -> tuple[float, int]:
    """Mean of 2|error| / (|actual| + |forecast|), and how many intervals it leaves out because both are zero."""
    truth, guess = pairs(actual, forecast)
    return _mean_share(2 * np.abs(guess - truth), np.abs(truth) + np.abs(guess))


def rmae(actual: Column, forecast: Column, naive: Column) -> float:
    """MAE over the MAE of a naive forecast.

    Intervals without a naive forecast are missing from the denominator alone, as in the published tables.
    """
    return _share(mae(actual, forecast), mae(actual, naive))


def mase(actual: Column, forecast: Column, scale: float) -> float:
    """MAE over the error that repeating the last season made on the history before the forecast."""
    return _share(mae(actual, forecast), scale)


def seasonal_scale(history: Column, season: int) -> float:
    """Mean of |y(t) − y(t − season)| over a history in order of time: the ``scale`` of `mase`.

    Raises `InvalidRequest` for a season below 1; ``NaN`` where no two values are a season apart.
    """
    if season < 1:
        raise InvalidRequest(f"A season of {season} intervals is none: give 1 or more.")
    values = np.asarray(history, np.float64)
    return mae(values[season:], values[: max(len(values) - season, 0)])


def similar_day_lags(days: Column) -> Column:
    """How many days back the naive forecast of day-ahead prices looks, for each local day (``datetime64[D]``).

    Tuesday to Friday repeat the day before; Saturday, Sunday and Monday the same day of the week before.
    """
    weekday = (np.asarray(days, "datetime64[D]").astype(np.int64) + 3) % 7  # 1970-01-01: Thursday
    return np.where((weekday >= 1) & (weekday <= 4), 1, 7)


def naive_by_similar_day(days: Column, prices: Column) -> Column:
    """The benchmark's naive forecast of each day × slot from the rows of the days before; ``NaN`` where none is.

    ``days`` are local days (``datetime64[D]``, strictly growing), ``prices`` has one row for each. A day that the
    lag points to and that has no row gives ``NaN``.
    """
    calendar = np.asarray(days, "datetime64[D]")
    wanted = calendar - similar_day_lags(calendar).astype("timedelta64[D]")
    place = np.searchsorted(calendar, wanted)  # a lag never points ahead, so it is always inside
    naive: Column = np.asarray(prices, np.float64)[place]
    naive[calendar[place] != wanted] = np.nan
    return naive


def _mean(values: Column) -> float:
    return float(values.mean()) if values.size else _NAN


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else _NAN


def _mean_share(part: Column, whole: Column) -> tuple[float, int]:
    some = whole > 0
    return _mean(part[some] / whole[some]), int(some.size - np.count_nonzero(some))
