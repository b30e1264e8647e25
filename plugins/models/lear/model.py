"""LEAR as a forecaster: history out of the reader, an estimate for each window, the mean of what they forecast."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
from attrs import evolve, field, frozen
from attrs.validators import deep_iterable, ge, gt, min_len

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Forecast, Horizon, ModelSpec
from carbon254.core.domain.model_cards import ModelCard
from carbon254.core.domain.observations import Column
from carbon254.core.domain.schemas import plain
from carbon254.plugins.models.lear.calibrating import Calibration
from carbon254.plugins.models.lear.estimating import Estimate, estimate
from carbon254.plugins.models.lear.history import LEAST_ROWS, Table, read_table
from carbon254.plugins.models.lear.regressors import Lags
from carbon254.ports.models import Reader


@frozen(kw_only=True)
class LearParameters:
    """Windows and lags, in days; the defaults are the published benchmark's."""

    windows: tuple[int, ...] = field(
        default=(56, 84, 1092, 1456),
        validator=[min_len(1), deep_iterable(ge(28))],
        metadata={"doc": "days of history that each member of the ensemble learns from"},
    )
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
    penalty: float = field(
        default=1.0,
        validator=gt(0.0),
        metadata={"doc": "times the penalty that the information criterion prefers"},
    )
    beyond: float = field(
        default=0.25,
        validator=ge(0.0),
        metadata={
            "doc": "how far a forecast may go past what its window has seen, on the scale of arcsinh"
        },
    )
    bend: float = field(
        default=1.0,
        validator=gt(0.0),
        metadata={
            "doc": "how many robust standard deviations prices may lie from their median before arcsinh tames them"
        },
    )
    adapts: tuple[float, ...] = field(
        default=(),
        validator=deep_iterable(gt(0.0)),
        metadata={
            "doc": "multiples of the penalty, of which each day takes the one that erred least lately; none: it stays"
        },
    )
    memory: int = field(
        default=28,
        validator=ge(7),
        metadata={"doc": "days of errors by which a multiple is taken"},
    )

    @property
    def lags(self) -> Lags:
        """Both lags."""
        return Lags(self.price_lags, self.exogenous_lags)


@frozen(eq=False)
class Learnt:
    """The state: an estimate for each window that history was long enough for."""

    lags: Lags
    estimates: tuple[tuple[int, Estimate], ...]


class Lear:
    """The forecaster. Pure and without memory: what was fitted before changes nothing.

    Where its penalty adapts it is a `Combiner` of itself, with one member for each multiple.
    """

    Parameters = LearParameters

    def __init__(self, card: ModelCard) -> None:
        self.card = card

    def members(self, parameters: LearParameters) -> Sequence[ModelSpec]:
        return tuple(
            ModelSpec(
                "lear",
                plain(evolve(parameters, adapts=(), penalty=parameters.penalty * times)),
                f"penalty times {times:g}",
            )
            for times in parameters.adapts
        )

    def memory(self, parameters: LearParameters) -> int:
        return parameters.memory if parameters.adapts else 0

    def fit(
        self, reader: Reader, origin: datetime, parameters: LearParameters, seed: int
    ) -> Learnt | Calibration:
        """Estimate each window. A window longer than history takes what there is; of equal ones the first stays.

        Raises `InvalidRequest` where no window has enough whole days.
        """
        if parameters.adapts:
            return Calibration(parameters.adapts, parameters.memory)
        lags = parameters.lags
        today = reader.subject.grid.day_of(origin)
        first = today - timedelta(max(parameters.windows) + lags.longest)
        table = read_table(reader, max(first, reader.since), today + timedelta(1))
        known = table.known()
        numbers, dummies = table.regressors(lags)
        wanted = table.prices[lags.longest :]
        whole = np.isfinite(numbers.sum(axis=1) + wanted.sum(axis=1))
        estimates: dict[int, tuple[int, Estimate]] = {}
        for window in sorted(parameters.windows):
            low = max(known - window, 0)
            rows = low + np.flatnonzero(whole[low : max(known - lags.longest, 0)])
            if len(rows) >= LEAST_ROWS and len(rows) not in estimates:
                made = estimate(
                    numbers[rows],
                    dummies[rows],
                    wanted[rows],
                    penalty=parameters.penalty,
                    beyond=parameters.beyond,
                    bend=parameters.bend,
                )
                estimates[len(rows)] = window, made
        if not estimates:
            raise InvalidRequest(
                f"too little history: {int(whole.sum())} days of {reader.subject.target} since {table.first} are "
                f"whole with all that explains them, LEAR needs {LEAST_ROWS} and {lags.longest} days before them."
            )
        return Learnt(lags, tuple(estimates.values()))

    def predict(self, state: Learnt | Calibration, reader: Reader, horizon: Horizon) -> Forecast:
        """The mean over the windows, day by day; days before that are not known yet are forecast on the way.

        Raises `InvalidRequest` where an exogenous series does not reach the day.
        """
        if isinstance(state, Calibration):
            return state.predict(reader, horizon)
        longest = state.lags.longest
        table = read_table(reader, horizon.first - timedelta(2 * longest), horizon.last)
        for row in range(longest, len(table.prices)):
            lacking = np.isnan(table.prices[row])
            if lacking.any():
                said = _say(state, table, row)
                table.prices[row, lacking] = said[lacking]
        made = table.prices[2 * longest :]
        if not np.isfinite(made).all():
            raise InvalidRequest(_what_lacks(reader, table, state.lags, horizon))
        return Forecast(horizon, horizon.flatten(made), notes=_notes(state))


def _say(state: Learnt, table: Table, row: int) -> Column:
    """The mean over the windows for one row of the table; NaN where something that explains it is not known."""
    part = table.between(row - state.lags.longest, row + 1)
    numbers, dummies = part.regressors(state.lags)
    if not np.isfinite(numbers).all():
        return np.full(table.prices.shape[1], np.nan)
    said = [one.predict(numbers[0], dummies[0]) for _, one in state.estimates]
    mean: Column = np.mean(said, axis=0)
    return mean


def _what_lacks(reader: Reader, table: Table, lags: Lags, horizon: Horizon) -> str:
    """Name the first series and day that a forecast lacked."""
    for day in horizon.days:
        for series, values in zip(reader.subject.exogenous, table.exogenous, strict=True):
            for lag in lags.exogenous:
                wanted = day - timedelta(lag)
                if np.isnan(values[table.row(wanted)]).any():
                    said = f"{series} is not known for all of {wanted}, which the forecast of {day} needs"
                    return said + (
                        "." if lag else "; without 0 in exogenous_lags it is not asked for."
                    )
    return f"too little history: the days before {horizon.first} lack prices of {reader.subject.target}."


def _notes(state: Learnt) -> dict[str, float | str]:
    """How each window was calibrated: the median penalty over the slots, and how many regressors it left."""
    notes: dict[str, float | str] = {}
    for window, one in state.estimates:
        notes[f"penalty {window}"] = float(np.median(one.penalties))
        notes[f"regressors {window}"] = float((one.coefficients != 0).sum(axis=0).mean())
        notes[f"days {window}"] = float(one.rows)
    return notes
