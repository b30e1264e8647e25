"""One window's LEAR: the LASSO for each slot of the day, with the penalty that an information criterion prefers.

The rule is that of the published benchmark (Lago and others, 2021): the criterion rows·mse/var + 2·df (AIC) is
minimised along the path on columns of unit norm, and the penalty found there is used on the columns as they are.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from attrs import frozen

from carbon254.core.domain.arcsinh import MedianArcsinh
from carbon254.core.domain.observations import Column
from carbon254.core.domain.regressors import WEEKDAYS
from carbon254.plugins.models.lear.paths import record, walk

_RIDGE: Final = (
    1e-9  # makes a Gram matrix of collinear columns invertible, and bounds the RSS from below
)
PUBLISHED: Final = "published"
EXACT: Final = "exact"
_END: Final = 1e-7  # the penalty, for each row, at which the reference ends its walk


@frozen(eq=False)
class Estimate:
    """What was learnt from one window; ``coefficients`` are regressors × slots on the transformed scale."""

    rows: int
    inputs: MedianArcsinh
    outputs: MedianArcsinh
    level: Column  # mean of each regressor, numbers then dummies
    mean: Column  # mean of each slot's transformed price
    coefficients: Column
    penalties: Column
    reach: tuple[Column, Column]  # least and greatest that is forecast of each slot, transformed

    def predict(self, numbers: Column, dummies: Column) -> Column:
        """Prices of each slot for one row of regressors.

        The way back from the transformed scale is exponential, so that forecasts stay within `reach`.
        """
        row = np.concatenate([self.inputs.apply(numbers), dummies]) - self.level
        low, high = self.reach
        said = np.clip(row @ self.coefficients + self.mean, low, high)
        return self.outputs.undo(said)


def estimate(
    numbers: Column,
    dummies: Column,
    prices: Column,
    *,
    penalty: float = 1.0,
    beyond: float = 0.25,
    bend: float = 1.0,
    criterion: str = EXACT,
) -> Estimate:
    """Learn from rows of regressors and of prices (rows × slots), all finite.

    ``penalty`` multiplies the one that the criterion prefers; ``beyond`` is how far, on the scale of arcsinh, a
    forecast may go past what the rows have seen; ``bend`` is `MedianArcsinh`'s; ``criterion`` is how the penalty is
    chosen where there are no more rows than regressors, `PUBLISHED` or `EXACT`.
    """
    inputs, outputs = MedianArcsinh.of(numbers, bend), MedianArcsinh.of(prices, bend)
    table = np.concatenate([inputs.apply(numbers), dummies], axis=1)
    wanted = outputs.apply(prices)
    reach = wanted.min(axis=0) - bend * beyond, wanted.max(axis=0) + bend * beyond
    level, mean = table.mean(axis=0), wanted.mean(axis=0)
    table -= level
    wanted -= mean
    rows = len(table)
    gram, moments = table.T @ table / rows, table.T @ wanted / rows
    totals = np.einsum("rs,rs->s", wanted, wanted)
    sorted_ = criterion == PUBLISHED and rows <= len(gram)
    choose = choose_sorted_penalties if sorted_ else choose_penalties
    penalties = penalty * choose(gram, moments, totals, rows)
    coefficients = solve(gram, moments, penalties)
    return Estimate(rows, inputs, outputs, level, mean, coefficients, penalties, reach)


def choose_penalties(gram: Column, moments: Column, totals: Column, rows: int) -> Column:
    """The penalty of each slot that the criterion prefers on columns of unit norm, as one for columns as they are.

    ``gram`` and ``moments`` (regressors × slots) are means over the rows of centred columns, ``totals`` the sums of
    squares of each slot's prices.
    """
    unit, unit_moments = _of_unit_norm(gram, moments, rows)
    ridged = unit + _RIDGE * np.eye(len(unit))
    explained = np.einsum("ps,ps->s", unit_moments, np.linalg.solve(ridged, unit_moments))
    floors = np.maximum(totals - explained, 0.0)
    found = [
        walk(unit, one, 0.0, float(rows), total, floor)[0] / rows
        for one, total, floor in zip(
            np.ascontiguousarray(unit_moments.T), totals, floors, strict=True
        )
    ]
    return np.array(found)


def choose_sorted_penalties(gram: Column, moments: Column, totals: Column, rows: int) -> Column:
    """The same as the published forecasts have it for windows of no more rows than regressors.

    Their solver sorts columns while it walks, and the residuals that the criterion judges are then taken from the
    sorted columns with the coefficients of the unsorted ones. Hours that stand early, the day's last, are spared.
    """
    slots = moments.shape[1]
    reference = _in_reference_order(len(gram), slots)
    unit, unit_moments = _of_unit_norm(gram, moments, rows)
    unit = np.ascontiguousarray(unit[np.ix_(reference, reference)])
    found = [
        _choose_sorted(unit, one, total, rows) / rows
        for one, total in zip(np.ascontiguousarray(unit_moments[reference].T), totals, strict=True)
    ]
    return np.array(found)


def _choose_sorted(unit: Column, moments: Column, total: float, rows: int) -> float:
    """The penalty of the knot that the criterion prefers, judged on sorted columns."""
    knots, order = record(unit, moments, _END * rows)
    many = np.count_nonzero(knots[:, 1:], axis=1)
    could_win = 2 * many < rows  # the first knot, without a regressor, has the criterion ``rows``
    penalties, coefficients = knots[could_win, 0], knots[could_win, 1:]
    used = np.flatnonzero(coefficients.any(axis=0))
    weights, taken = coefficients[:, used], order[used]
    squares = np.einsum("ki,ij,kj->k", weights, unit[np.ix_(taken, taken)], weights, optimize=True)
    squares += total - 2.0 * weights @ moments[taken]
    return float(penalties[np.argmin(rows * squares + 2.0 * many[could_win] * total)])


def _in_reference_order(regressors: int, slots: int) -> Column:
    """Where the reference's columns stand among ours: every lagged day backwards, dummies at the end."""
    numbers = regressors - WEEKDAYS
    backwards = np.arange(numbers).reshape(-1, slots)[:, ::-1].ravel()
    return np.concatenate([backwards, np.arange(numbers, regressors)])


def _of_unit_norm(gram: Column, moments: Column, rows: int) -> tuple[Column, Column]:
    """The Gram matrix and the moments of columns scaled to unit norm."""
    norm = np.sqrt(np.diag(gram))
    weight = np.divide(1.0, norm, out=np.zeros_like(norm), where=norm > _RIDGE)
    return gram * weight * weight[:, None], moments * weight[:, None] * np.sqrt(rows)


def solve(gram: Column, moments: Column, penalties: Column) -> Column:
    """The LASSO's coefficients (regressors × slots) for each slot's penalty: exact, by the path."""
    gram = np.ascontiguousarray(gram)
    slots = zip(np.ascontiguousarray(moments.T), penalties, strict=True)
    return np.array([_solve_slot(gram, one, penalty) for one, penalty in slots]).T


def _solve_slot(gram: Column, moments: Column, penalty: float) -> Column:
    """Walk down to the penalty, then solve once more for what is not zero: the walk's rounding does not add up."""
    coefficients: Column = walk(gram, moments, penalty, 0.0, 1.0, 0.0)[1]
    there = np.flatnonzero(coefficients)
    if len(there):
        signs = np.sign(coefficients[there])
        exact = np.linalg.solve(gram[np.ix_(there, there)], moments[there] - penalty * signs)
        if (np.sign(exact) == signs).all():
            coefficients[there] = exact
    return coefficients
