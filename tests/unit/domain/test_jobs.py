"""Jobs from cards, and their times; instants are counted by hand on the markets' clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from carbon254.adapters.plugins.host import PluginHost
from carbon254.core.domain.jobs import Job, back_off, jobs_of, next_run

CARDS = PluginHost().cards()
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def step_of(name: str) -> timedelta:
    market, dataset = name.split("/")
    jobs = {one.name: one for one in jobs_of(CARDS, ["entsoe_token"], synthetic=False)}
    return jobs[f"fetch {market}/{dataset}"].every


def test_miso_is_asked_every_five_minutes_for_real_time_and_hourly_for_the_day_ahead() -> None:
    assert step_of("miso/real_time_lmp") == timedelta(minutes=5)
    assert step_of("miso/day_ahead_lmp") == HOUR
    assert step_of("miso/day_ahead_ex_ante_lmp") == HOUR


def test_every_market_is_checked_every_five_minutes() -> None:
    checks = [one for one in jobs_of(CARDS, [], synthetic=True) if one.task == "check"]
    assert {one.market for one in checks} == set(CARDS)
    assert {one.every for one in checks} == {timedelta(minutes=5)}


def test_made_up_stores_are_never_fed() -> None:
    assert {one.task for one in jobs_of(CARDS, ["entsoe_token"], synthetic=True)} == {
        "check",
        "checkpoint",
        "executions",
    }


def test_a_market_without_its_credential_is_left_alone() -> None:
    fed = {one.market for one in jobs_of(CARDS, [], synthetic=False) if one.task == "fetch"}
    assert "entsoe" not in fed
    assert "miso" in fed
    every = jobs_of(CARDS, list(CARDS["entsoe"].credentials), synthetic=False)
    assert "entsoe" in {one.market for one in every if one.task == "fetch"}


def test_names_are_unique() -> None:
    names = [one.name for one in jobs_of(CARDS, ["entsoe_token"], synthetic=False)]
    assert len(names) == len(set(names))
    assert [Job("check", "miso").name, Job("checkpoint").name] == ["check miso", "checkpoint"]


@pytest.mark.parametrize(
    ("after", "due"),
    [
        # Brussels, D-1 14:00: CET is one hour ahead of UTC, CEST two.
        ("2025-03-29T12:30Z", "2025-03-29T13:00Z"),  # for the day of 23 hours
        ("2025-03-30T11:30Z", "2025-03-30T12:00Z"),  # on that day, in summer already
        ("2025-10-25T11:30Z", "2025-10-25T12:00Z"),  # for the day of 25 hours
        ("2025-10-26T12:30Z", "2025-10-26T13:00Z"),  # on that day, in winter already
    ],
)
def test_a_day_ahead_price_is_asked_for_the_moment_it_is_due(after: str, due: str) -> None:
    facts = CARDS["entsoe"].dataset("day_ahead_prices")
    job = Job("fetch", "entsoe", "day_ahead_prices", HOUR)
    assert next_run(job, facts, at(after)) == at(due)
    assert next_run(job, facts, at(due)) == at(due) + HOUR


def test_each_run_of_a_dataset_has_its_due_time() -> None:
    facts = CARDS["entsoe"].dataset("intraday_prices")  # 16:00 and 22:45 the day before, 10:45
    job = Job("fetch", "entsoe", "intraday_prices", timedelta(hours=9))
    times = [at("2025-10-25T12:00Z")]
    for _ in range(5):
        times.append(next_run(job, facts, times[-1]))
    assert times[1:] == [
        at("2025-10-25T14:00Z"),  # 16:00 CEST
        at("2025-10-25T20:45Z"),  # 22:45 CEST
        at("2025-10-26T05:45Z"),  # nine hours on
        at("2025-10-26T09:45Z"),  # 10:45 CET
        at("2025-10-26T15:00Z"),  # 16:00 CET
    ]


def test_an_interval_rule_goes_by_the_step_alone() -> None:
    facts = CARDS["miso"].dataset("real_time_lmp")
    job = Job("fetch", "miso", "real_time_lmp", timedelta(minutes=5))
    assert next_run(job, facts, at("2025-11-02T05:03Z")) == at("2025-11-02T05:08Z")


def test_catching_up_does_not_wait_for_due_times() -> None:
    facts = CARDS["entsoe"].dataset("day_ahead_prices")
    job = Job("catch_up", "entsoe", "day_ahead_prices", 6 * HOUR)
    assert next_run(job, facts, at("2025-03-29T12:30Z")) == at("2025-03-29T18:30Z")


def test_a_feed_polled_less_often_than_hourly_is_left_alone_for_its_step() -> None:
    assert back_off(6 * HOUR, 5) == 6 * HOUR
    assert back_off(timedelta(minutes=5), 100) == HOUR
