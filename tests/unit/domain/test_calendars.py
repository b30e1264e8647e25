"""Holidays as published: NERC's additional off-peak days, and Easter by almanac."""

from datetime import date

import numpy as np
import pytest

from carbon254.core.domain.calendars import Calendar, easter
from carbon254.core.domain.errors import InvalidRequest

NERC = Calendar.parse("nerc")


@pytest.mark.parametrize(
    ("year", "days"),
    [
        (
            2021,
            ["01-01", "05-31", "07-05", "09-06", "11-25", "12-25"],
        ),  # the Fourth on Sunday; Christmas on Saturday
        (
            2022,
            ["01-01", "05-30", "07-04", "09-05", "11-24", "12-26"],
        ),  # New Year on Saturday; Christmas on Sunday
        (2023, ["01-02", "05-29", "07-04", "09-04", "11-23", "12-25"]),  # New Year on Sunday
        (2024, ["01-01", "05-27", "07-04", "09-02", "11-28", "12-25"]),
        (2025, ["01-01", "05-26", "07-04", "09-01", "11-27", "12-25"]),
        (2026, ["01-01", "05-25", "07-04", "09-07", "11-26", "12-25"]),  # the Fourth on Saturday
    ],
)
def test_nerc_holidays_are_those_published(year: int, days: list[str]) -> None:
    assert [str(day) for day in NERC.holidays(year)] == [f"{year}-{day}" for day in days]


def test_holidays_have_names_and_are_found_among_days() -> None:
    assert NERC.holidays(2023)[date(2023, 1, 2)] == "New Year's Day"
    assert NERC.is_holiday(date(2023, 1, 2))
    assert not NERC.is_holiday(date(2023, 1, 1))
    days = np.array(["2022-12-26", "2023-01-01", "2023-01-02", "2022-12-25"], dtype="datetime64[D]")
    assert NERC.among(days).tolist() == [True, False, True, False]
    assert NERC.among(days[:0]).tolist() == []


def test_none_has_none() -> None:
    assert dict(Calendar.parse("none").holidays(2025)) == {}


def test_an_unknown_calendar_is_refused_with_what_there_is() -> None:
    with pytest.raises(InvalidRequest, match="nerc"):
        Calendar.parse("target2")


@pytest.mark.parametrize(
    "sunday",
    ["1900-04-15", "1961-04-02", "2000-04-23", "2008-03-23", "2011-04-24", "2016-03-27", "2024-03-31", "2025-04-20",
     "2026-04-05", "2038-04-25", "2049-04-18", "2076-04-19"],
)  # fmt: skip
def test_easter_is_when_almanacs_say(sunday: str) -> None:
    assert easter(date.fromisoformat(sunday).year) == date.fromisoformat(sunday)


def test_australian_holidays_put_off_from_a_weekend() -> None:
    assert [str(day) for day in Calendar.parse("au_national").holidays(2021)] == [
        "2021-01-01", "2021-01-26", "2021-04-02", "2021-04-05", "2021-04-25", "2021-12-27", "2021-12-28",
    ]  # fmt: skip
    mourning = date(2022, 9, 22)
    assert Calendar.parse("au_national").is_holiday(mourning)
    assert not Calendar.parse("au_national").is_holiday(date(2023, 9, 22))
