"""What a technology earned: the price weighted by its volume (capture price), against the mean price (capture rate).

Capture price = Σ price · power · time / Σ power · time, over the time for which both numbers are there; the rate sets
it against the plain mean price over the same time, so that a lacking hour moves neither against the other.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from attrs import frozen

from carbon254.core.domain.observations import NAT, Column
from carbon254.core.domain.resampling import Intervals, latest
from carbon254.core.domain.vocabulary import Finality, State

_HOUR_US: Final = 3_600_000_000


@frozen
class Capture:
    """One period. ``price`` and ``mean_price`` in the price's unit, ``energy_mwh`` the volume that weighed.

    ``price`` is None where no energy was produced, ``rate`` also where the mean price is not above 0.
    ``finality`` is the least of prices and of volumes used, ``flags`` are those of both, and the clocks tell when the
    last of both became known, ``NaT`` where nobody can say.
    """

    price: float | None
    rate: float | None
    mean_price: float | None
    energy_mwh: float
    hours: float
    hours_expected: float
    price_finality: str
    volume_finality: str
    flags: int = 0
    published_at: np.datetime64 = NAT
    recorded_at: np.datetime64 = NAT

    @property
    def partial(self) -> bool:
        """Whether prices or volumes lack for some of the time."""
        return 0 < self.hours < self.hours_expected


def capture(
    prices: Intervals, volumes: Intervals, start: np.datetime64, end: np.datetime64
) -> Capture:
    """Weigh prices by volumes in MW over ``[start, end)``; only state `OK` counts, each as long as both hold."""
    price_row, volume_row, time = _common(prices, volumes, start, end)
    expected = float((end - start).astype("timedelta64[us]").astype(np.int64)) / _HOUR_US
    if not len(time):
        return Capture(None, None, None, 0.0, 0.0, expected, "", "")
    hours = time / _HOUR_US
    price, energy = prices.value[price_row], volumes.value[volume_row] * hours
    total, present = math.fsum(energy.tolist()), math.fsum(hours.tolist())
    mean = math.fsum((price * hours).tolist()) / present
    earned = math.fsum((price * energy).tolist()) / total if total else None
    rate = earned / mean if earned is not None and mean > 0 else None
    return Capture(
        earned, rate, mean, total, present, expected,
        _least(prices.finality[price_row]), _least(volumes.finality[volume_row]),
        _all_flags(prices.flags[price_row], volumes.flags[volume_row]),
        latest(prices.published_at[price_row], volumes.published_at[volume_row]),
        latest(prices.recorded_at[price_row], volumes.recorded_at[volume_row]),
    )  # fmt: skip


def _common(
    prices: Intervals, volumes: Intervals, start: np.datetime64, end: np.datetime64
) -> tuple[Column, Column, Column]:
    """Rows of both that hold together, and for how many microseconds, in order of time."""
    edges = np.concatenate([prices.start, prices.end, volumes.start, volumes.end])
    edges = np.unique(np.append(edges[(edges > start) & (edges < end)], [start, end]))
    low, high = edges[:-1], edges[1:]
    price_row, there = _holding(prices, low)
    volume_row, also = _holding(volumes, low)
    both = there & also
    return price_row[both], volume_row[both], (high - low)[both].astype(np.int64)


def _holding(rows: Intervals, moments: Column) -> tuple[Column, Column]:
    """The row that holds at each moment, and whether there is one that is `OK`."""
    if not len(rows.start):
        return np.zeros(len(moments), dtype=np.int64), np.zeros(len(moments), dtype=bool)
    row = np.searchsorted(rows.start, moments, side="right") - 1
    at = np.maximum(row, 0)
    return at, (row >= 0) & (rows.end[at] > moments) & (rows.state[at] == State.OK)


def _all_flags(*flags: Column) -> int:
    return int(np.bitwise_or.reduce(np.concatenate(flags)))


def _least(finality: Column) -> str:
    return Finality(int(finality.min())).word
