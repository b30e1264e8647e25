"""Quantiles around any forecaster, as a `Combiner`: adaptive conformal, with quantile regression averaging mixed in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, gt, le, min_len

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Forecast, Horizon, ModelSpec, days_learnt_from
from carbon254.core.domain.model_cards import ModelCard
from carbon254.core.domain.observations import Column
from carbon254.plugins.models.bands.adapting import LEAST_DAYS, Adapted, Other, adapt
from carbon254.plugins.models.bands.regressing import regress_quantiles
from carbon254.ports.models import Reader

_LEVELS: Final = tuple(round(0.05 * n, 2) for n in range(1, 20))
_TOLERANCE: Final = 1e-6
_Share = (ge(0.0), le(1.0))


def _ascend(instance: Any, attribute: Any, value: tuple[float, ...]) -> None:
    if list(value) != sorted({one for one in value if 0 < one < 1}):
        raise ValueError("levels ascend and lie between 0 and 1.")


@frozen(kw_only=True)
class BandsParameters:
    """Around whom, at which levels, and how fast they adapt; the default is logged in ``benchmarks/selection``."""

    members: tuple[ModelSpec, ...] = field(
        default=(ModelSpec("blend"),),
        validator=min_len(1),
        metadata={"doc": "bands are put around the first; the regression takes all"},
    )
    levels: tuple[float, ...] = field(default=_LEVELS, validator=[min_len(1), _ascend])
    window: int = field(
        default=182, validator=ge(LEAST_DAYS), metadata={"doc": "days of stored errors"}
    )
    rate: float = field(
        default=0.005,
        validator=_Share,
        metadata={"doc": "how far a miss moves a level: γ of adaptive conformal inference"},
    )
    half_life: float = field(
        default=7.0, validator=gt(0.0), metadata={"doc": "days; of the errors' volatility"}
    )
    regression: float = field(
        default=0.25,
        validator=_Share,
        metadata={"doc": "the share of quantile regression averaging in each quantile"},
    )


class Bands:
    """Calibrated anew at every origin, out of what members said before and what came; see `adapting`, `regressing`.

    The value of the forecast is the first member's.
    """

    Parameters = BandsParameters

    def __init__(self, card: ModelCard) -> None:
        self.card = card

    def members(self, parameters: BandsParameters) -> Sequence[ModelSpec]:
        return parameters.members

    def memory(self, parameters: BandsParameters) -> int:
        return parameters.window

    def fit(
        self, reader: Reader, origin: datetime, parameters: BandsParameters, seed: int
    ) -> BandsParameters:
        return parameters

    def predict(self, state: BandsParameters, reader: Reader, horizon: Horizon) -> Forecast:
        """Raises `InvalidRequest` where the first member says nothing, or where there are too few days of errors."""
        made = [_Day(state, reader, day, lead) for lead, day in enumerate(horizon.days)]
        value = horizon.flatten(np.array([one.centre for one in made]))
        fans = np.array([one.quantiles() for one in made])  # days × levels × slots
        quantiles = np.array([horizon.flatten(fans[:, n]) for n in range(len(state.levels))])
        return Forecast(horizon, value, state.levels, quantiles, _notes(state, made[0].adapted))


class _Day:
    """One day of the horizon, and the past of forecasts made as far ahead."""

    def __init__(self, parameters: BandsParameters, reader: Reader, day: date, lead: int) -> None:
        self._parameters = parameters
        first, last = days_learnt_from(day, lead, parameters.window)
        self._said = reader.members(day, day, lead).values[:, 0]
        self._past = reader.members(first, last, lead).values
        self._actual = reader.days(reader.subject.target, first, last)
        self.centre = self._said[0]
        if not np.isfinite(self.centre).all():
            raise InvalidRequest(
                f"bands have nothing to be put around: {parameters.members[0].name} says nothing of {day}."
            )
        self.adapted = adapt(
            self._actual - self._past[0],
            parameters.levels,
            parameters.rate,
            parameters.half_life,
            self._regressed() if parameters.regression > 0 else None,
        )

    def quantiles(self) -> Column:
        """Levels × slots, not crossing."""
        quantiles: Column = self.centre + self.adapted.offsets
        return quantiles

    def _regressed(self) -> Other | None:
        """Quantile regression averaging on the members that say something; None where days are too few.

        One regression for the day to come, read for the days before it too, as far as every member knew them.
        """
        able = np.isfinite(self._said).all(axis=1) & np.isfinite(self._past).any(axis=(1, 2))
        past = self._past[able]
        whole = np.isfinite(self._actual).all(axis=1) & np.isfinite(past).all(axis=(0, 2))
        if np.count_nonzero(whole) < LEAST_DAYS + len(past):
            return None
        told = np.concatenate([past, self._said[able][:, None]], axis=1)
        x = _with_constant(told.transpose(2, 1, 0))  # slots × days × members
        found = regress_quantiles(
            x[:, :-1][:, whole], self._actual[whole].T, self._parameters.levels, _TOLERANCE
        )
        said = np.sort(np.einsum("slm,sdm->dls", found, x), axis=1)
        around = np.concatenate([self._past[0], self.centre[None]])
        return Other(said - around[:, None], self._parameters.regression)


def _with_constant(x: Column) -> Column:
    return np.concatenate([np.ones((*x.shape[:-1], 1)), x], axis=-1)


def _notes(parameters: BandsParameters, adapted: Adapted) -> dict[str, float | str]:
    """How calibration stands: the levels that are read to hold the outermost ones, and the volatility."""
    ends = {0, len(parameters.levels) - 1}
    notes: dict[str, float | str] = {
        f"level read for {parameters.levels[n]:g}": float(adapted.levels[n].mean())
        for n in sorted(ends)
    }
    return notes | {"volatility": float(adapted.volatility.mean())}
