"""What one commit changed, in an order and in parts that depend on nothing but the rows.

Whoever holds what was current before, and lets each row of a delta replace all rows of its series and issue that it
overlaps, holds what is current after. Rows that arrived late, when a later document had already said otherwise, are in
no delta.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from attrs import evolve

from carbon254.core.domain.observations import Column, Observations, as_int, only_used
from carbon254.core.domain.revisions import current
from carbon254.core.domain.series import SeriesId

_TOLD = ("interval_start", "interval_end", "issued_at", "value", "state", "finality", "source_rank", "flags",
         "published_at", "published_basis")  # fmt: skip


def changed(rows: Observations, at: np.datetime64) -> Observations:
    """Rows that are current since the commit at an instant and were not before.

    ``rows``: all rows, of every age, that overlap a window, recorded by then. Mostly these are rows of the commit; one
    that an other row had displaced is there again when that row is displaced itself.
    """
    now = current(rows)
    if bool((rows.recorded_at == at).all()):
        return rows.take(now)
    old = np.flatnonzero(rows.recorded_at != at)
    before = old[current(rows.take(old))]
    return rows.take(np.setdiff1d(now, before))


@lru_cache(maxsize=1 << 16)
def written(series: SeriesId) -> str:
    """The written form of a series; thousands stand in every part of a large delta."""
    return str(series)


def ordered(rows: Observations) -> Observations:
    """The rows by start, series as written, end and issue, whatever order they came in; only series that they use."""
    used = only_used(rows)
    names = sorted(range(len(used.series)), key=[written(one) for one in used.series].__getitem__)
    place = np.empty(len(names), dtype=np.int32)
    place[names] = np.arange(len(names), dtype=np.int32)
    made = evolve(
        used,
        series=tuple(used.series[name] for name in names),
        units=tuple(used.units[name] for name in names),
        code=place[used.code],
    )
    keys = (as_int(made.issued_at), made.interval_end, made.code, made.interval_start)
    return made.take(np.lexsort(keys))


def parts(rows: Observations, cost: Column, most: int) -> Iterator[Observations]:
    """Cut rows, in their order, into parts that cost no more than ``most`` each, with the series that each uses.

    A row alone may cost more.
    """
    first, spent = 0, np.cumsum(cost)
    while first < len(rows):
        before = int(spent[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(spent, before + most, side="right")))
        yield only_used(rows.take(np.arange(first, last)))
        first = last


def digest(rows: Observations) -> str:
    """SHA-256 of what rows say, in hex: equal for equal rows, wherever they were read from."""
    names = [written(one) for one in rows.series]
    made = hashlib.sha256("\n".join([*names, *rows.units, ""]).encode())
    made.update(rows.code.astype("<i4").tobytes())
    for name in _TOLD:
        values = rows.column(name)
        if name == "value":
            values = np.where(np.isnan(values), np.nan, values)
        made.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    return made.hexdigest()
