"""Missed work, jobs and alarms on fakes; the toy market's prices are due at 14:00 of the day before, in Berlin."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from attrs import define, evolve, frozen

from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.errors import (
    Conflict,
    FeedUnavailable,
    InvalidRequest,
    NotFound,
    StreamUnavailable,
)
from carbon254.core.domain.jobs import Job
from carbon254.core.domain.streams import stream_of
from carbon254.core.domain.time import Window
from carbon254.core.usecases.find_missed_work import FindMissedWork
from carbon254.core.usecases.raise_alarms import RaiseAlarms
from carbon254.core.usecases.run_jobs import RunJobs
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.fetching import CannedFetcher

NOON = datetime(2025, 6, 6, 12, tzinfo=UTC)  # 14:00 in Berlin: tomorrow's prices are due
PRICES = Job("fetch", "toy", "prices", timedelta(hours=1))
CATCH_UP = Job("catch_up", "toy", "prices", timedelta(hours=6))
CHECK = Job("check", "toy")


def window(start: str, end: str) -> Window:
    return Window(datetime.fromisoformat(start), datetime.fromisoformat(end))


def hours(start: str, count: int) -> dict[str, float | None]:
    first = datetime.fromisoformat(start)
    return {f"{first + timedelta(hours=n):%Y-%m-%dT%H}": 50.0 + n for n in range(count)}


@define
class Works:
    """A world with its jobs, and what was announced."""

    world: Any
    fetcher: CannedFetcher
    said: list[Mapping[str, Any]]
    alarms: RaiseAlarms
    jobs: RunJobs
    queued: list[Any]  # what could end each look at the queue

    def at(self, text: str) -> None:
        self.world.clock.move(datetime.fromisoformat(text) - self.world.clock.now())

    def missed(self, dataset: str = "prices") -> tuple[Window, ...]:
        return self.jobs.missed.missed("toy", dataset)

    def fresh(self, dataset: str = "prices") -> tuple[Window, ...]:
        return self.jobs.missed.fresh("toy", dataset)

    def told(self) -> list[tuple[str, str, str]]:
        return [(one["type"], one["dataset"], one["check"]) for one in self.said]


@pytest.fixture
def works(new_world: Callable[..., Any]) -> Works:
    world = new_world("other")
    polled = {
        name: evolve(facts, poll=timedelta(hours=1), final_after=timedelta(days=3))
        for name, facts in world.card.datasets.items()
    }
    for market in world.catalogue.markets.values():
        market.card = evolve(market.card, datasets=polled)
    world.card = world.catalogue.markets["toy"].card
    said: list[Mapping[str, Any]] = []
    fetcher = CannedFetcher(world.clock)
    alarms = RaiseAlarms(world.records, world.catalogue, world.clock, said.append)
    missed = FindMissedWork(world.store, world.catalogue, world.clock)
    signed = iter(["a note", None])
    queued: list[Any] = []
    jobs = RunJobs(
        world.fetch(fetcher),
        missed,
        world.quality,
        alarms,
        world.records,
        lambda: next(signed),
        lambda stop: queued.append(stop) or 2,
    )
    return Works(world, fetcher, said, alarms, jobs, queued)


def give(works: Works, day: str, *answers: Any) -> None:
    """Answers to the toy market's three requests of a window that starts on this day."""
    for hour, answer in zip(range(0, 24, 8), answers, strict=True):
        request = Request(f"https://toy.example/{day}/{hour}", name=f"{day}-{hour}")
        works.fetcher.give(request, answer)


# ---------------------------------------------------------------- what is missing


def test_a_new_store_lacks_tomorrow_once_it_is_due_and_a_week_before(works: Works) -> None:
    assert works.fresh() == (window("2025-06-06T22:00Z", "2025-06-07T22:00Z"),)
    # From the day of a week ago (30 May) to today: yesterday at 14:00 was the last time before.
    assert works.missed() == (window("2025-05-29T22:00Z", "2025-06-06T22:00Z"),)


def test_before_it_is_due_nothing_is_lacking(works: Works) -> None:
    works.at("2025-06-06T11:59Z")
    assert works.fresh() == ()


@pytest.mark.parametrize(
    ("now", "day", "length"),
    [
        ("2025-03-29T13:00Z", ("2025-03-29T23:00Z", "2025-03-30T22:00Z"), 23),
        ("2025-10-25T12:00Z", ("2025-10-25T22:00Z", "2025-10-26T23:00Z"), 25),
    ],
)
def test_a_day_of_a_clock_change_is_asked_for_whole(
    works: Works, now: str, day: tuple[str, str], length: int
) -> None:
    works.at(now)
    (found,) = works.fresh()
    assert found == window(*day)
    assert found.length == timedelta(hours=length)
    works.world.clock.move(-timedelta(minutes=1))
    assert works.fresh() == ()


def test_what_is_stored_is_not_missed_and_holes_are(
    works: Works, document: Callable[..., Document]
) -> None:
    rows = hours("2025-05-29T00:00Z", 8 * 24 + 22)  # to the end of 6 June in Berlin
    for hole in ("2025-06-03T05", "2025-06-03T06", "2025-06-03T08", "2025-06-04T20"):
        del rows[hole]
    works.world.run(document(rows))
    # The hole of 7 o'clock is one hour from its neighbour: they are asked for together.
    assert works.missed() == (
        window("2025-06-03T05:00Z", "2025-06-03T09:00Z"),
        window("2025-06-04T20:00Z", "2025-06-04T21:00Z"),
    )
    assert works.fresh() == (window("2025-06-06T22:00Z", "2025-06-07T22:00Z"),)


def test_an_operator_who_says_that_there_is_no_number_is_not_asked_again(
    works: Works, document: Callable[..., Document]
) -> None:
    rows = hours("2025-05-29T00:00Z", 8 * 24 + 22)
    works.world.run(document({**rows, "2025-06-03T05": None}))
    assert works.missed() == ()


def test_a_day_of_an_interval_rule_is_owed_up_to_now(works: Works) -> None:
    works.at("2025-06-06T12:10Z")  # end + 30 min: up to 11:40
    assert works.fresh("replies") == (window("2025-06-05T22:00Z", "2025-06-06T11:40Z"),)


def test_an_interval_is_owed_from_the_minute_it_is_due(
    works: Works, document: Callable[..., Document]
) -> None:
    works.world.run(document(hours("2025-05-29T00:00Z", 8 * 24 + 11), dataset="replies"))
    works.at("2025-06-06T12:29Z")
    assert works.fresh("replies") == ()
    works.at("2025-06-06T12:30Z")
    assert works.fresh("replies") == (window("2025-06-06T11:00Z", "2025-06-06T12:00Z"),)


def test_a_day_of_auctions_is_asked_for_an_hour_and_then_when_catching_up(
    works: Works, document: Callable[..., Document]
) -> None:
    day = window("2025-06-05T22:00Z", "2025-06-06T22:00Z")
    works.at("2025-06-06T09:30Z")  # 11:30 in Berlin, due at 11:00
    assert works.fresh("auctions") == (day,)
    works.at("2025-06-06T10:00Z")
    assert works.fresh("auctions") == ()
    assert works.missed("auctions")[-1].end == day.end
    works.world.run(document({"2025-06-06T08": 70.0}, dataset="auctions"))
    assert works.missed("auctions")[-1].end == day.start


def test_a_place_that_was_closed_is_owed_nothing(
    works: Works, document: Callable[..., Document]
) -> None:
    closed = "toy/day_ahead/price/zone/CLOSED"
    works.world.run(document(hours("2025-05-01T00:00Z", 24), series=closed))
    works.world.run(document(hours("2025-05-29T00:00Z", 8 * 24 + 22)))
    assert works.missed() == ()


def test_days_that_turn_final_are_asked_for_once_more(works: Works) -> None:
    final = works.jobs.missed.final
    # D-1 14:00 and three days: the day that was due on 3 June at noon UTC is 4 June.
    assert [str(day) for day in final("toy", "prices", None)] == ["2025-06-04"]
    before = datetime(2025, 6, 1, tzinfo=UTC).date()
    assert [day.day for day in final("toy", "prices", before)] == [2, 3, 4]
    assert final("toy", "prices", datetime(2025, 6, 4, tzinfo=UTC).date()) == ()


def test_an_unknown_dataset_or_market_is_refused(works: Works) -> None:
    with pytest.raises(InvalidRequest, match="no dataset"):
        works.fresh("nothing")
    with pytest.raises(NotFound):
        works.jobs.missed.fresh("nowhere", "prices")


# ---------------------------------------------------------------- running


def test_a_job_takes_in_what_is_due(works: Works, document: Callable[..., Document]) -> None:
    parts = [
        document(hours(start, 8))
        for start in ("2025-06-06T22:00Z", "2025-06-07T06:00Z", "2025-06-07T14:00Z")
    ]
    give(works, "20250606", *parts)
    state = works.jobs.run(PRICES)
    assert (state.windows, state.recorded, state.failures) == (1, 24, 0)
    assert len(works.world.values()) == 24
    again = works.jobs.run(PRICES)
    assert (again.windows, again.recorded) == (0, 0)
    assert len(works.fetcher.asked) == 3


def test_what_was_missed_while_nothing_ran_is_caught_up(
    works: Works, document: Callable[..., Document]
) -> None:
    works.world.run(document(hours("2025-05-29T00:00Z", 5 * 24 + 22)))  # to the end of 3 June
    for day in (3, 4, 5):
        start = datetime(2025, 6, day, 22, tzinfo=UTC)
        thirds = [f"{start + timedelta(hours=n):%Y-%m-%dT%H:00Z}" for n in (0, 8, 16)]
        give(works, f"2025060{day}", *(document(hours(third, 8)) for third in thirds))
    state = works.jobs.run(CATCH_UP)
    assert state.recorded == 3 * 24
    assert works.missed() == ()
    assert all("observed" not in one.url for one in works.fetcher.asked)


def test_not_published_yet_is_no_failure(works: Works) -> None:
    state = works.jobs.run(PRICES)
    assert (state.windows, state.failures, state.until) == (1, 0, None)
    assert works.said == []


def test_a_failing_feed_is_left_alone_longer_and_longer_and_alarms_once(works: Works) -> None:
    give(works, "20250606", *[FeedUnavailable("down")] * 3)
    pauses = []
    for _ in range(5):
        state = works.jobs.run(PRICES)
        pauses.append(state.until - works.world.clock.now())
        asked = len(works.fetcher.asked)
        assert works.jobs.run(PRICES) is state  # not before its time
        assert len(works.fetcher.asked) == asked
        works.world.clock.move(pauses[-1])
    assert pauses == [timedelta(hours=1)] * 5
    assert works.told() == [("FeedLate", "prices", "source")]
    assert works.said[0]["code"] == "feed_unavailable"
    assert works.said[0]["topic"] == "src.v1.toy.prices.state"


def test_a_source_that_is_away_is_not_asked_for_the_rest(works: Works) -> None:
    for day in ("20250529", "20250530", "20250531", *(f"2025060{n}" for n in range(1, 7))):
        give(works, day, *[FeedUnavailable("down")] * 3)
    assert works.jobs.run(CATCH_UP).failures == 1
    assert len(works.fetcher.asked) == 3


def test_a_poll_after_a_failure_asks_for_what_was_missed_meanwhile(
    works: Works, document: Callable[..., Document]
) -> None:
    works.world.run(document(hours("2025-05-29T00:00Z", 8 * 24 + 22)))
    first = Request("https://toy.example/20250606/0", name="20250606-0")
    works.fetcher.give(first, FeedUnavailable("down"), document(hours("2025-06-06T22:00Z", 24)))
    assert works.jobs.run(PRICES).failures == 1
    works.at("2025-06-07T11:00Z")  # long after it was due, and before the next is
    assert works.fresh() == ()
    done = works.jobs.run(PRICES)
    assert (done.windows, done.recorded, done.failures) == (1, 24, 0)


def test_a_failing_feed_recovers_once(works: Works, document: Callable[..., Document]) -> None:
    down = FeedUnavailable("down")
    request = Request("https://toy.example/20250606/0", name="20250606-0")
    works.fetcher.give(request, down, down, down, document(hours("2025-06-06T22:00Z", 24)))
    for _ in range(5):
        works.jobs.run(PRICES)
        works.world.clock.move(timedelta(hours=1))
    assert works.told() == [("FeedLate", "prices", "source"), ("FeedRecovered", "prices", "source")]
    assert works.said[1]["since"] == "2025-06-06T14:00:00Z"  # the third failure
    assert works.alarms.current() == ()


def test_a_poll_with_nothing_to_ask_calls_no_alarm_off(works: Works) -> None:
    works.alarms.judge("toy", "prices", "source", "down", sure=True)
    works.at("2025-06-06T11:00Z")
    assert works.jobs.run(PRICES).windows == 0
    assert works.told() == [("FeedLate", "prices", "source")]


def test_a_changed_format_alarms_at_once(works: Works, document: Callable[..., Document]) -> None:
    works.fetcher.give(
        Request("https://toy.example/20250606/0", name="20250606-0"),
        document(error="feed_format_changed"),
    )
    works.jobs.run(PRICES)
    assert works.told() == [("FeedLate", "prices", "source")]
    assert works.said[0]["code"] == "feed_format_changed"


def test_one_feed_that_fails_does_not_stop_another(
    works: Works, document: Callable[..., Document]
) -> None:
    works.world.run(document(hours("2025-05-29T00:00Z", 7 * 24 + 22), dataset="replies"))
    first = Request("https://toy.example/20250606/0", name="20250606-0")
    works.at("2025-06-06T12:30Z")
    replies = document(hours("2025-06-06T00:00Z", 12), dataset="replies")
    works.fetcher.give(first, FeedUnavailable("down"), replies)
    assert works.jobs.run(PRICES).failures == 1
    other = works.jobs.run(Job("fetch", "toy", "replies", timedelta(hours=1)))
    assert (other.failures, other.recorded) == (0, 12)
    assert works.jobs.run(PRICES).until is not None


@frozen
class StopsAfter:
    """Tells to end once the fetcher has been asked so often."""

    fetcher: CannedFetcher
    count: int

    def is_set(self) -> bool:
        return len(self.fetcher.asked) >= self.count

    def wait(self, timeout: float) -> bool:
        return self.is_set()


def test_a_job_that_is_told_to_stop_ends_after_the_document_in_hand(
    works: Works, document: Callable[..., Document]
) -> None:
    give(works, "20250606", *(document(hours("2025-06-06T22:00Z", 24)) for _ in range(3)))
    state = works.jobs.run(PRICES, StopsAfter(works.fetcher, 1))
    assert state.recorded == 24
    assert len(works.fetcher.asked) == 1


def test_what_was_being_fetched_is_told_as_interrupted_and_is_no_failure(
    works: Works, document: Callable[..., Document]
) -> None:
    give(works, "20250606", *(document(hours("2025-06-06T22:00Z", 24)) for _ in range(3)))
    for _ in range(4):  # of failures, three would be an alarm
        state = works.jobs.run(PRICES, StopsAfter(works.fetcher, 0))
        assert (state.code, state.failures, state.until) == ("interrupted", 0, None)
        assert "2025-06-06" in state.message
    assert works.fetcher.asked == []
    assert works.said == []
    done = works.jobs.run(PRICES)
    assert (done.code, done.recorded) == ("", 24)


def test_a_failing_feed_that_is_interrupted_has_not_recovered(works: Works) -> None:
    away = FeedUnavailable("away")
    give(works, "20250606", *[away] * 3)
    for _ in range(3):
        failed = works.jobs.run(PRICES)
        works.world.clock.move(timedelta(hours=3))
    assert works.told() == [("FeedLate", "prices", "source")]
    state = works.jobs.run(PRICES, StopsAfter(works.fetcher, 0))
    assert (state.code, state.failures) == ("interrupted", failed.failures)
    assert works.told() == [("FeedLate", "prices", "source")]


def test_a_made_up_store_is_not_fed(works: Works, document: Callable[..., Document]) -> None:
    works.world.run(document(hours("2025-06-06T00:00Z", 1)), synthetic=True)
    assert {one.task for one in works.jobs.jobs()} == {"check", "checkpoint", "executions"}
    with pytest.raises(Conflict):
        works.jobs.run(PRICES)


def test_states_tell_of_every_job(works: Works) -> None:
    names = {one.job.name for one in works.jobs.states()}
    assert {"check toy", "fetch toy/prices", "catch_up other/auctions"} <= names
    works.jobs.run(PRICES)
    (own,) = [one for one in works.jobs.states() if one.job == PRICES]
    assert own.at == NOON


def test_the_head_of_the_audit_log_is_signed_when_there_is_something_new(works: Works) -> None:
    job = Job("checkpoint")
    assert [works.jobs.run(job).message for _ in range(2)] == ["signed", "nothing new"]


# ---------------------------------------------------------------- judging


def test_a_late_feed_is_told_once_and_so_is_its_recovery(
    works: Works, document: Callable[..., Document]
) -> None:
    works.world.run(document(hours("2025-06-03T22:00Z", 72)))  # to 6 June; tomorrow is due now
    works.at("2025-06-06T13:01Z")  # an hour of grace, one poll, is over
    works.jobs.run(CHECK)
    assert works.said == []  # it may be on its way
    for _ in range(4):
        works.world.clock.move(timedelta(minutes=5))
        works.jobs.run(CHECK)
    assert works.told() == [("FeedLate", "prices", "freshness")]
    assert works.said[0]["topic"] == "dq.v1.toy.freshness"
    (alarm,) = works.alarms.current()
    assert (alarm.dataset, alarm.since) == ("prices", datetime(2025, 6, 6, 13, 6, tzinfo=UTC))
    works.world.run(document(hours("2025-06-06T22:00Z", 24)))
    for _ in range(3):
        works.jobs.run(CHECK)
    assert works.told()[1:] == [("FeedRecovered", "prices", "freshness")]


def test_a_check_that_is_told_to_stop_says_no_more(
    works: Works, document: Callable[..., Document]
) -> None:
    works.world.run(document(hours("2025-06-03T22:00Z", 72)))
    works.at("2025-06-06T13:01Z")
    for _ in range(3):
        state = works.jobs.run(CHECK, StopsAfter(works.fetcher, 0))
        assert (state.code, state.failures) == ("interrupted", 0)
    assert works.said == []
    for _ in range(2):
        works.jobs.run(CHECK)
    assert works.told() == [("FeedLate", "prices", "freshness")]


def test_a_hole_is_told_as_incomplete(works: Works, document: Callable[..., Document]) -> None:
    rows = hours("2025-06-03T22:00Z", 72)
    del rows["2025-06-06T03"]
    works.world.run(document(rows))
    for _ in range(3):
        works.jobs.run(CHECK)
    assert works.told() == [("FeedLate", "prices", "completeness")]
    assert "1 intervals are late" in works.said[0]["reason"]


def test_a_restart_repeats_no_alarm(works: Works) -> None:
    works.alarms.judge("toy", "prices", "source", "down", sure=True)
    again = RaiseAlarms(
        works.world.records, works.world.catalogue, works.world.clock, works.said.append
    )
    again.judge("toy", "prices", "source", "down", sure=True)
    assert len(works.said) == 1
    again.judge("toy", "prices", "source", None)
    again.judge("toy", "prices", "source", None)
    assert [one["type"] for one in works.said] == ["FeedLate", "FeedRecovered"]


def test_an_alarm_that_cannot_be_announced_is_said_the_next_time(works: Works) -> None:
    heard: list[Any] = []

    def announce(event: Any) -> None:
        heard.append(event)
        if len(heard) == 1:
            raise FeedUnavailable("the bus is away")

    alarms = RaiseAlarms(works.world.records, works.world.catalogue, PinnedClock(NOON), announce)
    with pytest.raises(FeedUnavailable):
        alarms.judge("toy", "prices", "source", "down", sure=True)
    alarms.judge("toy", "prices", "source", "down", sure=True)
    alarms.judge("toy", "prices", "source", "down", sure=True)
    assert len(heard) == 2


def test_an_alarm_waits_for_a_message_server_that_is_away(works: Works) -> None:
    sent: list[Any] = []
    away = [True, True, False, False, False]

    def publish(message: Any) -> None:
        if away.pop(0):
            raise StreamUnavailable("away")
        sent.append(message)

    alarms = evolve(works.alarms, publish=publish)
    for _ in range(2):
        alarms.judge("toy", "prices", "source", "down", sure=True)
    assert (len(works.said), sent) == (1, [])
    for _ in range(2):
        alarms.judge("toy", "prices", "source", "down", sure=True)
    (message,) = sent
    assert message.subject == "src.v1.toy.prices.state"
    assert message.headers["ce-type"] == "carbon254.FeedLate.v1"
    assert message.headers["ce-id"] == message.id
    assert json.loads(message.body)["reason"] == "down"
    assert stream_of(message.subject).name == "MD-toy-heartbeat"
    alarms.judge("toy", "prices", "source", None)
    assert [one.headers["ce-type"] for one in sent][1:] == ["carbon254.FeedRecovered.v1"]
    assert message.id != sent[1].id


def test_the_queue_is_looked_at_and_told_what_ends_it(works: Works) -> None:
    (job,) = (one for one in works.jobs.jobs() if one.task == "executions")
    ending = threading.Event()
    assert works.jobs.run(job, ending).message == "2 queued"
    assert works.queued == [ending]
