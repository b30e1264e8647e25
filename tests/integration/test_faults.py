"""Each market's documents from an operator that misbehaves: every number is there in the end, or named as missing."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from attrs import define, evolve, field, frozen

from carbon254.adapters.fetch import HttpFetcher, Patience
from carbon254.adapters.plugins.host import PluginHost
from carbon254.core.domain.cards import HostCard
from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.revisions import current_rows
from carbon254.core.domain.time import Window
from carbon254.core.usecases.fetch_documents import FetchDocuments
from carbon254.core.usecases.ingest_documents import IngestDocuments, Outcome
from carbon254.ports.fetching import FetchLimits
from carbon254.ports.markets import chunks
from carbon254.ports.testing import faults
from carbon254.ports.testing.fakes.archive import MemoryArchive, MemoryJournal
from carbon254.ports.testing.fakes.clock import FakeTime, PinnedClock
from carbon254.ports.testing.fakes.records import MemoryRecordStore
from carbon254.ports.testing.fakes.storage import MemorySeriesStore
from carbon254.ports.testing.server import HOST, FaultyServer, Response

pytestmark = pytest.mark.integration

NOW = datetime(2025, 6, 20, tzinfo=UTC)
ATTEMPTS = 4
QUICK = Patience(
    attempts=ATTEMPTS,
    wait_initial=0,
    wait_max=0,
    wait_jitter=0,
    retry_after_max=0,
    read=0.3,
    total=2.0,
)
EVERYTHING = Scope.everything()
NO_DATA = b"""<?xml version="1.0" encoding="UTF-8"?>
<Acknowledgement_MarketDocument xmlns="urn:iec62325.351:tc57wg16:451-1:acknowledgementdocument:7:0">
  <mRID>made-up</mRID><createdDateTime>2025-06-20T00:00:00Z</createdDateTime>
  <Reason><code>999</code><text>No matching data found</text></Reason>
</Acknowledgement_MarketDocument>"""

Query = Mapping[str, str]
Row = tuple[Any, Any]  # series and start


# ------------------------------------------------------------ operators, by what they are asked


@frozen
class Feed:
    """A dataset over a window, cut as its documents are; ``answer`` finds the document that a URL asks for."""

    market: str
    dataset: str
    start: datetime
    hours: float
    answer: Callable[[Mapping[str, Document], str, Query], bytes | Response | None]
    step: float = 0.0  # hours that one document covers; all of them where 0

    @property
    def window(self) -> Window:
        return Window(self.start, self.start + timedelta(hours=self.hours))


def by_name(documents: Mapping[str, Document], path: str, query: Query) -> bytes | None:
    found = documents.get(path.rpartition("/")[2])
    return found and found.body


def of_caiso(documents: Mapping[str, Document], path: str, query: Query) -> bytes | None:
    """One zip for the days asked for; in summer the days begin at 07:00 UTC."""
    first, end = (
        f"{datetime.strptime(query[name], '%Y%m%dT%H:%M-0000') - timedelta(hours=7):%Y%m%d}"  # noqa: DTZ007
        for name in ("startdatetime", "enddatetime")
    )
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as merged:
        for name, one in documents.items():
            if first <= name[:8] < end:
                with zipfile.ZipFile(io.BytesIO(one.body)) as day:
                    merged.writestr(day.namelist()[0], day.read(day.namelist()[0]))
    return made.getvalue()


def of_entsoe(documents: Mapping[str, Document], path: str, query: Query) -> bytes | Response:
    assert query["securityToken"] == "t0ken-1234"
    place = query.get("outBiddingZone_Domain") or query.get("in_Domain")
    parts = [
        query["documentType"],
        query.get("processType"),
        place,
        f"{query['periodStart']}-{query['periodEnd']}",
    ]
    found = documents.get("_".join(part for part in parts if part) + ".xml")
    return Response(found.body if found else NO_DATA, headers={"Content-Type": "text/xml"})


def of_nem(documents: Mapping[str, Document], path: str, query: Query) -> bytes | None:
    if not path.endswith("/"):
        return by_name(documents, path, query)
    links = "".join(f'<A HREF="{path}{name}">{name}</A><br>' for name in documents)
    return f"<html><body><pre>{links}</pre></body></html>".encode()


BERLIN = datetime(2025, 6, 4, 22, tzinfo=UTC)
FEEDS = [
    Feed("caiso", "hasp_lmp", datetime(2025, 6, 5, 7, tzinfo=UTC), 24 * 9, of_caiso, 24),
    Feed("entsoe", "day_ahead_prices", BERLIN, 24, of_entsoe),
    Feed("eu_ets", "auctions", datetime(2024, 12, 2, tzinfo=UTC), 24 * 60, by_name),
    Feed("miso", "day_ahead_lmp", datetime(2025, 6, 5, 5, tzinfo=UTC), 24 * 5, by_name),
    Feed("nem", "trading", datetime(2025, 6, 5, 2, tzinfo=UTC), 1, of_nem),
]


@frozen
class Loopback:
    """Asks the server in the market's place: the origin is rewritten, path and query stay."""

    inner: HttpFetcher
    server: FaultyServer
    asked: list[Request] = field(factory=list)

    def fetch(self, request: Request, limits: FetchLimits, stop: Any = None) -> Document:
        parts = urlsplit(request.url)
        assert parts.hostname in limits.hosts, f"{request.url} is not declared"
        self.asked.append(request)
        query = f"?{parts.query}" if parts.query else ""
        here = evolve(request, url=self.server.url(parts.path + query))
        allowed = evolve(limits, hosts={**limits.hosts, HOST: HostCard(requests=100_000)})
        found = self.inner.fetch(here, allowed, stop)
        return evolve(
            found, url=found.url.replace(self.server.url(), f"{parts.scheme}://{parts.netloc}")
        )


_expected: dict[str, dict[Row, tuple[float, str]]] = {}


@define
class World:
    """A feed's operator on the loopback, and the use case that asks it."""

    feed: Feed
    catalogue: PluginHost
    documents: dict[str, Document]
    server: FaultyServer
    loopback: Loopback
    store: MemorySeriesStore = field(factory=MemorySeriesStore)
    journal: MemoryJournal = field(factory=MemoryJournal)
    records: MemoryRecordStore = field(factory=MemoryRecordStore)

    def fetch(self, clock: datetime = NOW) -> list[Outcome]:
        ingest = IngestDocuments(
            self.catalogue,
            MemoryArchive(),
            self.journal,
            self.store,
            self.records,
            PinnedClock(clock),
        )
        use_case = FetchDocuments(ingest, self.loopback, {"entsoe_token": "t0ken-1234"})
        return use_case.run(self.feed.market, self.feed.dataset, self.feed.window)

    @property
    def expected(self) -> dict[Row, tuple[float, str]]:
        """Values by series and start, with the document that holds each."""
        if self.feed.market not in _expected:
            market = self.catalogue.market(self.feed.market)
            _expected[self.feed.market] = {
                (reading.series[code], str(start)): (float(value), name)
                for name, document in self.documents.items()
                for reading in chunks(market.read(self.feed.dataset, document))
                for code, start, value in zip(
                    reading.code, reading.interval_start, reading.value, strict=True
                )
            }
        return _expected[self.feed.market]

    @property
    def stored(self) -> dict[Row, float]:
        pattern = SeriesPattern(self.feed.market)
        rows = current_rows(self.store.read(EVERYTHING.restrict(Selection(patterns=(pattern,)))))
        return {
            (rows.series[code], str(start)): float(value)
            for code, start, value in zip(rows.code, rows.interval_start, rows.value, strict=True)
        }


@pytest.fixture(params=FEEDS, ids=lambda feed: feed.market)
def world(
    request: pytest.FixtureRequest, catalogue: PluginHost, write: Callable[..., Any]
) -> Iterator[World]:
    feed: Feed = request.param
    step = feed.step or feed.hours
    documents: dict[str, Document] = {}
    for part in range(int(feed.hours / step)):
        for one in write(
            feed.market, feed.dataset, feed.start + timedelta(hours=part * step), step
        ):
            documents[one.name] = one
    time = FakeTime()
    with (
        FaultyServer(lambda method, path, query: feed.answer(documents, path, query)) as server,
        HttpFetcher(PinnedClock(NOW), patience=QUICK, sleep=time.sleep) as fetcher,
    ):
        yield World(feed, catalogue, documents, server, Loopback(fetcher, server))


_asked: dict[str, tuple[list[str], list[str]]] = {}


def asked_for(world: World) -> tuple[list[str], list[str]]:
    """Paths that are asked for when nothing fails, each once; and those of the data, each time."""
    feed = world.feed.market
    if feed not in _asked:
        world.fetch()
        paths = [(urlsplit(one.url).path, one.role) for one in world.loopback.asked]
        _asked[feed] = (
            list(dict.fromkeys(path for path, _ in paths)),
            [path for path, role in paths if role == "data"],
        )
        world.store, world.journal, world.records = (
            MemorySeriesStore(),
            MemoryJournal(),
            MemoryRecordStore(),
        )
    return _asked[feed]


def complete(world: World) -> bool:
    return world.stored == {key: value for key, (value, _) in world.expected.items()}


def unnamed(world: World, outcomes: list[Outcome]) -> list[Row]:
    """Numbers that are neither stored nor named as missing by a document, a request or a window."""
    named, windows = set(), []
    for one in outcomes:
        if one.status in ("recorded", "unchanged"):
            continue
        assert one.code, one
        named.add(one.name.rpartition("/")[2])
        # OASIS has one address for everything: there a window has one document.
        if found := re.match(
            r"\[(\S+), (\S+)\)" + ("" if "caiso" in one.market else " is missing"), one.message
        ):
            windows.append((found[1].rstrip("Z"), found[2].rstrip("Z")))
    stored = world.stored
    return [
        key
        for key, (value, name) in world.expected.items()
        if stored.get(key) != value
        and name not in named
        and not any(low <= key[1][:19] < high for low, high in windows)
    ]


# ------------------------------------------------------------ what passes is waited for


def test_without_faults_everything_is_there(world: World) -> None:
    outcomes = world.fetch()
    assert {one.status for one in outcomes} <= {"recorded", "no_data"}
    assert complete(world)
    assert len(world.expected) > 10


@pytest.mark.parametrize(
    "fault",
    [
        faults.Status(429, {"Retry-After": "120"}),
        faults.Status(500),
        faults.Status(503),
        faults.CutBody(),
        faults.CutBody(share=0.0),
        faults.BrokenChunks(),
        faults.WrongLength(by=10),
        faults.Coded(cut=4),
        faults.HangUp(),
        faults.Silence(),
    ],
    ids=repr,
)
def test_what_passes_costs_no_number(world: World, fault: faults.Fault) -> None:
    paths, _ = asked_for(world)
    for path in paths:
        world.server.fail(path, fault)
    outcomes = world.fetch()
    assert {one.status for one in outcomes} <= {"recorded", "no_data"}
    assert complete(world)


def test_a_slow_body_is_waited_for(world: World) -> None:
    paths, _ = asked_for(world)
    for path in paths:
        world.server.fail(path, faults.Drip(pause=0.001, piece=4096))
    world.fetch()
    assert complete(world)


# ------------------------------------------------------------ what does not pass is named


@pytest.mark.parametrize(
    "fault",
    [
        faults.Status(429),
        faults.Status(500),
        faults.Status(404),
        faults.Status(400, body=b"no such query"),
        faults.HtmlPage(),
        faults.HtmlPage(honest=False),
        faults.CutBody(),
        faults.Status(200, body=b""),
        faults.Redirect("http://elsewhere.example/"),
        faults.Silence(),
    ],
    ids=repr,
)
def test_what_does_not_pass_is_named_as_missing_and_comes_with_the_next_run(
    world: World, fault: faults.Fault
) -> None:
    """One data document of those that are asked for fails for good; the second run finds the operator well."""
    _, wanted = asked_for(world)
    path = wanted[len(wanted) // 2]
    if isinstance(fault, faults.Silence):
        world.server.fail(path, *[fault] * ATTEMPTS)  # not more: each is waited for
    else:
        world.server.always(path, fault)
    outcomes = world.fetch()
    assert not complete(world)
    assert unnamed(world, outcomes) == []
    world.server.always(path, _Well())
    world.fetch(NOW + timedelta(hours=1))
    assert complete(world)


@pytest.mark.parametrize("seed", range(4))
def test_random_faults_leave_every_number_there_or_named(world: World, seed: int) -> None:
    paths, _ = asked_for(world)
    rng = random.Random(seed)
    bad = [
        faults.Status(429), faults.Status(500), faults.Status(502), faults.Status(404), faults.HtmlPage(),
        faults.HtmlPage(honest=False), faults.CutBody(), faults.CutBody(0.9), faults.BrokenChunks(),
        faults.HangUp(), faults.Coded(cut=4), faults.WrongLength(by=5),
    ]  # fmt: skip
    for path in paths:
        world.server.fail(path, *rng.choices(bad, k=rng.randrange(0, 3 * ATTEMPTS)))
    for run in range(12):
        outcomes = world.fetch(NOW + run * timedelta(hours=1))
        assert unnamed(world, outcomes) == []
        if complete(world):
            break
    assert complete(world)


def test_a_listing_that_does_not_come_is_named_with_its_window(
    catalogue: PluginHost, write: Callable[..., Any]
) -> None:
    """Without the directory listing nobody knows which documents there are: the window is missing."""
    feed = FEEDS[-1]
    documents = {one.name: one for one in write(feed.market, feed.dataset, feed.start, feed.hours)}
    with (
        FaultyServer(lambda method, path, query: feed.answer(documents, path, query)) as server,
        HttpFetcher(PinnedClock(NOW), patience=QUICK, sleep=FakeTime().sleep) as fetcher,
    ):
        world = World(feed, catalogue, documents, server, Loopback(fetcher, server))
        server.fail(
            "/Reports/Current/TradingIS_Reports/",
            *[faults.Status(500)] * ATTEMPTS,
            faults.HtmlPage(),
        )
        for code in ("feed_unavailable", "feed_unavailable"):
            (outcome,) = world.fetch()
            assert (outcome.status, outcome.code) == ("unavailable", code)
            assert outcome.message.startswith(
                "[2025-06-05T02:00:00Z, 2025-06-05T03:00:00Z) is missing: "
            )
        world.fetch()
        assert complete(world)


class _Well:
    """No fault at all."""

    def answer(self, wire: Any, good: Response) -> None:
        wire.head(good.status, {"Content-Length": str(len(good.body)), **good.headers})
        wire.write(good.body)
