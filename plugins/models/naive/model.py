"""Repeat a day that is known: the benchmark's similar day, or always the same number of days back."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, in_

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Forecast, Horizon
from carbon254.core.domain.metrics import similar_day_lags
from carbon254.core.domain.model_cards import ModelCard
from carbon254.core.domain.observations import Column
from carbon254.ports.models import Reader


@frozen(kw_only=True)
class NaiveParameters:
    """Which day is repeated."""

    rule: Literal["similar_day", "seasonal"] = field(
        default="similar_day",
        validator=in_(("similar_day", "seasonal")),
        metadata={
            "doc": "similar_day: Tuesday to Friday the day before, else the week before; seasonal: always `season`"
        },
    )
    season: int = field(
        default=7, validator=ge(1), metadata={"doc": "days back, for the rule `seasonal`"}
    )


class Naive:
    """The forecaster; it learns nothing."""

    Parameters = NaiveParameters

    def __init__(self, card: ModelCard) -> None:
        self.card = card

    def fit(
        self, reader: Reader, origin: datetime, parameters: NaiveParameters, seed: int
    ) -> NaiveParameters:
        """Return the parameters."""
        return parameters

    def predict(self, state: NaiveParameters, reader: Reader, horizon: Horizon) -> Forecast:
        """Repeat for each day the day that the rule names; where that is not known yet, whole weeks before it.

        Raises `InvalidRequest` where no such day of the last five weeks is known.
        """
        rows = [_repeated(reader, day, _lag(day, state)) for day in horizon.days]
        return Forecast(horizon, horizon.flatten(np.array(rows)))


_WEEKS = 5


def _lag(day: date, parameters: NaiveParameters) -> int:
    if parameters.rule == "seasonal":
        return parameters.season
    return int(similar_day_lags(np.array([day], "datetime64[D]"))[0])


def _repeated(reader: Reader, day: date, lag: int) -> Column:
    for weeks in range(_WEEKS):
        before = day - timedelta(lag + 7 * weeks)
        found: Column = reader.days(reader.subject.target, before, before)[0]
        if np.isfinite(found).all():
            return found
    raise InvalidRequest(
        f"too little history: no day of {reader.subject.target} is whole {lag} days before {day} or {_WEEKS - 1} "
        "weeks further back."
    )
