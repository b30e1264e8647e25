"""Interval arithmetic, against a count of single minutes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon254.core.domain.gaps import Gaps, uncovered, union

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=6)


def columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    start = np.array([begin for begin, _ in pairs], dtype="datetime64[us]")
    return start, start + np.array([length for _, length in pairs], dtype="timedelta64[us]")


def members(start: np.ndarray, end: np.ndarray) -> set[int]:
    whole = zip(start.astype(int).tolist(), end.astype(int).tolist(), strict=True)
    return {n for begin, finish in whole for n in range(begin, finish)}


@settings(derandomize=True, max_examples=200, deadline=None)
@given(spans, st.integers(1, 7))
def test_what_is_uncovered_is_the_grid_less_the_rows(
    rows: list[tuple[int, int]], step: int
) -> None:
    grid = columns([(n, step) for n in range(0, 80, step)])
    start, end = uncovered(*grid, *columns(rows))
    assert members(start, end) == members(*grid) - members(*columns(rows))
    assert np.all(start[1:] >= end[:-1])
    assert np.all(
        start.astype(int) // step == (end.astype(int) - 1) // step
    )  # each within one interval


@settings(derandomize=True, max_examples=200, deadline=None)
@given(spans)
def test_a_union_covers_the_same_and_never_touches_itself(rows: list[tuple[int, int]]) -> None:
    start, end = union(*columns(rows))
    assert members(start, end) == members(*columns(rows))
    assert np.all(start[1:] > end[:-1])


def test_gaps_merge_where_they_adjoin_and_say_the_same() -> None:
    gaps, states = Gaps.of(*columns([(0, 5), (5, 5), (10, 5), (20, 5)])).merged(
        np.array([4, 4, 5, 5])
    )
    assert gaps.start.astype(int).tolist() == [0, 10, 20]
    assert gaps.end.astype(int).tolist() == [10, 15, 25]
    assert states.tolist() == [4, 5, 5]
