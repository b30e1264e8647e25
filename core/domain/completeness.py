"""Checks of arrival: is the newest interval there in time, and is a window whole (VOCABULARY §10)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.expectations import (
    DerivedStates,
    day_zone_of,
    derive_states,
    expected_intervals,
    gap_states,
    publication_times,
)
from carbon254.core.domain.gaps import Gaps, uncovered
from carbon254.core.domain.observations import (
    INSTANT,
    NAT,
    Column,
    as_int,
    from_instant64,
    instant64,
)
from carbon254.core.domain.quality import QualityFinding, Severity
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import LATEST, Window, format_instant
from carbon254.core.domain.vocabulary import State

_LOOK_AHEAD: Final = (timedelta(days=2), timedelta(days=8), timedelta(days=40))
_SEVERITY: Final[dict[State, Severity]] = {
    State.LATE: "warning",
    State.MISSING: "error",
    State.QUARANTINED: "error",
}


def check_freshness(
    card: MarketCard, series: SeriesId, after: datetime, now: datetime
) -> tuple[QualityFinding, ...]:
    """Find a series whose next interval should be here: it was due, and one poll has passed since.

    ``after`` is the end of the last interval that is there, or the instant from which data are expected. Classes
    without a next interval (``events``, or nothing declared) are never stale.
    """
    dataset = card.feeding(series)
    following = None if dataset is None else _next_interval(card, dataset, series, after)
    if dataset is None or following is None:
        return ()
    zone_name = day_zone_of(card, dataset, series)
    rule = dataset.due_for(series.run)
    due = from_instant64(publication_times(dataset, *following, rule=rule, day_zone=zone_name)[0])
    if due is None or now <= due + (dataset.poll or timedelta(0)):
        return ()
    message = (
        f"nothing after {format_instant(after)}, {_distance(after, now)}; "
        f"the next interval was due {format_instant(due)}, {_distance(due, now)}"
    )
    begin, end = (from_instant64(edge[0]) for edge in following)
    return (QualityFinding("freshness", series, begin, end, message, "warning"),)


def _distance(instant: datetime, now: datetime) -> str:
    """How far from now, by the minute.

    >>> _distance(datetime(2025, 1, 1), datetime(2025, 1, 3, 6, 20))
    '2 d 6 h 20 min ago'
    >>> _distance(datetime(2025, 1, 1, 0, 30), datetime(2025, 1, 1))
    '30 min ahead'
    """
    hours, minutes = divmod(int(abs(now - instant).total_seconds()) // 60, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{n} {unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if n]
    return f"{' '.join(parts) or '0 min'} {'ago' if instant <= now else 'ahead'}"


def _next_interval(
    card: MarketCard, dataset: DatasetCard, series: SeriesId, after: datetime
) -> tuple[Column, Column] | None:
    if dataset.class_ == "irregular" and dataset.max_gap is not None:
        edge = np.array([instant64(after + dataset.max_gap)], dtype=INSTANT)
        return edge, edge
    if dataset.class_ in ("irregular", "events"):
        return None
    for ahead in _LOOK_AHEAD:
        starts, ends = expected_intervals(card, series, Window(after, min(after + ahead, LATEST)))
        if len(starts):
            return starts[:1], ends[:1]
    return None


def check_completeness(
    card: MarketCard,
    series: SeriesId,
    window: Window,
    now: datetime,
    *,
    starts: Column,
    ends: Column,
    states: Column,
    issued: Column | None = None,
    events: tuple[Column, Column] | None = None,
    issues: Column | None = None,
    horizon: timedelta | None = None,
) -> tuple[QualityFinding, ...]:
    """Find intervals of the window that are late, missing or quarantined; adjoining ones are one finding.

    ``events`` are starts and ends of the calendar of a dataset of that class; ``issues`` and ``horizon`` say when
    a dataset of class ``vintages`` is issued and how far each issue reaches. Without them their gaps are judged
    as `derive_states` does.
    """
    answer = derive_states(
        card, series, window, now, starts=starts, ends=ends, states=states, issued=issued
    )
    dataset = card.feeding(series)
    if dataset is None:
        return tuple(_runs(series, *_spans(answer, np.ones(len(answer), dtype=bool))))
    told, planned = np.ones(len(answer), dtype=bool), Gaps.none()
    if events is not None and dataset.class_ == "events":
        planned = Gaps.of(*uncovered(*events, starts, ends))
    elif issues is not None and horizon is not None and dataset.class_ == "vintages":
        own = np.full(len(starts), NAT) if issued is None else issued
        grid = expected_intervals(card, series, window)
        parts = [
            _short_of(grid, one, horizon, starts[own == one], ends[own == one]) for one in issues
        ]
        planned = Gaps.join(parts)
        told = ~(
            answer.gaps & np.isnat(answer.issued_at)
        )  # what no issue reaches: the issues say more
    due = publication_times(
        dataset,
        planned.start,
        planned.end,
        planned.issued,
        rule=dataset.due_for(series.run),
        day_zone=day_zone_of(card, dataset, series),
    )
    states = gap_states(due, dataset.final_after, now)
    return (*_runs(series, *_spans(answer, told)), *_runs(series, planned, states))


def _spans(answer: DerivedStates, rows: Column) -> tuple[Gaps, Column]:
    spans = Gaps(answer.interval_start[rows], answer.interval_end[rows], answer.issued_at[rows])
    return spans, answer.state[rows]


def _short_of(
    grid: tuple[Column, Column],
    issue: np.datetime64,
    horizon: timedelta,
    starts: Column,
    ends: Column,
) -> Gaps:
    """What an issue should reach and does not: before its first row, after its last, or all of it."""
    wanted = (grid[0] >= issue) & (grid[0] < issue + np.timedelta64(horizon, "us"))
    if len(starts):
        wanted &= (grid[1] <= starts.min()) | (grid[0] >= ends.max())
    return Gaps.of(grid[0][wanted], grid[1][wanted], issue)


def _runs(series: SeriesId, spans: Gaps, states: Column) -> list[QualityFinding]:
    """One finding for each stretch of adjoining intervals of an issue in one state worth telling."""
    findings = []
    order = np.lexsort((spans.start, as_int(spans.issued)))
    for state, severity in _SEVERITY.items():
        own = order[states[order] == state]
        if not len(own):
            continue
        start, end, issued = spans.start[own], spans.end[own], as_int(spans.issued)[own]
        breaks = np.flatnonzero((start[1:] != end[:-1]) | (issued[1:] != issued[:-1])) + 1
        for stretch in np.split(np.arange(len(own)), breaks):
            begin, finish = from_instant64(start[stretch[0]]), from_instant64(end[stretch[-1]])
            issue = from_instant64(spans.issued[own[stretch[0]]])
            of_issue = f" of the issue of {format_instant(issue)}" if issue else ""
            message = f"{len(stretch)} intervals{of_issue} are {state.word}"
            findings.append(
                QualityFinding(
                    "completeness", series, begin, finish, message, severity, len(stretch)
                )
            )
    return findings


def check_node_count(
    today: Collection[SeriesId], before: Collection[SeriesId], *, tolerance: float = 0.01
) -> tuple[QualityFinding, ...]:
    """Compare the nodes of a day with the day before's: more than ``tolerance`` gone or new is a finding."""
    gone, new = set(before) - set(today), set(today) - set(before)
    allowed = tolerance * len(set(before))
    if len(gone) <= allowed and len(new) <= allowed:
        return ()
    examples = ", ".join(sorted(str(one) for one in gone | new)[:3])
    message = (
        f"{len(set(before))} nodes the day before, {len(set(today))} now: "
        f"{len(gone)} gone, {len(new)} new, such as {examples}"
    )
    return (QualityFinding("nodes", None, None, None, message, "warning", len(gone) + len(new)),)
