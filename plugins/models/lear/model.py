"""LEAR as a forecaster: history out of the reader, an estimate for each window, the mean of what they forecast."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import numpy as np
from attrs import evolve, field, frozen
from attrs.validators import deep_iterable, ge, gt, in_, min_len

from carbon254.core.domain.forecasts import Forecast, Horizon, ModelSpec
from carbon254.core.domain.model_cards import ModelCard
from carbon254.core.domain.observations import Column
from carbon254.core.domain.regressors import LagParameters, Lags
from carbon254.core.domain.schemas import plain
from carbon254.plugins.models.lear.calibrating import Calibration
from carbon254.plugins.models.lear.estimating import EXACT, PUBLISHED, Estimate, estimate
from carbon254.ports.day_history import LEAST_ROWS, read_lessons, say_days
from carbon254.ports.models import Reader


@frozen(kw_only=True)
class LearParameters(LagParameters):
    """Windows and lags, in days; the defaults are the published benchmark's."""

    windows: tuple[int, ...] = field(
        default=(56, 84, 1092, 1456),
        validator=[min_len(1), deep_iterable(ge(28))],
        metadata={"doc": "days of history that each member of the ensemble learns from"},
    )
    penalty: float = field(
        default=1.0,
        validator=gt(0.0),
        metadata={"doc": "times the penalty that the information criterion prefers"},
    )
    criterion: str = field(
        default=PUBLISHED,
        validator=in_((PUBLISHED, EXACT)),
        metadata={
            "doc": "how the criterion is taken where a window has no more rows than regressors: as in the published "
            "forecasts, whose solver had sorted the columns that it is judged on, or exactly"
        },
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
        lessons = read_lessons(reader, origin, parameters.lags, parameters.windows)
        estimates: dict[int, tuple[int, Estimate]] = {}
        for window in sorted(parameters.windows):
            rows = lessons.of(window)
            if len(rows) >= LEAST_ROWS and len(rows) not in estimates:
                made = estimate(
                    lessons.numbers[rows],
                    lessons.dummies[rows],
                    lessons.prices[rows],
                    penalty=parameters.penalty,
                    beyond=parameters.beyond,
                    bend=parameters.bend,
                    criterion=parameters.criterion,
                )
                estimates[len(rows)] = window, made
        if not estimates:
            raise lessons.too_few(reader, "LEAR")
        return Learnt(parameters.lags, tuple(estimates.values()))

    def predict(self, state: Learnt | Calibration, reader: Reader, horizon: Horizon) -> Forecast:
        """The mean over the windows, day by day; days before that are not known yet are forecast on the way.

        Raises `InvalidRequest` where an exogenous series does not reach the day.
        """
        if isinstance(state, Calibration):
            return state.predict(reader, horizon)
        made = say_days(reader, horizon, state.lags, partial(_say, state))
        return Forecast(horizon, horizon.flatten(made), notes=_notes(state))


def _say(state: Learnt, numbers: Column, dummies: Column) -> Column:
    """The mean over the windows for one day's regressors."""
    said = [one.predict(numbers, dummies) for _, one in state.estimates]
    mean: Column = np.mean(said, axis=0)
    return mean


def _notes(state: Learnt) -> dict[str, float | str]:
    """How each window was calibrated: the median penalty over the slots, and how many regressors it left."""
    notes: dict[str, float | str] = {}
    for window, one in state.estimates:
        notes[f"penalty {window}"] = float(np.median(one.penalties))
        notes[f"regressors {window}"] = float((one.coefficients != 0).sum(axis=0).mean())
        notes[f"days {window}"] = float(one.rows)
    return notes
