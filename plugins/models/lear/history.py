"""Days of the target and its exogenous series, as a reader knows them at its origin."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import numpy as np
from attrs import frozen

from carbon254.core.domain.observations import Column
from carbon254.plugins.models.lear.regressors import Lags, filled, regressors
from carbon254.ports.models import Reader

LEAST_ROWS: Final = 14  # days to learn from, after those that lags need
_SHORT: Final = 8  # gaps of up to an eighth of a day are filled


@frozen(eq=False)
class Table:
    """Days × slots of consecutive days from ``first`` on, with short gaps filled; ``NaN`` where nothing is known."""

    first: date
    prices: Column
    exogenous: tuple[Column, ...]

    def known(self) -> int:
        """How many days there are up to the last whose price is whole."""
        whole = np.flatnonzero(np.isfinite(self.prices).all(axis=1))
        return int(whole[-1]) + 1 if len(whole) else 0

    def row(self, day: date) -> int:
        """The row of a day."""
        return (day - self.first).days

    def between(self, low: int, high: int) -> Table:
        """The rows from ``low`` up to ``high``, as views."""
        exogenous = tuple(series[low:high] for series in self.exogenous)
        return Table(self.first + timedelta(low), self.prices[low:high], exogenous)

    def regressors(self, lags: Lags) -> tuple[Column, Column]:
        """Regressors of every day but the first ``lags.longest``; see `regressors.regressors`."""
        weekdays = (self.first.weekday() + np.arange(len(self.prices))) % 7
        return regressors(self.prices, self.exogenous, weekdays, lags)


def read_table(reader: Reader, first: date, last: date) -> Table:
    """Read the days from ``first`` to ``last``, both included."""
    subject = reader.subject
    longest = max(subject.grid.slots // _SHORT, 1)
    prices, *exogenous = (filled(reader.days(one, first, last), longest) for one in subject.series)
    return Table(first, prices, tuple(exogenous))
