"""The LASSO's path of solutions, from the largest penalty down, by least angles (Efron and others, 2004).

The problem is ½β'Gβ − m'β + λ|β|₁ with the regressors' Gram matrix G and their moments m with what is explained.
Its solution is linear in λ between knots, where a regressor enters or leaves. A walk along the knots is exact, needs
no tolerance and no start, and many walks share one G: one for each slot of the day.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from carbon254.plugins.models.lear._steps import (
    Floats,
    Places,
    add_square,
    combine,
    next_entry,
    next_exit,
)
from carbon254.plugins.models.lear.compiling import compiled

_COLLINEAR: Final = 1e-9  # a regressor of which less than this share is new is left out
_SLACK: Final = 8  # regressors that may still leave the path before the criterion is given up


@compiled
def walk(
    gram: Floats, moments: Floats, lowest: float, rows: float, total: float, floor: float
) -> tuple[float, Floats]:
    """Walk down to the penalty ``lowest``; return the penalty that the criterion prefers and the last coefficients.

    The criterion is rows·RSS/total + 2·(coefficients not zero), ``total`` the sum of squares of what is explained
    and ``floor`` the least RSS of any coefficients. The walk ends early where the criterion can no longer improve
    unless `_SLACK` regressors leave. With ``rows`` 0 nothing is judged, and the walk goes on to ``lowest``.
    """
    many = len(moments)
    coefficients = np.zeros(many)
    correlation = moments.copy()
    useful = np.diag(gram) > 0.0
    free = useful.copy()
    active, count = np.empty(many, np.int64), 0
    inverse = np.empty((many, many))  # of the active regressors' Gram matrix
    entering = int(np.argmax(np.abs(correlation)))
    penalty = chosen = abs(correlation[entering])
    squares, best = total, rows
    for _ in range(12 * many):
        if penalty <= lowest:
            break
        if entering >= 0:
            free[entering] = False
            count = _enter(gram, active, inverse, count, entering)
        inside = active[:count]
        signs = np.sign(correlation[inside])
        direction = combine(inverse, np.arange(count), signs, count)
        slope = combine(gram, inside, direction, many)
        entering, entry = next_entry(correlation, slope, penalty, free)
        leaving, exit_ = next_exit(coefficients[inside], direction)
        step = min(entry, exit_, penalty - lowest)
        squares -= (2.0 * penalty - step) * step * (signs @ direction)
        coefficients[inside] += step * direction
        correlation -= step * slope
        penalty -= step
        if exit_ <= step:
            entering = -1
            coefficients[active[leaving]] = 0.0
            count = _leave(active, inverse, count, leaving)
            free[:] = useful  # what was collinear with the one that left is not any more
            free[active[:count]] = False
        if rows > 0.0:
            criterion = rows * squares / total + 2.0 * count
            if criterion < best:
                best, chosen = criterion, penalty
            if rows * floor / total + 2.0 * (count - _SLACK) > best:
                break
    return chosen, coefficients


@compiled
def _enter(gram: Floats, active: Places, inverse: Floats, count: int, one: int) -> int:
    """Border the inverse with a regressor, unless it is collinear with the active ones; return how many are active."""
    cross = gram[one][active[:count]]
    weights = combine(inverse, np.arange(count), cross, count)
    rest = gram[one, one] - cross @ weights
    if rest < _COLLINEAR * gram[one, one]:
        return count
    add_square(inverse, weights, 1.0 / rest)
    for place in range(count):
        inverse[place, count] = inverse[count, place] = -weights[place] / rest
    inverse[count, count] = 1.0 / rest
    active[count] = one
    return count + 1


@compiled
def _leave(active: Places, inverse: Floats, count: int, leaving: int) -> int:
    """Take a regressor out of the inverse, the last one moves to its place; return how many are active."""
    column = inverse[leaving, :count].copy()
    last = count - 1
    add_square(inverse, column, -1.0 / column[leaving])
    inverse[leaving, :count] = inverse[last, :count]
    for place in range(count):
        inverse[place, leaving] = inverse[place, last]
    active[leaving] = active[last]
    return last


