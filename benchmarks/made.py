"""Made-up readings of any size; what they hold depends on the arguments alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

import numpy as np

from carbon254.adapters.plugins.host import PluginHost
from carbon254.core.domain.documents import Document
from carbon254.core.domain.observations import (
    Batch,
    Column,
    Observations,
    Reading,
    instant64,
    observe,
)
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import day_window
from carbon254.core.domain.vocabulary import PublishedBasis

DAY: Final = date(2025, 7, 15)
CAISO: Final = "America/Los_Angeles"
MISO: Final = "UTC-05:00"
PARTS: Final = ("price_energy", "price_congestion", "price_loss", "price_ghg")
_HOUR: Final = np.timedelta64(1, "h")


def caiso_day(nodes: int, day: date = DAY, *, seed: int = 254) -> Reading:
    """A day-ahead day of CAISO: five measures of every node, prices of five digits that add up."""
    rng = np.random.default_rng((seed, day.toordinal()))
    hours = _hours(day, CAISO)
    energy = np.broadcast_to(
        rng.integers(-500_000, 9_000_000, (1, len(hours))), (nodes, len(hours))
    )
    others = rng.integers(-300_000, 300_000, (2, nodes, len(hours)))
    parts = np.stack([energy, *others, np.zeros_like(energy)], axis=1)
    values = np.concatenate([parts.sum(axis=1, keepdims=True), parts], axis=1) / 1e5
    return _grid(_caiso_series(nodes), hours, values.reshape(-1))


@lru_cache(maxsize=4)
def _caiso_series(nodes: int) -> tuple[SeriesId, ...]:
    places = [f"NODE{n}_7_N{n % 7:03d}" for n in range(nodes)]
    return tuple(
        SeriesId("caiso", "day_ahead", measure, "node", place)
        for place in places
        for measure in ("price", *PARTS)
    )


def miso_day(nodes: int, day: date = DAY, *, seed: int = 254) -> Reading:
    """A day-ahead day of MISO: three measures of every node, prices of two digits."""
    rng = np.random.default_rng((seed, day.toordinal()))
    hours = _hours(day, MISO)
    energy = rng.integers(-500, 9000, (1, len(hours)))
    congestion, loss = rng.integers(-900, 900, (2, nodes, len(hours)))
    values = np.stack([energy + congestion + loss, congestion, loss], axis=1) / 100
    series = tuple(
        SeriesId("miso", "day_ahead-ex_post", measure, "node", f"AREA{n % 40}.UNIT{n}")
        for n in range(nodes)
        for measure in ("price", "price_congestion", "price_loss")
    )
    return _grid(series, hours, values.reshape(-1))


def written(market: str, reading: Reading) -> Document:
    """The document that a market's ``write`` makes of a day."""
    (document,) = PluginHost().market(market).write("day_ahead_lmp", reading)
    return document


def observed(reading: Reading, number: int, *, name: str = "day") -> Observations:
    """The reading with what the host adds to it; documents of greater numbers came later."""
    archived = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    batch = Batch(
        "caiso",
        "day_ahead_lmp",
        f"{name}{number}",
        f"{number:064x}",
        "1",
        f"{name}{number}.zip",
        archived,
        archived,
    )
    published = np.full(len(reading), instant64(archived))
    basis = np.full(len(reading), PublishedBasis.RULE, dtype=np.uint8)
    return observe(reading, batch, published_at=published, published_basis=basis)


def daily_documents(series: int, hours: int) -> list[Reading]:
    """Hours of as many series, one reading for each day."""
    ids = _caiso_series(-(-series // 5))[:series]
    first = np.datetime64("2025-01-01T00", "us")
    rng = np.random.default_rng(254)
    return [
        _grid(
            ids,
            first + np.arange(at, min(at + 24, hours)) * _HOUR,
            rng.integers(-500_000, 9_000_000, series * min(24, hours - at)) / 1e5,
        )
        for at in range(0, hours, 24)
    ]


def revised(reading: Reading, number: int, share: int = 100) -> Reading:
    """A later document of the same day that speaks of every ``share``-th series, with other values."""
    chosen = np.arange(number % share, len(reading.series), share)
    if not len(chosen):
        chosen = np.array([0])
    rows = np.isin(reading.code, chosen)
    starts = np.unique(reading.interval_start)
    return _grid(
        tuple(reading.series[code] for code in chosen), starts, reading.value[rows] + number / 1e5
    )


def _hours(day: date, zone: str) -> Column:
    window = day_window(day, zone)
    start: Column = np.arange(instant64(window.start), instant64(window.end), _HOUR)
    return start


def _grid(series: tuple[SeriesId, ...], hours: Column, values: Column) -> Reading:
    count, width = len(series), len(hours)
    line = np.arange(count * width)
    return Reading(
        series,
        ("USD/MWh",) * count,
        np.repeat(np.arange(count, dtype=np.int32), width),
        np.tile(hours, count),
        np.tile(hours + _HOUR, count),
        values,
        locator=(line // width * width + line * 7 % width + 1) << 16 | 14,
    )
