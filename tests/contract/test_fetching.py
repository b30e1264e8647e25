"""The HTTP fetcher and the canned one against the fetchers' suite, and what only the HTTP one promises."""

import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import httpcore2
import pytest
from attrs import evolve

from carbon254.adapters.fetch import HttpFetcher, Patience
from carbon254.adapters.fetch.network import BoundedStream, Deadline, may_connect
from carbon254.adapters.fetch.rates import HostRates
from carbon254.adapters.fetch.retries import TryAgain, backoff, retry_after
from carbon254.core.domain.cards import HostCard
from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.errors import FeedUnavailable, Interrupted, InvalidRequest
from carbon254.ports.fetching import Fetcher, FetchLimits
from carbon254.ports.testing import faults
from carbon254.ports.testing.fakes.clock import FakeTime, PinnedClock
from carbon254.ports.testing.fakes.fetching import CannedFetcher
from carbon254.ports.testing.fetching import (
    BODY,
    NOW,
    FetcherSuite,
    FetchWorld,
    limits_for,
)
from carbon254.ports.testing.fetching_http import HttpFetcherSuite
from carbon254.ports.testing.server import FaultyServer

QUICK = Patience(attempts=4, wait_initial=0, wait_max=0, wait_jitter=0, retry_after_max=0)
HASTY = evolve(QUICK, read=0.5, total=1.0, attempts=10)


def quick(**more: object) -> HttpFetcher:
    return HttpFetcher(PinnedClock(NOW), **{"patience": QUICK, **more})


class TestHttpFetcher(HttpFetcherSuite):
    @pytest.fixture
    def fetcher(self) -> Iterator[Fetcher]:
        with quick() as fetcher:
            yield fetcher

    @pytest.fixture
    def hasty(self) -> Iterator[Fetcher]:
        with quick(patience=HASTY) as fetcher:
            yield fetcher


class CannedWorld:
    base = "https://prices.operator.example"

    def __init__(self) -> None:
        self.fetcher = CannedFetcher(PinnedClock(NOW))

    def give(self, request: Request, document: Document) -> None:
        self.fetcher.give(request, document)

    def arrived(self) -> int:
        return len(self.fetcher.asked)


class TestCannedFetcher(FetcherSuite):
    @pytest.fixture
    def world(self) -> FetchWorld:
        return CannedWorld()

    def test_answers_come_in_order_and_the_last_stays(self) -> None:
        world = CannedWorld()
        request, limits = Request(world.base + "/a"), limits_for(world.base)
        world.fetcher.give(request, FeedUnavailable("not now"), Document("a", b"1"))
        with pytest.raises(FeedUnavailable):
            world.fetcher.fetch(request, limits)
        assert [world.fetcher.fetch(request, limits).body for _ in range(2)] == [b"1", b"1"]


# ---------------------------------------------------------------- waiting


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        server.documents["/prices.csv"] = BODY
        yield server


@pytest.fixture
def limits(server: FaultyServer) -> FetchLimits:
    return limits_for(server.url())


def test_a_host_is_never_asked_more_often_than_its_card_says() -> None:
    time = FakeTime()
    rates = HostRates(time.monotonic, time.sleep)
    card = HostCard(requests=3, per=timedelta(seconds=10))
    starts = []
    for _ in range(10):
        rates.wait("operator.example", card)
        starts.append(time.monotonic())
    assert starts == [0, 0, 0, 10, 10, 10, 20, 20, 20, 30]
    rates.wait("other.example", card)
    assert time.monotonic() == 30


def test_turns_that_were_not_used_are_not_saved_up() -> None:
    time = FakeTime()
    rates = HostRates(time.monotonic, time.sleep)
    card = HostCard(requests=2, per=timedelta(seconds=10))
    for _ in range(2):
        rates.wait("operator.example", card)
    time.sleep(1000)
    starts = []
    for _ in range(4):
        rates.wait("operator.example", card)
        starts.append(time.monotonic() - 1000)
    assert starts == [0, 0, 10, 10]


def test_threads_share_a_hosts_turns() -> None:
    slept: list[float] = []
    rates = HostRates(lambda: 0.0, slept.append)
    card = HostCard(requests=1, per=timedelta(seconds=5))
    threads = [
        threading.Thread(target=rates.wait, args=("operator.example", card)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slept) == [5.0 * n for n in range(1, 8)]


def test_retries_and_redirects_wait_for_their_turn_too(
    server: FaultyServer, limits: FetchLimits
) -> None:
    time = FakeTime()
    card = HostCard(requests=1, per=timedelta(seconds=5))
    server.always("/a", faults.Redirect("/prices.csv"))
    server.fail("/prices.csv", faults.Status(500))
    with quick(monotonic=time.monotonic, sleep=time.sleep) as fetcher:
        fetcher.fetch(Request(server.url("/a")), evolve(limits, hosts={"127.0.0.1": card}))
    assert time.slept == [5.0, 5.0, 5.0]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("Sun, 29 Mar 2026 01:30:09 GMT", 9.0),
        ("Sun, 29 Mar 2026 01:29:00 GMT", 0.0),
        ("Sun, 29 Mar 2026 03:30:09 +0200", 9.0),
        ("soon", None),
        ("-3", None),
        ("٧", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_a_count_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


def test_the_wait_is_the_servers_wish_up_to_a_cap() -> None:
    patience = Patience(retry_after_max=60)
    assert backoff(TryAgain("429", 7.0), patience) == 7.0
    assert backoff(TryAgain("429", 86_400.0), patience) == 60.0
    assert backoff(TryAgain("500"), patience) is True
    assert backoff(InvalidRequest("no"), patience) is False


@pytest.fixture
def waits(caplog: pytest.LogCaptureFixture) -> Callable[[], list[float]]:
    """The pauses before other attempts, as they are told."""
    caplog.set_level(logging.INFO, "carbon254.fetch")

    def told() -> list[float]:
        return [record.args[1] for record in caplog.records if isinstance(record.args, tuple)]  # type: ignore[misc] # a text and seconds

    return told


def test_retries_are_told_to_the_log_and_never_printed(
    server: FaultyServer,
    limits: FetchLimits,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Standard output is for what was asked for: lines of a library stood above the header of its CSV."""
    caplog.set_level(logging.INFO, "carbon254.fetch")
    server.fail("/prices.csv", faults.Status(503))
    with quick() as fetcher:
        fetcher.fetch(Request(server.url("/prices.csv"), params={"ticket": "s3cret"}), limits)
    (told,) = caplog.messages
    assert told.startswith(f"GET {server.url('/prices.csv')}: the operator answered 503")
    assert "s3cret" not in told
    assert capsys.readouterr() == ("", "")


def test_the_pause_before_a_retry_is_the_wish_of_the_server(
    server: FaultyServer, limits: FetchLimits, waits: Callable[[], list[float]]
) -> None:
    server.fail("/prices.csv", faults.Status(429, {"Retry-After": "7"}), faults.Status(503))
    with quick(patience=evolve(QUICK, retry_after_max=0.015)) as fetcher:
        fetcher.fetch(Request(server.url("/prices.csv")), limits)
    assert waits() == [0.015, 0]


def test_usual_pauses_grow_and_differ(
    server: FaultyServer, limits: FetchLimits, waits: Callable[[], list[float]]
) -> None:
    server.fail("/prices.csv", *[faults.Status(500)] * 3)
    grow = evolve(QUICK, wait_initial=0.002, wait_max=0.1, wait_jitter=0.002)
    with quick(patience=grow) as fetcher:
        fetcher.fetch(Request(server.url("/prices.csv")), limits)
    least = [0.002, 0.004, 0.008]
    assert all(low <= wait <= low + 0.002 for low, wait in zip(least, waits(), strict=True))
    assert waits() != least


def test_the_total_time_counts_down_by_the_clock_that_was_given(
    server: FaultyServer, limits: FetchLimits
) -> None:
    time = FakeTime(step=1.0)
    server.always("/prices.csv", faults.Drip(pause=0.001))
    patient = evolve(QUICK, total=20, read=20, attempts=1)
    with (
        quick(patience=patient, monotonic=time.monotonic) as fetcher,
        pytest.raises(FeedUnavailable, match="total time"),
    ):
        fetcher.fetch(Request(server.url("/prices.csv")), limits)


def test_every_step_is_bounded_by_what_is_left_of_the_total() -> None:
    time = FakeTime()
    deadline = Deadline(time.monotonic)
    deadline.start(10)
    assert [deadline.bound(30), deadline.bound(3), deadline.bound(None)] == [10, 3, 10]
    time.sleep(8)
    assert deadline.bound(3) == 2
    time.sleep(2)
    with pytest.raises(httpcore2.ReadTimeout):
        deadline.bound(3)


def test_a_stream_stays_bounded_under_tls() -> None:
    time = FakeTime()
    deadline = Deadline(time.monotonic)
    deadline.start(10)
    stream = BoundedStream(httpcore2.MockStream([b"a", b"b"]), deadline)
    inner = stream.start_tls(ssl.create_default_context(), "operator.example", 3)
    assert inner.read(1, 3) == b"a"
    time.sleep(10)
    with pytest.raises(httpcore2.ReadTimeout):
        inner.read(1, 3)


# ---------------------------------------------------------------- where connections may lead


def test_certificates_and_host_names_are_verified() -> None:
    with quick() as fetcher:
        contexts = [t._pool._ssl_context for t in fetcher._transports.values()]
    assert [(c.verify_mode, c.check_hostname) for c in contexts] == [(ssl.CERT_REQUIRED, True)] * 2


def test_a_server_without_tls_is_not_spoken_to_in_clear(
    server: FaultyServer, limits: FetchLimits
) -> None:
    with quick() as fetcher, pytest.raises(FeedUnavailable):
        fetcher.fetch(Request(server.url("/prices.csv").replace("http:", "https:")), limits)
    assert server.asked == []


@pytest.mark.parametrize(
    ("host", "address", "declared", "allowed"),
    [
        ("operator.example", "93.184.215.14", True, True),
        ("cdn.example", "93.184.215.14", False, True),
        ("127.0.0.1", "127.0.0.1", True, True),
        ("localhost", "::1", True, True),
        ("localhost", "127.0.0.1", False, False),
        ("10.1.2.3", "10.1.2.3", True, True),
        ("mirror.example", "10.1.2.3", True, True),
        ("cdn.example", "10.1.2.3", False, False),
        ("cdn.example", "fd00::1", False, False),
        ("operator.example", "127.0.0.1", True, False),
        ("operator.example", "::ffff:127.0.0.1", True, False),
        ("operator.example", "169.254.169.254", True, False),
        ("operator.example", "fe80::1", True, False),
        ("operator.example", "0.0.0.0", True, False),
        ("operator.example", "224.0.0.1", True, False),
        ("operator.example", "no address", True, False),
    ],
)
def test_names_may_not_lead_inside(host: str, address: str, declared: bool, allowed: bool) -> None:
    assert may_connect(host, address, declared=declared) is allowed


def test_a_name_with_one_inside_address_is_not_connected_to(server: FaultyServer) -> None:
    asked: list[str] = []

    def resolver(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.215.14", "127.0.0.1"]

    limits = FetchLimits(hosts={"operator.example": HostCard()}, max_bytes=100)
    url = f"http://operator.example:{server.port}/prices.csv"
    with quick(resolver=resolver) as fetcher, pytest.raises(InvalidRequest, match="public"):
        fetcher.fetch(Request(url), limits)
    assert asked == ["operator.example"]
    assert server.asked == []


def test_the_next_address_is_tried_when_one_does_not_answer(
    server: FaultyServer, limits: FetchLimits
) -> None:
    with quick(resolver=lambda host, port: ["127.0.0.2", "127.0.0.1"]) as fetcher:
        assert fetcher.fetch(Request(server.url("/prices.csv")), limits).body == BODY


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/x", "127.0.0.1/x", "", "http:///x", "http://u:p@127.0.0.1/", "http://127.0.0.1:99999/",
        "http://[::1/",
    ],
)  # fmt: skip
def test_other_addresses_are_no_request(url: str, limits: FetchLimits) -> None:
    with quick() as fetcher, pytest.raises(InvalidRequest):
        fetcher.fetch(Request(url), limits)


def test_a_host_may_be_declared_with_its_port(server: FaultyServer, limits: FetchLimits) -> None:
    card = HostCard(requests=100)
    ask = partial(Request, server.url("/prices.csv"))
    with quick() as fetcher:
        assert (
            fetcher.fetch(ask(), evolve(limits, hosts={f"127.0.0.1:{server.port}": card})).body
            == BODY
        )
        with pytest.raises(InvalidRequest, match="not declared"):
            fetcher.fetch(ask(), evolve(limits, hosts={"127.0.0.1:1": card}))


def test_credentials_never_travel_in_clear() -> None:
    limits = FetchLimits(
        hosts={"operator.example": HostCard()}, max_bytes=100, credentials={"token": "s3cr3t"}
    )
    request = Request("http://operator.example/q", credentials={"key": "token"})
    with (
        quick(resolver=lambda host, port: pytest.fail("was resolved")) as fetcher,
        pytest.raises(InvalidRequest, match="https"),
    ):
        fetcher.fetch(request, limits)


def test_leaving_tls_is_refused(limits: FetchLimits) -> None:
    from carbon254.adapters.fetch.targets import redirected, target

    both = evolve(limits, hosts={"operator.example": HostCard(), "127.0.0.1": HostCard()})
    origin = target("https://operator.example/a", both)
    with pytest.raises(InvalidRequest, match="https to http"):
        redirected(origin, "http://operator.example/b", both)
    assert redirected(origin, "http://127.0.0.1/b", both).declared
    assert str(redirected(origin, "/b?c=1", both).url) == "https://operator.example/b?c=1"


def test_the_moment_of_asking_is_the_last_attempts(
    server: FaultyServer, limits: FetchLimits
) -> None:
    clock = PinnedClock(datetime(2026, 1, 1, tzinfo=UTC), step=timedelta(seconds=1))
    server.fail("/prices.csv", faults.CutBody())
    with HttpFetcher(clock, patience=QUICK) as fetcher:
        got = fetcher.fetch(Request(server.url("/prices.csv")), limits)
    assert got.fetched_at == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)


def test_one_fetcher_serves_several_threads(server: FaultyServer, limits: FetchLimits) -> None:
    bodies: list[bytes] = []
    with quick() as fetcher:

        def ask(number: int) -> None:
            bodies.append(fetcher.fetch(Request(server.url(f"/{number}")), limits).body)

        server.respond = lambda method, path, query: path.encode()
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(bodies) == sorted(b"/%d" % number for number in range(12))


# ---------------------------------------------------------------- being told to end


def ends(
    fetcher: HttpFetcher, asked: Request, limits: FetchLimits, waits: Callable[[], bool]
) -> None:
    """A fetch that waits is interrupted when it is told to end; no clock is needed, for it would wait for minutes."""
    stop, over = threading.Event(), threading.Event()

    def tell() -> None:
        while not waits() and not over.wait(0.01):
            pass
        stop.set()

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        with pytest.raises(Interrupted, match="told to end"):
            fetcher.fetch(asked, limits, stop)
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize(
    "fault",
    [
        faults.Silence(),
        faults.Drip(piece=1, pause=0.2),
        faults.Drip(head=True, pause=0.2),
        faults.Status(503, {"Retry-After": "55"}),
        faults.Endless(),
    ],
    ids=repr,
)
def test_no_wait_for_an_answer_or_another_attempt_outlasts_the_end(
    server: FaultyServer, limits: FetchLimits, fault: faults.Fault
) -> None:
    server.always("/prices.csv", fault)
    endless = evolve(limits, max_bytes=2**50)
    with HttpFetcher(PinnedClock(NOW)) as fetcher:
        ends(
            fetcher,
            Request(server.url("/prices.csv")),
            endless,
            lambda: server.times("/prices.csv") > 0,
        )
    assert server.times("/prices.csv") == 1


def test_no_wait_for_a_turn_outlasts_the_end(server: FaultyServer) -> None:
    slow = {f"127.0.0.1:{server.port}": HostCard(requests=1, per=timedelta(minutes=5))}
    limits = FetchLimits(hosts=slow, max_bytes=10_000)
    asked = Request(server.url("/prices.csv"))
    waiting, turn = threading.Event(), threading.Event()

    def sleep(seconds: float) -> None:
        waiting.set()
        turn.wait(seconds)

    with HttpFetcher(PinnedClock(NOW), sleep=sleep) as fetcher:
        fetcher.fetch(asked, limits)
        ends(fetcher, asked, limits, waiting.is_set)
        turn.set()
    assert server.times("/prices.csv") == 1


def test_no_name_that_is_looked_up_outlasts_the_end(
    server: FaultyServer, limits: FetchLimits
) -> None:
    looked_up, go_on = threading.Event(), threading.Event()

    def resolver(host: str, port: int) -> list[str]:
        looked_up.set()
        go_on.wait(60)
        raise Interrupted(
            "nobody waits for this name any more"
        )  # and nothing may connect after the end

    with HttpFetcher(PinnedClock(NOW), resolver=resolver) as fetcher:
        ends(fetcher, Request(server.url("/prices.csv")), limits, looked_up.is_set)
        go_on.set()
