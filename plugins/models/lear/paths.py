"""The LASSO's path of solutions, from the largest penalty down, by least angles (Efron and others, 2004).

The problem is ½β'Gβ − m'β + λ|β|₁ with the regressors' Gram matrix G and their moments m with what is explained.
Its solution is linear in λ between knots, where a regressor enters or leaves. A walk along the knots is exact, needs
no tolerance and no start, and many walks share one G: one for each slot of the day.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from carbon254.plugins.models.lear.compiling import compiled, compiled_or

Floats: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.int64]

_COLLINEAR: Final = 1e-9  # a regressor of which less than this share is new is left out
_FLAT: Final = 1e-12  # a correlation that falls as fast as the penalty never meets it
_SLACK: Final = 8  # regressors that may still leave the path before the criterion is given up
_EXACT: Final = 1e-12  # by how much a direction may miss
_MOST_KNOTS: Final = 12  # for each regressor, after which a walk is given up


def _plain_combine(matrix: Floats, places: Places, weights: Floats, width: int) -> Floats:
    result: Floats = weights @ matrix[places, :width]
    return result


@compiled_or(_plain_combine)
def _combine(matrix: Floats, places: Places, weights: Floats, width: int) -> Floats:
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


def _plain_add_square(matrix: Floats, column: Floats, factor: float) -> None:
    matrix[: len(column), : len(column)] += np.outer(column, factor * column)


@compiled_or(_plain_add_square)
def _add_square(matrix: Floats, column: Floats, factor: float) -> None:
    """Add ``factor`` times the column's outer square to the matrix's upper left corner."""
    many = len(column)
    for i in range(many):
        weight, row = factor * column[i], matrix[i]
        for j in range(many):
            row[j] += weight * column[j]


def _plain_next_entry(
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


@compiled_or(_plain_next_entry)
def _next_entry(correlation: Floats, slope: Floats, penalty: float, free: Any) -> tuple[int, float]:
    """Which free regressor's correlation meets the penalty first, and after what step; −1 for none."""
    first, step = -1, np.inf
    for sign in (1.0, -1.0):
        for j in range(len(slope)):
            closing = 1.0 - sign * slope[j]
            if free[j] and closing > _FLAT and penalty - sign * correlation[j] < step * closing:
                first, step = j, (penalty - sign * correlation[j]) / closing
    return first, max(step, 0.0)


def _plain_next_exit(coefficients: Floats, direction: Floats) -> tuple[int, float]:
    shrinks = coefficients * direction < 0.0
    if not shrinks.any():
        return -1, np.inf
    steps = np.where(shrinks, -coefficients / np.where(shrinks, direction, 1.0), np.inf)
    place = int(np.argmin(steps))
    return place, float(steps[place])


@compiled_or(_plain_next_exit)
def _next_exit(coefficients: Floats, direction: Floats) -> tuple[int, float]:
    """Which active coefficient reaches zero first, and after what step; −1 for none."""
    first, step = -1, np.inf
    for j in range(len(direction)):
        if coefficients[j] * direction[j] < 0.0 and -coefficients[j] / direction[j] < step:
            first, step = j, -coefficients[j] / direction[j]
    return first, step


@compiled
def _enter(gram: Floats, active: Places, inverse: Floats, count: int, one: int) -> int:
    """Border the inverse with a regressor, unless it is collinear with the active ones; return how many are active."""
    cross = gram[one][active[:count]]
    weights = _combine(inverse, np.arange(count), cross, count)
    rest = gram[one, one] - cross @ weights
    if rest < _COLLINEAR * gram[one, one]:
        return count
    _add_square(inverse, weights, 1.0 / rest)
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
    _add_square(inverse, column, -1.0 / column[leaving])
    inverse[leaving, :count] = inverse[last, :count]
    for place in range(count):
        inverse[place, leaving] = inverse[place, last]
    active[leaving] = active[last]
    return last


@compiled
def _advance(
    gram: Floats, inverse: Floats, inside: Places, coefficients: Floats, correlation: Floats, free: Any,
    penalty: float, lowest: float,
) -> tuple[int, int, float, float]:  # fmt: skip
    """Go on to the next knot, or to ``lowest``, in place.

    Return which regressor enters there and at which place of ``inside`` one leaves, −1 for none, how far down it was
    and by how much the sum of squares fell.
    """
    places, signs = np.arange(len(inside)), np.sign(correlation[inside])
    direction = _combine(inverse, places, signs, len(inside))
    slope = _combine(gram, inside, direction, len(correlation))
    misses = signs - slope[inside]
    if (np.abs(misses) > _EXACT).any():  # where the active regressors are nearly collinear
        more = _combine(inverse, places, misses, len(inside))
        direction = direction + more
        slope = slope + _combine(gram, inside, more, len(correlation))
    entering, entry = _next_entry(correlation, slope, penalty, free)
    leaving, exit_ = _next_exit(coefficients[inside], direction)
    step = min(entry, exit_, penalty - lowest)
    coefficients[inside] += step * direction
    correlation -= step * slope
    if entry > step or exit_ <= step:
        entering = -1
    if exit_ > step:
        leaving = -1
    return entering, leaving, step, (2.0 * penalty - step) * step * float(signs @ direction)


@compiled
def _set_free(free: Any, gram: Floats, inside: Places) -> None:
    """What is not active may enter; what was collinear with one that left is not any more."""
    free[:] = np.diag(gram) > 0.0
    free[inside] = False


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
    coefficients, correlation = np.zeros(many), moments.copy()
    active, count, inverse = np.empty(many, np.int64), 0, np.empty((many, many))
    free = np.diag(gram) > 0.0
    entering = int(np.argmax(np.abs(correlation)))
    penalty = chosen = abs(correlation[entering])
    squares, best = total, rows
    for _ in range(_MOST_KNOTS * many):
        if penalty <= lowest:
            break
        if entering >= 0:
            free[entering] = False
            count = _enter(gram, active, inverse, count, entering)
        entering, leaving, step, fall = _advance(
            gram, inverse, active[:count], coefficients, correlation, free, penalty, lowest
        )
        penalty -= step
        squares -= fall
        if leaving >= 0:
            coefficients[active[leaving]] = 0.0
            count = _leave(active, inverse, count, leaving)
            _set_free(free, gram, active[:count])
        if rows > 0.0:
            criterion = rows * squares / total + 2.0 * count
            if criterion < best:
                best, chosen = criterion, penalty
            if rows * floor / total + 2.0 * (count - _SLACK) > best:
                break
    return chosen, coefficients


@compiled
def record(gram: Floats, moments: Floats, lowest: float) -> tuple[Floats, Places]:
    """Walk down to ``lowest``; return the knots, and in which order regressors stand afterwards.

    A knot is a row: its penalty, then its coefficients. A regressor that enters changes places with the first that
    is not active, one that leaves goes behind the last that is: so do columns where a solver sorts them.
    """
    many = len(moments)
    knots, order, passed = np.empty((_MOST_KNOTS * many, 1 + many)), np.arange(many), 0
    coefficients, correlation = np.zeros(many), moments.copy()
    active, count, inverse = np.empty(many, np.int64), 0, np.empty((many, many))
    free = np.diag(gram) > 0.0
    entering = int(np.argmax(np.abs(correlation)))
    penalty = abs(correlation[entering])
    for passed in range(len(knots)):
        knots[passed, 0], knots[passed, 1:] = penalty, coefficients
        if penalty <= lowest:
            break
        if entering >= 0:
            free[entering] = False
            _move_in(order, count, entering)
            count = _enter(gram, active, inverse, count, entering)
        entering, leaving, step, _ = _advance(
            gram, inverse, active[:count], coefficients, correlation, free, penalty, lowest
        )
        penalty -= step
        if leaving >= 0:
            coefficients[active[leaving]] = 0.0
            _move_out(order, count, active[leaving])
            count = _leave(active, inverse, count, leaving)
            _set_free(free, gram, active[:count])
    return knots[: passed + 1], order


@compiled
def _move_in(order: Places, count: int, one: int) -> None:
    """The regressor that enters changes places with the first that is not active."""
    order[np.flatnonzero(order == one)[0]] = order[count]
    order[count] = one


@compiled
def _move_out(order: Places, count: int, one: int) -> None:
    """The regressor that leaves goes behind the last active one; those after it move up."""
    place = np.flatnonzero(order == one)[0]
    order[place : count - 1] = order[place + 1 : count].copy()
    order[count - 1] = one
