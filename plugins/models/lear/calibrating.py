"""A penalty that follows stored errors: of each day, the multiple whose forecasts erred least lately."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import numpy as np
from attrs import frozen

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Forecast, Horizon, days_learnt_from
from carbon254.core.domain.observations import Column
from carbon254.ports.models import Reader

_LEAST_DAYS: Final = 7  # of common history, below which the multiple nearest to 1 is taken


@frozen
class Calibration:
    """The state of a LEAR that adapts: the multiples, in its members' order, and how many days of errors count."""

    multiples: tuple[float, ...]
    days: int

    def predict(self, reader: Reader, horizon: Horizon) -> Forecast:
        """Day by day what the best multiple said; the notes tell which, and how each erred.

        Raises `InvalidRequest` for a day of which no multiple says anything.
        """
        rows: list[Column] = []
        notes: dict[str, float | str] = {}
        for lead, day in enumerate(horizon.days):
            said = reader.members(day, day, lead).values[:, 0]
            there = np.flatnonzero(np.isfinite(said).all(axis=1))
            if not len(there):
                raise InvalidRequest(f"LEAR says nothing of {day}, with whatever penalty.")
            errors = self._errors(reader, day, lead)
            best = _best(self.multiples, errors, there)
            rows.append(said[best])
            if not lead:
                notes["penalty times"] = self.multiples[best]
                notes |= {
                    f"error at penalty times {times:g}": float(error)
                    for times, error in zip(self.multiples, errors, strict=True)
                    if np.isfinite(error)
                }
        return Forecast(horizon, horizon.flatten(np.array(rows)), notes=notes)

    def _errors(self, reader: Reader, day: date, lead: int) -> Column:
        """Mean absolute errors of forecasts made as far ahead, on hours of which all are known; ``NaN`` for too few."""
        first, last = days_learnt_from(day, lead, self.days)
        past = reader.members(first, last, lead).values
        actual = reader.days(reader.subject.target, first, last)
        errors = np.abs(past - actual)
        known = np.isfinite(errors).all(axis=0)
        if known.any(axis=1).sum() < _LEAST_DAYS:
            return np.full(len(past), np.nan)
        found: Column = errors[:, known].mean(axis=1)
        return found


def _best(multiples: Sequence[float], errors: Column, there: Column) -> int:
    """The place of the least error among those that are there; of none or equal ones the multiple nearest to 1."""
    far = np.abs(np.log(multiples))
    order = np.lexsort((far[there], np.nan_to_num(errors[there], nan=0.0)))
    return int(there[order[0]])
