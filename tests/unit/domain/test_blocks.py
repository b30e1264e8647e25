"""Blocks by hand: hours counted on paper, in UTC, on days of 23, 24 and 25 hours."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from carbon254.core.domain import vocabulary
from carbon254.core.domain.blocks import Block, block_average
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import Flag, State

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def hourly(start: str, hours: int) -> tuple[np.ndarray, np.ndarray]:
    starts = np.datetime64(start, "us") + np.arange(hours) * np.timedelta64(1, "h")
    return starts, starts + np.timedelta64(1, "h")


def in_block(block: str, start: str, hours: int, zone: str | None = None) -> list[int]:
    """Which of the hours from a start on are in the block, counted from 0."""
    return np.flatnonzero(Block.parse(block).mask(*hourly(start, hours), zone)).tolist()


@pytest.mark.parametrize(
    ("block", "day", "hours"),
    [
        # Thursday 3 July 2025, Friday the Fourth, Saturday, Sunday
        ("5x16_pjm", "2025-07-03", 16), ("5x16_pjm", "2025-07-04", 0), ("5x16_pjm", "2025-07-05", 0),
        ("off_peak:5x16_pjm", "2025-07-03", 8), ("off_peak:5x16_pjm", "2025-07-04", 24),
        ("6x16_wecc", "2025-07-03", 16), ("6x16_wecc", "2025-07-04", 0), ("6x16_wecc", "2025-07-05", 16),
        ("6x16_wecc", "2025-07-06", 0), ("7x16_aeso", "2025-07-04", 16), ("7x16_aeso", "2025-07-06", 16),
        # a holiday on Sunday is kept on Monday, one on Saturday stays
        ("5x16_ercot", "2023-01-02", 0), ("6x16_wecc", "2026-07-04", 0), ("5x16_pjm", "2026-07-03", 16),
        # clock changes: 9 March and 2 November 2025, both Sundays
        ("off_peak:5x16_pjm", "2025-03-09", 23), ("off_peak:5x16_pjm", "2025-11-02", 25),
        ("7x16_aeso", "2025-03-09", 16), ("off_peak:7x16_aeso", "2025-03-09", 7),
        ("7x16_aeso", "2025-11-02", 16), ("off_peak:7x16_aeso", "2025-11-02", 9),
        # MISO's tariff day is EST all year and never changes
        ("off_peak:5x16_miso_tariff", "2025-03-09", 24), ("5x16_miso_tariff", "2025-07-03", 16),
        # EFA days run from 23:00 London: 30 March and 26 October 2025
        ("efa_1", "2025-03-29", 4), ("efa_1", "2025-03-30", 3), ("efa_1", "2025-10-26", 5), ("efa_2", "2025-10-26", 4),
        ("off_peak:efa_peak", "2025-03-30", 23), ("off_peak:efa_peak", "2025-10-26", 25),
        ("efa_peak", "2025-03-31", 12), ("off_peak:efa_peak", "2025-03-31", 12),
        ("peak_nem", "2025-04-24", 15), ("peak_nem", "2025-04-25", 0), ("peak_nem", "2025-04-26", 0),
    ],
)  # fmt: skip
def test_hours_of_a_day(block: str, day: str, hours: float) -> None:
    assert Block.parse(block).hours_on(date.fromisoformat(day)) == hours


@pytest.mark.parametrize(
    ("day", "base", "peak"),
    [("2025-03-28", 24, 12), ("2025-03-30", 23, 0), ("2025-10-26", 25, 0), ("2025-12-25", 24, 12)],
)
def test_blocks_in_local_time_take_the_places_zone(day: str, base: float, peak: float) -> None:
    one = date.fromisoformat(day)
    assert Block.parse("base").hours_on(one, BERLIN) == base
    assert (
        Block.parse("peak_eex").hours_on(one, BERLIN) == peak
    )  # Christmas on Thursday is a peak day
    assert Block.parse("off_peak:peak_eex").hours_on(one, BERLIN) == base - peak


@pytest.mark.parametrize(
    ("block", "start", "hours", "zone", "inside"),
    [
        # Wednesday 15 January 2025, from local midnight; HE08–23 is hours 7 to 22 counted from 0
        ("5x16_pjm", "2025-01-15T05:00", 24, None, (7, 23)),
        ("5x16_pjm", "2025-07-16T04:00", 24, None, (7, 23)),
        ("5x16_ercot", "2025-07-16T05:00", 24, None, (6, 22)),
        ("6x16_wecc", "2025-07-16T07:00", 24, None, (6, 22)),
        ("7x16_aeso", "2025-07-16T06:00", 24, None, (7, 23)),
        ("peak_nem", "2025-07-15T14:00", 24, None, (7, 22)),
        ("peak_eex", "2025-07-15T22:00", 24, BERLIN, (8, 20)),
        ("peak_eex", "2025-07-15T23:00", 24, "Europe/London", (8, 20)),
        # MISO from 00:00 EST: tariff HE07–22 EST; futures HE08–23 EPT are the same hours in summer, not in winter
        ("5x16_miso_tariff", "2025-07-16T05:00", 24, None, (6, 22)),
        ("5x16_miso_futures", "2025-07-16T05:00", 24, None, (6, 22)),
        ("5x16_miso_tariff", "2025-01-15T05:00", 24, None, (6, 22)),
        ("5x16_miso_futures", "2025-01-15T05:00", 24, None, (7, 23)),
        # Sunday of the US changes, 7x16: an hour less, or more, before HE08
        ("7x16_aeso", "2025-03-09T07:00", 23, None, (6, 22)),
        ("7x16_aeso", "2025-11-02T06:00", 25, None, (8, 24)),
        # EFA day of 26 October 2025 starts on the 25th at 22:00 UTC; block 1 has five hours
        ("efa_1", "2025-10-25T22:00", 25, None, (0, 5)),
        ("efa_2", "2025-10-25T22:00", 25, None, (5, 9)),
        ("efa_6", "2025-10-25T22:00", 25, None, (21, 25)),
        ("efa_1", "2025-03-29T23:00", 23, None, (0, 3)),
        ("efa_6", "2025-03-29T23:00", 23, None, (19, 23)),
        ("efa_peak", "2025-03-30T22:00", 24, None, (8, 20)),
    ],
)
def test_which_hours_are_in_the_block(
    block: str, start: str, hours: int, zone: str | None, inside: tuple[int, int]
) -> None:
    assert in_block(block, start, hours, zone) == list(range(*inside))


@pytest.mark.parametrize("day", ["2025-03-30", "2025-07-16", "2025-10-26"])
def test_six_efa_blocks_fill_the_efa_day(day: str) -> None:
    one = date.fromisoformat(day)
    window = Block.parse("efa_1").day_window(one)
    assert window.start.astimezone(UTC).hour in (22, 23)
    total = sum(Block.parse(f"efa_{n}").hours_on(one) for n in range(1, 7))
    assert timedelta(hours=total) == window.length


@pytest.mark.parametrize("name", [name for name in vocabulary.table("blocks") if name != "base"])
def test_peak_and_off_peak_are_all_hours_of_a_year_once(name: str) -> None:
    starts, ends = hourly("2024-12-30T00:00", 24 * 370)
    peak, off_peak = Block.parse(name), Block.parse(f"off_peak:{name}")
    both = peak.hours(starts, ends, BERLIN) + off_peak.hours(starts, ends, BERLIN)
    assert np.all(both == 1)
    assert 0 < peak.hours(starts, ends, BERLIN).sum() < 24 * 370


def test_an_interval_may_lie_in_a_block_in_part() -> None:
    block = Block.parse("peak_eex")
    starts = np.array(
        ["2025-01-15T06:45", "2025-01-15T07:00", "2025-01-15T18:30", "2025-01-14T00:00"],
        "datetime64[us]",
    )
    ends = np.array(
        ["2025-01-15T07:15", "2025-01-15T07:00", "2025-01-15T19:30", "2025-01-17T00:00"],
        "datetime64[us]",
    )
    assert block.hours(starts, ends, BERLIN).tolist() == [0.25, 0, 0.5, 36]
    assert block.mask(starts, ends, BERLIN).tolist() == [False] * 4
    assert block.mask(starts[:0], ends[:0], BERLIN).tolist() == []


@pytest.mark.parametrize(
    "name", ["", "peak", "off_peak", "off_peak:", "off_peak:base", "off_peak:off_peak:efa_peak"]
)
def test_an_unknown_block_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest, match="is no block"):
        Block.parse(name)


def test_a_block_in_local_time_needs_a_zone() -> None:
    with pytest.raises(InvalidRequest, match="say which zone"):
        Block.parse("peak_eex").hours_on(date(2025, 1, 15))


# ---------------------------------------------------------------- averages


def average(
    block: str, start: str, values: list[float], zone: str | None = None, **options: object
) -> object:
    begin, end = hourly(start, len(values))
    state = np.array([State.OK if value == value else State.MISSING for value in values])
    first = datetime.fromisoformat(start).replace(tzinfo=UTC)
    options.setdefault("window", Window(first, first + timedelta(hours=len(values))))
    return block_average(
        np.array(values),
        start=begin,
        end=end,
        state=state,
        block=Block.parse(block),
        zone=zone,
        **options,
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("block", "start", "hours", "zone", "value", "expected"),
    [
        # values are 0, 1, 2 … by hour of the day: means by Gauss
        ("base", "2025-01-14T23:00", 24, BERLIN, 11.5, 24),
        ("base", "2025-03-29T23:00", 23, BERLIN, 11.0, 23),
        ("base", "2025-10-25T22:00", 25, BERLIN, 12.0, 25),
        ("peak_eex", "2025-01-14T23:00", 24, BERLIN, 13.5, 12),  # 8 … 19
        ("off_peak:peak_eex", "2025-01-14T23:00", 24, BERLIN, 9.5, 12),  # (28 + 86) / 12
        ("7x16_aeso", "2025-03-09T07:00", 23, None, 13.5, 16),  # 6 … 21
        ("off_peak:7x16_aeso", "2025-03-09T07:00", 23, None, 37 / 7, 7),  # 0 … 5 and 22
        ("7x16_aeso", "2025-11-02T06:00", 25, None, 15.5, 16),  # 8 … 23
        ("off_peak:7x16_aeso", "2025-11-02T06:00", 25, None, 52 / 9, 9),  # 0 … 7 and 24
        ("efa_1", "2025-10-25T22:00", 25, None, 2.0, 5),
        ("efa_1", "2025-03-29T23:00", 23, None, 1.0, 3),
        ("5x16_pjm", "2025-07-04T04:00", 24, None, None, 0),  # a NERC day has no peak
        ("off_peak:5x16_pjm", "2025-07-04T04:00", 24, None, 11.5, 24),
    ],
)
def test_averages_by_hand(
    block: str, start: str, hours: int, zone: str | None, value: float | None, expected: float
) -> None:
    result = average(block, start, [float(n) for n in range(hours)], zone)
    assert (result.name, result.value, result.hours_expected) == (block, value, expected)
    assert (result.hours_present, result.complete, result.flags) == (expected, True, Flag(0))


def test_an_incomplete_block_says_so_or_has_no_value() -> None:
    values = [float(n) for n in range(24)]
    values[8] = values[9] = float("nan")
    partial = average("peak_eex", "2025-01-14T23:00", values, BERLIN)
    assert (partial.value, partial.flags, partial.complete) == (
        14.5,
        Flag.PARTIAL,
        False,
    )  # 10 … 19
    assert (partial.hours_expected, partial.hours_present) == (12, 10)
    strict = average("peak_eex", "2025-01-14T23:00", values, BERLIN, partial=False)
    assert (strict.value, strict.flags, strict.complete, strict.hours_present) == (
        None,
        Flag(0),
        False,
        10,
    )
    elsewhere = average("off_peak:peak_eex", "2025-01-14T23:00", values, BERLIN, partial=False)
    assert (elsewhere.value, elsewhere.complete) == (9.5, True)


def test_nothing_present_has_no_value() -> None:
    result = average("base", "2025-01-14T23:00", [float("nan")] * 24, BERLIN)
    assert (result.value, result.hours_expected, result.hours_present, result.complete) == (
        None,
        24,
        0,
        False,
    )


def test_intervals_weigh_by_their_length_inside() -> None:
    starts = np.array(
        ["2025-01-15T06:30", "2025-01-15T07:30", "2025-01-15T07:45"], dtype="datetime64[us]"
    )
    ends = np.array(
        ["2025-01-15T07:30", "2025-01-15T07:45", "2025-01-15T09:00"], dtype="datetime64[us]"
    )
    result = block_average(
        np.array([10.0, -20.0, 40.0]),
        start=starts,
        end=ends,
        state=np.zeros(3),
        block=Block.parse("peak_eex"),
        window=Window(datetime(2025, 1, 15, 7, tzinfo=UTC), datetime(2025, 1, 15, 8, tzinfo=UTC)),
        zone=BERLIN,
    )
    assert result.value == (10 * 2 - 20 * 1 + 40 * 1) / 4  # 30, 15 and 15 minutes inside
    assert result.complete


def test_sums_are_exact() -> None:
    values = [1e16, 1.0, -1e16] + [0.0] * 21
    assert average("base", "2025-01-14T23:00", values, BERLIN).value == 1 / 24
    assert average("base", "2025-01-14T23:00", [0.1] * 24, BERLIN).value == 0.1


def test_overlapping_rows_are_refused() -> None:
    starts, ends = hourly("2025-01-15T00:00", 2)
    with pytest.raises(InvalidRequest, match="overlap"):
        block_average(
            np.array([1.0, 2.0]),
            start=starts[[0, 0]],
            end=ends[[0, 1]],
            state=np.zeros(2),
            block=Block.parse("base"),
            window=Window(datetime(2025, 1, 15, tzinfo=UTC), datetime(2025, 1, 16, tzinfo=UTC)),
            zone=NEW_YORK,
        )
