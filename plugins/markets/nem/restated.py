"""Reports made again: of what several files of one document say about a row, the greatest (finality, stamp) rules.

The daily and weekly bundles of ``Reports/ARCHIVE`` hold every report of their span, those made again too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np

from carbon254.core.domain.observations import Column

_KEY = ("code", "interval_start", "interval_end")
_SAID = ("value", "state", "finality", "flags")
_NEVER = datetime.min.replace(tzinfo=UTC)


def overruled(columns: Mapping[str, Column], stamps: Mapping[int, datetime | None]) -> Column:
    """Which rows another file of the document states otherwise and later; ``stamps`` are those of its files.

    Rows that say the same as the one that rules stay, and so do all of its own file: whether those contradict each
    other is for the reading to judge.
    """
    part = columns["locator"] >> 48
    if not len(part) or (part == part[0]).all():
        return np.zeros(len(part), dtype=bool)
    rank = _ranks(stamps)[part]
    order = np.lexsort((rank, columns["finality"], *(columns[name] for name in _KEY)))
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.logical_or.reduce([np.diff(columns[name][order]) != 0 for name in _KEY])
    last = np.append(np.flatnonzero(first)[1:], len(order)) - 1
    ruling = np.empty_like(order)
    ruling[order] = order[last][np.cumsum(first) - 1]
    differs = np.zeros(len(order), dtype=bool)
    for name in _SAID:
        own, theirs = columns[name], columns[name][ruling]
        differs |= (own != theirs) & ((own == own) | (theirs == theirs))
    found: Column = differs & (part != part[ruling])
    return found


def _ranks(stamps: Mapping[int, datetime | None]) -> Column:
    """The place of each file in the order in which they were made; one without a stamp comes first."""
    made = sorted(stamps, key=lambda part: (stamps[part] or _NEVER, part))
    ranks = np.zeros(max(stamps) + 1, dtype=np.int64)
    ranks[made] = np.arange(len(made))
    return ranks
