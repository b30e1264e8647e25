"""Periods and their means and sums, worked out on paper on days of 23, 24 and 25 hours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime

import numpy as np
import pytest

from carbon254.core.domain.blocks import Block
from carbon254.core.domain.errors import InvalidRequest, TooLarge
from carbon254.core.domain.resampling import Aggregate, Intervals, Step, aggregate, periods
from carbon254.core.domain.time import MIDNIGHT, Window, local_instant
from carbon254.core.domain.vocabulary import Finality, Flag, State

LOS_ANGELES, BERLIN = "America/Los_Angeles", "Europe/Berlin"
OK, LATE, PENDING = State.OK, State.LATE, State.PENDING


def midnights(zone: str) -> Callable[[date], datetime]:
    return lambda day: local_instant(day, MIDNIGHT, zone)


def window(start: str, end: str) -> Window:
    return Window(
        datetime.fromisoformat(start).replace(tzinfo=UTC),
        datetime.fromisoformat(end).replace(tzinfo=UTC),
    )


def rows(
    start: str, values: Sequence[float], minutes: int = 60, states: Sequence[State] | None = None
) -> Intervals:
    step = np.timedelta64(minutes, "m")
    starts = np.datetime64(start, "us") + np.arange(len(values)) * step
    state = np.array(states or [OK] * len(values), dtype=np.uint8)
    value = np.where(state == OK, np.array(values, dtype=float), np.nan)
    finality = np.full(len(values), Finality.FINAL, dtype=np.uint8)
    flags = np.zeros(len(values), dtype=np.uint32)
    return Intervals(starts, starts + step, value, state, finality, flags, starts, starts)


def over(
    found: Intervals, span: Window, step: str, zone: str, basis: str = "mean", block: str = ""
) -> Aggregate:
    edges = periods(span, Step.parse(step), midnights(zone))
    return aggregate(found, *edges, basis, Block.parse(block) if block else None, zone)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "last", "hours", "mean"),
    [
        # 0, 1, 2 … on paper: 22·23/2 / 23 = 11, 23·24/2 / 24 = 11.5, 24·25/2 / 25 = 12
        ("2025-03-09T08:00", "2025-03-10T07:00", 23, 11.0),
        ("2025-06-10T07:00", "2025-06-11T07:00", 24, 11.5),
        ("2025-11-02T07:00", "2025-11-03T08:00", 25, 12.0),
    ],
)
def test_a_day_is_as_long_as_the_clock_makes_it(
    first: str, last: str, hours: int, mean: float
) -> None:
    made = over(rows(first, range(hours)), window(first, last), "P1D", LOS_ANGELES)
    assert made.value.tolist() == [mean]
    assert (made.hours.tolist(), made.hours_expected.tolist()) == ([hours], [hours])
    assert (str(made.start[0])[:16], str(made.end[0])[:16]) == (first, last)
    assert made.flags.tolist() == [Flag.DERIVED]
    assert made.state.tolist() == [OK]


@pytest.mark.parametrize(
    ("first", "quarters", "counts"),
    [("2026-03-28T23:00", 92, 23), ("2025-06-09T22:00", 96, 24), ("2025-10-25T22:00", 100, 25)],
)
def test_quarters_become_hours(first: str, quarters: int, counts: int) -> None:
    values = [n % 4 * 10.0 for n in range(quarters)]  # 0, 10, 20, 30: each hour's mean is 15
    start = np.datetime64(first, "us")
    span = window(first, str(start + np.timedelta64(quarters * 15, "m"))[:16])
    made = over(rows(first, values, 15), span, "PT1H", BERLIN)
    assert made.value.tolist() == [15.0] * counts
    assert set((made.end - made.start).astype("timedelta64[m]").astype(int)) == {60}


def test_what_is_there_in_part_says_over_how_many_hours() -> None:
    states = [OK] * 20 + [LATE] * 5
    first, last = "2025-11-02T07:00", "2025-11-03T08:00"
    made = over(rows(first, [10.0] * 25, states=states), window(first, last), "P1D", LOS_ANGELES)
    assert (made.value.tolist(), made.hours.tolist()) == ([10.0], [20.0])
    assert made.flags.tolist() == [Flag.DERIVED | Flag.PARTIAL]


@pytest.mark.parametrize(
    ("states", "wanted"),
    [([LATE, PENDING], PENDING), ([LATE, State.MISSING], LATE), ([State.NOT_APPLICABLE] * 2, State.NOT_APPLICABLE)],
)  # fmt: skip
def test_a_period_without_a_number_has_the_state_of_what_is_lacking(
    states: list[State], wanted: State
) -> None:
    span = window("2025-06-10T07:00", "2025-06-10T09:00")
    made = over(rows("2025-06-10T07:00", [0, 0], states=states), span, "PT1H", "UTC")
    both = over(rows("2025-06-10T07:00", [0, 0], 30, states=states), span, "PT1H", "UTC")
    assert np.isnan(made.value).all()
    assert both.state.tolist()[0] == wanted


def test_nothing_expected_is_not_applicable() -> None:
    span = window("2025-06-10T07:00", "2025-06-10T08:00")
    made = over(rows("2025-06-10T09:00", [1.0]), span, "PT1H", "UTC")
    assert made.state.tolist() == [State.NOT_APPLICABLE]


def test_energy_adds_up_and_is_never_split() -> None:
    span = window("2025-06-10T00:00", "2025-06-10T02:00")
    made = over(rows("2025-06-10T00:00", [0.1, 0.2, 0.3, 0.4], 30), span, "PT1H", "UTC", "sum")
    assert made.value.tolist() == [0.30000000000000004, 0.7]
    with pytest.raises(InvalidRequest, match="cannot be split"):
        over(rows("2025-06-09T23:30", [1.0, 1.0, 1.0]), span, "PT1H", "UTC", "sum")


def test_an_interval_across_the_edge_weighs_as_long_as_it_lies_inside() -> None:
    # India's day begins at 18:30 UTC: half of the first hour, (0.5·10 + 23·20 + 0.5·40)/24 = 20.208333…
    values = [10.0, *[20.0] * 23, 40.0]
    span = window("2025-06-10T18:30", "2025-06-11T18:30")
    made = over(rows("2025-06-10T18:00", values), span, "P1D", "Asia/Kolkata")
    assert made.value.tolist() == pytest.approx([(5 + 460 + 20) / 24], rel=1e-15)
    assert made.hours.tolist() == [24.0]


@pytest.mark.parametrize(
    ("day", "start", "hours", "mean", "inside"),
    [
        # Friday 28 March 2025, hours 8 to 19 of 0, 1, … 23: mean 13.5
        ("2025-03-28", "2025-03-27T23:00", 24, 13.5, 12),
        # Sunday 30 March, 23 hours: no peak
        ("2025-03-30", "2025-03-29T23:00", 23, None, 0),
    ],
)
def test_a_block_of_a_day(
    day: str, start: str, hours: int, mean: float | None, inside: int
) -> None:
    end = str(np.datetime64(start) + np.timedelta64(hours, "h"))[:16]
    made = over(rows(start, range(hours)), window(start, end), "P1D", BERLIN, block="peak_eex")
    assert made.hours_expected.tolist() == [inside]
    if mean is None:
        assert made.state.tolist() == [State.NOT_APPLICABLE]
        assert np.isnan(made.value).all()
    else:
        assert made.value.tolist() == [mean]


@pytest.mark.parametrize(
    ("first", "hours", "off_peak"),
    [("2025-03-09T05:00", 23, 7), ("2025-11-02T06:00", 25, 9), ("2025-07-01T06:00", 24, 8)],
)
def test_off_peak_is_base_less_peak_by_hours(first: str, hours: int, off_peak: int) -> None:
    # Alberta, peak 07–23 every day: what the clock adds or takes falls to off-peak.
    start = {23: "2025-03-09T07:00"}.get(hours, first)
    end = str(np.datetime64(start) + np.timedelta64(hours, "h"))[:16]
    made = over(
        rows(start, [1.0] * hours), window(start, end), "P1D", "America/Edmonton", block="off_peak:7x16_aeso"
    )  # fmt: skip
    assert made.hours_expected.tolist() == [off_peak]


def test_months_and_years_are_the_calendars() -> None:
    span = window("2025-03-01T08:00", "2025-12-01T09:00")
    start, end = periods(span, Step.parse("P1M"), midnights(LOS_ANGELES))
    lengths = ((end - start).astype("timedelta64[h]").astype(int)).tolist()
    # March has 31·24 − 1 hours, November 30·24 + 1, December is begun
    assert lengths == [743, 720, 744, 720, 744, 744, 720, 744, 721, 744]
    start, end = periods(
        window("2024-01-01T00:00", "2025-06-01T00:00"), Step.parse("P1Y"), midnights("UTC")
    )
    assert [str(one)[:10] for one in start] == ["2024-01-01", "2025-01-01"]


@pytest.mark.parametrize("text", ["P2D", "P1W", "PT0S", "PT24H", "PT25H", "1h", "", "P3M"])
def test_other_periods_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        Step.parse(text)


def test_a_day_that_the_step_does_not_fill_is_refused() -> None:
    # 5 October 2025 has 23.5 hours on Lord Howe Island.
    span = window("2025-10-04T13:30", "2025-10-05T13:00")
    with pytest.raises(InvalidRequest, match="no multiple of PT1H"):
        periods(span, Step.parse("PT1H"), midnights("Australia/Lord_Howe"))


def test_instants_and_overlaps_are_refused() -> None:
    span = window("2025-06-10T00:00", "2025-06-10T02:00")
    instants = rows("2025-06-10T00:00", [1.0, 2.0], 0)
    with pytest.raises(InvalidRequest, match="no length"):
        over(instants, span, "PT1H", "UTC")
    twice = rows("2025-06-10T00:00", [1.0, 2.0], 60)
    twice = Intervals(twice.start, twice.end + np.timedelta64(1, "h"), *(
        twice.value, twice.state, twice.finality, twice.flags, twice.published_at, twice.recorded_at
    ))  # fmt: skip
    with pytest.raises(InvalidRequest, match="overlap"):
        over(twice, span, "PT1H", "UTC")


def test_too_many_periods_are_refused_before_they_are_made() -> None:
    with pytest.raises(TooLarge):
        periods(
            window("1900-01-01T00:00", "2190-01-01T00:00"), Step.parse("PT1S"), midnights("UTC")
        )
