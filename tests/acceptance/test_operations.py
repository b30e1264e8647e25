"""Steps of features/operations: the jobs of the demo exchange and of the auction of allowances, at told instants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from attrs import define, evolve, field
from pytest_bdd import given, parsers, scenarios, then, when

from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.errors import FeedUnavailable, NotPublishedYet
from carbon254.core.domain.jobs import Job
from carbon254.core.domain.time import day_window, parse_day
from carbon254.core.usecases.raise_alarms import RaiseAlarms

scenarios("operations")

HOUR = timedelta(hours=1)
FEEDS = {"demo prices": ("demo", "prices"), "eu_ets auctions": ("eu_ets", "auctions")}
# As the scheduler would: each feed, then what judges it.
JOBS = (
    Job("fetch", "demo", "prices", HOUR),
    Job("catch_up", "demo", "prices", 6 * HOUR),
    Job("fetch", "eu_ets", "auctions", HOUR),
    Job("check", "demo"),
)
Table = list[list[str]]


@define
class Watch:
    """The jobs of a desk, and the alarms that were heard."""

    desk: Any
    heard: list[tuple[datetime, Mapping[str, Any]]] = field(factory=list)
    jobs: Any = None
    next: dict[str, datetime] = field(factory=dict)
    rows: Counter[str] = field(factory=Counter)  # written by each job

    def start(self) -> None:
        made = self.desk.made()
        alarms = RaiseAlarms(
            self.desk.records, self.desk.catalogue, self.desk.clock,
            lambda event: self.heard.append((self.desk.clock.now(), event)),
        )  # fmt: skip
        made.alarms.override(alarms)
        made.checkpoint.override(SimpleNamespace(run=lambda: None))
        self.jobs, self.next = made.jobs(), {}

    def run(self) -> None:
        """Run what is due, as a scheduler does."""
        now = self.desk.clock.now()
        for job in JOBS:
            if self.next.get(job.name, now) <= now:
                self.rows[job.name] += self.jobs.run(job).recorded
                self.next[job.name] = self.jobs.when(job, now)

    def state(self, feed: str) -> Any:
        market, dataset = FEEDS[feed]
        states = {one.job.name: one for one in self.jobs.states()}
        return states[f"fetch {market}/{dataset}"]

    def said(self, kind: str) -> list[dict[str, str]]:
        return [
            {
                "at": f"{at:%Y-%m-%d %H:%M}", "feed": f"{event['market']} {event['dataset']}",
                "check": event["check"], "raised": event.get("since", "")[:16].replace("T", " "),
            }
            for at, event in self.heard if event["type"] == kind
        ]  # fmt: skip


@pytest.fixture
def watch(desk: Any) -> Watch:
    return Watch(desk)


def request(day: date) -> Request:
    return Request(f"https://data.demo.example/prices_{day:%Y%m%d}.csv")


def document(day: date) -> Document:
    """The demo exchange's document of a whole day; slots are counted through, on a day of any length."""
    slots = day_window(day, "Europe/Berlin").length // HOUR
    lines = [
        f"{auction},NORTH,{slot},50,50,0"
        for auction in ("first", "second")
        for slot in range(1, slots + 1)
    ]
    head = [f"demo exchange;{day};{len(lines)};final", "auction,hub,slot,price,energy,congestion"]
    body = "\n".join([*head, *lines, ""])
    return Document(f"prices_{day:%Y%m%d}.csv", body.encode(), "text/csv")


def days() -> list[date]:
    """All days that the scenarios may ask for."""
    spans = [(date(2025, 2, 25), 45), (date(2025, 10, 15), 20)]
    return [first + timedelta(n) for first, count in spans for n in range(count)]


@given("the demo exchange is asked every hour")
def _(desk: Any, watch: Watch) -> None:
    desk.use_demo()
    market = desk.catalogue.market("demo")
    polled = evolve(market.card.datasets["prices"], poll=HOUR)
    market.card = evolve(market.card, datasets={"prices": polled})
    watch.start()


@given("the demo exchange does not answer")
def _(desk: Any) -> None:
    for day in days():
        desk.fetcher.give(request(day), FeedUnavailable("the site is down"))


@given("the demo exchange has nothing yet")
def _(desk: Any) -> None:
    for day in days():
        desk.fetcher.give(request(day), NotPublishedYet("nothing yet"))


@given("the demo exchange answers with a page that is no document of its own")
def _(desk: Any) -> None:
    for day in days():
        desk.fetcher.give(
            request(day), Document("sorry.csv", b"We are improving our site.", "text/csv")
        )


@given("the demo exchange has published every day")
def _(desk: Any) -> None:
    for day in days():
        desk.fetcher.give(request(day), document(day))


@when("the demo exchange answers again")
def _(desk: Any) -> None:
    desk.fetcher._answers.clear()
    for day in days():
        desk.fetcher.give(request(day), document(day))


@given(parsers.parse("the demo exchange's day {day} was taken in"))
@when(parsers.parse("the demo exchange's day {day} is taken in"))
def _(desk: Any, day: str) -> None:
    desk.documents[day] = [document(parse_day(day))]
    desk.take_in(day)


@given(parsers.parse('the auction house has published "{name}" of {day} at {value}'))
def _(desk: Any, name: str, day: str, value: str) -> None:
    first = day_window(parse_day(day), "Europe/Berlin")
    row = {
        "series": name,
        "from": f"{first.start:%Y-%m-%d %H:%M}",
        "to": f"{first.end:%Y-%m-%d %H:%M}",
        "value": value,
    }
    desk.write("workbook", [row])
    (workbook,) = desk.documents["workbook"]
    market = desk.catalogue.market("eu_ets")
    (asked,) = market.requests("auctions", first)
    desk.fetcher.give(asked, workbook)


@when(parsers.parse("the jobs run at {at}"))
def _(desk: Any, watch: Watch, at: str) -> None:
    desk.set_clock(at)
    watch.run()


@when(parsers.parse("the jobs run every {step} from {start} to {end}"))
def _(desk: Any, watch: Watch, step: str, start: str, end: str) -> None:
    lengths = {"hour": HOUR, "minute": timedelta(minutes=1), "5 minutes": timedelta(minutes=5)}
    desk.set_clock(start)
    last = desk.window(start, end).end
    while desk.clock.now() <= last:
        watch.run()
        desk.clock.move(lengths[step])


@when("the platform is started again")
def _(watch: Watch) -> None:
    watch.start()


@then(parsers.parse('the feed "{feed}" is told as "{code}"'))
def _(watch: Watch, feed: str, code: str) -> None:
    assert watch.state(feed).code == code


@then(parsers.parse('the feed "{feed}" is well'))
def _(watch: Watch, feed: str) -> None:
    state = watch.state(feed)
    assert (state.code, state.failures) == ("", 0)
    assert watch.rows[state.job.name] > 0


@then(parsers.parse("the demo exchange was asked once for its day {day}"))
@then(parsers.parse("the demo exchange was asked {count:d} times for its day {day}"))
def _(desk: Any, day: str, count: int = 1) -> None:
    own = [one for one in asked_of_demo(desk) if day.replace("-", "") in one]
    assert len(own) == count


@then(parsers.parse("nobody was asked for {one} or {other}"))
def _(desk: Any, one: str, other: str) -> None:
    found = {
        name for name in asked_of_demo(desk) for day in (one, other) if day.replace("-", "") in name
    }
    assert asked_of_demo(desk)  # the days before them
    assert found == set()


def asked_of_demo(desk: Any) -> list[str]:
    return [one.url for one in desk.fetcher.asked if "demo.example" in one.url]


@then("no alarm was raised")
def _(watch: Watch) -> None:
    assert watch.said("FeedLate") == []


@then("these alarms were raised:")
def _(watch: Watch, datatable: Table) -> None:
    assert_told(watch.said("FeedLate"), datatable)


@then("these alarms were called off:")
def _(watch: Watch, datatable: Table) -> None:
    assert_told(watch.said("FeedRecovered"), datatable)


def assert_told(said: list[dict[str, str]], table: Table) -> None:
    head, *rows = table
    assert [[one[name] for name in head] for one in said] == rows
