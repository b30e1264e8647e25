"""The periods and points of one series, as the platform draws A03 curves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Reading, from_instant64, instant64
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import Flag
from carbon254.plugins.markets.entsoe.curve import edges
from carbon254.plugins.markets.entsoe.templates import period_text, point

_RESOLUTIONS = ("P1D", "P7D", "P1M", "P1Y")


def periods(dataset: str, rows: Reading, category: str | None) -> Iterator[str]:
    """The lines of a series' periods: each holds rows that touch and have one resolution.

    Raises `InvalidRequest` for a row that is to be left out and does not equal the row before it.
    """
    begin, end = rows.interval_start, rows.interval_end
    steps = np.array([_resolution(a, b) for a, b in zip(begin, end, strict=True)])
    cuts = np.flatnonzero((begin[1:] != end[:-1]) | (steps[1:] != steps[:-1])) + 1
    for low, high in pairwise([0, *cuts.tolist(), len(rows)]):
        yield from _period(dataset, rows.take(np.arange(low, high)), str(steps[low]), category)


def _resolution(start: np.datetime64, end: np.datetime64) -> str:
    """How the platform writes the length of an interval."""
    minutes = int((end - start).astype(np.int64)) // 60_000_000
    if minutes < 23 * 60:
        return f"PT{minutes}M"
    low, high = from_instant64(start), from_instant64(end)
    assert low is not None
    assert high is not None
    for resolution in _RESOLUTIONS:
        if len(edges(Window(low, high), resolution)) == 2 and _whole(low, high, resolution):
            return resolution
    raise InvalidRequest(f"the platform has no resolution of {high - low}.")


def _whole(start: datetime, end: datetime, resolution: str) -> bool:
    """Whether an interval is as long as the calendar says, not one that a period's end cut short."""
    longer = edges(Window(start, end + timedelta(days=1)), resolution)
    return bool(longer[1] == instant64(end))


def _period(dataset: str, rows: Reading, resolution: str, category: str | None) -> Iterator[str]:
    first, last = from_instant64(rows.interval_start[0]), from_instant64(rows.interval_end[-1])
    assert first is not None
    assert last is not None
    yield from period_text(Window(first, last), resolution)
    filled = (rows.flags & np.uint32(Flag.BLOCK_FILLED)) != 0
    before = np.append(np.nan, rows.value[:-1])
    same = (rows.value == before) | (np.isnan(rows.value) & np.isnan(before))
    guessed = (rows.flags & np.uint32(Flag.ESTIMATED)) != 0
    same[1:] &= guessed[1:] == guessed[:-1]
    if filled[0] or not same[filled].all():
        raise InvalidRequest(
            "a row flagged block_filled must equal the row before it in its period."
        )
    quality = guessed.any()
    for place in np.flatnonzero(~filled).tolist():
        note = ("A03" if guessed[place] else "A04") if quality else None
        yield from point(dataset, place + 1, float(rows.value[place]), category, note)
    yield "    </Period>"
