"""The series store (observations, batches, outbox) and the record store (locations, quarantine, facts)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from carbon254.core.domain.entitlements import Permitted, Selection
from carbon254.core.domain.observations import Batch, Observations
from carbon254.core.domain.series import SeriesId


@frozen
class Recorded:
    """What a commit did, in rows. ``recorded_at`` is None when the batch had been recorded before."""

    recorded_at: datetime | None
    new: int = 0
    revised: int = 0
    unchanged: int = 0
    retracted: int = 0
    superseded: int = 0  # arrived late: kept, but a later document had already said otherwise

    @property
    def written(self) -> int:
        """Rows written."""
        return self.new + self.revised + self.retracted + self.superseded


@frozen
class SeriesEntry:
    """A series that the store holds, with its coverage: first start, last end and number of rows of any age."""

    series: SeriesId
    unit: str
    first: datetime
    last: datetime
    rows: int
    recorded_at: datetime  # the last instant at which a row of it was recorded


@frozen
class OutboxMessage:
    """An announcement written in the transaction of the rows it announces."""

    id: int
    topic: str
    body: bytes
    recorded_at: datetime


class SeriesStore(Protocol):
    """Observations with both clocks. Every suite of `ports/testing/storage` holds for every adapter."""

    def record(
        self,
        observations: Observations,
        *,
        now: datetime,
        mark: Callable[[datetime], None] | None = None,
    ) -> Recorded:
        """Record all rows of one batch in one transaction, with the outbox row that announces them.

        Only what `revisions.merge` says is written. ``recorded_at`` is ``now`` or, if that does not exceed the last
        one, the next microsecond; ``mark`` is called with it before the commit. A batch whose key was recorded
        before changes nothing. Raises `StoreBusy`, `StoreUnavailable`, `DiskFull`, `FeedFormatChanged` (a series
        comes in another unit), `Conflict` (real rows for a synthetic store or the other way round).
        """
        ...

    def read(self, question: Permitted[Selection]) -> Observations:
        """All rows, of every age and rank, of the series in question that overlap the window, by both clocks.

        Rows recorded after ``as_of``, or published after ``published_by``, are left out; what is current among the
        rest is for `revisions.current` to say. Raises `InvalidRequest` when ``as_of`` is later than the last commit.
        """
        ...

    def find(self, question: Permitted[Selection]) -> Sequence[SeriesEntry]:
        """Series that match the question's series and patterns, within its scope, ordered by id."""
        ...

    def batches(self, keys: Iterable[str] = ()) -> Sequence[Batch]:
        """Batches that are recorded; those of the receipt ids, or all."""
        ...

    def last_recorded(self) -> datetime | None:
        """The instant of the last commit; None for an empty store."""
        ...

    def close(self) -> None:
        """Give up the store; the owner's lock is released."""
        ...


class Outbox(Protocol):
    """What has been committed but not yet announced."""

    def claim(self, limit: int) -> Sequence[OutboxMessage]:
        """Unannounced messages, oldest first, locked against other relays where there can be any."""
        ...

    def done(self, ids: Iterable[int]) -> None:
        """Mark messages as announced."""
        ...
