"""Quantile regression, against linear programming by HiGHS and against quantiles worked out by hand."""

import numpy as np
import pytest
from scipy.optimize import linprog

from carbon254.core.domain.errors import InvalidRequest
from carbon254.plugins.models.bands.regressing import regress_quantiles

LEVELS = (0.01, 0.5, 0.9)


def loss(coefficients: np.ndarray, x: np.ndarray, y: np.ndarray, level: float) -> float:
    above = y - x @ coefficients
    return float(np.maximum(level * above, (level - 1) * above).sum())


def least_loss(x: np.ndarray, y: np.ndarray, level: float) -> float:
    rows, width = x.shape
    cost = np.concatenate([np.zeros(width), np.full(rows, level), np.full(rows, 1 - level)])
    free = [(None, None)] * width + [(0, None)] * (2 * rows)
    matrix = np.hstack([x, np.eye(rows), -np.eye(rows)])
    return float(linprog(cost, A_eq=matrix, b_eq=y, bounds=free, method="highs").fun)


def problems() -> tuple[np.ndarray, np.ndarray]:
    """Five problems of 90 rows: forecasts that agree, two the same, one that is 0, and a price that stands still."""
    random = np.random.default_rng(254)
    level = random.normal(40, 20, (5, 90, 1))
    x = np.concatenate([np.ones((5, 90, 1)), level + random.normal(0, 3, (5, 90, 3))], axis=2)
    y = level[..., 0] + 4 * random.standard_t(2, (5, 90))
    x[1, :, 3] = x[1, :, 2]
    x[2, :, 2] = 0
    y[3] = 7.0
    y[4] *= 1e4
    return x, y


def test_no_linear_programme_does_better() -> None:
    x, y = problems()
    found = regress_quantiles(x, y, LEVELS)
    for problem in range(len(x)):
        for place, level in enumerate(LEVELS):
            least = least_loss(x[problem], y[problem], level)
            mine = loss(found[problem, place], x[problem], y[problem], level)
            assert mine == pytest.approx(least, rel=1e-6, abs=1e-6), (problem, level)


def test_on_a_constant_alone_it_finds_the_quantile() -> None:
    y = np.arange(1.0, 12.0)[
        None
    ]  # 1 … 11: the median is 6, a tenth of 11 is between the first and the second
    found = regress_quantiles(np.ones((1, 11, 1)), y, (0.5, 0.1, 0.9))
    assert found[0, :, 0] == pytest.approx([6.0, 2.0, 10.0], abs=1e-5)


def test_a_problem_does_not_depend_on_those_beside_it() -> None:
    x, y = problems()
    together = regress_quantiles(x, y, (0.3,))
    alone = regress_quantiles(x[:1], y[:1], (0.3,))
    np.testing.assert_allclose(together[:1], alone, rtol=1e-12)


def test_units_change_nothing() -> None:
    x, y = problems()
    found = regress_quantiles(x[:1], y[:1], LEVELS)
    cents = regress_quantiles(x[:1] * [1, 100, 100, 100], y[:1] * 100, LEVELS)
    np.testing.assert_allclose(cents / 100 * [1, 100, 100, 100], found, rtol=1e-5, atol=1e-5)


def test_too_few_rows_and_gaps_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="too few"):
        regress_quantiles(np.ones((1, 2, 3)), np.ones((1, 2)), (0.5,))
    with pytest.raises(InvalidRequest, match="finite"):
        regress_quantiles(np.ones((1, 4, 1)), np.array([[1.0, 2.0, np.nan, 3.0]]), (0.5,))
