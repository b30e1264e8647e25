"""Spikes: values far from those of the same local time on the days before, by a robust score."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np
from attrs import frozen

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Column, instant64
from carbon254.core.domain.quality import Rows, Verdict, verdict
from carbon254.core.domain.time import zone
from carbon254.core.domain.vocabulary import State

_MAD_TO_SIGMA: Final = 1.4826  # the standard deviation of a normal distribution in units of its MAD
_BATCH: Final = 4_000_000  # numbers looked at together, 32 MB
_DAY_US: Final = 86_400_000_000


@frozen
class SpikeRule:
    """When a value is a spike: further than ``threshold`` robust deviations from its history's median.

    History is the same local time of the ``days`` days before, at least ``least`` of them. The robust deviation
    is 1.4826 × MAD, but never less than ``floor`` in the series' unit: a price that stood still for weeks has a
    MAD of 0, and a move of a cent is no spike.
    """

    threshold: float = 12.0
    days: int = 28
    least: int = 10
    floor: float = 1.0

    def __attrs_post_init__(self) -> None:
        if not (self.threshold > 0 and self.floor > 0 and 1 <= self.least <= self.days):
            raise InvalidRequest(
                "A spike rule needs threshold > 0, floor > 0 and 1 ≤ least ≤ days."
            )


def check_spikes(
    table: Rows, zone_name: str, rule: SpikeRule, *, since: datetime | None = None
) -> Verdict:
    """Find values far from those of the same local time on the days before; rows before ``since`` are history."""
    scores = robust_scores(table, zone_name, rule, since=since)
    found = np.flatnonzero(np.abs(scores) > rule.threshold)
    text = f"more than {rule.threshold:g} robust deviations from the same time on {rule.days} days before"
    return verdict(table, found, "spike", text)


def robust_scores(
    table: Rows, zone_name: str, rule: SpikeRule, *, since: datetime | None = None
) -> Column:
    """Return (value − median) / deviation for every row; ``NaN`` without enough history, for gaps and forecasts."""
    scores = np.full(len(table), np.nan)
    rows = np.flatnonzero((table.state == State.OK) & np.isnat(table.issued_at))
    if not len(rows):
        return scores
    local = _local(table.interval_start[rows], zone_name)
    day = local.astype("datetime64[D]")
    clock = (local - day).astype(np.int64)
    number = (day - day.min()).astype(np.int64)
    _, column = np.unique(table.code[rows].astype(np.int64) * _DAY_US + clock, return_inverse=True)
    judged = np.ones(len(rows), dtype=bool)
    if since is not None:
        judged = table.interval_start[rows] >= instant64(since)
    if not judged.any():
        return scores
    order = np.argsort(column, kind="stable")
    width = max(1, _BATCH // int((number.max() + 1) * rule.days))
    for low in range(0, int(column.max()) + 1, width):
        some = order[
            np.searchsorted(column[order], low) : np.searchsorted(column[order], low + width)
        ]
        cells = (number[some], column[some] - low)
        scores[rows[some]] = _score(table.value[rows[some]], cells, judged[some], rule)
    return scores


def _score(value: Column, cells: tuple[Column, Column], judged: Column, rule: SpikeRule) -> Column:
    """Scores of one batch: a row for each day, a column for each series and time of day."""
    score = np.full(len(value), np.nan)
    if not judged.any():
        return score
    number, column = cells
    history = np.full((number.max() + 1 + rule.days, column.max() + 1), np.nan)
    # Backwards, so that of an hour that comes twice the first is remembered.
    history[number[::-1] + rule.days, column[::-1]] = value[::-1]
    first = number[judged].min()
    before = np.lib.stride_tricks.sliding_window_view(history[first:-1], rule.days, axis=0)
    middle, count = _median(before)
    spread, _ = _median(np.abs(before - middle[..., None]))
    place = (number[judged] - first, column[judged])
    scale = np.maximum(_MAD_TO_SIGMA * spread[place], rule.floor)
    score[judged] = (value[judged] - middle[place]) / scale
    score[np.flatnonzero(judged)[count[place] < rule.least]] = np.nan
    return score


def _median(windows: Column) -> tuple[Column, Column]:
    """Median along the last axis without ``NaN``, and how many numbers there are."""
    ordered = np.sort(windows, axis=-1)  # NaN last
    count = np.sum(~np.isnan(ordered), axis=-1)
    middle = np.stack(
        [np.maximum(count - 1, 0) // 2, np.minimum(count // 2, windows.shape[-1] - 1)], axis=-1
    )
    return np.take_along_axis(ordered, middle, axis=-1).mean(axis=-1), count


def _local(starts: Column, zone_name: str) -> Column:
    """What local clocks show at each instant, as naive ``datetime64[us]``."""
    place = zone(zone_name)
    distinct, back = np.unique(starts, return_inverse=True)
    clocks = [
        moment.replace(tzinfo=UTC).astimezone(place).replace(tzinfo=None)
        for moment in distinct.tolist()
    ]
    local: Column = np.array(clocks, dtype=starts.dtype)[back]
    return local
