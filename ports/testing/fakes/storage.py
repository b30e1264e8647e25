"""A series store in memory that passes the suite of the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from attrs import evolve

from carbon254.core.domain.entitlements import Permitted, Selection
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.events import recorded as recorded_event
from carbon254.core.domain.observations import (
    Batch,
    Observations,
    concatenate,
    from_instant64,
    instant64,
    only_used,
)
from carbon254.core.domain.revisions import Restatement, document
from carbon254.core.domain.series import SeriesId
from carbon254.ports import recording
from carbon254.ports.storage import OutboxMessage, Recorded, SeriesEntry


class MemorySeriesStore:
    """Keeps everything in lists; loses it when the process ends."""

    def __init__(self) -> None:
        self._rows = Observations.empty()
        self._batches: list[recording.StoredBatch] = []
        self._restatements: list[Restatement] = []
        self._units: dict[SeriesId, str] = {}
        self._nature: str | None = None
        self._outbox: dict[int, OutboxMessage] = {}
        self._last: datetime | None = None

    def record(
        self,
        observations: Observations,
        *,
        now: datetime,
        mark: Callable[[datetime], None] | None = None,
    ) -> Recorded:
        batch = observations.batches[0]
        if any(stored.batch.key == batch.key for stored in self._batches):
            return Recorded(None)
        nature = recording.check_nature(self._nature, batch)
        for series, unit in zip(observations.series, observations.units, strict=True):
            recording.check_unit(series, unit, self._units.get(series, unit))
        merged = recording.plan(self, observations)
        at = recording.next_instant(now, self._last)
        if mark:
            mark(at)
        self._units.update(zip(observations.series, observations.units, strict=True))
        rows = recording.stamped(merged.rows, at)
        if len(rows):
            self._rows = concatenate([self._rows, rows]) if len(self._rows) else rows
        low, high = (
            recording.span_of(observations) if len(observations) else (np.datetime64("NaT"),) * 2
        )
        finality = int(observations.finality.max()) if len(observations) else 0
        rank = int(observations.source_rank.max()) if len(observations) else 0
        self._batches.append(
            recording.StoredBatch(len(self._batches), batch, low, high, finality, rank, at)
        )
        self._restatements += [
            evolve(one, recorded_at=instant64(at)) for one in merged.restatements
        ]
        event = recorded_event(batch, rows, at)
        number = len(self._outbox) + 1
        self._outbox[number] = OutboxMessage(
            number, event.topic, json.dumps(event.facts()).encode(), at
        )
        self._nature, self._last = nature, at
        return Recorded(
            at, merged.new, merged.revised, merged.unchanged, merged.retracted, merged.superseded
        )

    def neighbours(self, batch: Batch, low: Any, high: Any) -> Sequence[recording.StoredBatch]:
        return [
            stored for stored in self._batches
            if stored.batch.market == batch.market
            and ((stored.low <= high and stored.high >= low) or document(stored.batch) == document(batch))
        ]  # fmt: skip

    def stored(
        self, series: Sequence[SeriesId], low: Any, high: Any, batches: Sequence[int]
    ) -> Observations:
        rows = self._rows
        wanted = set(series)
        mine = np.array([one in wanted for one in rows.series], dtype=bool)
        own = {self._batches[number].batch for number in batches}
        of_own = np.array([batch in own for batch in rows.batches], dtype=bool)
        if not len(rows):
            return rows
        here = mine[rows.code] & (rows.interval_start <= high) & (rows.interval_end >= low)
        return rows.take(here | of_own[rows.batch])

    def restated(self, series: Sequence[SeriesId], low: Any, high: Any) -> Sequence[Restatement]:
        wanted = set(series)
        return [
            evolve(one, series=tuple(s for s in one.series if s in wanted)) for one in self._restatements
            if one.first <= high and one.last >= low and wanted & set(one.series)
        ]  # fmt: skip

    def _matching(self, question: Permitted[Selection]) -> set[SeriesId]:
        exact = {one for one in question.value.series if one in self._units}
        patterns = question.value.patterns
        return exact | {
            one for one in self._units
            if question.scope.allows(one) and any(pattern.matches(one) for pattern in patterns)
        }  # fmt: skip

    def read(self, question: Permitted[Selection]) -> Observations:
        selection, rows = question.value, self._rows
        if selection.as_of and (self._last is None or selection.as_of > self._last):
            raise InvalidRequest(
                f"as of {selection.as_of} is later than the last commit ({self._last})."
            )
        wanted = self._matching(question)
        if not len(rows) or not wanted:
            return Observations.empty()
        keep = np.array([one in wanted for one in rows.series], dtype=bool)[rows.code]
        if selection.window:
            start, end = instant64(selection.window.start), instant64(selection.window.end)
            keep &= (rows.interval_start < end) & (
                (rows.interval_end > start) | (rows.interval_start >= start)
            )
        if selection.as_of:
            keep &= rows.recorded_at <= instant64(selection.as_of)
        if selection.published_by:
            keep &= rows.published_at <= instant64(selection.published_by)
        return only_used(rows.take(keep))

    def find(self, question: Permitted[Selection]) -> Sequence[SeriesEntry]:
        rows = self._rows
        entries = []
        for one in sorted(self._matching(question)):
            mine = (
                rows.take(rows.code == rows.series.index(one))
                if one in rows.series
                else rows.take([])
            )
            if len(mine):
                moments = (
                    mine.interval_start.min(),
                    mine.interval_end.max(),
                    mine.recorded_at.max(),
                )
                first, last, at = (from_instant64(moment) for moment in moments)
                assert first and last and at
                entries.append(SeriesEntry(one, self._units[one], first, last, len(mine), at))
        return entries

    def batches(self, keys: Iterable[str] = ()) -> Sequence[Batch]:
        wanted = set(keys)
        return [
            stored.batch for stored in self._batches if not wanted or stored.batch.receipt in wanted
        ]

    def last_recorded(self) -> datetime | None:
        return self._last

    def claim(self, limit: int) -> Sequence[OutboxMessage]:
        return list(self._outbox.values())[:limit]

    def done(self, ids: Iterable[int]) -> None:
        for number in ids:
            self._outbox.pop(number, None)

    def close(self) -> None:
        """Nothing to give up."""
