"""Values as they leave the platform: one series' columns by name, and what was done to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
from attrs import evolve, field, frozen

from carbon254.core.domain.observations import Column, as_int
from carbon254.core.domain.resampling import Aggregate, Intervals
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import Flag, State
from carbon254.core.usecases.query_series import SeriesAnswer

_STORED = (
    "interval_start", "interval_end", "value", "state", "finality", "flags", "source_rank", "issued_at",
    "published_at", "published_basis", "recorded_at",
)  # fmt: skip
_KEY = ("interval_start", "interval_end", "issued_at", "recorded_at")


@frozen(order=True)
class Position:
    """The place of a row among all rows of a question: its series and its instants, in microseconds."""

    series: SeriesId
    key: tuple[int, ...]


@frozen(eq=False)
class Values:
    """One series: ``columns`` by name, in order of the instants, UTC; state, finality, flags and basis as codes.

    A row that is no stored one has no finality and the state that says why. ``done`` names the block, the periods,
    the conversion and what else made the values out of stored ones.
    """

    series: SeriesId
    unit: str
    columns: Mapping[str, Column]
    as_of: datetime | None
    synthetic: bool
    done: Mapping[str, Any] = field(factory=dict)

    def __len__(self) -> int:
        return len(self.columns["value"])

    def take(self, rows: Any) -> Values:
        """The rows that a slice or mask names."""
        return evolve(self, columns={name: one[rows] for name, one in self.columns.items()})

    def key(self) -> list[Column]:
        """What orders the rows, as whole numbers."""
        return [as_int(self.columns[name]) for name in _KEY if name in self.columns]

    def position(self, row: int) -> Position:
        """The place of a row."""
        return Position(self.series, tuple(int(one[row]) for one in self.key()))

    def beyond(self, position: Position) -> Values:
        """The rows after a place in this series."""
        after = np.zeros(len(self), dtype=bool)
        level = np.ones(len(self), dtype=bool)
        for column, edge in zip(self.key(), position.key, strict=True):
            after |= level & (column > edge)
            level &= column == edge
        return self.take(after)


def of_answer(answer: SeriesAnswer) -> Values:
    """An answer as it is."""
    columns = {name: getattr(answer, name) for name in _STORED}
    columns["stored"] = answer.batch >= 0
    return Values(answer.series, answer.unit, columns, answer.as_of, answer.synthetic)


def intervals_of(answer: SeriesAnswer) -> Intervals:
    """The rows of an answer, to be resampled."""
    return Intervals(
        answer.interval_start, answer.interval_end, answer.value, answer.state, answer.finality, answer.flags,
        answer.published_at, answer.recorded_at,
    )  # fmt: skip


def of_aggregate(answer: SeriesAnswer, made: Aggregate, done: Mapping[str, Any]) -> Values:
    """Periods made of an answer's rows."""
    columns = {
        "interval_start": made.start, "interval_end": made.end, "value": made.value, "state": made.state,
        "finality": made.finality, "flags": made.flags, "published_at": made.published_at,
        "recorded_at": made.recorded_at, "hours": made.hours, "hours_expected": made.hours_expected,
        "stored": made.state == State.OK,
    }  # fmt: skip
    return Values(answer.series, answer.unit, columns, answer.as_of, answer.synthetic, done)


def marked_converted(values: Values, unit: str, changed: Mapping[str, Column], done: Any) -> Values:
    """The values in another unit, each row with a number flagged ``converted``; ``done`` says by what."""
    there = values.columns["stored"]
    flags = values.columns["flags"]
    columns = {
        **values.columns,
        **changed,
        "flags": np.where(there, flags | np.uint32(Flag.CONVERTED), flags),
    }
    return evolve(values, unit=unit, columns=columns, done={**values.done, "conversion": done})
