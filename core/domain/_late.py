"""What documents that outrank a late one had said of its intervals, by restating or by silence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import evolve

from carbon254.core.domain.observations import Column, Observations, as_int, concatenate, instant64
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
        for one in merge.restated:
            self.restated[document(one.batch)].append(one)

    def any(self) -> bool:
        """Whether anything stored could outrank the incoming document at all; mostly not."""
        if self.restated:
            return True
        stored = np.arange(self.merge.count)
        if not len(stored) or not len(self.late):
            return False
        own = self.merge.incoming[0]
        archived, stamp, rank, finality = self.merge.keys[-DOCUMENT_KEYS:]
        low = (int(self.late.finality.min()), int(self.late.source_rank.min()))
        above = (finality[stored] > low[0]) | (rank[stored] > low[1])
        newer = (stamp[stored] > stamp[own]) | (
            (stamp[stored] == stamp[own]) & (archived[stored] > archived[own])
        )
        return bool((above | newer).any())

    def rows(self) -> Iterator[Observations]:
        late = self.late
        by_group: dict[tuple[Any, int], list[int]] = defaultdict(list)
        for row in range(len(late)):
            by_group[(late.series[late.code[row]], int(as_int(late.issued_at)[row]))].append(row)
        stored: dict[tuple[Any, int], list[int]] = defaultdict(list)
        t = self.table
        for row in range(self.merge.count):
            stored[(t.series[t.code[row]], int(as_int(t.issued_at)[row]))].append(row)
        for group, rows in by_group.items():
            for name in {*self.documents, *self.restated}:
                yield from self._of_document(
                    name, group, rows, np.array(stored[group], dtype=np.int64)
                )

    def _of_document(
        self, name: tuple[str, str, str], group: tuple[Any, int], rows: list[int], stored: Column
    ) -> Iterator[Observations]:
        series, issued = group
        t = self.table
        mine = self._held_by(stored[np.isin(t.batch[stored], self.documents.get(name, []))])
        again = [
            r for r in self.restated.get(name, ())
            if series in r.series and int(as_int(np.asarray(r.issued_at)[None])[0]) == issued
        ]  # fmt: skip
        held = [self._restated_rows(r, stored) for r in again]
        said = (
            stack([t.take(mine), *held])
            if len(mine) or any(len(h) for h in held)
            else Observations.empty()
        )
        if not len(said):
            return
        strongest = said.take(np.lexsort(rank_keys(said))[-1:])
        low, high = said.interval_start.min(), said.interval_end.max()
        if covers := strongest.batches[strongest.batch[0]].covers:
            low, high = min(low, instant64(covers.start)), max(high, instant64(covers.end))
        done: set[int] = set()
        for row in rows:
            yield from self._of_interval(
                row,
                t.take(mine),
                stack(held) if held else said.take([]),
                strongest,
                (low, high),
                done,
            )

    def _held_by(self, rows: Column) -> Column:
        """Rows of one document that its last reading holds, without what it retracted."""
        t = self.table
        rows = rows[best_of_keys(t.take(rows))]
        gone = (t.state[rows] == State.MISSING) & ((t.flags[rows] & np.uint32(Flag.RETRACTED)) != 0)
        kept: Column = rows[~gone]
        return kept

    def _of_interval(
        self,
        row: int,
        mine: Observations,
        held: Observations,
        strongest: Observations,
        span: Any,
        done: set[int],
    ) -> Iterator[Observations]:
        late = self.late.take([row])
        if len(mine) and _touching(late, mine).any():
            return
        again = np.flatnonzero(_touching(late, held)) if len(held) else np.zeros(0, dtype=np.int64)
        if len(again):
            fresh = [
                int(a) for a in again if int(a) not in done and _outranks(held.take([a]), late)
            ]
            done.update(fresh)
            if fresh:
                yield held.take(fresh)
        elif (
            span[0] <= late.interval_start[0]
            and late.interval_end[0] <= span[1]
            and _outranks(strongest, late)
        ):
            yield retraction(late, np.array([0]), strongest, np.array([0]))

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


def _touching(one: Observations, many: Observations) -> Column:
    """Which of ``many`` have the same or an overlapping interval; the same series and issue are given."""
    start, end = one.interval_start[0], one.interval_end[0]
    same = (many.interval_start == start) & (many.interval_end == end)
    touching: Column = same | ((many.interval_start < end) & (start < many.interval_end))
    return touching


def _outranks(one: Observations, other: Observations) -> bool:
    both = concatenate([one, other])
    keys = [key.tolist() for key in reversed(rank_keys(both)[-DOCUMENT_KEYS:])]
    return tuple(key[0] for key in keys) > tuple(key[1] for key in keys)
