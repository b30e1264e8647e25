"""The shapes of made-up numbers: hash noise that depends on nothing but series, instant and seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import numpy as np
from attrs import frozen

from carbon254.core.domain.observations import Column
from carbon254.core.domain.series import SeriesId

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_LOT: Final = 500  # t; allowances are offered in lots


@frozen(eq=False)
class Clockwork:
    """Where intervals stand: second since 1970, hour of the operating day by elapsed time, ordinal of that day."""

    second: Column
    hour: Column
    day: Column


def key_of(*words: object) -> int:
    """A 64-bit key from words; the same on every machine."""
    return int.from_bytes(hashlib.sha256("|".join(map(str, words)).encode()).digest()[:8], "big")


def uniform(key: int, index: Column) -> Column:
    """Numbers in [0, 1), one for each index, without regard to which other indices are asked (splitmix64)."""
    x = index.astype(np.uint64) * _GOLDEN + np.uint64(key)
    for shift, factor in zip((30, 27), _MIX, strict=True):
        x = (x ^ (x >> np.uint64(shift))) * factor
    result: Column = ((x ^ (x >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) / 2.0**53
    return result


def normal(key: int, index: Column) -> Column:
    """Nearly normal numbers of mean 0 and deviation 1: the sum of four uniform ones."""
    four = np.sum([uniform(key + n, index) for n in range(1, 5)], axis=0)
    result: Column = (four - 2.0) * np.sqrt(3.0)
    return result


def smooth(key: int, second: Column, hours: float) -> Column:
    """Noise that wanders over the given hours, between about -2 and 2."""
    place = second / (hours * 3600.0)
    left = np.floor(place).astype(np.int64)
    weight = (1.0 - np.cos(np.pi * (place - left))) / 2.0
    result: Column = normal(key, left) * (1.0 - weight) + normal(key, left + 1) * weight
    return result


def bell(hour: Column, at: float, width: float) -> Column:
    """1 at an hour of the day, falling off to both sides."""
    result: Column = np.exp(-(((hour - at) / width) ** 2))
    return result


def level(*words: object) -> float:
    """A number in [0, 1) that belongs to a series: how large it is, seen over all its time."""
    return float(np.random.default_rng(key_of(*words)).random())


def raw_values(
    series: SeriesId,
    clockwork: Clockwork,
    seed: int,
    decimals: int,
    limits: tuple[float | None, float | None] = (None, None),
) -> Column:
    """Values of one series, in its unit, rounded to the float64 nearest to a decimal of that many digits."""
    shape = next((make for start, make in _SHAPES if series.measure.startswith(start)), _power)
    values = shape(series, clockwork, seed)
    if limits != (None, None):
        values = np.clip(values, *limits)
    scale = 10.0**decimals
    result: Column = (np.rint(values * scale) + 0.0) / scale  # + 0.0: no negative zero
    return result


def _energy(series: SeriesId, at: Clockwork, seed: int) -> Column:
    """The price that all places of a market share: humps, weekends, sun, spikes."""
    key = key_of(seed, series.market, "energy")
    humps = 14.0 * bell(at.hour, 8, 2.5) + 22.0 * bell(at.hour, 19, 2.5)
    weekend = np.where((at.day - 1) % 7 >= 5, 0.75, 1.0)
    sunny = uniform(key + 11, at.day) < 0.35
    sun = np.where(sunny, 52.0, 6.0) * bell(at.hour, 13, 2.2)
    price = (34.0 + humps) * weekend - sun + 4.0 * smooth(key, at.second, 30)
    if series.stage != "day_ahead":
        own = key_of(seed, series.market, series.run)
        spikes = uniform(own + 21, at.second) < 0.004
        price = (
            price
            + 5.0 * smooth(own, at.second, 2)
            + np.where(spikes, 40 + 400 * uniform(own + 22, at.second), 0.0)
        )
    result: Column = price + 1.2 * normal(
        key_of(seed, series.market, series.run, "noise"), at.second
    )
    return result


def _congestion(series: SeriesId, at: Clockwork, seed: int) -> Column:
    key = key_of(seed, series.market, series.stage, series.kind, series.location)
    result: Column = (
        2.5 * smooth(key, at.second, 9) * (uniform(key + 31, at.second // 10_800) < 0.6)
    )
    return result


def _loss(series: SeriesId, at: Clockwork, seed: int) -> Column:
    factor = 0.06 * (level(seed, series.market, series.location, "loss") - 0.5)
    return factor * _energy(series, at, seed)


def _small(series: SeriesId, at: Clockwork, seed: int) -> Column:
    key = key_of(seed, series.market, series.run, series.measure)
    result: Column = 1.5 + 0.7 * smooth(key, at.second, 24)
    return result


def _price(series: SeriesId, at: Clockwork, seed: int) -> Column:
    side = {"long": -4.0, "short": 4.0, "low": -9.0, "high": 9.0}.get(
        series.measure.partition("-")[2], 0.0
    )
    return (
        _energy(series, at, seed) + _congestion(series, at, seed) + _loss(series, at, seed) + side
    )


def _power(series: SeriesId, at: Clockwork, seed: int) -> Column:
    """Load and anything else that is large by day, never negative."""
    name, _, qualifier = series.measure.partition("-")
    words = (seed, series.market, name, series.kind, series.location)
    size = 800.0 + 14_000.0 * level(*words, "size")
    weekend = np.where((at.day - 1) % 7 >= 5, 0.9, 1.0)
    shape = 0.72 + 0.16 * bell(at.hour, 9, 3.5) + 0.24 * bell(at.hour, 19, 3.5)
    noise = 0.012 * normal(key_of(*words, series.run), at.second) + 0.03 * smooth(
        key_of(*words), at.second, 20
    )
    result: Column = np.maximum(size * (shape * weekend + noise) * _quantile(qualifier), 0.0)
    return result


def _quantile(qualifier: str) -> float:
    named = {"min": 0.92, "max": 1.08}
    if qualifier.startswith("p") and qualifier[1:3].isdigit():
        return 0.9 + 0.2 * int(qualifier[1:3]) / 100.0
    return named.get(qualifier, 1.0)


def _sunlight(series: SeriesId, at: Clockwork, seed: int) -> Column:
    clouds = 0.75 + 0.25 * uniform(key_of(seed, series.market, series.location, "clouds"), at.day)
    daylight = np.maximum(bell(at.hour, 13, 3.6) - 0.05, 0.0)
    result: Column = (
        (200.0 + 6_000.0 * level(seed, series.market, series.location, "solar")) * clouds * daylight
    )
    return result


def _wind(series: SeriesId, at: Clockwork, seed: int) -> Column:
    words = (seed, series.market, series.measure.partition("-")[0], series.location)
    gusts = 0.4 + 0.25 * smooth(key_of(*words), at.second, 18)
    result: Column = np.maximum(300.0 + 5_000.0 * level(*words) * gusts, 0.0)
    return result


def _steady(series: SeriesId, at: Clockwork, seed: int) -> Column:
    words = (seed, series.market, series.measure.partition("-")[0], series.location)
    result: Column = np.maximum(
        60.0 + 2_500.0 * level(*words) + 20.0 * normal(key_of(*words), at.second), 0.0
    )
    return result


def _signed(series: SeriesId, at: Clockwork, seed: int) -> Column:
    words = (seed, series.market, series.measure, series.location)
    result: Column = (100.0 + 900.0 * level(*words)) * smooth(
        key_of(*words, series.run), at.second, 12
    )
    return result


def _carbon_intensity(series: SeriesId, at: Clockwork, seed: int) -> Column:
    result: Column = np.maximum(
        180.0 + 60.0 * smooth(key_of(seed, series.market), at.second, 24), 0.0
    )
    return result


_Shape = Callable[[SeriesId, Clockwork, int], Column]
_SHAPES: Final[tuple[tuple[str, _Shape], ...]] = (  # the first that the measure starts with
    ("price_energy", _energy),
    ("price_congestion", _congestion),
    ("price_loss", _loss),
    ("price_", _small),
    ("price", _price),
    ("marginal_cost", _price),
    ("generation_solar", _sunlight),
    ("generation_wind", _wind),
    ("generation_storage", _signed),
    ("generation_battery", _signed),
    ("generation_", _steady),
    ("generation", _steady),
    ("consumption", _steady),
    ("flow", _signed),
    ("net_", _signed),
    ("imbalance_volume", _signed),
    ("carbon_intensity", _carbon_intensity),
)


def auction(
    group: SeriesId, members: tuple[SeriesId, ...], at: Clockwork, seed: int
) -> dict[SeriesId, Column]:
    """All measures of one place's auctions, whose relations hold: revenue = price × sold, cover = bid / offered."""
    key = key_of(seed, group.market, group.run, group.location)
    market = key_of(seed, group.market)
    cents = np.rint(7000.0 + 600.0 * smooth(market, at.second, 720) + 25.0 * normal(key, at.second))
    offered = (
        np.rint(4000.0 + 2500.0 * level(key, "size") + 200.0 * normal(key + 50, at.second)) * _LOT
    )
    bid = offered + np.rint(uniform(key + 60, at.second) * 5000.0 + 1.0) * _LOT
    bidders = 14.0 + np.floor(14.0 * uniform(key + 70, at.second))
    bids = bidders * 3.0 + np.floor(20.0 * uniform(key + 80, at.second))
    made = {
        "price": cents / 100.0,
        "price-min": (cents - np.floor(900.0 * uniform(key + 90, at.second))) / 100.0,
        "price-max": (cents + 100.0 + np.floor(4000.0 * uniform(key + 91, at.second))) / 100.0,
        "price-mean": (cents + np.floor(80.0 * uniform(key + 92, at.second))) / 100.0,
        "price-median": (cents - np.floor(30.0 * uniform(key + 93, at.second))) / 100.0,
        "allowances_offered": offered,
        "allowances_sold": offered,
        "allowances_bid": bid,
        "cover_ratio": np.rint(bid / offered * 100.0) / 100.0,
        "bids": bids,
        "bids-successful": np.floor(bids * 0.55),
        "bidders": bidders,
        "bidders-successful": np.floor(bidders * 0.8),
        "revenue": cents * offered / 100.0,
    }
    return {one: made.get(one.measure, cents / 100.0) for one in members}
