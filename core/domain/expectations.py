"""What a card expects of a series over a window, and the answer without silent gaps (VOCABULARY §10).

Columns are ``datetime64[us]`` in UTC. A query takes the intervals that start in ``[start, end)``. Nothing here
asks what time it is: `derive_states` judges gaps at the instant that it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

import numpy as np
from attrs import field, frozen

from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.gaps import Gaps, max_gap_gaps, uncovered, vintage_gaps
from carbon254.core.domain.observations import INSTANT, NAT, Column, Observations, instant64
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, day_window, days_in, interval_count, local_instant
from carbon254.core.domain.vocabulary import State

_DAY: Final = np.dtype("datetime64[D]")


@frozen(eq=False)
class DerivedStates:
    """The full answer for one series: rows that are there, and gaps with the reason for each.

    ``row`` is the index into the rows that were given, −1 for a gap; ``issued_at`` is ``NaT`` where no issue is
    meant. Ordered by start, end and issue.
    """

    interval_start: Column
    interval_end: Column
    state: Column
    row: Column
    issued_at: Column = field(repr=False)

    def __len__(self) -> int:
        return len(self.row)

    @property
    def gaps(self) -> Column:
        """Which entries are gaps, as a mask."""
        absent: Column = self.row < 0
        return absent

    def beside(self, rows: Observations, inside: Column) -> DerivedStates:
        """These gaps beside other rows of the series: those of a history that the mask names."""
        at, gap = np.flatnonzero(inside), self.gaps
        return _stack(
            (rows.interval_start[at], rows.interval_end[at], rows.state[at], at, rows.issued_at[at]),
            (self.interval_start[gap], self.interval_end[gap], self.state[gap], self.row[gap], self.issued_at[gap]),
        )  # fmt: skip


def day_zone_of(card: MarketCard, dataset: DatasetCard, series: SeriesId) -> str:
    """The zone of the series' operating day: the place's own where it has one, else the dataset's."""
    place = card.place(series.kind, series.location)
    return (place.day_zone if place else None) or dataset.day_zone


def expected_days(card: MarketCard, series: SeriesId, window: Window) -> Iterator[date]:
    """Yield the operating days of the window on which the card expects the series.

    A place counts from its ``valid_from`` to before its ``valid_to``, and not at all with ``expected = false``; a
    run on the days for which the card says its nature. A place that the card does not list is expected always.
    """
    dataset = card.feeding(series)
    if dataset is None or not card.runs[series.run].expected:
        return
    place, natures = card.place(series.kind, series.location), card.runs[series.run].nature
    for day in days_in(window, day_zone_of(card, dataset, series), dataset.day_start):
        listed = place is None or (place.expected and place.holds_on(day))
        if listed and any(nature.holds_on(day) for nature in natures):
            yield day


def expected_intervals(card: MarketCard, series: SeriesId, window: Window) -> tuple[Column, Column]:
    """Return starts and ends of the intervals that the card's grid has in the window.

    None where no dataset feeds the series or no resolution is declared. Raises `InvalidRequest` for a day whose
    length is no multiple of the resolution.
    """
    dataset = card.feeding(series)
    if dataset is None:
        return _no_instants(), _no_instants()
    zone_name = day_zone_of(card, dataset, series)
    starts, ends = [_no_instants()], [_no_instants()]
    for day in expected_days(card, series, window):
        resolution = dataset.resolution_of(series, day)
        if resolution is not None:
            grid = _grid(day, zone_name, dataset.day_start, resolution)
            part = _part_of_day(grid, dataset.hours_of.get(series.run), day, zone_name)
            starts.append(grid[:-1][part])
            ends.append(grid[1:][part])
    start, end = np.concatenate(starts), np.concatenate(ends)
    inside = (start >= instant64(window.start)) & (start < instant64(window.end))
    return start[inside], end[inside]


def publication_times(
    dataset: DatasetCard,
    starts: Column,
    ends: Column,
    issued: Column | None = None,
    *,
    rule: Rule | None = None,
    day_zone: str | None = None,
) -> Column:
    """Return for every row the instant that the dataset's due rule, or another ``rule``, means.

    Rules of days are worked out once for each operating day (of ``day_zone``, else the dataset's). A row without
    an issue (``NaT``) counts an ``issued`` rule from its start.
    """
    rule = rule or dataset.due
    starts, ends = np.asarray(starts, dtype=INSTANT), np.asarray(ends, dtype=INSTANT)
    offset = np.timedelta64(rule.offset, "us")
    if rule.anchor == "issued":
        known = np.full(len(starts), NAT) if issued is None else np.asarray(issued, dtype=INSTANT)
        return np.where(np.isnat(known), starts, known) + offset
    if rule.anchor in ("start", "end"):
        return (starts if rule.anchor == "start" else ends) + offset
    zone_name = day_zone or dataset.day_zone
    days, place = np.unique(
        operating_days(starts, zone_name, dataset.day_start), return_inverse=True
    )
    due = np.array([instant64(rule.on(day, zone_name)) for day in days.tolist()], dtype=INSTANT)
    return due[place]


def operating_days(starts: Column, zone_name: str, day_start: time) -> Column:
    """Return the operating day of every instant, as ``datetime64[D]``."""
    near = np.unique(starts.astype(_DAY))
    days = np.unique((near[:, None] + np.arange(-2, 3)).ravel())
    edges = [_edge(day, zone_name, day_start) for day in days.tolist()]
    found = np.searchsorted(np.array(edges, dtype=INSTANT), starts, side="right") - 1
    return days[found]


def derive_states(
    card: MarketCard,
    series: SeriesId,
    window: Window,
    now: datetime,
    *,
    starts: Column,
    ends: Column,
    states: Column,
    issued: Column | None = None,
) -> DerivedStates:
    """Return the rows that start in the window and, for every interval that is not there, why.

    Gaps are `PENDING` before they are due, `LATE` from then on and `MISSING` from ``final_after`` later; ``now``
    is the instant of the question or its ``as_of``. Rows from before the window may be given: they cover what
    they reach into. Gaps of class ``grid`` are expected intervals, or the rest of one that is covered in part; of
    ``irregular``, stretches longer than ``max_gap``; of ``vintages``, holes in an issue and what no issue reaches.
    """
    issues = np.full(len(starts), NAT) if issued is None else np.asarray(issued, dtype=INSTANT)
    dataset = card.feeding(series)
    gaps = (
        Gaps.none()
        if dataset is None
        else _find_gaps(card, dataset, series, window, (starts, ends, issues))
    )
    absent = np.zeros(0, dtype=np.uint8)
    if dataset is not None:
        due = _due(card, dataset, series, gaps)
        absent = gap_states(due, dataset.final_after, now)
        if dataset.class_ == "irregular":
            gaps, absent = gaps.merged(absent)
    there = np.flatnonzero((starts >= instant64(window.start)) & (starts < instant64(window.end)))
    return _stack(
        (starts[there], ends[there], np.asarray(states)[there], there, issues[there]),
        (gaps.start, gaps.end, absent, np.full(len(gaps.start), -1), gaps.issued),
    )


def gap_states(due: Column, final_after: timedelta | None, now: datetime) -> Column:
    """Return what is to be said at ``now`` of intervals that are not there, by the instants they were due."""
    instant = instant64(now)
    states = np.where(instant < due, State.PENDING, State.LATE).astype(np.uint8)
    if final_after is not None:
        states[instant >= due + np.timedelta64(final_after, "us")] = State.MISSING
    return states


def _find_gaps(
    card: MarketCard,
    dataset: DatasetCard,
    series: SeriesId,
    window: Window,
    rows: tuple[Column, Column, Column],
) -> Gaps:
    if dataset.class_ == "events" or (dataset.class_ != "vintages" and _whole(window, *rows[:2])):
        return Gaps.none()
    if dataset.class_ == "irregular":
        if dataset.max_gap is None:
            return Gaps.none()
        spans = list(_expected_spans(card, dataset, series, window))
        return max_gap_gaps(spans, rows[0], rows[1], dataset.max_gap)
    grid = expected_intervals(card, series, window)
    if dataset.class_ == "vintages":
        return vintage_gaps(grid, rows)
    return Gaps.of(*uncovered(*grid, rows[0], rows[1]))


def _whole(window: Window, starts: Column, ends: Column) -> bool:
    """Whether rows in order, each beginning where the one before it ends, cover the whole window."""
    if not len(starts) or starts[0] > instant64(window.start) or ends[-1] < instant64(window.end):
        return False
    return bool((starts[1:] == ends[:-1]).all())


def _due(card: MarketCard, dataset: DatasetCard, series: SeriesId, gaps: Gaps) -> Column:
    # An irregular row may come as late as the end of a cut; before that nothing is owed, whatever the anchor.
    rule = dataset.due_for(series.run)
    irregular = dataset.class_ == "irregular" and rule.anchor == "start"
    starts, zone_name = gaps.end if irregular else gaps.start, day_zone_of(card, dataset, series)
    return publication_times(dataset, starts, gaps.end, gaps.issued, rule=rule, day_zone=zone_name)


def _expected_spans(
    card: MarketCard, dataset: DatasetCard, series: SeriesId, window: Window
) -> Iterator[Window]:
    """The stretches of the window on which the series is expected, adjoining days as one."""
    zone_name, span = day_zone_of(card, dataset, series), None
    for day in expected_days(card, series, window):
        whole = day_window(day, zone_name, dataset.day_start)
        cut = Window(max(whole.start, window.start), min(whole.end, window.end))
        if span is not None and span.end == cut.start:
            span = Window(span.start, cut.end)
            continue
        if span is not None:
            yield span
        span = cut
    if span is not None:
        yield span


def _grid(day: date, zone_name: str, day_start: time, resolution: timedelta) -> Column:
    """The edges of the day's intervals, one more than there are intervals."""
    window = Window(
        _instant(day, zone_name, day_start), _instant(day + timedelta(1), zone_name, day_start)
    )
    count = interval_count(window, resolution)
    return instant64(window.start) + np.arange(count + 1) * np.timedelta64(resolution, "us")


def _part_of_day(grid: Column, hours: str | None, day: date, zone_name: str) -> Column:
    """Which intervals of the day's grid lie in the run's local hours, such as ``12:00-24:00``; all without any."""
    if hours is None:
        return np.ones(len(grid) - 1, dtype=bool)
    low, _, high = hours.partition("-")
    first = instant64(local_instant(day, time.fromisoformat(low), zone_name))
    last = (
        grid[-1]
        if high == "24:00"
        else instant64(local_instant(day, time.fromisoformat(high), zone_name))
    )
    inside: Column = (grid[:-1] >= first) & (grid[1:] <= last)
    return inside


@lru_cache(maxsize=32_768)
def _instant(day: date, zone_name: str, day_start: time) -> datetime:
    return local_instant(day, day_start, zone_name)


def _edge(day: date, zone_name: str, day_start: time) -> np.datetime64:
    return instant64(_instant(day, zone_name, day_start))


def _no_instants() -> Column:
    return np.zeros(0, dtype=INSTANT)


def _stack(rows: tuple[Column, ...], gaps: tuple[Column, ...]) -> DerivedStates:
    start, end, state, row, issued = (np.concatenate(pair) for pair in zip(rows, gaps, strict=True))
    order = np.lexsort((issued.view(np.int64), end, start))
    return DerivedStates(
        start[order], end[order], state[order].astype(np.uint8), row[order], issued[order]
    )
