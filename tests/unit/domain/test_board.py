"""Figures of the board against hand calculations, on days of 23, 24 and 25 hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from carbon254.core.domain.board import (
    DayFigures,
    Prices,
    change,
    day_figures,
    hourly,
    last_auction,
    spread,
)
from carbon254.core.domain.observations import instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, day_window
from carbon254.core.domain.vocabulary import Finality, State

NP15 = SeriesId.parse("caiso/day_ahead/price/hub/TH_NP15_GEN-APND")
REAL_TIME = SeriesId.parse("caiso/real_time-fmm/price/hub/TH_NP15_GEN-APND")
PACIFIC, BRUSSELS, NEM = "America/Los_Angeles", "Europe/Brussels", "UTC+10:00"
CALIFORNIA = ("base", "6x16_wecc", "off_peak:6x16_wecc")
EUROPE = ("base", "peak_eex", "off_peak:peak_eex")
AUSTRALIA = ("base", "peak_nem", "off_peak:peak_nem")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def prices(
    first: str,
    values: Sequence[float | None],
    minutes: int = 60,
    series: SeriesId = NP15,
    finality: Finality = Finality.FINAL,
) -> Prices:
    """Rows that follow one another from an instant in UTC; None is late."""
    step = np.timedelta64(minutes, "m")
    start = instant64(utc(first)) + np.arange(len(values)) * step
    state = np.array(
        [State.LATE if value is None else State.OK for value in values], dtype=np.uint8
    )
    numbers = np.array([np.nan if value is None else value for value in values])
    final = np.full(len(values), int(finality), dtype=np.uint8)
    return Prices(series, "USD/MWh", start, start + step, numbers, state, final)


def joined(*parts: Prices) -> Prices:
    names = ("start", "end", "value", "state", "finality")
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in names]
    return Prices(parts[0].series, parts[0].unit, *columns)


def figures(
    rows: Prices, day: str, zone: str = PACIFIC, blocks: tuple[str, ...] = CALIFORNIA
) -> DayFigures:
    of = date.fromisoformat(day)
    return day_figures(rows, of, day_window(of, zone), blocks, zone)


def means(of: DayFigures) -> list[float | None]:
    return [block.value for block in of.blocks]


# California: Sunday 1 November 2026 has 25 hours, from 07:00Z to 08:00Z; Monday has 24, from 08:00Z.
SUNDAY_25 = prices("2026-11-01T07:00", [10.0, 20.0, 40.0] + [10.0] * 22)
MONDAY = prices("2026-11-02T08:00", [20.0] * 6 + [50.0] * 16 + [20.0] * 2)
WEEK_AGO = prices(
    "2026-10-26T07:00", [26.0] * 6 + [44.0] * 16 + [26.0] * 2
)  # a Monday of summer time


def test_a_25_hour_day_in_california_counts_both_hours_at_one_o_clock() -> None:
    of = figures(SUNDAY_25, "2026-11-01")
    assert means(of) == [11.6, None, 11.6]  # (23 x 10 + 20 + 40) / 25; no peak on a Sunday
    assert [block.hours_of_block for block in of.blocks] == [25.0, 0.0, 25.0]
    assert of.hours_of_day == 25.0
    assert of.highest is not None
    assert (of.highest.value, of.highest.start) == (
        40.0,
        utc("2026-11-01T09:00"),
    )  # 01:00 PST, the second


def test_a_23_hour_day_in_california() -> None:
    of = figures(prices("2026-03-08T08:00", [30.0] * 2 + [7.0] * 21), "2026-03-08")
    assert means(of) == [9.0, None, 9.0]  # (2 x 30 + 21 x 7) / 23
    assert of.blocks[0].hours_of_block == 23.0


def test_a_24_hour_day_in_california_by_block() -> None:
    of = figures(MONDAY, "2026-11-02")
    assert means(of) == [40.0, 50.0, 20.0]  # (8 x 20 + 16 x 50) / 24; 06-22 local; the rest
    assert [block.block for block in of.blocks] == list(CALIFORNIA)
    assert [block.finality for block in of.blocks] == ["final"] * 3


def test_changes_on_the_day_and_on_the_week_across_a_clock_change() -> None:
    rows = joined(WEEK_AGO, SUNDAY_25, MONDAY)
    today, yesterday = figures(rows, "2026-11-02"), figures(rows, "2026-11-01")
    week_ago = figures(rows, "2026-10-26")
    assert means(week_ago) == [38.0, 44.0, 26.0]  # (8 x 26 + 16 x 44) / 24
    on_day, on_week = change(today, yesterday), change(today, week_ago)
    assert [one.value for one in on_day] == [pytest.approx(28.4), None, pytest.approx(8.4)]
    assert [one.value for one in on_week] == [2.0, 6.0, -6.0]
    assert {one.against for one in on_week} == {date(2026, 10, 26)}
    assert not any(one.partial for one in (*on_day, *on_week))


def test_the_change_of_resolution_of_sdac() -> None:
    # 30 September 2025 in hours, 1 October in quarter-hours; both from 22:00Z of the day before.
    before = prices("2025-09-29T22:00", [30.0] * 24)
    after = prices("2025-09-30T22:00", [10.0, 20.0, 30.0, 40.0] + [25.0] * 92, 15)
    rows = joined(before, after)
    today, yesterday = (
        figures(rows, f"2025-{day}", BRUSSELS, EUROPE) for day in ("10-01", "09-30")
    )
    assert means(yesterday) == [30.0, 30.0, 30.0]
    assert means(today) == [25.0, 25.0, 25.0]
    assert [one.value for one in change(today, yesterday)] == [-5.0, -5.0, -5.0]
    assert today.lowest is not None
    assert (today.lowest.value, today.lowest.start) == (10.0, utc("2025-09-30T22:00"))
    assert today.lowest.end - today.lowest.start == timedelta(minutes=15)


def test_a_25_hour_day_of_quarter_hours_in_central_europe() -> None:
    # 26 October 2025 from 22:00Z, 100 quarters; the second 02-03 o'clock (01-02Z) is the 13th to 16th quarter.
    of = figures(
        prices("2025-10-25T22:00", [19.0] * 12 + [-5.0] * 4 + [19.0] * 84, 15),
        "2025-10-26",
        BRUSSELS,
        EUROPE,
    )
    assert means(of) == [18.04, None, 18.04]  # (96 x 19 - 4 x 5) / 100; a Sunday
    assert (of.negative, of.negative_hours) == (4, 1.0)
    assert of.lowest is not None
    assert of.lowest.start == utc("2025-10-26T01:00")  # the first of equals


def test_a_23_hour_day_of_quarter_hours_in_central_europe() -> None:
    of = figures(
        prices("2026-03-28T23:00", [102.0] + [10.0] * 91, 15), "2026-03-29", BRUSSELS, EUROPE
    )
    assert means(of)[0] == 11.0  # (102 + 91 x 10) / 92
    assert of.hours_of_day == 23.0


def test_five_minutes_in_australia_with_a_spike_and_negative_prices() -> None:
    # Monday 2 November 2026 in UTC+10 from 14:00Z: 12:00 to 13:00 at -60, one interval of 4 120 at 18:05.
    values = [40.0] * 288
    values[144:156] = [-60.0] * 12
    values[217] = 4120.0
    of = figures(prices("2026-11-01T14:00", values, 5), "2026-11-02", NEM, AUSTRALIA)
    # all: (275 x 40 - 720 + 4120) / 288; 07-22: (167 x 40 - 720 + 4120) / 180
    assert means(of) == [50.0, 56.0, 40.0]
    assert (of.negative, of.negative_hours) == (12, 1.0)
    assert of.highest is not None
    assert (of.highest.value, of.highest.start) == (4120.0, utc("2026-11-02T08:05"))
    assert of.lowest is not None
    assert of.lowest.start == utc("2026-11-02T02:00")


def test_what_is_there_in_part_is_marked_and_never_filled() -> None:
    rows = prices("2026-11-02T08:00", [20.0] * 6 + [50.0] * 12 + [None] * 4 + [20.0] * 2)
    of = figures(rows, "2026-11-02")
    base, peak, off_peak = of.blocks
    assert (base.value, base.partial, base.hours, base.hours_of_block) == (38.0, True, 20.0, 24.0)
    assert (peak.value, peak.partial, peak.hours) == (50.0, True, 12.0)  # not (12 x 50) / 16
    assert (off_peak.value, off_peak.partial) == (20.0, False)
    assert of.partial
    assert of.absent == (("late", 4),)
    (on_base, on_peak, on_off) = change(of, figures(WEEK_AGO, "2026-10-26"))
    assert [on_base.partial, on_peak.partial, on_off.partial] == [True, True, False]


def test_a_day_without_values_has_no_figures() -> None:
    of = figures(prices("2026-11-02T08:00", [None] * 24), "2026-11-02")
    assert means(of) == [None, None, None]
    assert (of.lowest, of.highest, of.negative, of.hours, of.partial) == (None, None, 0, 0.0, False)
    assert of.finality == ""
    assert [one.value for one in change(of, figures(WEEK_AGO, "2026-10-26"))] == [None] * 3


def test_a_figure_is_as_final_as_the_rows_behind_it() -> None:
    peak = prices("2026-11-02T14:00", [50.0] * 16)
    early = prices("2026-11-02T08:00", [20.0] * 6, finality=Finality.PRELIMINARY)
    of = figures(joined(early, peak), "2026-11-02")
    assert [block.finality for block in of.blocks] == ["preliminary", "final", "preliminary"]


def test_day_ahead_less_real_time_over_the_time_that_both_have() -> None:
    ahead = prices("2026-11-02T08:00", [30.0, 40.0, 50.0, 60.0])
    quarters = [
        10.0,
        20.0,
        30.0,
        40.0,
        50.0,
        50.0,
        50.0,
        None,
    ]  # 01:00 to 03:00 local, the last one late
    real = prices("2026-11-02T09:00", quarters, 15, REAL_TIME, Finality.PRELIMINARY)
    day = date(2026, 11, 2)
    found = spread("real_time", ahead, real, day, day_window(day, PACIFIC))
    assert found.hours == 1.75
    assert found.mean == pytest.approx((40 * 1 + 50 * 0.75) / 1.75)
    assert found.other_mean == pytest.approx((25 * 1 + 50 * 0.75) / 1.75)
    assert found.value == pytest.approx(15 / 1.75)
    assert (found.partial, found.hours_of_day, found.finality) == (True, 24.0, "preliminary")
    assert (found.run, found.other) == ("day_ahead", REAL_TIME)


def test_without_a_common_hour_there_is_no_spread() -> None:
    day = date(2026, 11, 2)
    ahead, real = (
        prices("2026-11-02T08:00", [30.0]),
        prices("2026-11-02T09:00", [20.0], 60, REAL_TIME),
    )
    found = spread("real_time", ahead, real, day, day_window(day, PACIFIC))
    assert (found.value, found.mean, found.other_mean, found.hours) == (None, None, None, 0.0)


def test_the_shape_of_a_day_is_its_hours_as_they_pass() -> None:
    quarters = [10.0, 20.0, 30.0, 40.0, None, None, 6.0, 8.0] + [None] * 92
    rows = prices("2025-10-25T22:00", quarters, 15)
    shape = hourly(rows, day_window(date(2025, 10, 26), BRUSSELS))
    assert len(shape) == 25
    assert shape[:3] == (25.0, 7.0, None)


def test_the_last_auction_with_a_price_and_the_one_before() -> None:
    rows = prices("2026-10-26T23:00", [70.0, None, 68.5, None], 24 * 60)
    days = [date(2026, 10, 27) + timedelta(n) for n in range(4)]
    found = last_auction(rows, "EU", days)
    assert found is not None
    assert (found.day, found.price, found.before, found.before_day) == (
        days[2],
        68.5,
        70.0,
        days[0],
    )
    assert found.change == -1.5
    assert last_auction(rows.within(Window(utc("2027-01-01"), utc("2027-01-02"))), "EU", []) is None
