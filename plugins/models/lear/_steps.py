"""The inner loops of a walk along the path, each with its twin in numpy that does the same to rounding."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from carbon254.plugins.models.lear.compiling import compiled_or

Floats: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.int64]

_FLAT: Final = 1e-12  # a correlation that falls as fast as the penalty never meets it


def _combine(matrix: Floats, places: Places, weights: Floats, width: int) -> Floats:
    result: Floats = weights @ matrix[places, :width]
    return result


@compiled_or(_combine)
def combine(matrix: Floats, places: Places, weights: Floats, width: int) -> Floats:
    """The weighted sum of some rows of a matrix, of their first ``width`` columns; by fours, for speed."""
    result = np.zeros(width)
    fours = len(places) - len(places) % 4
    for at in range(0, fours, 4):
        a, b, c, d = weights[at], weights[at + 1], weights[at + 2], weights[at + 3]
        row_a, row_b = matrix[places[at]], matrix[places[at + 1]]
        row_c, row_d = matrix[places[at + 2]], matrix[places[at + 3]]
        for j in range(width):
            result[j] += a * row_a[j] + b * row_b[j] + c * row_c[j] + d * row_d[j]
    for at in range(fours, len(places)):
        a, row_a = weights[at], matrix[places[at]]
        for j in range(width):
            result[j] += a * row_a[j]
    return result


def _add_square(matrix: Floats, column: Floats, factor: float) -> None:
    matrix[: len(column), : len(column)] += np.outer(column, factor * column)


@compiled_or(_add_square)
def add_square(matrix: Floats, column: Floats, factor: float) -> None:
    """Add ``factor`` times the column's outer square to the matrix's upper left corner."""
    many = len(column)
    for i in range(many):
        weight, row = factor * column[i], matrix[i]
        for j in range(many):
            row[j] += weight * column[j]


def _next_entry(
    correlation: Floats, slope: Floats, penalty: float, free: Any
) -> tuple[int, float]:
    gap = np.concatenate([penalty - correlation, penalty + correlation])
    closing = np.concatenate([1.0 - slope, 1.0 + slope])
    meets = np.concatenate([free, free]) & (closing > _FLAT)
    if not meets.any():
        return -1, np.inf
    steps = np.where(meets, gap / np.where(meets, closing, 1.0), np.inf)
    first = int(np.argmin(steps))
    return first % len(slope), max(float(steps[first]), 0.0)


@compiled_or(_next_entry)
def next_entry(correlation: Floats, slope: Floats, penalty: float, free: Any) -> tuple[int, float]:
    """Which free regressor's correlation meets the penalty first, and after what step; −1 for none."""
    first, step = -1, np.inf
    for sign in (1.0, -1.0):
        for j in range(len(slope)):
            closing = 1.0 - sign * slope[j]
            if free[j] and closing > _FLAT and penalty - sign * correlation[j] < step * closing:
                first, step = j, (penalty - sign * correlation[j]) / closing
    return first, max(step, 0.0)


def _next_exit(coefficients: Floats, direction: Floats) -> tuple[int, float]:
    shrinks = coefficients * direction < 0.0
    if not shrinks.any():
        return -1, np.inf
    steps = np.where(shrinks, -coefficients / np.where(shrinks, direction, 1.0), np.inf)
    place = int(np.argmin(steps))
    return place, float(steps[place])


@compiled_or(_next_exit)
def next_exit(coefficients: Floats, direction: Floats) -> tuple[int, float]:
    """Which active coefficient reaches zero first, and after what step; −1 for none."""
    first, step = -1, np.inf
    for j in range(len(direction)):
        if coefficients[j] * direction[j] < 0.0 and -coefficients[j] / direction[j] < step:
            first, step = j, -coefficients[j] / direction[j]
    return first, step
