"""Where a series has holes: arithmetic of half-open intervals on columns, without cards or clocks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from attrs import frozen

from carbon254.core.domain.observations import INSTANT, NAT, Column, instant64
from carbon254.core.domain.time import Window


@frozen(eq=False)
class Gaps:
    """Stretches that are not there; ``issued`` is the issue that should hold them, ``NaT`` where none is meant."""

    start: Column
    end: Column
    issued: Column

    @classmethod
    def of(cls, start: Column, end: Column, issued: np.datetime64 = NAT) -> Gaps:
        """Gaps of one issue."""
        return cls(start, end, np.full(len(start), issued, dtype=INSTANT))

    @classmethod
    def none(cls) -> Gaps:
        """No gaps."""
        return cls.of(np.zeros(0, dtype=INSTANT), np.zeros(0, dtype=INSTANT))

    @classmethod
    def join(cls, parts: Sequence[Gaps]) -> Gaps:
        """All gaps of the parts, in the parts' order."""
        everything = (cls.none(), *parts)
        return cls(
            np.concatenate([part.start for part in everything]),
            np.concatenate([part.end for part in everything]),
            np.concatenate([part.issued for part in everything]),
        )

    def merged(self, states: Column) -> tuple[Gaps, Column]:
        """Join gaps that adjoin and have the same state; they must be in order."""
        if not len(self.start):
            return self, states
        breaks = (self.start[1:] != self.end[:-1]) | (states[1:] != states[:-1])
        first = np.flatnonzero(np.concatenate([[True], breaks]))
        last = np.flatnonzero(np.concatenate([breaks, [True]]))
        return Gaps(self.start[first], self.end[last], self.issued[first]), states[first]


def union(starts: Column, ends: Column) -> tuple[Column, Column]:
    """Return the disjoint stretches that the intervals cover together, in order; adjoining ones are one."""
    order = np.argsort(starts, kind="stable")
    start, reach = starts[order], np.maximum.accumulate(ends[order])
    breaks = start[1:] > reach[:-1]
    first = np.concatenate([[True], breaks])[: len(start)]
    last = np.concatenate([breaks, [True]])[: len(start)]
    return start[first], reach[last]


def uncovered(
    starts: Column, ends: Column, row_starts: Column, row_ends: Column
) -> tuple[Column, Column]:
    """Return the intervals that no row touches, and the rest of those that rows cover in part, in order."""
    if not len(row_starts):
        return starts, ends
    cover_start, cover_end = union(row_starts, row_ends)
    low = np.searchsorted(cover_end, starts, side="right")
    high = np.searchsorted(cover_start, ends, side="left")
    free = low >= high
    whole = ~free & (cover_start[np.minimum(low, len(cover_start) - 1)] <= starts)
    whole &= cover_end[np.minimum(low, len(cover_end) - 1)] >= ends
    found = [(starts[free], ends[free])]
    for n in np.flatnonzero(~free & ~whole):
        edges_start = np.concatenate([starts[n : n + 1], cover_end[low[n] : high[n]]])
        edges_end = np.concatenate([cover_start[low[n] : high[n]], ends[n : n + 1]])
        rest = edges_start < edges_end
        found.append((edges_start[rest], edges_end[rest]))
    start, end = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(start, kind="stable")
    return start[order], end[order]


def max_gap_gaps(spans: Sequence[Window], starts: Column, ends: Column, max_gap: timedelta) -> Gaps:
    """Return the stretches of the spans without rows that are longer than ``max_gap``, cut to that length.

    The cuts are there to be judged one by one; `Gaps.merged` joins those with the same answer.
    """
    step = np.timedelta64(max_gap, "us")
    found = []
    for span in spans:
        edge = np.array([instant64(span.start), instant64(span.end)], dtype=INSTANT)
        near = (starts < edge[1]) & (ends >= edge[0])
        free_start, free_end = _between(edge, starts[near], ends[near])
        for begin, finish in zip(free_start, free_end, strict=True):
            if finish - begin > step:
                cuts = np.arange(begin, finish, step, dtype=INSTANT)
                found.append(Gaps.of(cuts, np.append(cuts[1:], finish)))
    return Gaps.join(found)


def _between(edge: Column, starts: Column, ends: Column) -> tuple[Column, Column]:
    """The stretches between the covered ones; rows without length (instants) part stretches too."""
    cover_start, cover_end = union(starts, ends)
    return np.append(edge[:1], cover_end), np.append(cover_start, edge[1:])


def vintage_gaps(grid: tuple[Column, Column], rows: tuple[Column, Column, Column]) -> Gaps:
    """Return the holes between the first and last row of each issue, and the grid that no issue reaches."""
    starts, ends, issued = rows
    issues, number = np.unique(issued, return_inverse=True)
    order = np.argsort(number, kind="stable")
    bounds = np.searchsorted(number[order], np.arange(len(issues) + 1))
    found, reach_start, reach_end = [], [], []
    for n, issue in enumerate(issues):
        own = order[bounds[n] : bounds[n + 1]]
        first, last = starts[own].min(), ends[own].max()
        low, high = np.searchsorted(grid[0], first), np.searchsorted(grid[1], last, side="right")
        hole = uncovered(grid[0][low:high], grid[1][low:high], starts[own], ends[own])
        found.append(Gaps.of(*hole, issue))
        reach_start.append(first)
        reach_end.append(last)
    reach = np.array(reach_start, dtype=INSTANT), np.array(reach_end, dtype=INSTANT)
    return Gaps.join([*found, Gaps.of(*uncovered(*grid, *reach))])
