"""What documents that outrank a late one had said of its intervals, by restating or by silence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from attrs import evolve

from carbon254.core.domain.observations import (
    Batch,
    Column,
    Observations,
    as_int,
    concatenate,
    instant64,
)
from carbon254.core.domain.revisions import (
    DOCUMENT_KEYS,
    Restatement,
    best_of_keys,
    current,
    document,
    rank_keys,
    retraction,
    stack,
)
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import Flag, State

if TYPE_CHECKING:
    from carbon254.core.domain._merging import Merge


class LateStatements:
    """Documents that outrank the incoming one, and what they said by restating or by silence."""

    def __init__(self, merge: Merge, late: Observations) -> None:
        self.merge, self.late, self.table = merge, late, merge.table
        t = merge.table
        self.documents: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        for number, batch in enumerate(t.batches):
            if document(batch) != merge.document:
                self.documents[document(batch)].append(number)
        self.restated: dict[tuple[str, str, str], list[Restatement]] = defaultdict(list)
        self.again: dict[SeriesId, list[Restatement]] = defaultdict(list)
        for one in merge.restated:
            self.restated[document(one.batch)].append(one)
            for series in one.series:
                self.again[series].append(one)

    def any(self) -> bool:
        """Whether anything stored could outrank the incoming document at all; mostly not."""
        if not len(self.late):
            return False
        return bool(self._above().any()) or any(
            self._is_newer(one.batch) for one in self.merge.restated
        )

    def _above(self) -> Column:
        """Which stored rows could outrank a late one: more final, of greater rank, or of a newer document."""
        stored = np.arange(self.merge.count)
        if not len(stored):
            return stored.astype(bool)
        archived, stamp, rank, finality = self.merge.keys[-DOCUMENT_KEYS:]
        own = self.merge.incoming[0]
        newer = (stamp[stored] > stamp[own]) | (
            (stamp[stored] == stamp[own]) & (archived[stored] > archived[own])
        )
        above: Column = newer | (finality[stored] > self.late.finality.min())
        above |= rank[stored] > self.late.source_rank.min()
        return above

    def _is_newer(self, batch: Batch) -> bool:
        both = concatenate([_of_batch(self.late, self.merge.batch), _of_batch(self.late, batch)])
        archived, stamp = rank_keys(both)[-DOCUMENT_KEYS : -DOCUMENT_KEYS + 2]
        return (int(stamp[1]), int(archived[1])) > (int(stamp[0]), int(archived[0]))

    def rows(self) -> Iterator[Observations]:
        """Rows that the documents above had not written because they restated, and retractions."""
        t, late = self.table, self.late
        place = {series: code for code, series in enumerate(t.series)}
        codes = np.array([place[series] for series in late.series], dtype=np.int64)[late.code]
        above = {
            document(t.batches[n])
            for n in np.unique(t.batch[np.flatnonzero(self._above())]).tolist()
        }
        above |= {
            name
            for name, said in self.restated.items()
            if any(self._is_newer(one.batch) for one in said)
        }
        stored = _by_group(t.code[: self.merge.count], as_int(t.issued_at)[: self.merge.count])
        for group, rows in _by_group(codes, as_int(late.issued_at)).items():
            here = stored.get(group, np.zeros(0, dtype=np.int64))
            there = {document(t.batches[n]) for n in np.unique(t.batch[here]).tolist()}
            series = t.series[group[0]]
            again = {document(one.batch) for one in self.again.get(series, ())}
            for name in sorted(above & (there | again)):
                yield from self._of_document(name, (series, group[1]), late.take(rows), here)

    def _of_document(
        self,
        name: tuple[str, str, str],
        group: tuple[SeriesId, int],
        late: Observations,
        stored: Column,
    ) -> Iterator[Observations]:
        """What one document said of the intervals of one series and issue that the late document speaks of."""
        t = self.table
        mine = t.take(self._held_by(stored[np.isin(t.batch[stored], self.documents.get(name, []))]))
        held = stack([self._restated_rows(one, stored) for one in self._restated(name, group)])
        said = stack([mine, held])
        if not len(said):
            return
        strongest = said.take(np.lexsort(rank_keys(said))[-1:])
        low, high = said.interval_start.min(), said.interval_end.max()
        if covers := strongest.batches[strongest.batch[0]].covers:
            low, high = min(low, instant64(covers.start)), max(high, instant64(covers.end))
        late = late.take(~_touched(late, mine))
        if len(late) and len(held):
            weakest = late.take(np.lexsort(rank_keys(late)[-DOCUMENT_KEYS:])[:1])
            fresh = _touched(held, late) & (_strength(weakest, held) < 0)
            if fresh.any():
                yield held.take(fresh)
        late = late.take(~_touched(late, held))
        gone = (
            (late.interval_start >= low)
            & (late.interval_end <= high)
            & (_strength(strongest, late) > 0)
        )
        if gone.any():
            rows = np.flatnonzero(gone)
            yield retraction(late, rows, strongest, np.zeros(len(rows), dtype=np.int64))

    def _restated(
        self, name: tuple[str, str, str], group: tuple[SeriesId, int]
    ) -> list[Restatement]:
        return [
            one
            for one in self.again.get(group[0], ())
            if document(one.batch) == name and int(one.issued_at.astype(np.int64)) == group[1]
        ]

    def _held_by(self, rows: Column) -> Column:
        """Rows of one document that its last reading holds, without what it retracted."""
        t = self.table
        rows = rows[best_of_keys(t.take(rows))]
        gone = (t.state[rows] == State.MISSING) & ((t.flags[rows] & np.uint32(Flag.RETRACTED)) != 0)
        kept: Column = rows[~gone]
        return kept

    def _restated_rows(self, again: Restatement, stored: Column) -> Observations:
        """Copies of the rows that were current when they were restated, as rows of the restating document."""
        t = self.table
        then = t.take(
            stored[as_int(t.recorded_at)[stored] <= as_int(np.asarray(again.recorded_at)[None])[0]]
        )
        rows = current(then)
        starts = then.interval_start[rows]
        rows = rows[(starts >= again.first) & (starts <= again.last)]
        copy = then.take(rows)
        return evolve(
            copy,
            batches=(again.batch,),
            batch=np.zeros(len(copy), dtype=np.int32),
            source_rank=np.full(len(copy), again.source_rank, dtype=np.int32),
            published_at=np.full(len(copy), again.published_at, dtype="M8[us]"),
            published_basis=np.full(len(copy), again.published_basis, dtype=np.uint8),
        )


def _by_group(codes: Column, issues: Column) -> dict[tuple[int, int], Column]:
    """Rows of each (series code, issue)."""
    if not len(codes):
        return {}
    order = np.lexsort((issues, codes))
    fresh = (np.diff(codes[order]) != 0) | (issues[order][1:] != issues[order][:-1])
    parts = np.split(order, np.flatnonzero(fresh) + 1)
    return {(int(codes[part[0]]), int(issues[part[0]])): part for part in parts}


def _touched(rows: Observations, others: Observations) -> Column:
    """Which rows have the same interval as, or one that overlaps, any of the others; of one series and issue."""
    if not len(others) or not len(rows):
        return np.zeros(len(rows), dtype=bool)
    order = np.argsort(others.interval_start, kind="stable")
    start, end = others.interval_start[order], others.interval_end[order]
    reach = np.maximum.accumulate(end)
    before = np.searchsorted(start, rows.interval_end, side="left") - 1
    overlap = (before >= 0) & (reach[np.maximum(before, 0)] > rows.interval_start)
    instants = others.interval_start[others.interval_start == others.interval_end]
    same = (rows.interval_start == rows.interval_end) & np.isin(rows.interval_start, instants)
    touched: Column = overlap | same
    return touched


def _strength(one: Observations, rows: Observations) -> Column:
    """Sign of rank(one) − rank(row) for every row, by what ranks documents."""
    keys = rank_keys(concatenate([one, rows]))[-DOCUMENT_KEYS:] if len(rows) else ()
    sign = np.zeros(len(rows), dtype=np.int8)
    for key in reversed(keys):
        here = (key[0] > key[1:]).astype(np.int8) - (key[0] < key[1:]).astype(np.int8)
        sign = np.where(sign == 0, here, sign)
    return sign


def _of_batch(like: Observations, batch: Batch) -> Observations:
    """One row as if the batch had told it."""
    return evolve(like.take([0]), batches=(batch,), batch=np.zeros(1, dtype=np.int32))
