"""Weights that would have served best lately: on the simplex, drawn towards equal ones, and deaf to spikes.

With residuals r of the equally weighted mean, the weights w ≥ 0, Σw = 1 minimise

    Σ ω(r) (y − Σ wᵢ fᵢ)² / n + λ g Σ (wᵢ − 1/m)²

over the days of the window and all slots. ω = 1/max(|r|, s), with s the median of |r|, makes squares count like
absolute errors, and three times less beyond nine s: one hour at 3000 does not decide who is right for a quarter of
a year. g is the mean of the members' own weighted squared errors, so that λ has no unit.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from carbon254.core.domain.observations import Column

_SPIKE: Final = 9.0  # times the median absolute error
_BEYOND: Final = 1 / 3  # how much less a spike counts
_MOST_STEPS: Final = 2_000
_SETTLED: Final = 1e-12


def weigh(said: Column, actual: Column, shrink: float) -> Column:
    """Weights of members, from what they said (members × days × slots) and what came (days × slots).

    Cells in which anything is ``NaN`` are left out; without any, weights are equal.
    """
    members = len(said)
    equal = np.full(members, 1.0 / members)
    there = np.isfinite(actual) & np.isfinite(said).all(axis=0)
    errors = said[:, there] - actual[there]
    typical = float(np.median(np.abs(errors.mean(axis=0)))) if there.any() else 0.0
    if typical == 0.0:
        return equal
    matrix = _matrix(errors, typical)
    # Σ(wᵢ − 1/m)² and Σwᵢ² differ by a constant on the simplex.
    pull = shrink * float(np.trace(matrix)) / members
    return _minimise(matrix + pull * np.eye(members))


def _matrix(errors: Column, typical: float) -> Column:
    """The weighted second moments of members' errors."""
    away = np.abs(errors.mean(axis=0))
    count = 1.0 / np.maximum(away, typical)
    count[away > _SPIKE * typical] *= _BEYOND
    matrix: Column = (errors * count) @ errors.T / errors.shape[1]
    return matrix


def _minimise(matrix: Column) -> Column:
    """The least w'Mw on the simplex, by projected gradients from equal weights."""
    weights = np.full(len(matrix), 1.0 / len(matrix))
    length = 1.0 / float(np.linalg.eigvalsh(matrix)[-1])
    for _ in range(_MOST_STEPS):
        before = weights
        weights = to_simplex(weights - length * matrix @ weights)
        if np.abs(weights - before).max() < _SETTLED:
            break
    return weights


def to_simplex(point: Column) -> Column:
    """The nearest weights: not negative, with sum 1 (Duchi and others, 2008)."""
    ordered = np.sort(point)[::-1]
    above = (np.cumsum(ordered) - 1.0) / np.arange(1, len(point) + 1)
    last = np.flatnonzero(ordered > above)[-1]
    nearest: Column = np.maximum(point - above[last], 0.0)
    return nearest
