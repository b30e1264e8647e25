"""What a price is explained by, one row for each day and slot: the trees are shared by all slots of the day.

Prices are counted from the median of the same slot over the week before, so that trees, which cannot go beyond what
they saw, follow a level that moves; with members, from what those said, so that trees learn where they err. Everything
is known at the origin; what is not there is ``NaN``, which trees take.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import frozen

from carbon254.core.domain.observations import Column

LONGEST: Final = 28  # days of prices before the first row that has every feature
_WEEK: Final = 7
_PRICE_LAGS: Final = (1, 2, 3, 7)


@frozen(eq=False)
class Features:
    """``values`` are days × slots × features; ``base`` (days × slots) is what prices are counted from."""

    values: Column
    base: Column

    def rows(self, days: slice) -> Column:
        """A row for each slot of the days, in order."""
        return self.values[days].reshape(-1, self.values.shape[-1])


def features(
    prices: Column, exogenous: Sequence[Column], weekdays: Column, said: Column | None = None
) -> Features:
    """Features of every day; ``prices`` and each exogenous series are days × slots, ``weekdays`` 0 (Monday) to 6.

    A day's own prices are not looked at, so they may be ``NaN``. ``said`` is what members say, members × days ×
    slots, where there are members: prices are then counted from their mean.
    """
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # a mean over nothing is NaN, which is meant
        week = np.array([_lag(prices, lag) for lag in range(1, _WEEK + 1)])
        level: Column = np.nanmedian(week, axis=0)
        base = level if said is None else np.nanmean(said, axis=0)
        columns = [*_calendar(prices, weekdays), *_of_prices(prices, week, level)]
        for series in exogenous:
            columns += _of_exogenous(series)
        if len(exogenous) > 1:
            columns += _of_difference(exogenous[0] - exogenous[1])
        if said is not None:
            columns += [base - level, *(said - base)]
    shape = prices.shape
    wide = [np.broadcast_to(one if one.ndim == 2 else one[:, None], shape) for one in columns]
    return Features(np.stack(wide, axis=-1), base)


def _calendar(prices: Column, weekdays: Column) -> list[Column]:
    days, slots = prices.shape
    hour = np.arange(slots) * 24.0 / slots
    return [np.broadcast_to(hour, (days, slots)), weekdays.astype(np.float64)]


def _of_prices(prices: Column, week: Column, base: Column) -> list[Column]:
    """Prices of the days before, and their shape and level, counted from the base."""
    hour = max(prices.shape[1] // 24, 1)
    yesterday, last_week = week[0], week[-1]
    mean = np.nanmean(yesterday, axis=1)
    ends = [yesterday[:, -1], yesterday[:, -4 * hour], yesterday[:, 8 * hour % prices.shape[1]]]
    means = [mean, np.nanmin(yesterday, axis=1), np.nanmax(yesterday, axis=1), *ends]
    means += [np.nanmean(week[1], axis=1), np.nanmean(last_week, axis=1), _month(prices)]
    found = [week[lag - 1] - base for lag in _PRICE_LAGS]
    found += [one[:, None] - base for one in means]
    found += [np.roll(yesterday, hour, axis=1) - base, np.roll(yesterday, -hour, axis=1) - base]
    return [*found, np.nanmean(week, axis=0) - base, np.nanstd(week, axis=0), base]


def _month(prices: Column) -> Column:
    """Mean price of the days before."""
    daily = np.nanmean(prices, axis=1)
    month: Column = np.nanmean([_lag(daily, lag) for lag in range(1, LONGEST + 1)], axis=0)
    return month


def _of_exogenous(series: Column) -> list[Column]:
    """A series of the day: around the slot, over the day, and against yesterday and last week."""
    hour = max(series.shape[1] // 24, 1)
    yesterday, last_week = _lag(series, 1), _lag(series, _WEEK)
    week = np.nanmean([_lag(series, lag) for lag in range(1, _WEEK + 1)], axis=0)
    mean = np.nanmean(series, axis=1)
    return [
        series, *(_shift(series, by * hour) for by in (1, -1)),
        *(_shift(series, by * hour) - series for by in (2, -2)),
        mean, np.nanmax(series, axis=1), np.nanmin(series, axis=1),
        series - yesterday, series - last_week, yesterday, last_week,
        mean - np.nanmean(yesterday, axis=1), mean - np.nanmean(last_week, axis=1),
        series - week, mean - np.nanmean(week, axis=1),
    ]  # fmt: skip


def _of_difference(series: Column) -> list[Column]:
    """The first two exogenous series against each other: load less wind, generation less load."""
    return [
        series,
        series - _lag(series, 1),
        series - _lag(series, _WEEK),
        np.nanmean(series, axis=1),
    ]


def _lag(values: Column, days: int) -> Column:
    moved = np.full_like(values, np.nan)
    moved[days:] = values[:-days]
    return moved


def _shift(values: Column, slots: int) -> Column:
    """The slots before (positive) or after within the day; the day's ends are repeated."""
    place = np.clip(np.arange(values.shape[1]) - slots, 0, values.shape[1] - 1)
    return values[:, place]
