"""Quantile regression of many small problems at once, by an interior-point method in numpy.

Koenker, Bassett (1978), Econometrica 46(1), for the problem; Portnoy, Koenker (1997), Statistical Science 12(4), for
the Frisch–Newton method: its dual is a linear programme with bounds, max y'a with X'a = (1 − τ)X'1 and 0 ≤ a ≤ 1.
Slots and levels are solved side by side, so that a step costs a few array operations whatever their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from attrs import evolve, frozen

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Column

_MOST_STEPS: Final = 60
_SHORTEN: Final = 0.99995  # of the way to the nearest bound
_RIDGE: Final = 1e-12  # relative to the diagonal: members that say the same leave a matrix singular


def regress_quantiles(
    regressors: Column, values: Column, levels: Sequence[float], tolerance: float = 1e-8
) -> Column:
    """Coefficients that minimise the pinball loss: problems × levels × regressors.

    ``regressors`` are problems × rows × regressors and must hold a constant where one is wanted, ``values`` are
    problems × rows. The loss is within ``tolerance`` of the least, relative to its size. Raises `InvalidRequest`
    for NaN and for fewer rows than regressors.
    """
    problems, rows, width = regressors.shape
    if rows < width:
        raise InvalidRequest(f"{rows} rows are too few for {width} regressors.")
    if not (np.isfinite(regressors).all() and np.isfinite(values).all()):
        raise InvalidRequest("Quantile regression takes finite numbers only.")
    size = np.abs(regressors).max(axis=1)
    size[size == 0] = 1.0
    spread = np.abs(values).max(axis=1) + 1e-300
    scaled = np.repeat(regressors / size[:, None], len(levels), axis=0)
    wanted = np.repeat(values / spread[:, None], len(levels), axis=0)
    found = _solve(scaled, wanted, np.tile(np.asarray(levels, np.float64), problems), tolerance)
    shaped: Column = found.reshape(problems, len(levels), width)
    shaped *= (spread[:, None] / size)[:, None]
    return shaped


@frozen(eq=False)
class _Point:
    """Where the search stands, a row for each problem.

    ``a`` and ``s`` = 1 − a are the dual weights of rows, ``z`` and ``w`` their slacks, ``b`` the coefficients.
    """

    a: Column
    s: Column
    z: Column
    w: Column
    b: Column

    @property
    def gap(self) -> Column:
        gap: Column = np.sum(self.z * self.a + self.w * self.s, axis=1)
        return gap

    def of(self, some: Column) -> _Point:
        return _Point(self.a[some], self.s[some], self.z[some], self.w[some], self.b[some])


def _solve(x: Column, y: Column, levels: Column, tolerance: float) -> Column:
    point, found = _start(x, y, levels), np.empty((len(y), x.shape[2]))
    live = np.arange(len(y))
    for _ in range(_MOST_STEPS):
        done = point.gap <= tolerance * np.maximum(_loss(x, y, levels, point.b), 1e-10)
        found[live[done]] = point.b[done]
        live, x, y, levels, point = live[~done], x[~done], y[~done], levels[~done], point.of(~done)
        if not len(live):
            return found
        point = _step(x, point)
    found[live] = point.b
    return found


def _loss(x: Column, y: Column, levels: Column, b: Column) -> Column:
    above = y - _dot(x, b)
    loss: Column = np.maximum(levels[:, None] * above, (levels[:, None] - 1) * above)
    total: Column = loss.sum(axis=1)
    return total


def _start(x: Column, y: Column, levels: Column) -> _Point:
    """Least squares, and slacks that are positive and differ by its residuals."""
    b = np.linalg.solve(_gram(x, x), _project(x, y))[..., 0]
    below = _dot(x, b) - y
    away = np.maximum(np.abs(below).mean(axis=1, keepdims=True), 1e-8) * 1e-2
    z = np.maximum(below, 0) + away
    a = np.repeat(1 - levels[:, None], y.shape[1], axis=1)
    return _Point(a, 1 - a, z, z - below, b)


def _step(x: Column, at: _Point) -> _Point:
    """A predictor and a corrector step (Mehrotra); both share one factorisation's matrix."""
    q = 1 / (at.z / at.a + at.w / at.s)
    weighted = x * q[..., None]
    gram = _gram(weighted, x)
    rest = at.z - at.w
    aim = _direction(x, weighted, gram, q, at, rest, np.zeros_like(at.gap), None)
    ahead = _move(at, aim)
    mean = at.gap * (ahead.gap / np.maximum(at.gap, 1e-300)) ** 3 / (2 * x.shape[1])
    return _move(at, _direction(x, weighted, gram, q, at, rest, mean, aim))


def _direction(
    x: Column, weighted: Column, gram: Column, q: Column, at: _Point, rest: Column, mean: Column,
    aim: _Point | None,
) -> _Point:  # fmt: skip
    """Newton's direction towards products of ``mean``; with the ``aim`` of the predictor, corrected for its curve."""
    bend_a = 0.0 if aim is None else aim.a * aim.z
    bend_s = 0.0 if aim is None else aim.s * aim.w
    target_a, target_s = mean[:, None] - bend_a, mean[:, None] - bend_s
    right = rest - target_a / at.a + target_s / at.s
    step = np.linalg.solve(gram, _project(weighted, right))[..., 0]
    a = q * (_dot(x, step) - right)
    z = target_a / at.a - at.z - at.z * a / at.a
    w = target_s / at.s - at.w + at.w * a / at.s
    return _Point(a, -a, z, w, -step)


def _move(at: _Point, by: _Point) -> _Point:
    weights = np.minimum(_reach(at.a, by.a), _reach(at.s, by.s))
    slacks = np.minimum(_reach(at.z, by.z), _reach(at.w, by.w))
    return evolve(
        at,
        a=at.a + weights * by.a,
        s=at.s + weights * by.s,
        z=at.z + slacks * by.z,
        w=at.w + slacks * by.w,
        b=at.b + slacks * by.b,
    )


def _reach(value: Column, change: Column) -> Column:
    """How far each row can go, at most 1, before one of its numbers is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(change < 0, -value / change, np.inf).min(axis=1, keepdims=True)
    reach: Column = np.minimum(_SHORTEN * steps, 1.0)
    return reach


def _gram(left: Column, right: Column) -> Column:
    gram: Column = np.matmul(left.transpose(0, 2, 1), right)
    place = np.arange(gram.shape[-1])
    trace = gram[:, place, place].sum(axis=1, keepdims=True)
    gram[:, place, place] += _RIDGE * trace + 1e-300
    return gram


def _project(x: Column, values: Column) -> Column:
    projected: Column = np.matmul(x.transpose(0, 2, 1), values[..., None])
    return projected


def _dot(x: Column, b: Column) -> Column:
    product: Column = np.matmul(x, b[..., None])[..., 0]
    return product
