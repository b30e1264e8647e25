"""What a forecast is worth to who trades on it: a battery's day-ahead margin, as a share of perfect foresight's.

Each day the battery is scheduled on the forecast and paid at the actual prices; the day starts empty and what is
left at its end is worth nothing. The schedule is exact: where energy, steps of charging and steps of discharging
are multiples of one amount, some optimal schedule moves between its multiples only, so that dynamic programming
over them finds the optimum. Charging and discharging in one interval is excluded, so negative prices are safe.
"""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from math import gcd, lcm
from typing import Final

import numpy as np
from attrs import field, frozen

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Column

_MOST_LEVELS: Final = 4_000
_TIE: Final = 1e-9  # of money: a schedule must be better by more than that to do anything


@frozen
class Battery:
    """A battery at the grid: power in MW both ways, energy in MWh, efficiencies as exact ratios.

    The default, 1 MW and 2 MWh with 0.85 a round trip, counts the whole loss when it charges.
    """

    power_mw: Fraction = field(default=Fraction(1), converter=Fraction)
    energy_mwh: Fraction = field(default=Fraction(2), converter=Fraction)
    charging: Fraction = field(default=Fraction(85, 100), converter=Fraction)
    discharging: Fraction = field(default=Fraction(1), converter=Fraction)

    def __attrs_post_init__(self) -> None:
        if not (self.power_mw > 0 and self.energy_mwh > 0):
            raise InvalidRequest("A battery needs power_mw and energy_mwh above 0.")
        if not (0 < self.charging <= 1 and 0 < self.discharging <= 1):
            raise InvalidRequest("Efficiencies of a battery lie above 0 and not above 1.")


@frozen
class ValueScore:
    """Money earned on a forecast over ``days`` days, in the currency of the price.

    ``share`` is ``margin`` / ``perfect_margin``: at most 1, negative where trading on the forecast lost money,
    ``NaN`` where there was nothing to earn. ``days_missing`` had ``NaN`` in actuals or forecast.
    """

    share: float
    margin: float
    perfect_margin: float
    days: int
    days_missing: int


def score_value(
    actual: Column,
    forecast: Column,
    day: Column,
    resolution: timedelta,
    battery: Battery | None = None,
) -> ValueScore:
    """Trade a battery on the forecast, one local day at a time, whatever number of intervals the day has.

    Prices are money per MWh, in order of time; ``day`` names the local day of each. Raises `InvalidRequest` for
    shapes that differ and for batteries that would need too fine a grid.
    """
    truth, guess = np.asarray(actual, np.float64), np.asarray(forecast, np.float64)
    label = np.asarray(day)
    if not truth.shape == guess.shape == label.shape:
        raise InvalidRequest("Forecast, actuals and days have different shapes.")
    _, first, count = np.unique(label, return_index=True, return_counts=True)
    plant, earned, possible, days = battery or Battery(), 0.0, 0.0, 0
    for length in np.unique(count):
        place = first[count == length][:, None] + np.arange(length)
        there = ~np.isnan(truth[place] + guess[place]).any(axis=1)
        prices = truth[place[there]]
        earned += float((schedule(guess[place[there]], resolution, plant) * prices).sum())
        possible += float((schedule(prices, resolution, plant) * prices).sum())
        days += len(prices)
    share = earned / possible if possible > 0 else float("nan")
    return ValueScore(share, earned, possible, days, len(count) - days)


def schedule(prices: Column, resolution: timedelta, battery: Battery) -> Column:
    """Energy sold in each interval in MWh, negative where it is bought: the best for each row of prices.

    ``prices`` is a matrix, a row for each day. Of schedules that earn the same the one that moves less is taken.
    """
    grid = _Grid.of(battery, resolution)
    value = np.zeros((len(prices), grid.levels))
    moves = np.empty((prices.shape[1], *value.shape), dtype=np.int16)
    for slot in range(prices.shape[1] - 1, -1, -1):
        value, moves[slot] = _best(value, prices[:, slot], grid)
    level, sold = np.zeros(len(prices), dtype=np.int64), np.empty(prices.shape)
    for slot in range(prices.shape[1]):
        move = moves[slot, np.arange(len(prices)), level].astype(np.int64)
        sold[:, slot] = grid.sold(move)
        level += move
    return sold


@frozen
class _Grid:
    """Levels of energy that are multiples of ``step`` MWh, and how far one interval moves up and down."""

    step: float
    levels: int
    up: int
    down: int
    bought: float
    given: float

    @classmethod
    def of(cls, battery: Battery, resolution: timedelta) -> _Grid:
        hours = Fraction(resolution // timedelta(microseconds=1), 3_600_000_000)
        if hours <= 0:
            raise InvalidRequest(f"Intervals of {resolution} have no length.")
        up = battery.power_mw * hours * battery.charging
        down = battery.power_mw * hours / battery.discharging
        step = _common(battery.energy_mwh, up, down)
        levels = int(battery.energy_mwh / step) + 1
        if levels > _MOST_LEVELS:
            raise InvalidRequest(
                f"This battery needs {levels} levels of energy, {_MOST_LEVELS} are the most: round its figures."
            )
        given = float(step * battery.discharging)
        return cls(
            float(step),
            levels,
            min(int(up / step), levels - 1),
            min(int(down / step), levels - 1),
            float(step / battery.charging),
            given,
        )

    def sold(self, move: Column) -> Column:
        """Energy at the grid in MWh of moves by so many levels."""
        return np.where(move > 0, -move * self.bought, -move * self.given)


def _common(*amounts: Fraction) -> Fraction:
    """The largest amount of which all are multiples."""
    below = lcm(*(amount.denominator for amount in amounts))
    return Fraction(gcd(*(int(amount * below) for amount in amounts)), below)


def _best(value: Column, price: Column, grid: _Grid) -> tuple[Column, Column]:
    """Value of each level before an interval, and the move that is best from there, for each row."""
    best, chosen = value.copy(), np.zeros(value.shape, dtype=np.int16)
    moves = sorted((m for m in range(-grid.down, grid.up + 1) if m), key=abs)
    for move in moves:
        here = slice(max(-move, 0), grid.levels - max(move, 0))
        after = slice(max(move, 0), grid.levels - max(-move, 0))
        earned = float(grid.sold(np.array(move))) * price[:, None]
        offer = value[:, after] + earned
        better = offer > best[:, here] + _TIE
        best[:, here] = np.where(better, offer, best[:, here])
        chosen[:, here] = np.where(better, move, chosen[:, here])
    return best, chosen
