"""Weights of a blend, against a general solver and by hand."""

import numpy as np
import pytest
from scipy.optimize import minimize

from carbon254.plugins.models.blend.weighing import to_simplex, weigh


def past(seed: int = 1, members: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Forty days of hours that members forecast, the first best and the last worst."""
    random = np.random.default_rng(seed)
    actual = random.normal(50, 20, (40, 24))
    sizes = 2.0 + np.arange(members)[:, None, None]
    common = random.normal(0, 1, (40, 24))
    return actual + common + random.normal(0, 1, (members, 40, 24)) * sizes, actual


def objective(weights: np.ndarray, said: np.ndarray, actual: np.ndarray, shrink: float) -> float:
    """As the module's text has it, term by term."""
    away = np.abs(said.mean(axis=0) - actual)
    typical = np.median(away)
    count = np.where(away > 9 * typical, 1 / 3, 1.0) / np.maximum(away, typical)
    own = [np.mean(count * (one - actual) ** 2) for one in said]
    fit = np.mean(count * (actual - np.tensordot(weights, said, 1)) ** 2)
    return float(fit + shrink * np.mean(own) * np.sum((weights - 1 / len(said)) ** 2))


@pytest.mark.parametrize("shrink", [0.01, 0.1, 1.0])
def test_no_solver_finds_better_weights(shrink: float) -> None:
    said, actual = past()
    found = weigh(said, actual, shrink)
    best = minimize(
        objective, np.full(4, 0.25), (said, actual, shrink), method="SLSQP", tol=1e-14,
        bounds=[(0, 1)] * 4, constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
    )  # fmt: skip
    assert objective(found, said, actual, shrink) <= best.fun + 1e-9
    np.testing.assert_allclose(found, best.x, atol=1e-4)
    assert found.sum() == pytest.approx(1.0)


def test_who_errs_less_weighs_more() -> None:
    said, actual = past()
    found = weigh(said, actual, 0.05)
    assert (np.diff(found) < 0).all()


def test_who_is_always_right_has_all_the_weight() -> None:
    said, actual = past(members=3)
    said[1] = actual
    assert weigh(said, actual, 0.0) == pytest.approx([0, 1, 0], abs=1e-6)


def test_a_spike_that_one_member_saw_changes_little() -> None:
    said, actual = past()
    calm = weigh(said, actual, 0.1)
    actual[20, 18] = 3000.0
    said[3, 20, 18] = 2500.0
    squares = (said[:, 20, 18] - actual[20, 18]) ** 2  # outweigh all others by far
    assert squares[0] > 50 * ((said[0] - actual) ** 2).sum() - 50 * squares[0]
    assert np.abs(weigh(said, actual, 0.1) - calm).max() < 0.15


def test_without_a_past_or_without_errors_weights_are_equal() -> None:
    said, actual = past(members=2)
    assert weigh(said, np.full_like(actual, np.nan), 0.1).tolist() == [0.5, 0.5]
    assert weigh(np.array([actual, actual]), actual, 0.1).tolist() == [0.5, 0.5]


def test_a_cell_with_a_gap_is_left_out() -> None:
    said, actual = past()
    holes = said.copy()
    holes[1, 3] = np.nan
    rest = np.delete(np.arange(40), 3)
    np.testing.assert_allclose(
        weigh(holes, actual, 0.1), weigh(said[:, rest], actual[rest], 0.1), atol=1e-9
    )


@pytest.mark.parametrize(
    ("point", "nearest"),
    [([0.2, 0.8], [0.2, 0.8]), ([1.0, 1.0], [0.5, 0.5]), ([2.0, 0.5, -1], [1, 0, 0]),
     ([0.6, 0.6, 0.0], [0.5, 0.5, 0.0])],
)  # fmt: skip
def test_the_nearest_weights(point: list[float], nearest: list[float]) -> None:
    assert to_simplex(np.array(point)) == pytest.approx(nearest)
