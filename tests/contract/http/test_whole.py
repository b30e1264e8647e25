"""No answer has fewer intervals than were asked without a state that says why: any window, any way of asking."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HOUR = timedelta(hours=1)
SERIES = {  # hourly all of them on the days that are asked for, but for solar
    "caiso/day_ahead/price/hub/TH_NP15_GEN-APND": HOUR,
    "caiso/day_ahead/price/hub/TH_SP15_GEN-APND": HOUR,
    "entsoe/day_ahead-sdac/price/zone/10YNL----------L": HOUR,
    "entsoe/actual/generation_solar/zone/10YNL----------L": HOUR / 4,
}
DAYS = ("2025-03-08", "2025-06-09", "2025-03-29", "2025-08-27")
STATES = {"pending", "late", "missing", "withheld", "quarantined", "not_applicable"}
OPTIONS = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

windows = st.tuples(st.sampled_from(DAYS), st.integers(0, 48 * 60), st.integers(1, 60 * 60)).map(
    lambda one: _window(*one)
)


def _window(day: str, first: int, length: int) -> tuple[datetime, datetime]:
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=first)
    return start, start + timedelta(minutes=length)


def starts(start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    """Every start of a grid in UTC, on its even hours, in the window."""
    day = start.replace(hour=0, minute=0)
    every = (day + n * step for n in range(int((end - day) / step) + 2))
    return [one for one in every if start <= one < end]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def asked(world: Any, series: str, window: tuple[datetime, datetime], more: str = "") -> Any:
    query = "&".join(
        f"{name}={one:%Y-%m-%dT%H:%MZ}" for name, one in zip(("start", "end"), window, strict=True)
    )
    return world.get(f"/v1/series/{series}/values?{query}{more}")


def check(rows: list[dict[str, Any]], wanted: list[datetime]) -> None:
    assert [moment(row["interval_start"]) for row in rows] == wanted
    for row in rows:
        assert (row["state"] == "ok") == (row["value"] is not None)
        assert row["state"] in STATES | {"ok"}


@OPTIONS
@given(series=st.sampled_from(sorted(SERIES)), window=windows, limit=st.sampled_from([0, 1, 7, 50]))
def test_every_interval_is_told(opened: Any, series: str, window: Any, limit: int) -> None:
    wanted, rows, cursor = starts(*window, SERIES[series]), [], ""
    size = f"&limit={max(limit, len(wanted) // 4)}" if limit else ""
    while True:
        answer = asked(opened, series, window, size + (f"&cursor={cursor}" if cursor else ""))
        assert answer.status_code == 200, answer.text
        rows += answer.json["rows"]
        cursor = answer.json["next_cursor"]
        if not cursor:
            break
    check(rows, wanted)


@OPTIONS
@given(
    series=st.sampled_from(sorted(SERIES)), window=windows,
    zone=st.sampled_from(["Europe/Brussels", "America/Los_Angeles", "Asia/Kolkata", "UTC"]),
)  # fmt: skip
def test_every_day_is_told_whole_or_partial(
    opened: Any, series: str, window: Any, zone: str
) -> None:
    place = ZoneInfo(zone)
    first = window[0].astimezone(place).date() - timedelta(1)
    midnights = [
        datetime(day.year, day.month, day.day, tzinfo=place).astimezone(UTC)
        for day in (first + timedelta(n) for n in range(7))
    ]
    wanted = [one for one in midnights if window[0] <= one < window[1]]
    answer = asked(opened, series, window, f"&resample=P1D&dayTimezone={zone}")
    if not wanted:
        assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
        return
    rows = answer.json["rows"]
    check(rows, wanted)
    for row in rows:
        length = moment(row["interval_end"]) - moment(row["interval_start"])
        assert row["hours_expected"] == length / HOUR
        whole = row["hours"] == row["hours_expected"]
        assert whole == ("partial" not in row["flags"] and row["state"] == "ok")


@pytest.mark.parametrize("layout", ["long", "wide"])
@OPTIONS
@given(window=windows)
def test_many_series_are_told_whole(opened: Any, window: Any, layout: str) -> None:
    hubs = [one for one in SERIES if "/hub/" in one]
    query = f"series={hubs[0]}&series={hubs[1]}&start={window[0]:%Y-%m-%dT%H:%MZ}&end={window[1]:%Y-%m-%dT%H:%MZ}"
    rows = opened.get(f"/v1/values?{query}&layout={layout}").json["rows"]
    wanted = starts(*window, HOUR)
    if layout == "long":
        for one in hubs:
            check([row for row in rows if row["series"] == one], wanted)
        return
    assert [moment(row["interval_start"]) for row in rows] == wanted
    for row in rows:
        for one in hubs:
            assert (row[f"{one} state"] == "ok") == (row[one] is not None)
