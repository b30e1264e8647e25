"""Forecasters for tests: one that repeats, one that averages its members, one that stumbles, one that cheats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from attrs import field, frozen
from attrs.validators import ge

from carbon254.core.domain.errors import InvalidRequest, NotFound
from carbon254.core.domain.forecasts import Forecast, Horizon, ModelSpec
from carbon254.core.domain.model_cards import ModelCard
from carbon254.core.domain.observations import Column
from carbon254.ports.models import Forecaster, Reader


def card(model: str) -> ModelCard:
    """The card of a model that belongs to nobody."""
    return ModelCard(
        id=model, version="1", kind="forecaster", title=model, licence="none", owners=("tests",)
    )


class Repeat:
    """Repeats the target of ``lag`` days before, plus a bit of noise from the seed where asked for."""

    @frozen(kw_only=True)
    class Parameters:
        """How far back it looks."""

        lag: int = field(default=1, validator=ge(1), metadata={"doc": "days"})
        noise: float = field(default=0.0, validator=ge(0.0))
        scale: float = 1.0
        band: bool = False

    def __init__(self, model: str = "repeat") -> None:
        self.card = card(model)

    def fit(self, reader: Reader, origin: datetime, parameters: Any, seed: int) -> Any:
        noise = np.random.default_rng([seed, int(origin.timestamp())]).normal()
        return parameters, float(noise) * parameters.noise

    def predict(self, state: Any, reader: Reader, horizon: Horizon) -> Forecast:
        parameters, noise = state
        back = timedelta(parameters.lag)
        days = [min(day - back, horizon.first - timedelta(1)) for day in horizon.days]
        known = [reader.days(reader.subject.target, day, day)[0] for day in days]
        if not np.isfinite(known).all():
            raise InvalidRequest(f"too little history: {days[0]} is not known.")
        value = horizon.flatten(np.array(known) * parameters.scale + noise)
        if not parameters.band:
            return Forecast(horizon, value)
        return Forecast(horizon, value, (0.05, 0.5, 0.95), np.array([value - 9, value, value + 9]))


class Average:
    """The mean of its members on the delivery day, less their mean error over the days that it remembers."""

    @frozen(kw_only=True)
    class Parameters:
        """Whom it averages, by lag of `Repeat`."""

        lags: tuple[int, ...] = (1, 7)
        memory: int = field(default=3, validator=ge(0))

    def __init__(self, model: str = "average") -> None:
        self.card = card(model)

    def members(self, parameters: Any) -> Sequence[ModelSpec]:
        return tuple(ModelSpec("repeat", {"lag": lag}, f"lag {lag}") for lag in parameters.lags)

    def memory(self, parameters: Any) -> int:
        memory: int = parameters.memory
        return memory

    def fit(self, reader: Reader, origin: datetime, parameters: Any, seed: int) -> Any:
        return parameters

    def predict(self, state: Any, reader: Reader, horizon: Horizon) -> Forecast:
        bias = np.zeros(reader.subject.grid.slots)
        if state.memory:
            first, last = horizon.first - timedelta(state.memory), horizon.first - timedelta(1)
            past = reader.members(first, last)
            actual = reader.days(reader.subject.target, first, last)
            error = np.nanmean(past.values, axis=0) - actual
            bias = np.nan_to_num(error).mean(axis=0)
        rows = [
            np.nanmean(reader.members(day, day, lead).values[:, 0], axis=0) - bias
            for lead, day in enumerate(horizon.days)
        ]
        return Forecast(
            horizon, horizon.flatten(np.array(rows)), notes={"bias": float(bias.mean())}
        )


class Stumble(Repeat):
    """As `Repeat`, but fails on given delivery days, as badly as it is told."""

    @frozen(kw_only=True)
    class Parameters:
        """On which days, and how: ``refuse``, ``crash``, ``nan`` or ``short``."""

        days: tuple[date, ...] = ()
        how: str = "crash"
        lag: int = 1
        noise: float = 0.0
        scale: float = 1.0
        band: bool = False

    def __init__(self, model: str = "stumble") -> None:
        super().__init__(model)

    def predict(self, state: Any, reader: Reader, horizon: Horizon) -> Forecast:
        parameters = state[0]
        if horizon.first not in parameters.days:
            return super().predict(state, reader, horizon)
        if parameters.how == "refuse":
            raise InvalidRequest("too little history: this is a test.")
        if parameters.how == "nan":
            return Forecast(horizon, np.full(len(horizon), np.nan))
        if parameters.how == "short":
            return Forecast(horizon, np.zeros(len(horizon) - 1))
        raise ZeroDivisionError("this is a test")


class Cheat(Repeat):
    """Looks at what it must not: ``peek`` tells it the target of the delivery day, whatever the origin."""

    def __init__(self, peek: Callable[[date], Column], model: str = "cheat") -> None:
        super().__init__(model)
        self._peek = peek

    def predict(self, state: Any, reader: Reader, horizon: Horizon) -> Forecast:
        seen = np.array([self._peek(day) for day in horizon.days])
        return Forecast(horizon, np.nan_to_num(horizon.flatten(seen)))


class ModelShelf:
    """A `ModelCatalogue` of models that are there already."""

    def __init__(self, *models: Forecaster) -> None:
        self._models = {one.card.id: one for one in sorted(models, key=lambda one: one.card.id)}

    def cards(self) -> Mapping[str, ModelCard]:
        return {name: one.card for name, one in self._models.items()}

    def model(self, model: str) -> Forecaster:
        if model not in self._models:
            raise NotFound(f"no model '{model}' is installed.")
        return self._models[model]

    def version(self, model: str) -> str:
        return self.model(model).card.version

    def set_aside(self) -> Mapping[str, str]:
        return {}
