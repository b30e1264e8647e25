"""Which rows are current, and what a new reading adds to what is stored (DESIGN §2).

Current, among rows of one key or overlapping intervals, is the greatest (finality, source_rank, document stamp,
archived_at), not the newest written. `merge` keeps that true in whatever order documents arrive:

* a row equal to the current one is not written; that its document said so again is kept as a `Restatement`;
* a later document that covers an interval and does not hold it retracts it (``missing``, flag ``retracted``);
* when a document arrives late, what later documents had said by restating or by silence is written out, so that
  the late row does not surface.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
from attrs import evolve, field, frozen

from carbon254.core.domain.observations import (
    NAT,
    Batch,
    Column,
    Observations,
    as_int,
    concatenate,
    instant64,
)
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import Flag, State

_OLDEST = np.iinfo(np.int64).min


@frozen(eq=False)
class Restatement:
    """A document said again what was current: of these series, for all intervals starting in [first, last]."""

    batch: Batch
    series: tuple[SeriesId, ...]
    first: np.datetime64
    last: np.datetime64
    issued_at: np.datetime64
    source_rank: int
    published_at: np.datetime64
    published_basis: int
    recorded_at: np.datetime64 = field(default=NAT)


@frozen(eq=False)
class Merged:
    """What to write: rows (``batch`` and ``recorded_at`` set by the store), restatements, and the counts."""

    rows: Observations
    restatements: tuple[Restatement, ...] = ()
    new: int = 0
    revised: int = 0
    unchanged: int = 0
    retracted: int = 0
    superseded: int = 0


def document(batch: Batch) -> tuple[str, str, str]:
    """What makes two batches readings of the same document."""
    return (batch.market, batch.dataset, batch.receipt)


def _stamps(batches: Sequence[Batch]) -> tuple[Column, Column]:
    stamp = [
        _OLDEST if b.document_stamp is None else _microseconds(b.document_stamp) for b in batches
    ]
    archived = [_microseconds(b.archived_at) for b in batches]
    return np.array(stamp, dtype=np.int64), np.array(archived, dtype=np.int64)


def _microseconds(moment: datetime) -> int:
    return int(instant64(moment).astype(np.int64))


def rank_keys(table: Observations) -> tuple[Column, ...]:
    """Columns that order rows of one interval, the weakest first, as `numpy.lexsort` wants them.

    Behind the four that rank documents: the later reading of a document, then, among what one reading retracts,
    the longer interval. `DOCUMENT_KEYS` of them, the strongest, rank documents.
    """
    stamp, archived = _stamps(table.batches)
    start = as_int(table.interval_start)
    return (
        as_int(table.recorded_at),
        -start,
        as_int(table.interval_end) - start,
        table.batch,
        archived[table.batch],
        stamp[table.batch],
        table.source_rank,
        table.finality,
    )


DOCUMENT_KEYS = 4


def best_of_keys(table: Observations) -> Column:
    """Indices of the greatest row of each key, ordered by (series, issued_at, interval_start)."""
    order = np.lexsort(
        (
            *rank_keys(table),
            table.interval_end,
            table.interval_start,
            as_int(table.issued_at),
            table.code,
        )
    )
    return order[_last_of_key(table, order)] if len(order) else order


def current(table: Observations) -> Column:
    """Indices of the current rows, ordered by (series, issued_at, interval_start)."""
    if len(table) < 2:
        return np.arange(len(table))
    if _plain(table):
        return np.arange(len(table))
    return _without_overlaps(table, best_of_keys(table))


def current_rows(table: Observations) -> Observations:
    """The current rows, ordered by (series, issued_at, interval_start); the table itself when all are current."""
    if len(table) < 2 or _plain(table):
        return table
    return table.take(current(table))


def _plain(table: Observations) -> bool:
    """Whether rows are in order, apart, and of no two issues: then all are current."""
    start, end, code = table.interval_start, table.interval_end, table.code
    if not np.isnat(table.issued_at).all():
        return False
    step = code[1:] != code[:-1]
    apart = (start[1:] >= end[:-1]) & (start[1:] > start[:-1])
    ahead = code[1:] > code[:-1]
    return bool(np.all(np.where(step, ahead, apart)))


def _last_of_key(table: Observations, order: Column) -> Column:
    same = np.ones(len(order) - 1, dtype=bool)
    for name in ("code", "interval_start", "interval_end", "issued_at"):
        values = table.column(name)[order]
        values = values.view(np.int64) if values.dtype.kind == "M" else values
        same &= values[1:] == values[:-1]
    return np.append(~same, True)


def _clusters(table: Observations, rows: Column) -> Iterator[tuple[int, int]]:
    """Spans of ``rows`` (ordered by series, issue, start) in which intervals overlap one another."""
    code, issued = table.code[rows], as_int(table.issued_at)[rows]
    start, end = as_int(table.interval_start)[rows], as_int(table.interval_end)[rows]
    fresh = np.append(True, (code[1:] != code[:-1]) | (issued[1:] != issued[:-1]))
    touching = np.append(start[1:] < end[:-1], False) & np.append(~fresh[1:], False)
    at = 0
    for first in np.flatnonzero(touching):
        if first < at:
            continue
        reach, at = end[first], int(first) + 1
        while at < len(rows) and not fresh[at] and start[at] < reach:
            reach = max(reach, end[at])
            at += 1
        yield int(first), at


def _without_overlaps(table: Observations, rows: Column) -> Column:
    """Drop rows that a higher-ranked row of another length overlaps."""
    drop: list[int] = []
    keys = None
    for first, last in _clusters(table, rows):
        if keys is None:
            keys = rank_keys(table)
        cluster = rows[first:last]
        order = np.lexsort([key[cluster] for key in keys])[::-1]
        kept: list[int] = []
        for place in order:
            row = cluster[place]
            if any(_overlap(table, row, other) for other in kept):
                drop.append(first + int(place))
            else:
                kept.append(row)
    return np.delete(rows, drop) if drop else rows


def _overlap(table: Observations, one: int, other: int) -> bool:
    start, end = table.interval_start, table.interval_end
    return bool(start[one] < end[other] and start[other] < end[one])


def may_outrank(finality: int, source_rank: int, batch: Batch, incoming: Observations) -> bool:
    """Whether a document of these greatest marks could outrank a row of ``incoming``."""
    if not len(incoming):
        return False
    own = incoming.batches[0]
    lowest = int(incoming.finality.min())
    if finality != lowest:
        return finality > lowest
    weakest = int(incoming.source_rank.min())
    if source_rank != weakest:
        return source_rank > weakest
    return _order_of(batch) > _order_of(own)


def _order_of(batch: Batch) -> tuple[bool, datetime, datetime]:
    stamp = batch.document_stamp
    return (stamp is not None, stamp or batch.archived_at, batch.archived_at)


def merge(
    existing: Observations, restated: Sequence[Restatement], incoming: Observations
) -> Merged:
    """Say what a reading adds to what is stored.

    ``existing``: all rows, of every age, of the incoming series in the span of the incoming document and of every
    document that may outrank it there, and all rows of earlier readings of the same document. ``incoming``: rows
    of one batch in key order, its ``recorded_at`` later than every existing one.
    """
    if not len(existing) and not restated:
        return Merged(incoming, new=len(incoming))
    from carbon254.core.domain import _merging

    return _merging.merge(existing, restated, incoming)


def retraction(
    table: Observations, rows: Column, like: Observations, source: Column
) -> Observations:
    """Rows that retract ``rows`` of ``table``, with finality, rank and publication of ``like[source]``."""
    gone = table.take(rows)
    flags = np.uint32(Flag.RETRACTED) | (gone.flags & np.uint32(Flag.SYNTHETIC))
    return evolve(
        gone,
        batches=like.batches,
        value=np.full(len(gone), np.nan),
        state=np.full(len(gone), int(State.MISSING), dtype=np.uint8),
        locator=np.zeros(len(gone), dtype=np.int64),
        flags=flags,
        finality=like.finality[source],
        source_rank=like.source_rank[source],
        published_at=like.published_at[source],
        published_basis=like.published_basis[source],
        batch=like.batch[source],
        recorded_at=like.recorded_at[source],
    )


def stack(tables: Sequence[Observations]) -> Observations:
    """`concatenate` without empty tables."""
    return concatenate([table for table in tables if len(table)])
