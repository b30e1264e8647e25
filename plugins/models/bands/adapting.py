"""Adaptive conformal quantiles, slot by slot: the past errors' quantiles, at levels that move until they hold.

An error is counted in units of its slot's recent volatility. A level τ is read off the scores seen so far at an adapted
level a, which after each day becomes a + γ (τ − 1) where the actual stayed below the quantile and a + γ τ where it
did not: Gibbs, Candès (2021), NeurIPS 34, for one side and each level. Whatever the errors do, the share below the
quantile tends to τ. Where the quantile that is told mixes in another, it is the mixture that must hold, so the actual
is held against that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import frozen

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Column

LEAST_DAYS: Final = 42
_WARM: Final = 28  # days of scores before levels begin to adapt
_FIRST: Final = 14  # days whose mean error starts the volatility
_DAY_SHARE: Final = 0.5  # of a slot's volatility that follows the whole day's errors
_FLOOR: Final = 1e-3  # of the mean volatility over slots


@frozen(eq=False)
class Adapted:
    """What is added to a forecast: ``offsets`` are levels × slots; ``levels`` those that scores were read at."""

    offsets: Column
    levels: Column
    volatility: Column


@frozen(eq=False)
class Other:
    """What else goes into each quantile, by ``share``: offsets of days × levels × slots, last those of the day to come.

    A day of ``NaN`` has none, and the adaptive quantile stands alone.
    """

    offsets: Column
    share: float

    def mixed(self, day: int, adaptive: Column) -> Column:
        """The quantiles that are told for a day: two that ascend give one that ascends."""
        other = self.offsets[day]
        if np.isnan(other).any():
            return adaptive
        mixed: Column = (1 - self.share) * adaptive + self.share * other
        return mixed


def adapt(
    errors: Column,
    levels: Sequence[float],
    rate: float,
    half_life: float,
    other: Other | None = None,
) -> Adapted:
    """Offsets for the day after the last one.

    ``errors`` are actual less forecast, days × slots in order; a day with a ``NaN`` is left out. ``rate`` is γ,
    ``half_life`` the volatility's, in days; ``other`` has one day more than the errors. Raises `InvalidRequest`
    for fewer than 42 whole days.
    """
    days = np.flatnonzero(np.isfinite(errors).all(axis=1))
    if len(days) < LEAST_DAYS:
        raise InvalidRequest(
            f"too little history: bands need {LEAST_DAYS} days or more of forecasts with their actuals, "
            f"there are {len(days)}."
        )
    whole = errors[days]
    spread = volatility(whole, half_life)
    scores = whole / spread[:-1]
    wanted = np.asarray(levels, np.float64)[:, None]
    at = np.repeat(wanted, errors.shape[1], axis=1)

    def told(place: int, day: int) -> Column:
        adaptive: Column = spread[place] * read_off(np.sort(scores[:place], axis=0), at)
        return adaptive if other is None else other.mixed(day, adaptive)

    for place in range(_WARM, len(days)):
        at = at + rate * (wanted - (whole[place] <= told(place, days[place])))
    return Adapted(told(len(days), len(errors)), at, spread[-1])


def volatility(errors: Column, half_life: float) -> Column:
    """Mean absolute error of each slot, exponentially weighted: a row before each day, and one after the last.

    Half of it follows the slot's own errors and half the whole day's, so that it moves with the market and not with
    one hour alone.
    """
    keep = 0.5 ** (1.0 / half_life)
    now = np.abs(errors[:_FIRST]).mean(axis=0)
    found = np.empty((len(errors) + 1, errors.shape[1]))
    for day, away in enumerate(np.abs(errors)):
        found[day] = now
        mean = now.mean()
        shape = now / mean if mean > 0 else np.ones_like(now)
        now = keep * now + (1 - keep) * ((1 - _DAY_SHARE) * away + _DAY_SHARE * away.mean() * shape)
    found[-1] = now
    mean = found.mean(axis=1, keepdims=True)
    floored: Column = np.maximum(found, np.where(mean > 0, _FLOOR * mean, 1.0))
    return floored


def read_off(ordered: Column, at: Column) -> Column:
    """Quantiles of each column of sorted scores (days × slots) at the levels ``at`` (levels × slots), not crossing.

    Beyond the outermost scores they go on along a straight line, for one step of the scores.
    """
    count = len(ordered)
    place = np.clip(at, 0.0, 1.0) * (count + 1) - 1
    left = np.clip(np.floor(place).astype(np.int64), 0, count - 2)
    share = place - left
    slot = np.arange(ordered.shape[1])
    line = ordered[left, slot] * (1 - share) + ordered[left + 1, slot] * share
    climbing: Column = np.maximum.accumulate(line, axis=0)
    return climbing
