"""Ridge regression in dual variables with a Gaussian kernel, for all slots of the day at once.

A day is a point: its regressors, transformed, each block of them (one series, one lag, all slots) with a weight. With
squared distances d² of points and their median m over all pairs that are learnt from, days are alike by
k = exp(−d² / (2 ℓ² m)). A slot's prices y, transformed and counted from their mean, are explained by the shares
a = (K + N)⁻¹ y. N is diagonal: the ridge, which doubles with every half-life of a day's age, so that old days count
less. That is the mean of a Gaussian process whose noise grows with age (Rasmussen and Williams, 2006, chapter 2).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import frozen
from scipy.linalg import cho_factor, cho_solve

from carbon254.core.domain.arcsinh import MedianArcsinh
from carbon254.core.domain.observations import Column

_MOST_HALVINGS: Final = 30.0  # so old a day counts for nothing, and the matrix stays solvable


@frozen(eq=False)
class Space:
    """Where days lie: what becomes of their regressors before distances are taken."""

    inputs: MedianArcsinh
    level: Column  # of each number, transformed
    weight: Column  # of each number: its block's, over the block's spread
    weekday: float  # weight of the dummies

    @classmethod
    def of(
        cls, numbers: Column, dummies: Column, weights: Column, weekday: float, bend: float
    ) -> tuple[Space, Column]:
        """Learn from rows, with a weight for each block of numbers and one for the dummies; and the rows' points.

        A block that stands still has no weight.
        """
        inputs = MedianArcsinh.of(numbers, bend)
        tame = inputs.apply(numbers)
        level = tame.mean(axis=0)
        blocks = (tame - level).reshape(len(tame), len(weights), -1)
        size = blocks.shape[2]
        spread = np.sqrt(np.mean(blocks**2, axis=(0, 2)) * size)
        each = np.divide(weights, spread, out=np.zeros(len(weights)), where=spread > 0.0)
        space = cls(inputs, level, np.repeat(each, size), weekday)
        return space, space._place(tame, dummies)

    def point(self, numbers: Column, dummies: Column) -> Column:
        """Where a row of regressors lies."""
        return self._place(self.inputs.apply(numbers), dummies)

    def _place(self, tame: Column, dummies: Column) -> Column:
        """Transformed rows as points, or one row as one."""
        placed = (tame - self.level) * self.weight
        made: Column = np.concatenate([placed, self.weekday * dummies], axis=-1)
        return made


@frozen(eq=False)
class Estimate:
    """What was learnt: ``points`` of days and the ``shares`` they have in each slot's price (days × slots)."""

    space: Space
    outputs: MedianArcsinh
    mean: Column  # of each slot's transformed price
    points: Column
    shares: Column
    reach: float  # the squared distance at which days are alike by exp(−1)

    def predict(self, numbers: Column, dummies: Column) -> Column:
        """Prices of each slot for one row of regressors."""
        away = ((self.points - self.space.point(numbers, dummies)) ** 2).sum(axis=1)
        return self.outputs.undo(np.exp(-away / self.reach) @ self.shares + self.mean)


def estimate(
    space: Space,
    points: Column,
    prices: Column,
    noise: Column,
    *,
    length: float,
    bend: float,
) -> Estimate:
    """Learn from points and prices (days × slots), all finite, with the noise of each day."""
    outputs = MedianArcsinh.of(prices, bend)
    wanted = outputs.apply(prices)
    mean = wanted.mean(axis=0)
    squares = _squares(points)
    reach = 2.0 * length**2 * (float(np.median(squares)) or 1.0)
    matrix = np.exp(squares / -reach)
    matrix[np.diag_indices_from(matrix)] += noise
    shares = cho_solve(cho_factor(matrix, overwrite_a=True), wanted - mean)
    return Estimate(space, outputs, mean, points, shares, reach)


def noise_by_age(ridge: float, ages: Column, half_life: float) -> Column:
    """The ridge, doubled with every half-life of a day's age."""
    made: Column = ridge * 2.0 ** np.minimum(ages / half_life, _MOST_HALVINGS)
    return made


def _squares(points: Column) -> Column:
    """The squared distance of each pair of points."""
    products = points @ points.T
    own = np.diag(products)
    squares: Column = np.maximum(own[:, None] + own - 2.0 * products, 0.0)
    return squares
