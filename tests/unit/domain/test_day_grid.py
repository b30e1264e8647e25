"""Days × slots, on days of 24, 23 and 25 hours; expected numbers are counted by hand."""

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import instant64

BRUSSELS = DayGrid("Europe/Brussels", timedelta(hours=1))
SHORT, LONG, ORDINARY = date(2025, 3, 30), date(2025, 10, 26), date(2025, 6, 11)


def filled(grid: DayGrid, day: date) -> tuple[np.ndarray, np.ndarray]:
    """The day's starts, and 10, 11, 12 … for them."""
    starts = grid.starts(day)
    return starts, 10.0 + np.arange(len(starts))


def test_an_ordinary_day_is_its_own_row() -> None:
    starts, values = filled(BRUSSELS, ORDINARY)
    assert starts[0] == instant64(datetime(2025, 6, 10, 22, tzinfo=UTC))
    assert BRUSSELS.matrix(starts, values, ORDINARY, ORDINARY)[0].tolist() == values.tolist()


def test_the_hour_that_a_short_day_lacks_lies_between_its_neighbours() -> None:
    starts, values = filled(BRUSSELS, SHORT)
    assert len(starts) == 23
    row = BRUSSELS.matrix(starts, values, SHORT, SHORT)[0]
    assert row[:5].tolist() == [10, 11, 11.5, 12, 13]
    assert row[-1] == 32


def test_the_hour_that_a_long_day_has_twice_is_their_mean() -> None:
    starts, values = filled(BRUSSELS, LONG)
    assert len(starts) == 25
    row = BRUSSELS.matrix(starts, values, LONG, LONG)[0]
    assert row[:5].tolist() == [10, 11, 12.5, 14, 15]
    assert row[-1] == 34


def test_of_a_doubled_hour_the_one_that_is_known_counts() -> None:
    starts, values = filled(BRUSSELS, LONG)
    values[3] = np.nan
    assert BRUSSELS.matrix(starts, values, LONG, LONG)[0, 2] == 12


def test_going_out_a_short_day_lacks_the_slot_and_a_long_one_has_it_twice() -> None:
    row = np.arange(24.0)[None]
    assert BRUSSELS.flatten(row, SHORT).tolist() == [0, 1, *range(3, 24)]
    assert BRUSSELS.flatten(row, LONG).tolist() == [0, 1, 2, 2, *range(3, 24)]
    both = np.vstack([row, row + 100])
    assert BRUSSELS.flatten(both, SHORT)[22:25].tolist() == [23, 100, 101]


def test_quarters_of_an_absent_hour_lie_on_a_line() -> None:
    grid = DayGrid("Europe/Brussels", timedelta(minutes=15))
    starts, values = filled(grid, SHORT)
    assert (grid.slots, len(starts)) == (96, 92)
    row = grid.matrix(starts, values, SHORT, SHORT)[0]
    assert np.allclose(row[7:13], [17, 17.2, 17.4, 17.6, 17.8, 18])


@pytest.mark.parametrize(
    ("zone", "day", "count"),
    [("America/Los_Angeles", date(2025, 3, 9), 23), ("America/Los_Angeles", date(2025, 11, 2), 25),
     ("UTC-05:00", date(2025, 3, 9), 24), ("UTC+10:00", date(2025, 4, 6), 24)],
)  # fmt: skip
def test_days_are_as_long_as_their_zone_has_them(zone: str, day: date, count: int) -> None:
    grid = DayGrid(zone, timedelta(hours=1))
    assert len(grid.starts(day)) == count
    assert set(grid.place(grid.starts(day))[0].tolist()) == {day}


def test_a_day_may_start_at_four() -> None:
    grid = DayGrid("UTC+10:00", timedelta(minutes=30), time(4))
    starts = grid.starts(date(2025, 5, 1))
    assert starts[0] == instant64(datetime(2025, 4, 30, 18, tzinfo=UTC))
    assert grid.place(starts)[1].tolist() == list(range(48))


def test_what_is_not_there_is_not_made_up() -> None:
    starts, values = filled(BRUSSELS, ORDINARY)
    keep = np.arange(24) != 7
    row = BRUSSELS.matrix(starts[keep], values[keep], ORDINARY, ORDINARY)[0]
    assert np.flatnonzero(np.isnan(row)).tolist() == [7]
    starts, values = filled(BRUSSELS, SHORT)
    values[1] = np.nan  # a neighbour of the absent hour
    row = BRUSSELS.matrix(starts, values, SHORT, SHORT)[0]
    assert np.flatnonzero(np.isnan(row)).tolist() == [1, 2]


def test_intervals_of_other_days_are_left_out() -> None:
    starts, values = filled(BRUSSELS, ORDINARY)
    rows = BRUSSELS.matrix(starts, values, SHORT, SHORT + timedelta(1))
    assert np.isnan(rows).all()
    assert rows.shape == (2, 24)


@pytest.mark.parametrize("minutes", [0, -60, 7, 50])
def test_a_resolution_that_does_not_divide_a_day_is_refused(minutes: int) -> None:
    with pytest.raises(InvalidRequest, match="no whole number"):
        DayGrid("Europe/Brussels", timedelta(minutes=minutes))
