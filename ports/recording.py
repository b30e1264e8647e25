"""The part of `SeriesStore.record` that every adapter shares: what must be loaded, merged and then written."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

import numpy as np
from attrs import evolve, frozen

from carbon254.core.domain.errors import Conflict, FeedFormatChanged
from carbon254.core.domain.observations import Batch, Column, Observations, instant64
from carbon254.core.domain.revisions import Merged, Restatement, document, may_outrank, merge
from carbon254.core.domain.series import SeriesId

_SPARSE: Final = (
    16  # numbers a row, beyond which sorting them is cheaper than counting up to the greatest
)


@frozen
class StoredBatch:
    """A batch with what tells whether it may outrank another: span of its rows, greatest finality and rank."""

    id: int
    batch: Batch
    low: np.datetime64
    high: np.datetime64
    finality: int
    source_rank: int
    recorded_at: datetime


class Shelf(Protocol):
    """What a store's transaction offers to `plan`."""

    def neighbours(
        self, batch: Batch, low: np.datetime64, high: np.datetime64
    ) -> Sequence[StoredBatch]:
        """Batches of the market whose span overlaps ``[low, high]``, and all of the same document."""
        ...

    def stored(
        self,
        series: Sequence[SeriesId],
        low: np.datetime64,
        high: np.datetime64,
        batches: Sequence[int],
    ) -> Observations:
        """Rows of the series that overlap ``[low, high]``, and all rows of the numbered batches."""
        ...

    def restated(
        self, series: Sequence[SeriesId], low: np.datetime64, high: np.datetime64
    ) -> Sequence[Restatement]:
        """Restatements of any of the series that touch the span."""
        ...


def span_of(observations: Observations) -> tuple[np.datetime64, np.datetime64]:
    """From the first start to the last end, widened to what the document covers."""
    low, high = observations.interval_start.min(), observations.interval_end.max()
    if covers := observations.batches[0].covers:
        low, high = min(low, instant64(covers.start)), max(high, instant64(covers.end))
    return low, high


def plan(shelf: Shelf, observations: Observations) -> Merged:
    """Load what the merge needs and merge. ``observations`` are the rows of one batch."""
    batch = observations.batches[0]
    if len(observations):
        low, high = span_of(observations)
    else:
        low = high = instant64(batch.archived_at)
    neighbours = shelf.neighbours(batch, low, high)
    own = [n.id for n in neighbours if document(n.batch) == document(batch)]
    for other in neighbours:
        if other.id not in own and may_outrank(
            other.finality, other.source_rank, other.batch, observations
        ):
            low, high = min(low, other.low), max(high, other.high)
    if not neighbours:
        return merge(Observations.empty(), (), observations)
    existing = shelf.stored(observations.series, low, high, own)
    return merge(existing, shelf.restated(observations.series, low, high), observations)


def next_instant(now: datetime, last: datetime | None) -> datetime:
    """The instant of the next transaction: now, or the microsecond after the last one."""
    return now if last is None or now > last else last + timedelta(microseconds=1)


def stamped(rows: Observations, recorded_at: datetime) -> Observations:
    """The rows with the instant of their transaction."""
    return evolve(rows, recorded_at=np.full(len(rows), instant64(recorded_at), dtype="M8[us]"))


def longest(observations: Observations) -> Column:
    """Longest interval of each series, in microseconds."""
    length = (observations.interval_end - observations.interval_start).view(np.int64)
    result = np.zeros(len(observations.series), dtype=np.int64)
    np.maximum.at(result, observations.code, length)
    return result


def check_unit(series: object, unit: str, known: str) -> None:
    """Raise `FeedFormatChanged` when a series comes in another unit than it has had all its life."""
    if unit != known:
        raise FeedFormatChanged(f"{series} has always been in {known}; the document says {unit}.")


def check_nature(store_is_synthetic: str | None, batch: Batch) -> str:
    """Return the store's nature after this batch. Raises `Conflict` when real and made-up rows would mix."""
    nature = "synthetic" if batch.synthetic else "real"
    if store_is_synthetic not in (None, nature):
        raise Conflict(
            f"This data folder is {store_is_synthetic} for ever and cannot take {nature} documents: use another --data."
        )
    return nature


def numbered(values: Column) -> tuple[list[int], Column]:
    """The different whole numbers of a column, ascending, and the place of each row's number among them."""
    if not len(values):
        return [], np.zeros(0, dtype=np.int32)
    low, high = int(values.min()), int(values.max())
    if low == high:
        return [low], np.zeros(len(values), dtype=np.int32)
    if high - low >= _SPARSE * len(values):
        different, places = np.unique(values, return_inverse=True)
        return different.tolist(), places.astype(np.int32)
    used = np.flatnonzero(np.bincount(values - low))
    place = np.empty(high - low + 1, dtype=np.int32)
    place[used] = np.arange(len(used))
    return (used + low).tolist(), place[values - low]
