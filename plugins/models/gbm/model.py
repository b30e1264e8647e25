"""Gradient boosting pooled over the slots of the day, as a `Forecaster`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, gt, le

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Forecast, Horizon
from carbon254.core.domain.model_cards import ModelCard
from carbon254.core.domain.observations import Column
from carbon254.plugins.models.gbm.boosting import Growth, Trees
from carbon254.plugins.models.gbm.features import LONGEST, Features, features
from carbon254.ports.models import Reader

_LEAST_DAYS: Final = 28
_KEPT: Final = 4  # sets of trees that are not grown again


@frozen(kw_only=True)
class Parameters:
    """How far back trees learn, how often they are grown, and how."""

    window: int = field(
        default=728, validator=ge(_LEAST_DAYS), metadata={"doc": "days to learn from"}
    )
    pace: int = field(
        default=7,
        validator=ge(1),
        metadata={"doc": "days between growing; between them, the last trees"},
    )
    rounds: int = field(default=400, validator=[ge(1), le(10_000)])
    learning_rate: float = field(default=0.05, validator=[gt(0.0), le(1.0)])
    leaves: int = field(default=31, validator=[ge(2), le(4096)])
    least_rows: int = field(default=20, validator=ge(1), metadata={"doc": "rows in a leaf"})
    feature_share: float = field(default=0.5, validator=[gt(0.0), le(1.0)])
    row_share: float = field(default=0.7, validator=[gt(0.0), le(1.0)])

    @property
    def growth(self) -> Growth:
        """The part that is LightGBM's."""
        return Growth(
            rounds=self.rounds, learning_rate=self.learning_rate, leaves=self.leaves,
            least_rows=self.least_rows, feature_share=self.feature_share, row_share=self.row_share,
        )  # fmt: skip


class GradientBoosting:
    """Trees grown every ``pace`` days on the last ``window`` days; see `features` and `boosting` for the method.

    Days on which trees are grown are counted from a fixed day, so that the trees of an origin do not depend on where
    a backtest began. Trees that were grown from the same numbers are kept, since that takes seconds.
    """

    Parameters = Parameters

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self._grown: dict[str, Trees] = {}

    def fit(self, reader: Reader, origin: datetime, parameters: Parameters, seed: int) -> Trees:
        grid = reader.subject.grid
        today = grid.day_of(origin)
        last = today - timedelta(today.toordinal() % parameters.pace)
        first = max(last - timedelta(parameters.window + LONGEST - 1), reader.since)
        tables = _tables(reader, first, last)
        key = _digest(tables, first, parameters, seed)
        if key not in self._grown:
            trees = _grow(tables, _weekdays(first, last), parameters, seed)
            while len(self._grown) >= _KEPT:
                self._grown.pop(next(iter(self._grown)), None)
            self._grown[key] = trees
            return trees
        return self._grown[key]

    def predict(self, state: Trees, reader: Reader, horizon: Horizon) -> Forecast:
        first = horizon.first - timedelta(LONGEST)
        prices, *exogenous = (one.copy() for one in _tables(reader, first, horizon.last))
        for series, values in zip(reader.subject.exogenous, exogenous, strict=True):
            _known(values[LONGEST:], str(series), horizon.first)
        weekdays = _weekdays(first, horizon.last)
        for row in range(LONGEST, len(prices)):  # a day ahead is forecast from the one before it
            until = slice(row - LONGEST, row + 1)
            made = features(prices[until], [one[until] for one in exogenous], weekdays[until])
            prices[row] = _forecast_day(state, made, horizon.first)
        return Forecast(horizon, horizon.flatten(prices[LONGEST:]))


def _grow(
    tables: list[Column], weekdays: Column, parameters: Parameters, seed: int
) -> Trees:
    prices, *exogenous = tables
    if np.isfinite(prices).any(axis=1).sum() < _LEAST_DAYS:
        raise InvalidRequest(
            f"gbm learns from {_LEAST_DAYS} days or more of the target: too few are known at the origin."
        )
    made = features(prices, exogenous, weekdays)
    every = slice(max(len(prices) - parameters.window, 0), len(prices))
    above = (prices - made.base)[every].ravel()
    there = np.isfinite(above)
    return Trees.grow(made.rows(every)[there], above[there], parameters.growth, seed)


def _forecast_day(trees: Trees, made: Features, day: date) -> Column:
    if not np.isfinite(made.base[-1]).all():
        raise InvalidRequest(f"gbm needs a price in the week before {day} in every slot of the day.")
    found: Column = made.base[-1] + trees.predict(made.rows(slice(-1, None)))
    return found


def _tables(reader: Reader, first: date, last: date) -> list[Column]:
    return [reader.days(series, first, last) for series in reader.subject.series]


def _known(values: Column, series: str, day: date) -> None:
    if not np.isfinite(values).all():
        raise InvalidRequest(
            f"gbm needs {series} for the whole of the horizon from {day} on: it is not known at the origin."
        )


def _weekdays(first: date, last: date) -> Column:
    return np.arange(first.weekday(), first.weekday() + (last - first).days + 1) % 7


def _digest(tables: list[Column], first: date, parameters: Mapping[str, Any] | Parameters, seed: int) -> str:
    digest = hashlib.sha256(repr((first, parameters, seed)).encode())
    for table in tables:
        digest.update(repr(table.shape).encode())
        digest.update(np.ascontiguousarray(table).tobytes())
    return digest.hexdigest()
