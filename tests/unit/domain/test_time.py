"""Operating days of every zone, against an independent count.

The independent way only ever asks zones what a clock shows at a UTC instant; the code under test goes the other
way, from a local date to an instant.
"""

import bisect
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.time import (
    Window,
    day_window,
    days_in,
    format_duration,
    format_instant,
    interval_count,
    intervals,
    local_instant,
    operating_day,
    parse_day,
    parse_duration,
    parse_instant,
    zone,
)

ZONES = sorted(zoneinfo.available_timezones() - {"localtime"})
MINUTE = timedelta(minutes=1)
RESOLUTIONS = [timedelta(minutes=n) for n in (5, 7, 10, 15, 30, 60, 90, 1440)] + [
    timedelta(seconds=90)
]


def shown(instant: datetime, name: str) -> datetime:
    """What a clock shows."""
    return instant.astimezone(zoneinfo.ZoneInfo(name)).replace(tzinfo=None)


def first_shown(local: datetime, name: str) -> datetime:
    """The first instant at which a clock shows this or later, by stepping minutes, then seconds."""
    instant = local.replace(tzinfo=UTC) - timedelta(hours=27)
    while shown(instant, name) < local:
        instant += MINUTE
    instant -= MINUTE
    while shown(instant, name) < local:
        instant += timedelta(seconds=1)
    return instant


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(0))


def check_day(name: str, day: date, start: datetime, end: datetime) -> None:
    window = day_window(day, name)
    assert (window.start, window.end) == (start, end), (name, day)
    for resolution in RESOLUTIONS:
        if (end - start) % resolution:
            with pytest.raises(InvalidRequest):
                interval_count(window, resolution)
            continue
        count, probe = 0, start
        while probe < end:
            count, probe = count + 1, probe + resolution
        assert interval_count(window, resolution) == count


@settings(derandomize=True, max_examples=150, deadline=None)
@given(st.sampled_from(ZONES), st.dates(date(1905, 1, 1), date(2100, 1, 1)))
def test_days_of_every_zone_equal_a_count_of_minutes(name: str, day: date) -> None:
    check_day(
        name, day, first_shown(midnight(day), name), first_shown(midnight(day + timedelta(1)), name)
    )


def changes(name: str) -> list[datetime]:
    """Instants at which the offset changed, 1905 to 2040, found by weekly looks and halving."""
    place, found = zoneinfo.ZoneInfo(name), []
    week, low = timedelta(weeks=1), datetime(1905, 1, 1, tzinfo=UTC)
    offset = low.astimezone(place).utcoffset()
    while low.year < 2040:
        later = (low + week).astimezone(place).utcoffset()
        if later != offset:
            before, after = 0, 604_800
            while after - before > 1:
                middle = (before + after) // 2
                same = (low + timedelta(seconds=middle)).astimezone(place).utcoffset() == offset
                before, after = (middle, after) if same else (before, middle)
            found.append(low + timedelta(seconds=after))
        low, offset = low + week, later
    return found


def distinct_zones() -> list[str]:
    """One name of each zone: many are links to another."""
    looks = [
        datetime(year, month, 12, tzinfo=UTC) for year in range(1905, 2040) for month in (1, 7)
    ]
    seen: dict[tuple[object, ...], str] = {}
    for name in ZONES:
        place = zoneinfo.ZoneInfo(name)
        seen.setdefault(tuple(look.astimezone(place).utcoffset() for look in looks), name)
    return list(seen.values())


def kinds_of_change() -> list[tuple[str, datetime]]:
    """Every different change (offsets before and after, local time of day) of all zones, once."""
    seen: dict[tuple[object, ...], tuple[str, datetime]] = {}
    for name in distinct_zones():
        for instant in changes(name):
            before = shown(instant - timedelta(seconds=1), name)
            after = shown(instant, name)
            key = (after - before, before.time())
            seen.setdefault(key, (name, instant))
    return list(seen.values())


def test_every_kind_of_clock_change_gives_the_days_it_should() -> None:
    """A day either side of it, too: 0, 23, 23.5, 24.5, 25 and 47 hours are among them."""
    cases = kinds_of_change()
    assert len(cases) > 30
    lengths = set()
    for name, instant in cases:
        edges = [shown(instant, name).date() + timedelta(n) for n in range(-1, 3)]
        starts = [first_shown(midnight(day), name) for day in edges]
        for n, day in enumerate(edges[:-1]):
            check_day(name, day, starts[n], starts[n + 1])
            lengths.add((starts[n + 1] - starts[n]).total_seconds() / 3600)
    assert lengths >= {0, 23, 23.5, 24, 24.5, 25}


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.integers(-65 * 365 * 86_400, 130 * 365 * 86_400),
    st.sampled_from([time(0), time(4), time(6), time(23)]),
)
def test_every_instant_lies_in_its_operating_day_and_days_adjoin(
    name: str, seconds: int, start: time
) -> None:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    day = operating_day(instant, name, start)
    window = day_window(day, name, start)
    assert window.holds(instant)
    assert day_window(day + timedelta(1), name, start).start == window.end
    days = list(days_in(Window(window.start, window.end), name, start))
    assert days == [day]


@pytest.mark.parametrize(
    ("name", "day", "hours"),
    [
        ("Europe/Brussels", "2025-03-30", 23),
        ("Europe/Brussels", "2025-10-26", 25),
        ("America/Los_Angeles", "2025-11-02", 25),
        ("UTC-05:00", "2025-03-09", 24),
        ("Australia/Lord_Howe", "2025-10-05", 23.5),
        ("Australia/Lord_Howe", "2025-04-06", 24.5),
        ("Pacific/Apia", "2011-12-30", 0),
        ("America/Toronto", "1919-03-31", 23.5),  # clocks went from 23:30 on the 30th to 00:30
        ("Asia/Beirut", "2022-03-27", 23),  # midnight does not exist
    ],
)
def test_days_last_as_long_as_they_did(name: str, day: str, hours: float) -> None:
    assert day_window(date.fromisoformat(day), name).length == timedelta(hours=hours)


def test_a_day_of_no_hours_is_no_operating_day() -> None:
    window = Window(parse_instant("2011-12-29T12:00Z"), parse_instant("2011-12-31T12:00Z"))
    assert list(days_in(window, "Pacific/Apia")) == [
        date(2011, 12, 29),
        date(2011, 12, 31),
        date(2012, 1, 1),
    ]


def test_a_time_the_clock_skips_is_the_change_and_one_it_shows_twice_the_first() -> None:
    change = parse_instant("2025-03-09T07:00Z")
    for clock in (time(2), time(2, 30), time(2, 59), time(3)):
        assert local_instant(date(2025, 3, 9), clock, "America/New_York") == change
    assert local_instant(date(2025, 11, 2), time(1, 30), "America/New_York") == parse_instant(
        "2025-11-02T05:30Z"
    )


def test_intervals_fill_the_window_in_order() -> None:
    window = day_window(date(2025, 10, 26), "Europe/Brussels")
    parts = list(intervals(window, timedelta(minutes=15)))
    assert (len(parts), parts[0].start, parts[-1].end) == (100, window.start, window.end)
    assert bisect.bisect([part.start for part in parts], window.start) == 1


def test_an_empty_window_has_no_days() -> None:
    noon = parse_instant("2025-01-01T12:00Z")
    assert list(days_in(Window(noon, noon), "UTC")) == []


@pytest.mark.parametrize(
    "text",
    ["2025-11-02T00:00", "2025-11-02", "yesterday", "12025-01-01T00:00Z", "1899-12-31T00:00Z"],
)
def test_an_instant_without_offset_or_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_instant(text)


@pytest.mark.parametrize("text", ["2025-02-29", "2025-1-1", "2500-01-01", ""])
def test_a_day_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_day(text)


def test_a_window_turned_round_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="before it starts"):
        Window(parse_instant("2025-01-02T00:00Z"), parse_instant("2025-01-01T00:00Z"))


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "UTC+5", "EST5EDT5"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        zone(name)


@pytest.mark.parametrize("text", ["PT", "P", "1H", "PT1.5H", "P1M", "P1Y", "-PT1H", ""])
def test_a_duration_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_duration(text)


def test_a_negative_duration_has_its_sign_before_it() -> None:
    assert format_duration(-timedelta(hours=33, minutes=30)) == "-P1DT9H30M"
    assert format_duration(-timedelta(minutes=5)) == "-PT5M"


@pytest.mark.parametrize("days", ["1000000000", "9" * 20, "9" * 5000])
def test_a_duration_that_is_too_long_is_refused(days: str) -> None:
    with pytest.raises(InvalidRequest, match="too long a duration"):
        parse_duration(f"P{days}D")


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.integers(0, 40 * 86_400))
def test_durations_and_instants_read_back_as_written(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert parse_duration(format_duration(length)) == length
    instant = datetime(2025, 1, 1, tzinfo=UTC) + length
    assert parse_instant(format_instant(instant)) == instant


@pytest.mark.parametrize("resolution", [timedelta(0), timedelta(minutes=-5)])
def test_a_resolution_is_positive(resolution: timedelta) -> None:
    with pytest.raises(InvalidRequest, match="not positive"):
        interval_count(day_window(date(2025, 1, 1), "UTC"), resolution)
