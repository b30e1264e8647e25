"""The bridge between resolutions; answers are typed by hand."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon254.core.domain.bridging import bridge

HOUR, QUARTER = timedelta(hours=1), timedelta(minutes=15)
NOON = np.datetime64("2025-09-30T12:00", "us")


def minutes(*values: int) -> np.ndarray:
    return NOON + np.array(values) * np.timedelta64(1, "m")


def cells(count: int, step: int) -> np.ndarray:
    return minutes(*range(0, count * step, step))


def test_an_hour_holds_for_each_of_its_quarters() -> None:
    made = bridge(minutes(0, 60), minutes(60, 120), np.array([40.0, -8.0]), cells(8, 15), QUARTER)
    assert made.tolist() == [40.0] * 4 + [-8.0] * 4


def test_quarters_are_averaged_over_their_hour() -> None:
    starts, ends = minutes(0, 15, 30, 45), minutes(15, 30, 45, 60)
    made = bridge(starts, ends, np.array([1.0, 2, 3, 6]), cells(1, 60), HOUR)
    assert made.tolist() == [3.0]


def test_a_cell_that_is_not_covered_whole_has_no_number() -> None:
    made = bridge(minutes(0, 30, 45), minutes(15, 45, 60), np.ones(3), cells(2, 60), HOUR)
    assert np.isnan(made).all()


def test_energy_is_shared_out_by_time_and_added_up() -> None:
    made = bridge(minutes(0), minutes(60), np.array([8.0]), cells(4, 15), QUARTER, additive=True)
    assert made.tolist() == [2.0] * 4
    starts, ends = minutes(0, 15, 30, 45), minutes(15, 30, 45, 60)
    made = bridge(starts, ends, np.arange(4.0), cells(1, 60), HOUR, additive=True)
    assert made.tolist() == [6.0]


def test_lengths_that_do_not_fit_are_weighed_by_their_time() -> None:
    """Forty minutes of 3 and twenty of 9 make an hour of 5."""
    made = bridge(minutes(0, 40), minutes(40, 60), np.array([3.0, 9.0]), cells(1, 60), HOUR)
    assert made == pytest.approx([5.0])


def test_instants_are_samples_of_their_cell() -> None:
    made = bridge(
        minutes(0, 5, 70), minutes(0, 5, 70), np.array([1.0, 3.0, 7.0]), cells(3, 60), HOUR
    )
    assert made[:2].tolist() == [2.0, 7.0]
    assert np.isnan(made[2])


def test_what_lies_outside_is_left_out() -> None:
    made = bridge(
        minutes(-60, 0, 120), minutes(0, 60, 180), np.array([1.0, 2.0, 3.0]), cells(2, 60), HOUR
    )
    assert made[0] == 2.0
    assert np.isnan(made[1])
    assert bridge(minutes(), minutes(), np.zeros(0), cells(2, 60), HOUR).shape == (2,)
    assert bridge(minutes(0), minutes(60), np.ones(1), cells(0, 60), HOUR).shape == (0,)


@given(st.lists(st.integers(-(10**8), 10**8).map(lambda n: n / 100), min_size=1, max_size=24))
def test_out_to_quarters_and_back_to_hours_changes_no_bit(values: list[float]) -> None:
    hours = cells(len(values), 60)
    fine = cells(4 * len(values), 15)
    out = bridge(hours, hours + 60 * np.timedelta64(1, "m"), np.array(values), fine, QUARTER)
    back = bridge(fine, fine + 15 * np.timedelta64(1, "m"), out, hours, HOUR)
    assert back.tolist() == values
