"""Capture prices, worked out on paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from attrs import evolve

from carbon254.core.domain.capture import capture
from carbon254.core.domain.resampling import Intervals
from carbon254.core.domain.vocabulary import Finality, Flag, State

OK = State.OK


def rows(
    start: str, values: Sequence[float], minutes: int = 60, states: Sequence[State] | None = None
) -> Intervals:
    step = np.timedelta64(minutes, "m")
    starts = np.datetime64(start, "us") + np.arange(len(values)) * step
    state = np.array(states or [OK] * len(values), dtype=np.uint8)
    finality = np.arange(len(values), dtype=np.uint8) % 2 + Finality.PRELIMINARY
    nothing = np.zeros(len(values), dtype=np.uint32)
    value = np.array(values, dtype=float)
    return Intervals(starts, starts + step, value, state, finality, nothing, starts, starts)


def at(text: str) -> np.datetime64:
    return np.datetime64(text, "us")


def test_a_price_is_weighed_by_what_was_produced() -> None:
    # 10·0 + 20·100 + 60·300 = 20 000 EUR for 400 MWh: 50 EUR/MWh; the mean is 30, the rate 5/3
    made = capture(
        rows("2025-06-10T10:00", [10, 20, 60]),
        rows("2025-06-10T10:00", [0, 100, 300]),
        at("2025-06-10T10:00"),
        at("2025-06-10T13:00"),
    )
    assert (made.price, made.mean_price, made.energy_mwh) == (50.0, 30.0, 400.0)
    assert made.rate == pytest.approx(5 / 3, rel=1e-15)
    assert (made.hours, made.hours_expected, made.partial) == (3.0, 3.0, False)
    assert (made.price_finality, made.volume_finality) == ("preliminary", "preliminary")


def test_marks_and_clocks_are_those_of_all_that_was_used() -> None:
    # A third hour of power, estimated and published last, has no price: nothing of it is used.
    prices, power = rows("2025-06-10T10:00", [10, 20]), rows("2025-06-10T10:00", [50, 100, 300])
    prices = evolve(prices, flags=np.array([Flag.SYNTHETIC, 0], dtype=np.uint32))
    marks = np.array([0, Flag.SUBSTITUTED, Flag.ESTIMATED], dtype=np.uint32)
    power = evolve(power, flags=marks, published_at=power.end)
    made = capture(prices, power, at("2025-06-10T10:00"), at("2025-06-10T13:00"))
    assert made.flags == Flag.SYNTHETIC | Flag.SUBSTITUTED
    assert (made.published_at, made.recorded_at) == (at("2025-06-10T12:00"), at("2025-06-10T11:00"))


def test_hourly_prices_meet_quarters_of_power() -> None:
    # 40 over an hour with 0, 0, 40, 80 MW = 30 MWh, −20 over one with 80, 40, 0, 0 = 30 MWh: (1200 − 600)/60 = 10
    made = capture(
        rows("2025-06-10T10:00", [40, -20]),
        rows("2025-06-10T10:00", [0, 0, 40, 80, 80, 40, 0, 0], 15),
        at("2025-06-10T10:00"),
        at("2025-06-10T12:00"),
    )
    assert (made.price, made.mean_price, made.energy_mwh, made.rate) == (10.0, 10.0, 60.0, 1.0)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [("2025-03-29T23:00", "2025-03-30T22:00", 23), ("2025-10-25T22:00", "2025-10-26T23:00", 25)],
)
def test_on_days_of_23_and_25_hours(start: str, end: str, hours: int) -> None:
    # prices 0, 1, 2 …, only the last hour produces: its price, at (hours − 1)/((hours − 1)/2) = twice the mean
    power = [0.0] * (hours - 1) + [5.0]
    made = capture(rows(start, range(hours)), rows(start, power), at(start), at(end))
    assert (made.price, made.mean_price, made.rate) == (hours - 1, (hours - 1) / 2, 2.0)
    assert made.hours == made.hours_expected == hours


def test_a_lacking_hour_counts_for_neither() -> None:
    late = [OK, State.LATE, OK]
    made = capture(
        rows("2025-06-10T10:00", [10, 99, 30]),
        rows("2025-06-10T10:00", [100, 50, 100], states=late),
        at("2025-06-10T10:00"),
        at("2025-06-10T13:00"),
    )
    assert (made.price, made.mean_price, made.rate, made.hours) == (20.0, 20.0, 1.0, 2.0)
    assert made.partial


def test_without_production_there_is_no_capture_price_and_below_zero_no_rate() -> None:
    day = at("2025-06-10T10:00"), at("2025-06-10T12:00")
    nothing = capture(rows("2025-06-10T10:00", [10, 20]), rows("2025-06-10T10:00", [0, 0]), *day)
    assert (nothing.price, nothing.rate, nothing.mean_price) == (None, None, 15.0)
    negative = capture(rows("2025-06-10T10:00", [-10, -20]), rows("2025-06-10T10:00", [1, 1]), *day)
    assert (negative.price, negative.rate) == (-15.0, None)
    absent = capture(rows("2025-06-10T10:00", []), rows("2025-06-10T10:00", []), *day)
    assert (absent.price, absent.hours, absent.hours_expected) == (None, 0.0, 2.0)
