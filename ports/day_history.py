"""What a model of days learns from and forecasts from: a row of regressors a day, as a reader knows them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Horizon
from carbon254.core.domain.observations import Column
from carbon254.core.domain.regressors import Lags, filled, regressors
from carbon254.ports.models import Reader

LEAST_ROWS: Final = 14  # days to learn from, after those that lags need
_SHORT: Final = 8  # gaps of up to an eighth of a day are filled

Say: TypeAlias = Callable[[Column, Column], Column]
"""From one day's numbers and dummies to the price of each of its slots."""


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


@frozen(eq=False)
class Lessons:
    """All that may be learnt at an origin: a row of numbers, dummies and prices for each day.

    History begins on ``first``, ``lags.longest`` days before the first row, and ``known`` is how many days it has.
    """

    first: date
    lags: Lags
    numbers: Column
    dummies: Column
    prices: Column
    known: int
    whole: NDArray[np.bool_]

    def of(self, window: int) -> NDArray[np.int64]:
        """The rows of the last ``window`` days of history in which nothing lacks; of fewer where history is shorter."""
        low, high = max(self.known - window, 0), max(self.known - self.lags.longest, 0)
        rows: NDArray[np.int64] = low + np.flatnonzero(self.whole[low:high])
        return rows

    def too_few(self, reader: Reader, model: str) -> InvalidRequest:
        """What to raise where no window has `LEAST_ROWS`."""
        return InvalidRequest(
            f"too little history: {int(self.whole.sum())} days of {reader.subject.target} since {self.first} are "
            f"whole with all that explains them, {model} needs {LEAST_ROWS} and {self.lags.longest} days before them."
        )


def read_lessons(reader: Reader, origin: datetime, lags: Lags, windows: Sequence[int]) -> Lessons:
    """Read what the longest of the windows needs, up to what is known of the day after the origin's."""
    today = reader.subject.grid.day_of(origin)
    first = today - timedelta(max(windows) + lags.longest)
    table = read_table(reader, max(first, reader.since), today + timedelta(1))
    numbers, dummies = table.regressors(lags)
    prices = table.prices[lags.longest :]
    whole = np.isfinite(numbers.sum(axis=1) + prices.sum(axis=1))
    return Lessons(table.first, lags, numbers, dummies, prices, table.known(), whole)


def say_days(reader: Reader, horizon: Horizon, lags: Lags, say: Say) -> Column:
    """The horizon's prices, days × slots, day by day; days before that are not known yet are forecast on the way.

    Raises `InvalidRequest` where an exogenous series does not reach the day.
    """
    longest = lags.longest
    table = read_table(reader, horizon.first - timedelta(2 * longest), horizon.last)
    for row in range(longest, len(table.prices)):
        lacking = np.isnan(table.prices[row])
        if lacking.any():
            numbers, dummies = table.between(row - longest, row + 1).regressors(lags)
            if np.isfinite(numbers).all():
                table.prices[row, lacking] = say(numbers[0], dummies[0])[lacking]
    made = table.prices[2 * longest :]
    if not np.isfinite(made).all():
        raise InvalidRequest(_what_lacks(reader, table, lags, horizon))
    return made


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
