"""The bridge between resolutions: numbers of any intervals on the cells of a grid.

A longer interval gives its number to every cell in it (a price or a mean power holds for each of its quarters); shorter
ones are averaged by the time they cover. What is a sum over its interval (energy) is shared out by time instead. A cell
that is not covered whole has no number. So a model trains across a market's change from hours to quarters on quarters.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np

from carbon254.core.domain.observations import Column

_WHOLE: Final = 1.0 - 1e-9


def bridge(
    starts: Column,
    ends: Column,
    values: Column,
    cells: Column,
    resolution: timedelta,
    *,
    additive: bool = False,
) -> Column:
    """Values on the cells, whose starts ascend by ``resolution`` without a hole; NaN where there is none.

    Intervals must not overlap. An instant (an interval without length) counts as a sample of its cell.
    """
    made = np.full(len(cells), np.nan)
    if not len(cells) or not len(starts):
        return made
    step = resolution // timedelta(microseconds=1)
    low = (starts - cells[0]).astype(np.int64)
    high = (ends - cells[0]).astype(np.int64)
    if ((low % step == 0) & (high - low == step)).all():
        place = low // step
        inside = (place >= 0) & (place < len(cells))
        made[place[inside]] = values[inside]
        return made
    length = high - low
    instant = length == 0
    row, place, overlap = _pieces(low, np.where(instant, low + 1, high), step)
    overlap[instant[row]] = 1.0  # a sample speaks for its cell
    inside = (place >= 0) & (place < len(cells))
    row, place, overlap = row[inside], place[inside], overlap[inside]
    covered = np.bincount(place, weights=overlap, minlength=len(cells))
    share = overlap * step / np.where(instant, step, length)[row] if additive else overlap
    total = np.bincount(place, weights=share * values[row], minlength=len(cells))
    sampled = np.bincount(place[instant[row]], minlength=len(cells)) > 0
    whole = (covered >= _WHOLE) | sampled
    made[whole] = total[whole] if additive else total[whole] / covered[whole]
    return made


def _pieces(low: Column, high: Column, step: int) -> tuple[Column, Column, Column]:
    """Each interval cut at the cells' edges: its row, the cell, and the share of the cell that it covers."""
    first, last = low // step, (high - 1) // step
    count = last - first + 1
    row = np.repeat(np.arange(len(low)), count)
    place = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    covered = np.minimum(high[row], (place + 1) * step) - np.maximum(low[row], place * step)
    return row, place, covered / step
