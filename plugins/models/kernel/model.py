"""Kernel regression as a forecaster: the days of a window as points, and what was paid near the day's own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from attrs import field, frozen
from attrs.validators import deep_iterable, ge, gt

from carbon254.core.domain.forecasts import Forecast, Horizon
from carbon254.core.domain.model_cards import ModelCard
from carbon254.core.domain.regressors import LagParameters, Lags
from carbon254.plugins.models.kernel.estimating import Estimate, Space, estimate, noise_by_age
from carbon254.ports.day_history import LEAST_ROWS, read_lessons, say_days
from carbon254.ports.models import Reader


def _weights(default: tuple[float, ...], what: str) -> Any:
    return field(
        default=default,
        validator=deep_iterable(ge(0.0)),
        metadata={"doc": f"how much each of those days of {what} counts for likeness"},
    )


@frozen(kw_only=True)
class KernelParameters(LagParameters):
    """What makes days alike, how far likeness reaches, and how fast it fades; see ``benchmarks/selection``."""

    window: int = field(default=1092, validator=ge(28), metadata={"doc": "days to learn from"})
    price_weights: tuple[float, ...] = _weights((1.0, 0.5, 0.4, 0.7), "prices")
    exogenous_weights: tuple[float, ...] = _weights((1.5, 0.6, 0.5), "exogenous series")
    weekday_weight: float = field(
        default=0.7, validator=ge(0.0), metadata={"doc": "how much the day of the week counts"}
    )
    length: float = field(
        default=1.5,
        validator=gt(0.0),
        metadata={"doc": "how far likeness reaches, in median distances of two days"},
    )
    ridge: float = field(
        default=0.003,
        validator=ge(1e-9),
        metadata={"doc": "noise of the latest days, as a share of what prices vary by"},
    )
    half_life: float = field(
        default=300.0, validator=gt(0.0), metadata={"doc": "days of age that double the noise"}
    )
    bend: float = field(
        default=3.0,
        validator=gt(0.0),
        metadata={
            "doc": "how many robust standard deviations prices may lie from their median before arcsinh tames them"
        },
    )

    def __attrs_post_init__(self) -> None:
        pairs = {
            "price": (self.price_lags, self.price_weights),
            "exogenous": (self.exogenous_lags, self.exogenous_weights),
        }
        for name, (lags, weights) in pairs.items():
            if len(lags) != len(weights):
                raise ValueError(
                    f"{name}_weights must be as many as {name}_lags: {len(lags)}, not {len(weights)}."
                )


@frozen(eq=False)
class Learnt:
    """The state."""

    lags: Lags
    estimate: Estimate


class Kernel:
    """The forecaster. Pure and without memory: what was fitted before changes nothing."""

    Parameters = KernelParameters

    def __init__(self, card: ModelCard) -> None:
        self.card = card

    def fit(
        self, reader: Reader, origin: datetime, parameters: KernelParameters, seed: int
    ) -> Learnt:
        """Place the window's days and share out their prices. Raises `InvalidRequest` for too little history."""
        lags = parameters.lags
        lessons = read_lessons(reader, origin, lags, (parameters.window,))
        rows = lessons.of(parameters.window)
        if len(rows) < LEAST_ROWS:
            raise lessons.too_few(reader, "kernel")
        numbers, dummies = lessons.numbers[rows], lessons.dummies[rows]
        series = (parameters.exogenous_weights,) * len(reader.subject.exogenous)
        weights = np.concatenate([parameters.price_weights, *series])
        space, points = Space.of(
            numbers, dummies, weights, parameters.weekday_weight, parameters.bend
        )
        ages = (lessons.known - lags.longest - rows).astype(np.float64)
        made = estimate(
            space,
            points,
            lessons.prices[rows],
            noise_by_age(parameters.ridge, ages, parameters.half_life),
            length=parameters.length,
            bend=parameters.bend,
        )
        return Learnt(lags, made)

    def predict(self, state: Learnt, reader: Reader, horizon: Horizon) -> Forecast:
        """Day by day; days before that are not known yet are forecast on the way.

        Raises `InvalidRequest` where an exogenous series does not reach the day.
        """
        made = say_days(reader, horizon, state.lags, state.estimate.predict)
        notes = {"days": float(len(state.estimate.points))}
        return Forecast(horizon, horizon.flatten(made), notes=notes)
