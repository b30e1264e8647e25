"""The model plugin: what a forecaster promises, and the reader that is all it may know (DESIGN §4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol, runtime_checkable

from carbon254.core.domain.forecasts import Forecast, Horizon, MemberForecasts, ModelSpec, Subject
from carbon254.core.domain.model_cards import ModelCard
from carbon254.core.domain.observations import Column
from carbon254.core.domain.series import SeriesId


class Reader(Protocol):
    """Answers as of its origin and nothing else: what was not published (or recorded) by then is NaN."""

    @property
    def subject(self) -> Subject:
        """What is forecast, and from what."""
        ...

    @property
    def origin(self) -> datetime:
        """The instant at which the forecast is made, UTC; of a day-ahead price the gate closure."""
        ...

    @property
    def since(self) -> date:
        """The first operating day of which the target is known here: how far back training may reach."""
        ...

    def days(self, series: SeriesId, first: date, last: date) -> Column:
        """A series on the subject's grid, days × slots, from ``first`` to ``last``, both included; read-only.

        Of forecasts the latest issue by the origin. Clock changes are levelled (`day_grid`), other resolutions
        bridged; NaN where nothing was known. Raises `InvalidRequest` for a series that is not the subject's.
        """
        ...

    def members(self, first: date, last: date, lead: int = 0) -> MemberForecasts:
        """What the members said of the days, each ``lead`` days after the first delivery day of its own origin.

        Only for a `Combiner`, in the order of its ``members``; days after the origin's own are NaN.
        """
        ...


@runtime_checkable
class Forecaster(Protocol):
    """Learns from a reader and forecasts. Pure: asks no clock, environment, network or file.

    ``Parameters`` is a frozen attrs class whose fields have defaults, validators that raise `ValueError`, and types
    out of which a JSON Schema can be made (``core/domain/schemas.py``). The same arguments give the same bits, in
    whatever order origins come and in whatever process; the instance keeps nothing that could change an answer.
    """

    card: ModelCard
    Parameters: type[Any]

    def fit(self, reader: Reader, origin: datetime, parameters: Any, seed: int) -> Any:
        """Learn; returns a state, which can be pickled, that `predict` uses now and until the next refit.

        Raises `InvalidRequest` where there is too little to learn from: the message says what is needed.
        """
        ...

    def predict(self, state: Any, reader: Reader, horizon: Horizon) -> Forecast:
        """Forecast the horizon with a state of this or an earlier origin. Raises `InvalidRequest`."""
        ...


@runtime_checkable
class Combiner(Forecaster, Protocol):
    """A forecaster that works on the forecasts of others; the host runs those first, for past origins too."""

    def members(self, parameters: Any) -> Sequence[ModelSpec]:
        """The models that it combines, with their parameters. Members may be combiners themselves."""
        ...

    def memory(self, parameters: Any) -> int:
        """How many days before the delivery day it wants to know its members' forecasts of."""
        ...


class ModelCatalogue(Protocol):
    """The installed models. A broken plugin is set aside with its reason; the others are there."""

    def cards(self) -> Mapping[str, ModelCard]:
        """Cards by model id, in the order of the ids; no plugin's code is run."""
        ...

    def model(self, model: str) -> Forecaster:
        """A model's code. Raises `NotFound` for one that is not installed, `PluginBroken` for one that fails."""
        ...

    def version(self, model: str) -> str:
        """The card's version and a digest of the plugin's code: other code, another version."""
        ...

    def set_aside(self) -> Mapping[str, str]:
        """Plugins that could not be used, with the reason."""
        ...
