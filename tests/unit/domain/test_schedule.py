"""Rules of the card, with answers from a calendar and a clock by hand."""

from datetime import UTC, date, datetime, time, timedelta

import pytest

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.schedule import Rule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "start", "zone", "due"),
    [
        ("D-1 14:00", "2025-01-15T23:00", "Europe/Brussels", "2025-01-15T13:00"),
        (
            "D-1 14:00",
            "2025-03-30T00:00",
            "Europe/Brussels",
            "2025-03-29T13:00",
        ),  # the day before the change
        (
            "D-1 14:00",
            "2025-03-30T22:00",
            "Europe/Brussels",
            "2025-03-30T12:00",
        ),  # on the day of the change
        ("D-1 14:00", "2025-07-01T05:00", "UTC-05:00", "2025-06-30T19:00"),
        ("D+1", "2025-07-01T05:00", "UTC-05:00", "2025-07-02T05:00"),
        ("D 11:05", "2025-07-01T05:00", "Europe/Berlin", "2025-07-01T09:05"),
        ("D+2 08:00", "2024-12-31T12:00", "UTC", "2025-01-02T08:00"),
        (
            "BD+1 17:00",
            "2025-01-03T12:00",
            "America/New_York",
            "2025-01-06T22:00",
        ),  # Friday to Monday
        (
            "BD+1 17:00",
            "2025-01-04T12:00",
            "America/New_York",
            "2025-01-06T22:00",
        ),  # Saturday to Monday
        ("BD+2 17:00", "2025-01-03T12:00", "America/New_York", "2025-01-07T22:00"),
        (
            "BD-1 17:00",
            "2025-01-06T12:00",
            "America/New_York",
            "2025-01-03T22:00",
        ),  # Monday to Friday
        ("D-1 12:00 Europe/Brussels", "2025-07-01T05:00", "Europe/London", "2025-06-30T10:00"),
        ("start", "2025-07-01T05:00", "UTC", "2025-07-01T05:00"),
        ("end", "2025-07-01T05:00", "UTC", "2025-07-01T06:00"),
        ("end+PT10M", "2025-07-01T05:00", "UTC", "2025-07-01T06:10"),
        ("start-P1D", "2025-07-01T05:00", "UTC", "2025-06-30T05:00"),
    ],
)
def test_a_rule_means_one_instant(rule: str, start: str, zone: str, due: str) -> None:
    begin = at(start)
    assert Rule.parse(rule).at(begin, begin + timedelta(hours=1), day_zone=zone) == at(due)


def test_a_trading_day_that_starts_at_four_holds_the_night_after() -> None:
    rule, night = Rule.parse("D 00:00"), at("2025-01-02T17:30")  # 03:30 in UTC+10 on the 3rd
    end = night + timedelta(minutes=5)
    assert rule.at(night, end, day_zone="UTC+10:00", day_start=time(4)) == at("2025-01-01T14:00")
    assert rule.at(night, end, day_zone="UTC+10:00") == at("2025-01-02T14:00")


def test_a_rule_of_issues_counts_from_the_issue() -> None:
    rule, start = Rule.parse("issued+PT5M"), at("2025-01-02T17:30")
    issued = at("2025-01-01T06:00")
    assert rule.at(start, start, day_zone="UTC", issued=issued) == at("2025-01-01T06:05")
    assert rule.at(start, start, day_zone="UTC") == at("2025-01-02T17:35")


def test_a_business_day_rule_on_a_given_day() -> None:
    assert Rule.parse("BD+1").on(date(2025, 1, 3), "UTC") == at("2025-01-06T00:00")
    assert Rule.parse("BD").on(date(2025, 1, 4), "UTC") == at("2025-01-04T00:00")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "D-1 25:00",
        "D-1 14:60",
        "D-1 14",
        "end+10M",
        "end+",
        "E+1",
        "D-1 14:00 Mars/Olympus",
        "d-1",
    ],
)
def test_a_rule_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        Rule.parse(text)
