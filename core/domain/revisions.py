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
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from attrs import evolve, field, frozen

from carbon254.core.domain.observations import (
    NAT,
    Batch,
    Column,
    Observations,
    as_int,
    concatenate,
)
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import EPOCH
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


def _stamps(table: Observations) -> tuple[Column, Column]:
    """Stamp and archiving of each batch that rows use; a year of a series has hundreds."""
    stamp, archived = np.zeros((2, len(table.batches)), dtype=np.int64)
    for number in np.unique(table.batch).tolist():
        batch = table.batches[number]
        archived[number] = _microseconds(batch.archived_at)
        stamp[number] = (
            _OLDEST if batch.document_stamp is None else _microseconds(batch.document_stamp)
        )
    return stamp, archived


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def rank_keys(table: Observations) -> tuple[Column, ...]:
    """Columns that order rows of one interval, the weakest first, as `numpy.lexsort` wants them.

    Behind the four that rank documents: the later reading of a document, then, among what one reading retracts,
    the longer interval. `DOCUMENT_KEYS` of them, the strongest, rank documents.
    """
    stamp, archived = _stamps(table)
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
    if len(table) < 2 or _plain(table):
        return np.arange(len(table))
    return _ranked(table)


def _ranked(table: Observations) -> Column:
    """`current` for a table that is not plain."""
    rows = _contested(table)
    if rows is None:
        return _without_overlaps(table, best_of_keys(table))
    part = table.take(rows)
    kept = rows[_without_overlaps(part, best_of_keys(part))]
    stays = np.ones(len(table), dtype=bool)
    stays[rows] = False
    stays[kept] = True
    found: Column = np.flatnonzero(stays)
    if (kept[1:] < kept[:-1]).any():  # of equal starts, the shorter first
        found[np.isin(found, kept, assume_unique=True)] = kept
    return found


def _contested(table: Observations) -> Column | None:
    """Rows that share a part of their interval with others of their series; None where rows are in no order.

    They are few where a store keeps its order, and only they need to be ranked.
    """
    code, start, end = table.code, as_int(table.interval_start), as_int(table.interval_end)
    same = code[1:] == code[:-1]
    disordered = (code[1:] < code[:-1]) | (same & (start[1:] < start[:-1]))
    if disordered.any() or not _unissued(table):
        return None
    reach = end
    if (np.diff(end - start) != 0).any():  # a longer one may reach beyond the next
        ends, rank = np.unique(end, return_inverse=True)
        reach = ends[np.maximum.accumulate(code.astype(np.int64) * len(ends) + rank) % len(ends)]
    touching = same & ((start[1:] < reach[:-1]) | (start[1:] == start[:-1]))
    return np.flatnonzero(np.append(touching, False) | np.append(False, touching))


def current_rows(table: Observations) -> Observations:
    """The current rows, ordered by (series, issued_at, interval_start); the table itself when all are current."""
    if len(table) < 2 or _plain(table):
        return table
    return table.take(_ranked(table))


def _plain(table: Observations) -> bool:
    """Whether rows are in order, apart, and of no two issues: then all are current."""
    start, end, code = as_int(table.interval_start), as_int(table.interval_end), table.code
    if not _unissued(table):
        return False
    step = code[1:] != code[:-1]
    apart = (start[1:] >= end[:-1]) & (start[1:] > start[:-1])
    ahead = code[1:] > code[:-1]
    return bool(np.all(np.where(step, ahead, apart)))


def _unissued(table: Observations) -> bool:
    """Whether no row is of an issue, as no price is; an absent instant is the least of all."""
    return not len(table) or int(as_int(table.issued_at).max()) == _OLDEST


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
    if (again := _said_again(existing, incoming)) is not None:
        return Merged(Observations.empty(), again, unchanged=len(incoming))
    from carbon254.core.domain import _merging

    return _merging.merge(existing, restated, incoming)


def _said_again(existing: Observations, incoming: Observations) -> tuple[Restatement, ...] | None:
    """What a later document restates that holds just what is stored, nothing more and nothing less; else None.

    It is the commonest document that is not new, and needs no ranking of rows.
    """
    if (
        not len(incoming)
        or len(existing) != len(incoming)
        or not _plain(incoming)
        or not _last_word(existing, incoming)
    ):
        return None
    place = {one: number for number, one in enumerate(incoming.series)}
    code = np.array([place.get(one, -1) for one in existing.series], dtype=np.int32)[existing.code]
    order: Any = slice(None)
    if not np.array_equal(code, incoming.code):
        order = np.lexsort((as_int(existing.interval_start), code))
    columns = [(code, incoming.code)]
    names = ("interval_start", "interval_end", "value", "state", "finality", "flags", "source_rank")
    columns += [(existing.column(name), incoming.column(name)) for name in names]
    if not _unissued(existing) or not all(
        np.array_equal(one[order], other, equal_nan=other.dtype.kind == "f")
        for one, other in columns
    ):
        return None
    return tuple(_restatements(incoming))


def _last_word(existing: Observations, incoming: Observations) -> bool:
    """Whether the document of ``incoming`` is later than all others, and of one rank throughout."""
    own = incoming.batches[0]
    others = [existing.batches[number] for number in np.unique(existing.batch).tolist()]
    word = bool((incoming.source_rank == incoming.source_rank[0]).all())
    return word and all(
        (b.document_stamp is None or own.document_stamp is not None)
        and _order_of(b) <= _order_of(own)
        for b in others
    )


def _restatements(rows: Observations) -> Iterator[Restatement]:
    """A record for series with equal spans; rows are in order and their series restated without a gap."""
    first = np.flatnonzero(np.append(True, rows.code[1:] != rows.code[:-1]))
    last = np.append(first[1:], len(rows)) - 1
    spans: dict[tuple[int, int], list[int]] = {}
    starts = as_int(rows.interval_start)
    for row, span in zip(
        first.tolist(), zip(starts[first].tolist(), starts[last].tolist(), strict=True), strict=True
    ):
        spans.setdefault(span, []).append(row)
    latest = int(np.argmax(as_int(rows.published_at)))
    for (low, high), members in spans.items():
        yield Restatement(
            rows.batches[0],
            tuple(rows.series[code] for code in rows.code[members].tolist()),
            np.datetime64(low, "us"), np.datetime64(high, "us"), NAT, int(rows.source_rank[0]),
            rows.published_at[latest], int(rows.published_basis[latest]),
        )  # fmt: skip


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
