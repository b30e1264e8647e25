"""What was known of a subject's series at an origin, as a `Reader`: the one place where look-ahead is ruled out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from attrs import define, evolve, field, frozen

from carbon254.core.domain.bridging import bridge
from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.forecasts import Subject
from carbon254.core.domain.observations import (
    Column,
    Observations,
    as_int,
    from_instant64,
    instant64,
)
from carbon254.core.domain.revisions import current
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import State, check_measure
from carbon254.core.usecases.query_series import latest_issue
from carbon254.ports.matrix_reader import DayTable, MatrixReader, Said, no_members

_DIGESTED: Final = (
    "interval_start",
    "interval_end",
    "value",
    "state",
    "finality",
    "source_rank",
    "flags",
    "issued_at",
    "published_at",
)


@frozen(eq=False, kw_only=True)
class Knowledge:
    """Rows of a subject's series, of every age, and on which clock they count as known.

    ``published_at`` before ``live_since`` (all of it where that is None), ``recorded_at`` from then on: what was
    backfilled counts from when the market said it, what was recorded live from when we had it. ``gap`` is a further
    delay; ``window`` is the number of days before the delivery day that may be seen (None: all).
    """

    subject: Subject
    rows: Observations = field(repr=False)
    live_since: datetime | None = None
    gap: timedelta = timedelta(0)
    window: int | None = None

    def known(self, origin: datetime, rows: Observations | None = None) -> Column:
        """Which rows were known at the origin, as a mask; a row without its instant was not."""
        found = self.rows if rows is None else rows
        clock = found.recorded_at if self.is_live(origin) else found.published_at
        mask: Column = clock <= instant64(origin - self.gap)
        return mask

    def is_live(self, origin: datetime) -> bool:
        """Whether at this origin the clock is that of our own recording."""
        return self.live_since is not None and origin >= self.live_since

    def until(self, origins: Iterable[datetime]) -> Knowledge:
        """The same without the rows that were known at none of the origins: what may travel to a worker."""
        known = np.zeros(len(self.rows), dtype=bool)
        for origin in origins:
            known |= self.known(origin)
        return evolve(self, rows=self.rows.take(known))

    def digests(self, *, recorded: bool = False) -> dict[str, str]:
        """A SHA-256 in hex of each series' rows, whatever their order; with our own clock only where asked."""
        return {str(one): self._digest(one, recorded=recorded) for one in self.subject.series}

    def _digest(self, series: SeriesId, *, recorded: bool) -> str:
        made = hashlib.sha256(str(series).encode())
        rows = of_series(self.rows, series)
        order = np.lexsort(
            (rows.value, as_int(rows.published_at), as_int(rows.issued_at), rows.interval_end,
             rows.interval_start)
        )  # fmt: skip
        for name in (*_DIGESTED, *(("recorded_at",) if recorded else ())):
            made.update(np.ascontiguousarray(rows.column(name)[order]).tobytes())
        return made.hexdigest()


class AsOf:
    """Readers at one origin after the other; quickest when origins ascend."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._moving = {
            one: Moving(knowledge, one) for one in knowledge.subject.series
        }  # by series

    def reader(self, day: date, origin: datetime, said: Said = no_members) -> MatrixReader:
        """What was known at the origin of the first delivery day."""
        tables = {one: moving.at(origin) for one, moving in self._moving.items()}
        target = tables[self._knowledge.subject.target]
        there = np.flatnonzero(np.isfinite(target.values).any(axis=1))
        since = target.first + timedelta(int(there[0])) if len(there) else day
        if self._knowledge.window is not None:
            since = max(since, day - timedelta(self._knowledge.window))
        return MatrixReader(self._knowledge.subject, origin, since, tables, said)


@define(eq=False)
class Moving:
    """One series' days × slots as of an instant that moves on; only days with news are worked out again."""

    knowledge: Knowledge
    series: SeriesId
    rows: Observations = field(init=False, repr=False)
    _first: date = field(init=False)
    _matrix: Column = field(init=False, repr=False)
    _known: Column = field(init=False, repr=False)
    _longest: np.timedelta64 = field(init=False)

    def __attrs_post_init__(self) -> None:
        own = of_series(self.knowledge.rows, self.series)
        self.rows = rows = own.take(np.argsort(own.interval_start, kind="stable"))
        self._known = np.zeros(len(rows), dtype=bool)
        grid = self.knowledge.subject.grid
        self._first, days = date(2000, 1, 1), 0
        self._longest = np.timedelta64(0, "us")
        if len(rows):
            self._longest = (rows.interval_end - rows.interval_start).max()
            self._first, last = _days_of(grid, rows.interval_start.min(), rows.interval_end.max())
            days = (last - self._first).days + 1
        self._matrix = np.full((days, grid.slots), np.nan)

    def at(self, origin: datetime) -> DayTable:
        """What was known at the instant."""
        known = self.knowledge.known(origin, self.rows)
        news = np.flatnonzero(known != self._known)
        self._known = known
        if len(news):
            changed = self._matrix.copy()  # readers of other origins keep theirs
            for first, last in self._days_with(news):
                changed[(first - self._first).days : (last - self._first).days + 1] = (
                    self._work_out(first, last)
                )
            changed.flags.writeable = False
            self._matrix = changed
        return DayTable(self._first, self._matrix)

    def _days_with(self, news: Column) -> Iterator[tuple[date, date]]:
        """Runs of days that the rows touch."""
        grid, rows = self.knowledge.subject.grid, self.rows
        step = np.timedelta64(1, "us")
        first = grid.days_of(rows.interval_start[news])
        last = grid.days_of(np.maximum(rows.interval_end[news] - step, rows.interval_start[news]))
        edge = np.zeros(len(self._matrix) + 1, dtype=np.int64)
        origin = np.datetime64(self._first, "D")
        np.add.at(edge, (first - origin).astype(np.int64), 1)
        np.add.at(edge, (last - origin).astype(np.int64) + 1, -1)
        touched = np.append(np.cumsum(edge) > 0, False)
        turns = np.flatnonzero(np.diff(np.append(False, touched).astype(np.int8)))
        for low, high in zip(turns[::2].tolist(), turns[1::2].tolist(), strict=True):
            yield self._first + timedelta(low), self._first + timedelta(high - 1)

    def _work_out(self, first: date, last: date) -> Column:
        subject, rows = self.knowledge.subject, self.rows
        window = subject.grid.window(first, last)
        low, high = (
            instant64(window.start) - 2 * self._longest,
            instant64(window.end) + self._longest,
        )
        near = np.arange(*np.searchsorted(rows.interval_start, (low, high)))
        there = rows.take(near[self._known[near]])
        return on_days(there, subject.grid, first, last, additive=is_additive(self.series))


def on_days(
    rows: Observations, grid: DayGrid, first: date, last: date, *, additive: bool = False
) -> Column:
    """The current rows of one series, of forecasts the latest issue, as days × slots."""
    cells = grid.starts(first, last)
    return grid.matrix(
        cells, on_cells(rows, cells, grid.resolution, additive=additive), first, last
    )


def on_cells(
    rows: Observations, cells: Column, resolution: timedelta, *, additive: bool = False
) -> Column:
    """The current rows of one series, of forecasts the latest issue, on consecutive cells; NaN where none is ok."""
    chosen = latest_issue(rows, current(rows))
    chosen = chosen[rows.state[chosen] == State.OK]
    now = rows.take(chosen[np.argsort(rows.interval_start[chosen], kind="stable")])
    if not _overlapping(now):
        return bridge(
            now.interval_start, now.interval_end, now.value, cells, resolution, additive=additive
        )
    made = np.full(len(cells), np.nan)
    for issue in np.unique(
        as_int(now.issued_at)
    ).tolist():  # of other lengths: the later issue wins
        part = now.take(as_int(now.issued_at) == issue)
        found = bridge(
            part.interval_start, part.interval_end, part.value, cells, resolution, additive=additive
        )
        made = np.where(np.isnan(found), made, found)
    return made


def first_words(rows: Observations) -> Observations:
    """Of one series' rows the first that was published of each interval (and issue), however it was revised."""
    order = np.lexsort(
        (
            as_int(rows.recorded_at),
            as_int(rows.published_at),
            as_int(rows.issued_at),
            rows.interval_end,
            rows.interval_start,
        )
    )
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for name in ("interval_start", "interval_end", "issued_at"):
        values = as_int(rows.column(name))[order]
        same &= values[1:] == values[:-1]
    return rows.take(order[np.append(True, ~same)] if len(order) else order)


def is_additive(series: SeriesId) -> bool:
    """Whether numbers of the series are sums over their intervals."""
    return check_measure(series.measure).basis == "sum"


def _overlapping(rows: Observations) -> bool:
    return bool((rows.interval_start[1:] < rows.interval_end[:-1]).any())


def of_series(rows: Observations, series: SeriesId) -> Observations:
    """The rows of one series."""
    if series not in rows.series:
        return rows.take([])
    return rows.take(rows.code == rows.series.index(series))


def _days_of(grid: DayGrid, low: np.datetime64, high: np.datetime64) -> tuple[date, date]:
    first, last = from_instant64(low), from_instant64(max(low, high - np.timedelta64(1, "us")))
    assert first is not None
    assert last is not None
    return grid.day_of(first), grid.day_of(last)
