"""What a day's prices are explained by: earlier prices, exogenous series, the day of the week."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from attrs import field, frozen
from attrs.validators import deep_iterable, ge, min_len

from carbon254.core.domain.observations import Column

WEEKDAYS = 7


@frozen
class Lags:
    """How many days back prices and exogenous series are looked at; 0 is the day itself."""

    prices: tuple[int, ...] = (1, 2, 3, 7)
    exogenous: tuple[int, ...] = (0, 1, 7)

    @property
    def longest(self) -> int:
        """Days of history before the first row."""
        return max(*self.prices, *self.exogenous)


@frozen(kw_only=True)
class LagParameters:
    """The parameters of a model of days that say its `Lags`; the defaults are the published benchmark's."""

    price_lags: tuple[int, ...] = field(
        default=(1, 2, 3, 7),
        validator=[min_len(1), deep_iterable(ge(1))],
        metadata={"doc": "how many days back prices are looked at"},
    )
    exogenous_lags: tuple[int, ...] = field(
        default=(0, 1, 7),
        validator=[min_len(1), deep_iterable(ge(0))],
        metadata={"doc": "the same for exogenous series; 0 is the delivery day"},
    )

    @property
    def lags(self) -> Lags:
        """Both lags."""
        return Lags(self.price_lags, self.exogenous_lags)


def regressors(
    prices: Column, exogenous: Sequence[Column], weekdays: Column, lags: Lags
) -> tuple[Column, Column]:
    """Numbers and weekday dummies of every day but the first ``lags.longest``, a row for each.

    ``prices`` and each exogenous series are days × slots, ``weekdays`` 0 (Monday) to 6 for each day. Every slot of a
    lagged day is a regressor: 240 numbers for hours, two exogenous series and the lags of the benchmark.
    """
    days = np.arange(lags.longest, len(weekdays))
    numbers = [prices[days - lag] for lag in lags.prices]
    numbers += [series[days - lag] for series in exogenous for lag in lags.exogenous]
    dummies = (weekdays[days][:, None] == np.arange(WEEKDAYS)).astype(np.float64)
    return np.concatenate(numbers, axis=1), dummies


def filled(values: Column, longest: int) -> Column:
    """Fill short gaps of a series, days × slots, on straight lines in time; ``longest`` in slots.

    Longer gaps, and those at either end, stay ``NaN``: their days are left out of the window.
    """
    flat = values.ravel().astype(np.float64)
    there = np.flatnonzero(~np.isnan(flat))
    if len(there) < 2 or len(there) == len(flat):
        return flat.reshape(values.shape)
    places = np.arange(there[0], there[-1] + 1)
    after = np.searchsorted(there, places)
    gap = there[after] - there[np.maximum(after - 1, 0)] - 1
    short = np.isnan(flat[places]) & (gap <= longest)
    flat[places[short]] = np.interp(places[short], there, flat[there])
    return flat.reshape(values.shape)
