"""Gradient boosting pooled over the slots of the day, as a `Forecaster`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, gt, le

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Forecast, Horizon, ModelSpec
from carbon254.core.domain.model_cards import ModelCard
from carbon254.core.domain.observations import Column
from carbon254.plugins.models.gbm.boosting import Growth, Trees
from carbon254.plugins.models.gbm.features import LONGEST, Features, features
from carbon254.ports.models import Reader

_LEAST_DAYS: Final = 28
_KEPT: Final = 4  # sets of trees that are not grown again


@frozen(kw_only=True)
class GbmParameters:
    """How far back trees learn, how often they are grown, and how."""

    members: tuple[ModelSpec, ...] = field(
        default=(),
        metadata={
            "doc": "models whose mean the trees start from; none: the median of the week before"
        },
    )
    window: int = field(
        default=1092, validator=ge(_LEAST_DAYS), metadata={"doc": "days to learn from"}
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

    bend: float = field(
        default=3.0,
        validator=gt(0.0),
        metadata={
            "doc": "how many robust standard deviations prices may lie from their base before arcsinh tames them"
        },
    )

    @property
    def growth(self) -> Growth:
        """The part that is LightGBM's."""
        return Growth(
            rounds=self.rounds, learning_rate=self.learning_rate, leaves=self.leaves,
            least_rows=self.least_rows, feature_share=self.feature_share, row_share=self.row_share, bend=self.bend,
        )  # fmt: skip


class GradientBoosting:
    """Trees grown every ``pace`` days; see `features` and `boosting` for the method.

    With members it learns where those err: a `Combiner`. Days on which trees are grown are counted from a fixed day,
    so that the trees of an origin do not depend on where a backtest began. Trees that were grown from the same
    numbers are kept, since growing takes seconds.
    """

    Parameters = GbmParameters

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self._grown: dict[str, Trees] = {}

    def members(self, parameters: GbmParameters) -> Sequence[ModelSpec]:
        return parameters.members

    def memory(self, parameters: GbmParameters) -> int:
        return parameters.window + parameters.pace if parameters.members else 0

    def fit(self, reader: Reader, origin: datetime, parameters: GbmParameters, seed: int) -> Trees:
        """Grow, or find the trees of these numbers. Raises `InvalidRequest` for too little history."""
        today = reader.subject.grid.day_of(origin)
        last = today - timedelta(today.toordinal() % parameters.pace)
        first = max(last - timedelta(parameters.window + LONGEST - 1), reader.since)
        table = _read(reader, first, last)
        said = None
        if parameters.members:
            said = reader.members(first, last).values
        key = table.digest(said, parameters, seed)
        if key not in self._grown:
            trees = _grow(table, said, parameters, seed)
            while len(self._grown) >= _KEPT:
                self._grown.pop(next(iter(self._grown)), None)
            self._grown[key] = trees
            return trees
        return self._grown[key]

    def predict(self, state: Trees, reader: Reader, horizon: Horizon) -> Forecast:
        """Day by day, each out of those before it. Raises `InvalidRequest` for an exogenous series that ends early."""
        first = horizon.first - timedelta(LONGEST)
        table = _read(reader, first, horizon.last)
        for series, values in zip(reader.subject.exogenous, table.exogenous, strict=True):
            _known(values[LONGEST:], str(series), horizon.first)
        for lead, day in enumerate(horizon.days):
            said = None
            if state.follows:
                said = _today(reader.members(day, day, lead).values)
            made = table.between(lead, lead + LONGEST + 1).features(said)
            table.prices[lead + LONGEST] = _forecast_day(state, made, day)
        return Forecast(horizon, horizon.flatten(table.prices[LONGEST:]))


@frozen(eq=False)
class _Table:
    """Days × slots of consecutive days from ``first`` on."""

    first: date
    prices: Column
    exogenous: tuple[Column, ...]

    def between(self, low: int, high: int) -> _Table:
        exogenous = tuple(series[low:high] for series in self.exogenous)
        return _Table(self.first + timedelta(low), self.prices[low:high], exogenous)

    def features(self, said: Column | None) -> Features:
        weekdays = (self.first.weekday() + np.arange(len(self.prices))) % 7
        return features(self.prices, self.exogenous, weekdays, said)

    def digest(self, *others: Any) -> str:
        """Of all the numbers, and of what else growing depends on."""
        found = hashlib.sha256()
        for one in (self.first, self.prices, *self.exogenous, *others):
            found.update(one.tobytes() if isinstance(one, np.ndarray) else repr(one).encode())
        return found.hexdigest()


def _read(reader: Reader, first: date, last: date) -> _Table:
    prices, *exogenous = (reader.days(one, first, last) for one in reader.subject.series)
    return _Table(first, prices.copy(), tuple(exogenous))


def _today(said: Column) -> Column:
    """What members say of one day, behind days of which nothing need be known."""
    before = ((0, 0), (LONGEST, 0), (0, 0))
    padded: Column = np.pad(said, before, constant_values=np.nan)
    return padded


def _grow(table: _Table, said: Column | None, parameters: GbmParameters, seed: int) -> Trees:
    made = table.features(said)
    every = slice(max(len(table.prices) - parameters.window, 0), len(table.prices))
    above = (table.prices - made.base)[every]
    there = np.isfinite(above)
    if np.count_nonzero(there.any(axis=1)) < _LEAST_DAYS:
        what = "its members and the target" if parameters.members else "the target"
        raise InvalidRequest(
            f"too little history: gbm learns from {_LEAST_DAYS} days or more of {what}, known at the origin."
        )
    rows = made.rows(every)[there.ravel()]
    return Trees.grow(rows, above[there], parameters.growth, seed, follows=bool(parameters.members))


def _forecast_day(trees: Trees, made: Features, day: date) -> Column:
    if not np.isfinite(made.base[-1]).all():
        what = "what a member says" if trees.follows else "a price of the week before"
        raise InvalidRequest(f"gbm needs {what} for every slot of {day}: some are not known.")
    found: Column = made.base[-1] + trees.predict(made.rows(slice(-1, None)))
    return found


def _known(values: Column, series: str, day: date) -> None:
    if not np.isfinite(values).all():
        raise InvalidRequest(
            f"gbm needs {series} for the whole of the horizon from {day} on: it is not known at the origin."
        )
