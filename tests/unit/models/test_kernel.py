"""Kernel regression: its formula by hand, and what follows from it."""

from typing import Any

import numpy as np
import pytest

from carbon254.core.domain.arcsinh import MedianArcsinh
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Horizon
from carbon254.core.domain.schemas import build
from carbon254.plugins.models.kernel.estimating import Estimate, Space, estimate, noise_by_age
from carbon254.plugins.models.kernel.model import Kernel, KernelParameters
from carbon254.ports.testing.fakes.models import card
from carbon254.ports.testing.models import ORDINARY, reader_of

_NOTHING = np.zeros(0)


def _on_a_line(
    places: list[float], prices: list[float], noise: list[float], length: float = 1.0
) -> Estimate:
    """Days that lie on a line as they are, each with one price, which goes through next to no arcsinh."""
    space = Space(MedianArcsinh(np.zeros(1), np.ones(1), 1e6), np.zeros(1), np.ones(1), 0.0)
    points, paid = np.array(places)[:, None], np.array(prices)[:, None]
    return estimate(space, points, paid, np.array(noise), length=length, bend=1e6)


def _at(made: Estimate, place: float) -> float:
    return float(made.predict(np.array([place]), _NOTHING)[0])


def test_two_days_by_hand() -> None:
    """Days at 0 and 1 were paid 0 and 2. Of d² = 0, 0, 1, 1 the median is ½, so that ℓ = 1 makes k(0, 1) = 1/e.

    Around their mean of 1 the shares are ∓1 / (1 + n − 1/e): with n = 0.1 the first day's own price is forecast as
    1 − (1 − 0.367879) / (1.1 − 0.367879) = 0.136590, the second's as 1.863410, and half way as 1.
    """
    made = _on_a_line([0.0, 1.0], [0.0, 2.0], [0.1, 0.1])
    assert [_at(made, 0.0), _at(made, 1.0), _at(made, 0.5)] == pytest.approx(
        [0.136590, 1.863410, 1.0], abs=1e-6
    )


def test_far_from_all_that_was_seen_it_says_the_mean() -> None:
    made = _on_a_line([0.0, 1.0, 2.0], [0.0, 2.0, 10.0], [0.1] * 3)
    assert _at(made, 1e3) == pytest.approx(4.0)


def test_with_no_noise_every_day_is_found_again() -> None:
    places, prices = [0.0, 0.4, 1.0, 1.7], [30.0, -20.0, 500.0, 41.0]
    made = _on_a_line(places, prices, [1e-9] * 4)
    assert [_at(made, place) for place in places] == pytest.approx(prices, abs=1e-4)


def test_of_two_days_alike_the_later_says_more() -> None:
    """One place, paid 0 long ago and 10 lately, with 0.1 and 0.4 of noise: the weights are inverse, 1 to 4."""
    made = _on_a_line([0.0, 0.0, 9.0], [0.0, 10.0, 5.0], [0.4, 0.1, 1e9], length=1.0)
    assert _at(made, 0.0) == pytest.approx(5 + 3 / (1 + 1 / (1 / 0.1 + 1 / 0.4)), abs=1e-6)


def test_it_finds_what_no_straight_line_does() -> None:
    """A price that is the square of the load: 64 at 0.8 and at −0.8, 0 between them."""
    load = np.linspace(-1.0, 1.0, 81)
    made = _on_a_line(list(load), list(100 * load**2), [1e-3] * 81)
    assert [_at(made, place) for place in (-0.8, 0.0, 0.8)] == pytest.approx([64, 0, 64], abs=1.0)


def test_noise_doubles_with_every_half_life_and_never_overflows() -> None:
    noise = noise_by_age(0.01, np.array([0.0, 300.0, 600.0, 1e9]), 300.0)
    assert noise[:3] == pytest.approx([0.01, 0.02, 0.04])
    assert np.isfinite(noise).all()


def test_a_block_weighs_what_it_is_given_whatever_its_unit() -> None:
    """Prices and a load a thousand times as large: mean squares of the blocks are the squares of their weights."""
    random = np.random.default_rng(3)
    numbers = np.concatenate(
        [random.normal(40, 9, (300, 24)), 1e3 * random.normal(50, 4, (300, 24))], axis=1
    )
    days = np.eye(7)[np.arange(300) % 7]
    space, points = Space.of(numbers, days, np.array([1.0, 0.5]), 0.7, bend=3.0)
    assert (points[:, :24] ** 2).sum(axis=1).mean() == pytest.approx(1.0)
    assert (points[:, 24:48] ** 2).sum(axis=1).mean() == pytest.approx(0.25)
    assert sorted(points[0, 48:]) == [0.0] * 6 + [0.7]
    assert (space.point(numbers[4], days[4]) == points[4]).all()


def test_a_block_that_stands_still_counts_for_nothing() -> None:
    numbers = np.concatenate([np.arange(40.0)[:, None], np.full((40, 1), 7.0)], axis=1)
    _, points = Space.of(numbers, np.zeros((40, 7)), np.ones(2), 0.0, 3.0)
    assert (points[:, 1] == 0.0).all()
    assert np.isfinite(points).all()


def test_days_that_are_all_alike_are_forecast_by_their_mean() -> None:
    made = _on_a_line([3.0] * 20, [float(one) for one in range(20)], [0.1] * 20)
    assert _at(made, 3.0) == pytest.approx(9.5)


@pytest.fixture
def kernel() -> Kernel:
    return Kernel(card("kernel"))


@pytest.mark.parametrize(("window", "days"), [(60, 53.0), (1092, 83.0)])
def test_it_learns_from_the_window_or_what_there_is(
    kernel: Kernel, window: int, days: float
) -> None:
    reader = reader_of(ORDINARY, 90)
    state = kernel.fit(reader, reader.origin, KernelParameters(window=window), 1)
    made = kernel.predict(state, reader, Horizon(reader.subject.grid, ORDINARY))
    assert made.notes == {"days": days}


def test_too_little_history_says_what_is_needed(kernel: Kernel) -> None:
    reader = reader_of(ORDINARY, 20)
    with pytest.raises(
        InvalidRequest, match=r"since \S+ are whole .* kernel needs 14 and 7 days before them"
    ):
        kernel.fit(reader, reader.origin, KernelParameters(), 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 7},
        {"ridge": 0.0},
        {"length": 0.0},
        {"half_life": -1.0},
        {"price_lags": [0], "price_weights": [1.0]},
        {"price_lags": [1, 2]},
        {"exogenous_weights": [1.0, -1.0, 1.0]},
    ],
)
def test_parameters_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        build(KernelParameters, wrong, "parameters of kernel")


def test_lags_and_weights_of_unequal_number_are_told() -> None:
    with pytest.raises(
        InvalidRequest, match=r"price_weights must be as many as price_lags: 2, not 4"
    ):
        build(KernelParameters, {"price_lags": [1, 7]}, "parameters of kernel")
