"""The general case of `revisions.merge`: something is stored already where the reading speaks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from attrs import evolve, frozen

from carbon254.core.domain._late import LateStatements
from carbon254.core.domain.observations import (
    Column,
    Observations,
    as_int,
    concatenate,
    instant64,
)
from carbon254.core.domain.revisions import (
    DOCUMENT_KEYS,
    Merged,
    Restatement,
    best_of_keys,
    current,
    document,
    rank_keys,
    retraction,
    stack,
)
from carbon254.core.domain.vocabulary import Flag, State


def merge(
    existing: Observations, restated: Sequence[Restatement], incoming: Observations
) -> Merged:
    """See `revisions.merge`."""
    return Merge(existing, restated, incoming).result()


@frozen(eq=False)
class _Groups:
    """Rows of the incoming document by (series, issue): the span it covers and its strongest row."""

    ids: Column  # group of every row of the table, -1 where the document has no such group
    low: Column
    high: Column
    strongest: Column  # row of the table, by group


class Merge:
    def __init__(
        self, existing: Observations, restated: Sequence[Restatement], incoming: Observations
    ) -> None:
        self.table = concatenate([existing, incoming])
        self.count = len(existing)
        self.incoming = np.arange(self.count, len(self.table))
        self.batch = incoming.batches[0]
        self.document = document(self.batch)
        self.restated = [r for r in restated if document(r.batch) != self.document]
        self.keys = rank_keys(self.table)
        stored = self.table.take(np.arange(self.count))
        self.now, self.best = current(stored), best_of_keys(stored)
        own = [document(b) == self.document for b in self.table.batches]
        self.is_own = np.array(own, dtype=bool)[self.table.batch]

    def result(self) -> Merged:
        if not len(self.incoming):
            return self._without_rows()
        old, new = self._pairs()
        equal = self._equal(old, new)
        outranks = self._compare(new, old) >= 0
        earlier = as_int(self.table.published_at)[new] < as_int(self.table.published_at)[old]
        silent = equal & (outranks | ~earlier)
        matched = np.isin(self.incoming, new)
        write = np.setdiff1d(self.incoming, new[silent], assume_unique=True)
        groups = self._groups()
        gone = self._retracted(groups)
        rows = [self.table.take(write), gone]
        rows.extend(self._later_statements(stack([rows[0], gone]) if len(gone) else rows[0]))
        return Merged(
            stack(rows),
            tuple(self._restatements(new[silent], groups)),
            new=int((~matched).sum()),
            revised=int((~silent & outranks).sum()),
            unchanged=int(silent.sum()),
            retracted=len(gone),
            superseded=int((~silent & ~outranks).sum()),
        )

    def _without_rows(self) -> Merged:
        """A better parser found nothing in the document: what it gave before is taken back."""
        gone = self._own_retractions(self.best[self.is_own[self.best]])
        return Merged(gone, retracted=len(gone))

    # -- the same interval, said before ------------------------------------------------------------------

    def _pairs(self) -> tuple[Column, Column]:
        """Rows that are current and rows of the document, with equal keys, side by side."""
        rows = np.concatenate([self.now, self.incoming])
        t = self.table
        side = rows >= self.count
        order = np.lexsort(
            (
                side,
                as_int(t.issued_at)[rows],
                t.interval_end[rows],
                t.interval_start[rows],
                t.code[rows],
            )
        )
        rows = rows[order]
        same = np.ones(len(rows) - 1, dtype=bool)
        for values in (
            t.code,
            as_int(t.interval_start),
            as_int(t.interval_end),
            as_int(t.issued_at),
        ):
            same &= values[rows[1:]] == values[rows[:-1]]
        at = np.flatnonzero(same)
        return rows[at], rows[at + 1]

    def _equal(self, old: Column, new: Column) -> Column:
        t = self.table
        equal: Column = (t.value[old] == t.value[new]) | (
            np.isnan(t.value[old]) & np.isnan(t.value[new])
        )
        for name in ("state", "finality", "flags"):
            equal &= t.column(name)[old] == t.column(name)[new]
        return equal

    def _compare(self, one: Column, other: Column) -> Column:
        """Sign of rank(one) − rank(other), without regard to when they were recorded."""
        sign = np.zeros(len(one), dtype=np.int8)
        for key in reversed(self.keys[-DOCUMENT_KEYS:]):
            here = (key[one] > key[other]).astype(np.int8) - (key[one] < key[other]).astype(np.int8)
            sign = np.where(sign == 0, here, sign)
        return sign

    # -- what the document covers and does not hold ------------------------------------------------------

    def _group_ids(self) -> Column:
        t = self.table
        issues = np.unique(as_int(t.issued_at)[self.incoming])
        place = np.minimum(np.searchsorted(issues, as_int(t.issued_at)), len(issues) - 1)
        known = issues[place] == as_int(t.issued_at)
        wide = t.code.astype(np.int64) * len(issues) + place
        groups = np.unique(wide[self.incoming])
        ids = np.minimum(np.searchsorted(groups, wide), len(groups) - 1)
        found: Column = np.where(known & (groups[ids] == wide), ids, -1)
        return found

    def _groups(self) -> _Groups:
        t, rows = self.table, self.incoming
        ids = self._group_ids()
        order = rows[np.lexsort((t.source_rank[rows], t.finality[rows], ids[rows]))]
        first = np.flatnonzero(np.append(True, np.diff(ids[order]) != 0))
        last = np.append(first[1:], len(order)) - 1
        low = np.minimum.reduceat(t.interval_start[order], first)
        high = np.maximum.reduceat(t.interval_end[order], first)
        if covers := self.batch.covers:
            low, high = (
                np.minimum(low, instant64(covers.start)),
                np.maximum(high, instant64(covers.end)),
            )
        return _Groups(ids, low, high, order[last])

    def _retracted(self, groups: _Groups) -> Observations:
        """Rows that the document covers, outranks and does not hold; and its own stray rows."""
        t, rows = self.table, self.best
        rows = rows[
            ~(((t.flags[rows] & np.uint32(Flag.RETRACTED)) != 0) & (t.state[rows] == State.MISSING))
        ]
        rows = rows[~self._held(groups, rows)]
        own = rows[self.is_own[rows]]
        rest = rows[~self.is_own[rows] & (groups.ids[rows] >= 0)]
        group = groups.ids[rest]
        inside = (t.interval_start[rest] >= groups.low[group]) & (
            t.interval_end[rest] <= groups.high[group]
        )
        rest, group = rest[inside], group[inside]
        stronger = self._compare(groups.strongest[group], rest) > 0
        rest, group = rest[stronger], group[stronger]
        return stack([retraction(t, rest, t, groups.strongest[group]), self._own_retractions(own)])

    def _own_retractions(self, rows: Column) -> Observations:
        t = self.table
        gone = retraction(t, rows, t, rows)
        here = t.batches.index(self.batch) if self.batch in t.batches else -1
        return evolve(gone, batch=np.full(len(gone), here, dtype=np.int32))

    def _held(self, groups: _Groups, rows: Column) -> Column:
        """Whether a row of the document, of any length, overlaps each of ``rows`` of its group."""
        t, new = self.table, self.incoming
        at = np.concatenate([t.interval_end[rows], t.interval_start[new]])
        group = np.concatenate([groups.ids[rows], groups.ids[new]])
        is_new = np.arange(len(at)) >= len(rows)
        order = np.lexsort((is_new, at, group))
        last = np.maximum.accumulate(np.where(is_new[order], np.arange(len(order)), -1))
        before = np.empty(len(at), dtype=np.int64)
        before[order] = np.where(last >= 0, order[last], -1)
        before = before[: len(rows)]
        found = before >= 0
        other = new[np.where(found, before - len(rows), 0)]
        held: Column = (
            found
            & (groups.ids[other] == groups.ids[rows])
            & (t.interval_end[other] > t.interval_start[rows])
        )
        return held | self._same_instant(groups, rows)

    def _same_instant(self, groups: _Groups, rows: Column) -> Column:
        """Whether the document holds each of ``rows`` that has no length; intervals alone overlap."""
        t, new = self.table, self.incoming
        new = new[t.interval_start[new] == t.interval_end[new]]
        same: Column = t.interval_start[rows] == t.interval_end[rows]
        if not len(new) or not same.any():
            return np.zeros(len(rows), dtype=bool)
        moments, place = np.unique(
            as_int(np.concatenate([t.interval_start[new], t.interval_start[rows]])),
            return_inverse=True,
        )
        key = (
            np.concatenate([groups.ids[new], groups.ids[rows]]).astype(np.int64) * len(moments)
            + place
        )
        return same & np.isin(key[len(new) :], key[: len(new)])

    # -- the same again ----------------------------------------------------------------------------------

    def _restatements(self, rows: Column, groups: _Groups) -> Iterator[Restatement]:
        """Group silent rows into spans of unbroken restatement, and series with equal spans into one record."""
        if not len(rows):
            return
        t = self.table
        spans: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        said = np.zeros(len(t), dtype=bool)
        said[self._partners(rows)] = True
        order = self.now[np.lexsort((t.interval_start[self.now], groups.ids[self.now]))]
        order = order[groups.ids[order] >= 0]
        ids, here = groups.ids[order], said[order]
        cut = np.flatnonzero(np.append(True, (np.diff(ids) != 0) | (here[1:] != here[:-1])))
        for first, last in zip(cut, np.append(cut[1:], len(order)) - 1, strict=True):
            if here[first]:
                row, end = order[first], order[last]
                strongest = groups.strongest[ids[first]]
                span = (
                    t.interval_start[row],
                    t.interval_start[end],
                    t.issued_at[row],
                    int(t.source_rank[strongest]),
                )
                spans[
                    tuple(
                        int(as_int(np.asarray(s)[None])[0]) if i < 3 else s
                        for i, s in enumerate(span)
                    )
                ].append(row)
        published, basis = self._latest_publication(rows)
        for (first_us, last_us, issued, rank), members in spans.items():
            yield Restatement(
                self.batch,
                tuple(t.series[t.code[m]] for m in members),
                np.datetime64(first_us, "us"), np.datetime64(last_us, "us"), np.datetime64(issued, "us"),
                rank, published, basis,
            )  # fmt: skip

    def _partners(self, rows: Column) -> Column:
        old, new = self._pairs()
        return old[np.isin(new, rows)]

    def _latest_publication(self, rows: Column) -> tuple[np.datetime64, int]:
        at = rows[np.argmax(as_int(self.table.published_at)[rows])]
        return self.table.published_at[at], int(self.table.published_basis[at])

    # -- a document that arrives late --------------------------------------------------------------------

    def _later_statements(self, late: Observations) -> Iterator[Observations]:
        """What documents that outrank rows of ``late`` said of those intervals without a row of their own."""
        found = LateStatements(self, late)
        if found.any():
            yield from found.rows()
