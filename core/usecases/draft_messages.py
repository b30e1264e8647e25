"""From an announcement to drafts of its messages: the rows that a commit changed, by subject and in parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Final

import numpy as np
from attrs import evolve

from carbon254.core.domain.deltas import changed, ordered, parts
from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.errors import Conflict, StoreUnavailable
from carbon254.core.domain.events import ObservationsRecorded
from carbon254.core.domain.observations import Column, Observations, from_instant64, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.streams import batch_subject
from carbon254.core.domain.time import Window, format_instant, parse_instant
from carbon254.core.usecases.message_forms import COLUMNS, JSON, MOST, Draft, cost_of
from carbon254.ports.storage import OutboxMessage, SeriesStore

_TOPIC: Final = "ObservationsRecorded."
_ROWS_AT_ONCE: Final = 200_000  # so that a day of 16 000 nodes does not fill the memory
_HOUR: Final = timedelta(hours=1)
_INSTANT: Final = timedelta(microseconds=1)


def event_of(announced: OutboxMessage) -> ObservationsRecorded:
    """Read an announcement. Raises `Conflict` for one that a newer version wrote."""
    if not announced.topic.startswith(_TOPIC):
        raise Conflict(
            f"the outbox announces '{announced.topic}', which this version does not know: upgrade the relay."
        )
    told = json.loads(announced.body)
    start, end = (parse_instant(told[name]) if told[name] else None for name in ("start", "end"))
    return ObservationsRecorded(
        told["market"], told["dataset"], told["receipt"], tuple(told["runs"]), tuple(told["kinds"]), start, end,
        told["rows"], told["synthetic"], parse_instant(told["recorded_at"]),
    )  # fmt: skip


def drafts_of(
    store: SeriesStore, event: ObservationsRecorded, alone: Callable[[SeriesId], bool]
) -> Iterator[Draft]:
    """All drafts of a commit, numbered by subject; ``alone`` says which series have a subject of their own.

    Raises `StoreUnavailable` at the end where the store did not show all rows that the commit wrote.
    """
    return _numbered(_drafts(store, event, alone))


def _drafts(
    store: SeriesStore, event: ObservationsRecorded, alone: Callable[[SeriesId], bool]
) -> Iterator[Draft]:
    seen = 0
    for run in event.runs:
        for kind in event.kinds:
            for window in _slices(event):
                pattern = SeriesPattern(event.market, run, "*", kind)
                rows, written = _changed(store, event, pattern, window)
                seen += written
                if len(rows):
                    yield from _batch(event, run, kind, rows)
                    yield from _singles(rows, alone)
    if seen != event.rows:  # never told as if there were no more
        raise StoreUnavailable(
            f"the store shows {seen} of the {event.rows} rows of {event.market} {event.dataset} that were recorded at "
            f"{format_instant(event.recorded_at)}; they are announced when it shows them all."
        )


def _slices(event: ObservationsRecorded) -> Iterator[Window]:
    """The span of what was written, in pieces of whole hours that hold few enough rows; none where nothing was."""
    if event.start is None or event.end is None:
        return
    hours = -((event.start - event.end) // _HOUR)
    step = -(-hours // -(-event.rows // _ROWS_AT_ONCE)) * _HOUR
    start = event.start
    while step and start + step < event.end:
        yield Window(start, start + step)
        start += step
    yield Window(start, event.end + _INSTANT)  # an instant has its start at the end


def _changed(
    store: SeriesStore, event: ObservationsRecorded, pattern: SeriesPattern, window: Window
) -> tuple[Observations, int]:
    """What the commit changed among rows that start in the window, with what came back because of it.

    Beside it, how many rows the commit wrote there.
    """
    rows = _touching(store, event, pattern, window)
    if not len(rows):
        return rows, 0
    low, high = from_instant64(rows.interval_start.min()), from_instant64(rows.interval_end.max())
    assert low is not None
    assert high is not None
    if low < window.start or high > window.end:  # what was displaced may have displaced others
        wide = Window(min(low, window.start), max(high, window.end))
        rows = _touching(store, event, pattern, wide)
    at, start, end = (instant64(one) for one in (event.recorded_at, window.start, window.end))
    written = int(np.sum(_inside(rows, start, end) & (rows.recorded_at == at)))
    rows = changed(rows, at)
    return ordered(
        rows.take(np.flatnonzero(_inside(rows, start, end) | (rows.recorded_at != at)))
    ), written


def _inside(rows: Observations, start: np.datetime64, end: np.datetime64) -> Column:
    inside: Column = (rows.interval_start >= start) & (rows.interval_start < end)
    return inside


def _touching(
    store: SeriesStore, event: ObservationsRecorded, pattern: SeriesPattern, window: Window
) -> Observations:
    question = Selection(patterns=(pattern,), window=window, as_of=event.recorded_at)
    rows = store.read(Scope.everything().restrict(question))
    start = instant64(window.start)
    return rows.take(np.flatnonzero((rows.interval_end > start) | (rows.interval_start >= start)))


def _batch(event: ObservationsRecorded, run: str, kind: str, rows: Observations) -> Iterator[Draft]:
    subject, about = batch_subject(event.market, run, kind), f"{event.market}/{run}/*/{kind}/*"
    for part in parts(rows, cost_of(rows, columns=True), MOST):
        yield Draft(subject, about, part, COLUMNS)


def _singles(rows: Observations, alone: Callable[[SeriesId], bool]) -> Iterator[Draft]:
    for code, one in enumerate(rows.series):
        if not alone(one):
            continue
        mine = rows.take(np.flatnonzero(rows.code == code))
        for part in parts(mine, cost_of(mine, columns=False), MOST):
            yield Draft(one.subject(), str(one), part, JSON)


def _numbered(drafts: Iterable[Draft]) -> Iterator[Draft]:
    """Drafts with their number among those of their subject, and whether more follow."""
    waiting: dict[str, Draft] = {}
    for draft in drafts:
        before = waiting.get(draft.subject)
        if before is not None:
            yield evolve(before, more=True)
        waiting[draft.subject] = evolve(draft, part=before.part + 1 if before else 1)
    yield from waiting.values()
