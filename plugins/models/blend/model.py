"""A weighted mean of other models' forecasts, with weights by recent error, as a `Combiner`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, gt, le, min_len

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import (
    Forecast,
    Horizon,
    MemberForecasts,
    ModelSpec,
    days_learnt_from,
)
from carbon254.core.domain.model_cards import ModelCard
from carbon254.core.domain.observations import Column
from carbon254.plugins.models.blend.weighing import weigh
from carbon254.ports.models import Reader

_LEAST_DAYS: Final = 7  # of common history, below which weights are equal
_PAID_DAYS: Final = 728  # of prices that tell what is beyond
_LEAST_PAID: Final = 28  # of them
_WINDOWS: Final = tuple(
    {"model": "lear", "parameters": {"windows": [days], "bend": bend}, "label": f"lear {days}"}
    for days, bend in ((56, 1.0), (84, 1.0), (364, 3.0), (1092, 3.0), (1456, 3.0))
)
_STARTS: Final = (*_WINDOWS, {"model": "kernel"})
MEMBERS: Final = (
    ModelSpec("blend", {"members": _WINDOWS, "window": 0}, "lear ensemble"),
    ModelSpec("gbm"),
    ModelSpec("gbm", {"members": _STARTS, "window": 364, "rounds": 200}, "gbm on others"),
    ModelSpec("kernel"),
)


@frozen(kw_only=True)
class BlendParameters:
    """Who is blended, and how weights follow errors; the default's choice is in ``benchmarks/selection``."""

    members: tuple[ModelSpec, ...] = field(default=MEMBERS, validator=min_len(1))
    window: int = field(
        default=182, validator=ge(0), metadata={"doc": "days of errors that weights are made of"}
    )
    shrink: float = field(
        default=0.1,
        validator=ge(0.0),
        metadata={"doc": "how strongly weights are drawn towards equal ones"},
    )
    bounded: tuple[str, ...] = field(
        default=("gbm", "gbm on others"),
        metadata={"doc": "names of members that cannot go beyond the prices they learnt from"},
    )
    within: float = field(
        default=0.99,
        validator=[gt(0.0), le(1.0)],
        metadata={
            "doc": "share of two years' prices; where the others say more, bounded members are not heard"
        },
    )


class Blend:
    """Weights are made anew at every origin, for each day of the horizon out of errors so many days ahead.

    A member that says nothing of a day has no weight in it, and one that is bounded none where the others go beyond
    nearly all that was paid in two years; see `weighing` for the rest.
    """

    Parameters = BlendParameters

    def __init__(self, card: ModelCard) -> None:
        self.card = card

    def members(self, parameters: BlendParameters) -> Sequence[ModelSpec]:
        return parameters.members

    def memory(self, parameters: BlendParameters) -> int:
        return parameters.window

    def fit(
        self, reader: Reader, origin: datetime, parameters: BlendParameters, seed: int
    ) -> BlendParameters:
        return parameters

    def predict(self, state: BlendParameters, reader: Reader, horizon: Horizon) -> Forecast:
        """The mean of who says something. Raises `InvalidRequest` for a slot of which no member says anything."""
        rows: list[Column] = []
        notes: dict[str, float | str] = {}
        for lead, day in enumerate(horizon.days):
            said = reader.members(day, day, lead)
            there = np.asarray(np.isfinite(said.values[:, 0]).any(axis=1))
            if not there.any():
                raise InvalidRequest(f"no member of the blend says anything of {day}.")
            weights = _weights(state, reader, day, lead, there)
            heard = _heard(state, reader, said, weights, lead)
            rows.append(_mean(heard, weights, day))
            if not lead:
                notes = _notes(said, weights, heard)
        return Forecast(horizon, horizon.flatten(np.array(rows)), notes=notes)


def _weights(
    parameters: BlendParameters, reader: Reader, day: date, lead: int, there: Column
) -> Column:
    """A weight for each member that is there, 0 for the others."""
    weights = np.where(there, 1.0 / np.count_nonzero(there), 0.0)
    if parameters.window < _LEAST_DAYS or np.count_nonzero(there) < 2:
        return weights
    first, last = days_learnt_from(day, lead, parameters.window)
    past = reader.members(first, last, lead).values
    told = there & (np.isfinite(past).all(axis=2).sum(axis=1) >= _LEAST_DAYS)
    if np.count_nonzero(told) < 2:
        return weights
    actual = reader.days(reader.subject.target, first, last)
    share = np.count_nonzero(told) / np.count_nonzero(there)  # who has no past keeps an equal share
    weights[told] = share * weigh(past[told], actual, parameters.shrink)
    return weights


def _heard(
    parameters: BlendParameters, reader: Reader, said: MemberForecasts, weights: Column, lead: int
) -> Column:
    """What members say of the one day, ``NaN`` for bounded ones where the others' mean is beyond them."""
    values: Column = said.values[:, 0]
    bounded = np.isin(said.names, parameters.bounded)
    others = np.where(bounded, 0.0, weights)
    if not bounded.any() or others.sum() <= 0:
        return values
    first, last = days_learnt_from(said.days[0], lead, _PAID_DAYS)
    paid = reader.days(reader.subject.target, first, last)
    known = paid[np.isfinite(paid)]
    if len(known) < _LEAST_PAID * paid.shape[1]:
        return values
    beyond = _weighted(values, others) > np.quantile(known, parameters.within)
    heard: Column = np.where(bounded[:, None] & beyond, np.nan, values)
    return heard


def _notes(said: MemberForecasts, weights: Column, heard: Column) -> dict[str, float | str]:
    """Each member's weight, and in how many slots it was not heard though it said something."""
    silenced = (np.isfinite(said.values[:, 0]) & np.isnan(heard)).sum(axis=1)
    return {
        **{f"weight {name}": float(one) for name, one in zip(said.names, weights, strict=True)},
        **{
            f"slots beyond {name}": float(n)
            for name, n in zip(said.names, silenced, strict=True)
            if n
        },
    }


def _mean(said: Column, weights: Column, day: date) -> Column:
    """Members × slots to slots; a slot that one member lacks is the others'."""
    mean = _weighted(said, weights)
    if np.isnan(mean).any():
        raise InvalidRequest(f"no member of the blend says anything of some slots of {day}.")
    return mean


def _weighted(said: Column, weights: Column) -> Column:
    """The mean of those that say something of a slot, by their weights; ``NaN`` where none of them does."""
    known = np.isfinite(said)
    total = weights @ known
    whole = weights @ np.where(known, said, 0.0)
    mean: Column = np.divide(whole, total, out=np.full_like(whole, np.nan), where=total > 0)
    return mean
