"""The LASSO's path, against closed forms, hand calculations and the conditions that any solution meets."""

import importlib
import sys
from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest

from carbon254.plugins.models.lear import estimating
from carbon254.plugins.models.lear.paths import record, walk

MODULES = ("compiling", "paths", "estimating")


def solution(gram: np.ndarray, moments: np.ndarray, penalty: float) -> np.ndarray:
    return walk(gram, moments, penalty, 0.0, 1.0, 0.0)[1]


def problem(rows: int, columns: int, seed: int, alike: float = 0.9) -> tuple[np.ndarray, ...]:
    """Centred columns that look alike, and something that a few of them explain."""
    random = np.random.default_rng(seed)
    table = random.normal(size=(rows, columns)) + alike * random.normal(size=(rows, 1)) * 3
    table *= random.uniform(0.3, 3, columns)
    wanted = table[:, :3] @ [1.0, -2.0, 0.5] + random.normal(size=rows)
    table -= table.mean(axis=0)
    wanted -= wanted.mean()
    return table, wanted, table.T @ table / rows, table.T @ wanted / rows


def worst_breach(gram: np.ndarray, moments: np.ndarray, penalty: float, found: np.ndarray) -> float:
    """How far the Karush–Kuhn–Tucker conditions are from being met, in units of the penalty."""
    slack = moments - gram @ found
    there = found != 0
    at_edge = np.abs(slack[there] - penalty * np.sign(found[there])).max(initial=0.0)
    outside = np.abs(slack[~there]).max(initial=0.0) - penalty
    return float(max(at_edge, outside) / penalty)


def test_on_orthonormal_columns_each_moment_is_shrunk_alone() -> None:
    found = solution(np.eye(3), np.array([3.0, -2.0, 0.5]), 1.0)
    np.testing.assert_allclose(found, [2.0, -1.0, 0.0])


def test_two_columns_that_correlate_by_hand() -> None:
    """The first enters at λ = 1, the second where 0.8 − 0.5(1 − λ) = λ: at 0.6. Then Gβ = m − λ."""
    gram, moments = np.array([[1.0, 0.5], [0.5, 1.0]]), np.array([1.0, 0.8])
    np.testing.assert_allclose(solution(gram, moments, 0.7), [0.3, 0.0])
    np.testing.assert_allclose(solution(gram, moments, 0.2), [0.5 / 0.75, 0.2 / 0.75])


def test_the_criterion_by_hand() -> None:
    """m = (6, 4, 0.1) and 10 that nothing explains; with rows = total the criterion is RSS + 2 df.

    At the knots 6, 4, 0.1 and 0: 62.01, 42.01 + 2, 10.03 + 4 and 10 + 6.
    """
    total = 36 + 16 + 0.01 + 10
    chosen, _ = walk(np.eye(3), np.array([6.0, 4.0, 0.1]), 0.0, total, total, 10.0)
    assert chosen == pytest.approx(0.1)


@pytest.mark.parametrize(("rows", "columns"), [(200, 30), (60, 60), (25, 60)])
@pytest.mark.parametrize("share", [0.5, 0.05, 0.002])
def test_solutions_meet_the_conditions(rows: int, columns: int, share: float) -> None:
    for seed in range(5):
        _, _, gram, moments = problem(rows, columns, seed)
        penalty = share * np.abs(moments).max()
        assert worst_breach(gram, moments, penalty, solution(gram, moments, penalty)) < 1e-7


def test_a_column_that_was_in_can_leave() -> None:
    _, _, gram, moments = problem(60, 60, 3)
    found = [solution(gram, moments, s * np.abs(moments).max()) for s in np.geomspace(1, 1e-3, 60)]
    assert any(((one != 0) & (other == 0)).any() for one, other in pairwise(found))


def test_columns_that_say_the_same_are_not_both_needed() -> None:
    table, wanted, *_ = problem(50, 6, 1)
    twice = np.concatenate([table, table, np.zeros((50, 1))], axis=1)
    gram, moments = twice.T @ twice / 50, twice.T @ wanted / 50
    penalty = 0.01 * np.abs(moments).max()
    found = solution(gram, moments, penalty)
    assert np.isfinite(found).all()
    assert worst_breach(gram, moments, penalty, found) < 1e-7
    np.testing.assert_allclose(
        twice @ found, table @ solution(gram[:6, :6].copy(), moments[:6].copy(), penalty)
    )


def test_nothing_to_explain_takes_nothing() -> None:
    chosen, found = walk(np.eye(4), np.zeros(4), 0.0, 20.0, 0.0, 0.0)
    assert chosen == 0.0
    assert not found.any()


@pytest.mark.parametrize("rows", [300, 30])
def test_stopping_early_chooses_what_the_whole_path_would(rows: int) -> None:
    for seed in range(20):
        table, wanted, *_ = problem(rows, 60, seed)
        table /= np.linalg.norm(table, axis=0)
        gram, moments, total = table.T @ table, table.T @ wanted, float(wanted @ wanted)
        rest = wanted - table @ np.linalg.lstsq(table, wanted, rcond=None)[0]
        early, short = walk(gram, moments, 0.0, float(rows), total, float(rest @ rest))
        whole, long = walk(gram, moments, 0.0, float(rows), total, -1e9)
        assert early == whole
        assert (short != 0).sum() < (long != 0).sum()


def test_penalties_are_chosen_on_unit_norm_and_used_on_columns_as_they_are() -> None:
    """The same columns in other units: the penalty chosen is the same, what it does is not."""
    table, wanted, gram, moments = problem(150, 20, 4)
    scale = np.geomspace(0.1, 10, 20)
    total = np.array([wanted @ wanted])
    one = estimating.choose_penalties(gram, moments[:, None], total, 150)
    other = estimating.choose_penalties(
        gram * scale * scale[:, None], (moments * scale)[:, None], total, 150
    )
    np.testing.assert_allclose(one, other, rtol=1e-9)
    first = table @ estimating.solve(gram, moments[:, None], one)
    second = (
        table
        * scale
        @ estimating.solve(gram * scale * scale[:, None], (moments * scale)[:, None], one)
    )
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize(("rows", "columns"), [(200, 30), (40, 60)])
def test_knots_that_are_recorded_meet_the_conditions(rows: int, columns: int) -> None:
    """From the first, where nothing is in, to the last, where nearly as many are in as there are rows."""
    for seed in range(5):
        _, _, gram, moments = problem(rows, columns, seed)
        knots, order = record(gram, moments, 1e-7)
        assert knots[0, 0] == np.abs(moments).max()
        assert not knots[0, 1:].any()
        assert knots[-1, 0] == pytest.approx(1e-7, rel=1e-6)
        breaches = [one[0] * worst_breach(gram, moments, one[0], one[1:]) for one in knots]
        assert max(breaches) < 1e-11
        assert sorted(order) == list(range(columns))


def test_a_regressor_that_enters_changes_places_with_the_first_that_is_not_in() -> None:
    """Moments 1, 3, 2, 5: the last enters and goes to the front, then the second, which is at its place, and so on."""
    knots, order = record(np.eye(4), np.array([1.0, 3.0, 2.0, 5.0]), 0.0)
    np.testing.assert_allclose(knots[:, 0], [5.0, 3.0, 2.0, 1.0, 0.0])
    np.testing.assert_allclose(knots[3, 1:], [0.0, 2.0, 1.0, 4.0])
    assert list(order) == [3, 1, 2, 0]


def test_a_regressor_that_leaves_goes_behind_the_last_that_is_in() -> None:
    """The first enters alone at 2, leaves when the others have taken over, and is third from then on."""
    gram = np.array([[1.0, 0.7, 0.7], [0.7, 1.0, 0.1], [0.7, 0.1, 1.0]])
    moments = gram @ [-0.1, 1.0, 1.0] + [0.0, 0.0, 0.01]
    knots, order = record(gram, moments, 0.0)
    inside = [tuple(np.flatnonzero(one)) for one in knots[:, 1:]]
    assert inside[:4] == [(), (0,), (0, 2), (1, 2)]
    assert list(order) == [2, 1, 0]


def test_the_published_criterion_by_hand() -> None:
    """Orthonormal columns that the walk sorts by their moments: the second, the third, the first.

    m = (2, 4, 3), and 30 to explain. At the knot 3 the coefficients are (0, 1, 0); the second column is now the
    third's, so that the RSS is 30 − 2·3 + 1 = 25. At 2: (0, 2, 1) on the third's and the first's, 30 − 2(2·3 + 2) +
    5 = 19. At 0: (2, 4, 3) on the second's, the third's and the first's, 30 − 2(2·4 + 4·3 + 3·2) + 29 = 7. With 7
    rows 7·RSS/30 + 2 df is 7, 7.8, 8.4 and 7.6: nothing is taken, and the penalty is the first knot's. As columns
    are, RSS is 23, 13 and 1, and the criterion 7, 7.4, 7.03 and 6.2. With 20 rows both prefer the last.
    """
    moments, total = np.array([2.0, 4.0, 3.0]), 30.0
    for rows, published, exact in ((7, 4.0, 0.0), (20, 0.0, 0.0)):
        chosen = estimating._choose_sorted(np.eye(3), moments, total, rows)
        assert chosen == pytest.approx(published, abs=1e-5)
        assert walk(np.eye(3), moments, 0.0, rows, total, 1.0)[0] == pytest.approx(exact)


def test_days_are_backwards_in_the_references_order() -> None:
    """Two lagged days of three slots, then the dummies."""
    assert list(estimating._in_reference_order(6 + 7, 3)) == [2, 1, 0, 5, 4, 3, *range(6, 13)]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The estimator as it is where numba is not installed."""
    monkeypatch.setitem(sys.modules, "numba", None)
    package = "carbon254.plugins.models.lear"
    for name in MODULES:
        monkeypatch.delitem(sys.modules, f"{package}.{name}", raising=False)
    made = importlib.import_module(f"{package}.estimating")
    assert not hasattr(made.walk, "py_func"), "it is compiled"
    return made


@pytest.mark.parametrize("criterion", ["published", "exact"])
@pytest.mark.parametrize("rows", [260, 40])
def test_without_numba_the_numbers_are_the_same(
    plain: ModuleType, rows: int, criterion: str
) -> None:
    assert plain.estimate is not estimating.estimate
    random = np.random.default_rng(rows)
    numbers = random.normal(40, 20, (rows, 1)) + random.normal(0, 8, (rows, 72))
    dummies = np.eye(7)[np.arange(rows) % 7]
    prices = numbers[:, :6] + random.normal(0, 5, (rows, 6))
    compiled, plainly = (
        made(numbers, dummies, prices, criterion=criterion)
        for made in (estimating.estimate, plain.estimate)
    )
    np.testing.assert_allclose(compiled.penalties, plainly.penalties, rtol=1e-9)
    np.testing.assert_allclose(
        compiled.predict(numbers[-1], dummies[-1]),
        plainly.predict(numbers[-1], dummies[-1]),
        rtol=0,
        atol=1e-9,
    )
