"""What a fetcher that speaks HTTP must survive: an operator that fails in every way."""

from __future__ import annotations

import gzip
import logging
from collections.abc import Callable, Iterator

import pytest
from attrs import evolve

from carbon254.core.domain.cards import HostCard
from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.errors import (
    Carbon254Error,
    FeedUnavailable,
    InvalidRequest,
    NotPublishedYet,
    TooLarge,
    Unauthenticated,
)
from carbon254.ports.fetching import Fetcher, FetchLimits
from carbon254.ports.testing import faults
from carbon254.ports.testing.fetching import (
    BODY,
    FetcherSuite,
    FetchWorld,
    leaks,
    limits_for,
)
from carbon254.ports.testing.server import HOST, FaultyServer, Response


class ServedWorld:
    """The operator is a `FaultyServer`."""

    def __init__(self, server: FaultyServer, fetcher: Fetcher) -> None:
        self.server, self.fetcher, self.base = server, fetcher, server.url()
        self._given: dict[tuple[str, str], Response] = {}
        server.respond = lambda method, path, query: self._given.get(
            (
                f"{method} {path}",
                str(sorted(pair for pair in query.items() if pair[0] != "securityToken")),
            )
        )

    def give(self, request: Request, document: Document) -> None:
        path = request.url.removeprefix(self.base)
        served = Response(document.body, headers={"Content-Type": document.media_type})
        self._given[f"{request.method} {path}", str(sorted(request.params.items()))] = served

    def arrived(self) -> int:
        return len(self.server.asked)


class HttpFetcherSuite(FetcherSuite):
    """For fetchers that speak HTTP. Override ``fetcher`` with one that tries four times, and ``hasty``.

    Neither pauses between attempts, and their clocks show ``NOW``. The hasty one gives a step half a second and an
    attempt one second, of which there are many; the other has more time than any test takes.
    """

    @pytest.fixture
    def fetcher(self) -> Iterator[Fetcher]:
        """The fetcher under test."""
        raise NotImplementedError

    @pytest.fixture
    def hasty(self) -> Iterator[Fetcher]:
        """The fetcher under test, in a hurry."""
        raise NotImplementedError

    @pytest.fixture
    def server(self) -> Iterator[FaultyServer]:
        """The operator, with one document."""
        with FaultyServer() as server:
            headers = {"Content-Type": "text/csv; charset=UTF-8", "Set-Cookie": "id=s3cr3t"}
            server.documents["/prices.csv"] = Response(BODY, headers=headers)
            yield server

    @pytest.fixture
    def world(self, server: FaultyServer, fetcher: Fetcher) -> FetchWorld:
        return ServedWorld(server, fetcher)

    @pytest.fixture
    def prices(self, server: FaultyServer) -> Request:
        return Request(server.url("/prices.csv"))

    # ------------------------------------------------------------ what passes by

    @pytest.mark.parametrize(
        "fault",
        [
            faults.Status(429, {"Retry-After": "0"}),
            faults.Status(500),
            faults.Status(502),
            faults.Status(503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
            faults.Status(504),
            faults.CutBody(),
            faults.CutBody(share=0),
            faults.BrokenChunks(),
            faults.WrongLength(by=10),
            faults.Coded("gzip", cut=12),
            faults.Coded("deflate", cut=3),
            faults.HangUp(),
        ],
        ids=repr,
    )
    def test_what_passes_by_is_tried_again(
        self, server: FaultyServer, fetcher: Fetcher, prices: Request, limits: FetchLimits,
        fault: faults.Fault,
    ) -> None:  # fmt: skip
        server.fail("/prices.csv", fault)
        assert fetcher.fetch(prices, limits).body == BODY
        assert server.times("/prices.csv") == 2

    @pytest.mark.parametrize(
        "fault",
        [faults.Status(429), faults.Status(503), faults.CutBody(), faults.BrokenChunks()],
        ids=repr,
    )
    def test_what_does_not_pass_makes_the_feed_unavailable(
        self, server: FaultyServer, fetcher: Fetcher, prices: Request, limits: FetchLimits,
        fault: faults.Fault,
    ) -> None:  # fmt: skip
        server.always("/prices.csv", fault)
        with pytest.raises(FeedUnavailable, match=r"/prices\.csv"):
            fetcher.fetch(prices, limits)
        assert server.times("/prices.csv") == 4

    def test_nobody_at_the_port_makes_the_feed_unavailable(self, fetcher: Fetcher) -> None:
        with FaultyServer() as gone:
            base = gone.url()
        with pytest.raises(FeedUnavailable):
            fetcher.fetch(Request(base + "/prices.csv"), limits_for(base))

    @pytest.mark.parametrize(
        "fault", [faults.Silence(), faults.Drip(), faults.Drip(head=True)], ids=repr
    )
    def test_what_is_too_slow_is_given_up_and_tried_again(
        self, server: FaultyServer, hasty: Fetcher, prices: Request, limits: FetchLimits,
        fault: faults.Fault,
    ) -> None:  # fmt: skip
        server.documents["/prices.csv"] = Response(bytes(100_000))
        server.fail("/prices.csv", fault)
        assert hasty.fetch(prices, limits).body == bytes(100_000)
        assert server.times("/prices.csv") > 1

    def test_a_slow_body_within_the_total_time_is_whole(
        self, server: FaultyServer, fetcher: Fetcher, prices: Request, limits: FetchLimits
    ) -> None:
        server.fail("/prices.csv", faults.Drip(piece=200))
        assert fetcher.fetch(prices, limits).body == BODY
        assert server.times("/prices.csv") == 1

    def test_bytes_beyond_the_length_spoil_no_later_document(
        self, server: FaultyServer, fetcher: Fetcher, prices: Request, limits: FetchLimits
    ) -> None:
        server.fail("/prices.csv", faults.WrongLength(by=-10))
        assert fetcher.fetch(prices, limits).body == BODY[:-10]
        assert fetcher.fetch(prices, limits).body == BODY

    # ------------------------------------------------------------ what does not

    @pytest.mark.parametrize(
        ("status", "error"),
        [
            (204, NotPublishedYet),
            (404, NotPublishedYet),
            (401, Unauthenticated),
            (403, Unauthenticated),
            (400, InvalidRequest),
            (405, InvalidRequest),
            (408, FeedUnavailable),
            (206, FeedUnavailable),
            (304, FeedUnavailable),
            (501, FeedUnavailable),
        ],
    )
    def test_other_statuses_are_answers_and_not_repeated(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits,
        status: int, error: type[Carbon254Error],
    ) -> None:  # fmt: skip
        server.always("/prices.csv", faults.Status(status))
        with pytest.raises(error, match=str(status)) as caught:
            fetcher.fetch(Request(server.url("/prices.csv")), limits)
        assert type(caught.value) is error
        assert server.times("/prices.csv") == 1

    def test_a_refusal_repeats_what_the_operator_said(
        self, server: FaultyServer, fetcher: Fetcher, prices: Request, limits: FetchLimits
    ) -> None:
        server.always("/prices.csv", faults.Status(400, body=b"more than\n100 days"))
        with pytest.raises(InvalidRequest, match="more than 100 days"):
            fetcher.fetch(prices, limits)

    def test_html_under_status_200_is_left_to_the_market(
        self, server: FaultyServer, fetcher: Fetcher, prices: Request, limits: FetchLimits
    ) -> None:
        server.fail("/prices.csv", faults.HtmlPage())
        got = fetcher.fetch(prices, limits)
        assert (got.body, got.media_type) == (faults.PAGE, "text/html")

    # ------------------------------------------------------------ sizes and codings

    @pytest.mark.parametrize("coding", ["gzip", "deflate", "raw"])
    def test_a_coded_body_is_returned_decoded(
        self, server: FaultyServer, fetcher: Fetcher, prices: Request, limits: FetchLimits, coding: str
    ) -> None:  # fmt: skip
        server.always("/prices.csv", faults.Coded(coding))
        assert fetcher.fetch(prices, limits).body == BODY

    def test_a_gzip_body_of_several_members_is_whole(
        self, server: FaultyServer, fetcher: Fetcher, prices: Request, limits: FetchLimits
    ) -> None:
        packed = gzip.compress(BODY[:100]) + gzip.compress(BODY[100:]) + bytes(16)
        server.documents["/prices.csv"] = Response(packed, headers={"Content-Encoding": "gzip"})
        assert fetcher.fetch(prices, limits).body == BODY

    def test_an_unknown_coding_is_refused(
        self, server: FaultyServer, fetcher: Fetcher, prices: Request, limits: FetchLimits
    ) -> None:
        server.always("/prices.csv", faults.Coded("br"))
        with pytest.raises(FeedUnavailable, match="'br'"):
            fetcher.fetch(prices, limits)

    def test_a_gzip_bomb_is_refused_while_it_unpacks(
        self, server: FaultyServer, fetcher: Fetcher, prices: Request, limits: FetchLimits
    ) -> None:
        server.always("/prices.csv", faults.GzipBomb(1 << 25))
        with pytest.raises(TooLarge, match=str(limits.max_bytes)):
            fetcher.fetch(prices, limits)

    def test_an_endless_body_is_refused_while_it_streams(
        self, server: FaultyServer, fetcher: Fetcher, prices: Request, limits: FetchLimits
    ) -> None:
        server.always("/prices.csv", faults.Endless())
        with pytest.raises(TooLarge):
            fetcher.fetch(prices, limits)
        assert server.times("/prices.csv") == 1

    def test_a_length_over_the_limit_is_refused_before_the_body(
        self, server: FaultyServer, fetcher: Fetcher, prices: Request, limits: FetchLimits
    ) -> None:
        server.always("/prices.csv", faults.WrongLength(by=limits.max_bytes))
        with pytest.raises(TooLarge):
            fetcher.fetch(prices, limits)

    # ------------------------------------------------------------ what is sent

    def test_the_markets_headers_are_sent_but_those_of_the_connection_are_not_its_to_set(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits
    ) -> None:
        asked = {
            "Accept": "text/csv",
            "X-Day": "1",
            "Host": "inside.example",
            "Accept-Encoding": "br",
        }
        fetcher.fetch(Request(server.url("/prices.csv"), headers=asked), limits)
        got = server.asked[-1].headers
        assert (got["accept"], got["x-day"]) == ("text/csv", "1")
        assert got["host"] == f"{HOST}:{server.port}"
        assert "br" not in got["accept-encoding"]
        assert "254" in got["user-agent"]

    def test_a_url_that_has_a_query_keeps_it(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits
    ) -> None:
        asked = Request(server.url("/prices.csv?a=1%2B2&b="), params={"c": "x y"})
        fetcher.fetch(asked, limits)
        assert server.asked[-1].query == {"a": "1+2", "b": "", "c": "x y"}

    # ------------------------------------------------------------ redirects

    def test_a_redirect_on_the_host_is_followed_and_the_url_stays(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits
    ) -> None:
        server.always("/latest", faults.Redirect("/prices.csv?signed=1"))
        got = fetcher.fetch(Request(server.url("/latest")), limits)
        assert (got.body, got.url) == (BODY, server.url("/latest"))

    def test_a_redirect_loop_ends(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits
    ) -> None:
        server.always("/loop", faults.Redirect("/loop"))
        with pytest.raises(FeedUnavailable, match="redirects"):
            fetcher.fetch(Request(server.url("/loop")), limits)
        assert server.times("/loop") == 6

    @pytest.mark.parametrize(
        "to", ["http://elsewhere.example/x", "//elsewhere.example/x", "http://169.254.169.254/x"]
    )
    def test_a_redirect_to_an_undeclared_host_is_refused(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits, to: str
    ) -> None:
        server.always("/away", faults.Redirect(to))
        with pytest.raises(InvalidRequest, match="redirects to"):
            fetcher.fetch(Request(server.url("/away")), limits)

    @pytest.mark.parametrize(
        "to", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://u:p@127.0.0.1/"]
    )
    def test_a_redirect_to_another_kind_of_address_is_refused(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits, to: str
    ) -> None:  # fmt: skip
        server.always("/away", faults.Redirect(to))
        with pytest.raises(InvalidRequest):
            fetcher.fetch(Request(server.url("/away")), limits)

    def test_a_redirect_may_not_lead_to_a_private_address(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits
    ) -> None:
        server.always("/away", faults.Redirect(f"http://localhost:{server.port}/prices.csv"))
        card = HostCard(requests=10_000, redirects_to=("localhost",))
        with pytest.raises(InvalidRequest, match="no public address"):
            fetcher.fetch(Request(server.url("/away")), evolve(limits, hosts={HOST: card}))
        assert server.times("/prices.csv") == 0

    def test_a_declared_host_may_be_redirected_to(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits
    ) -> None:
        server.always("/away", faults.Redirect(f"http://localhost:{server.port}/prices.csv"))
        card = HostCard(requests=10_000)
        both = evolve(limits, hosts={HOST: card, "localhost": card})
        assert fetcher.fetch(Request(server.url("/away")), both).body == BODY

    @pytest.mark.parametrize(("status", "method"), [(302, "GET"), (303, "GET"), (307, "POST")])
    def test_a_post_is_repeated_only_where_the_redirect_says_so(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits, status: int, method: str
    ) -> None:
        server.always("/form", faults.Redirect("/prices.csv", status))
        fetcher.fetch(Request(server.url("/form"), method="POST", body=b"day=1"), limits)
        last = server.asked[-1]
        assert (last.method, last.body) == (method, b"day=1" if method == "POST" else b"")

    # ------------------------------------------------------------ credentials

    @pytest.mark.parametrize("place", ["query", "header"])
    def test_a_credential_reaches_the_operator(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits, place: str
    ) -> None:
        limits = evolve(limits, credentials={"token": "s3cr3t-1"})
        request = Request(
            server.url("/prices.csv"), params={"day": "1"}, credentials={"securityToken": "token"},
            credentials_in="query" if place == "query" else "header",
        )  # fmt: skip
        fetcher.fetch(request, limits)
        got = server.asked[-1]
        sent = got.query if place == "query" else got.headers
        assert sent["securityToken" if place == "query" else "securitytoken"] == "s3cr3t-1"
        assert got.query["day"] == "1"

    @pytest.fixture
    def overheard(
        self, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
    ) -> Callable[[], str]:
        """All that was logged, at any level, or printed."""
        caplog.set_level(logging.DEBUG)
        return lambda: caplog.text + "".join(capfd.readouterr())

    @pytest.mark.parametrize("place", ["query", "header"])
    @pytest.mark.parametrize(
        "fault",
        [
            faults.Status(500),
            faults.Status(401),
            faults.Echo(400),
            faults.Echo(200),
            faults.Echo(302),
            faults.Redirect("http://elsewhere.example/?securityToken=s3cr3t-1"),
            faults.CutBody(),
        ],
        ids=repr,
    )
    def test_a_credential_is_in_no_error_log_or_document(
        self, world: ServedWorld, limits: FetchLimits, fault: faults.Fault, place: str,
        overheard: Callable[[], str],
    ) -> None:  # fmt: skip
        world.server.always("/q", fault)
        request = Request(
            world.server.url("/q"), credentials={"securityToken": "token"},
            credentials_in="query" if place == "query" else "header",
        )  # fmt: skip
        try:
            got = world.fetcher.fetch(request, evolve(limits, credentials={"token": "s3cr3t-1"}))
            shown = repr(got)
        except Carbon254Error as error:
            shown = f"{error!r} {error.__cause__!r}"
        assert not [text for text in (shown, overheard()) if leaks(text)]

    def test_a_credential_that_is_no_header_text_is_refused_silently(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits
    ) -> None:
        request = Request(server.url("/q"), credentials={"token": "token"}, credentials_in="header")
        for value in ("s3cr3t\r\nX: 1", "s3cr3t-é€"):
            with pytest.raises(InvalidRequest) as caught:
                fetcher.fetch(request, evolve(limits, credentials={"token": value}))
            assert not leaks(str(caught.value))

    def test_headers_do_not_follow_to_another_origin(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits
    ) -> None:
        card = HostCard(requests=10_000)
        limits = evolve(
            limits, hosts={HOST: card, "localhost": card}, credentials={"token": "s3cr3t-1"}
        )
        server.always("/away", faults.Redirect(f"http://localhost:{server.port}/prices.csv"))
        request = Request(
            server.url("/away"), headers={"Authorization": "Bearer s3cr3t"},
            credentials={"X-Key": "token"}, credentials_in="header",
        )  # fmt: skip
        fetcher.fetch(request, limits)
        first, last = server.asked
        assert (first.headers["authorization"], first.headers["x-key"]) == (
            "Bearer s3cr3t",
            "s3cr3t-1",
        )
        assert not leaks(str(last))

    # ------------------------------------------------------------ what comes beside the bytes

    @pytest.mark.parametrize(
        ("header", "name"),
        [
            ('attachment; filename="20260329_DA.zip"', "20260329_DA.zip"),
            ("attachment; filename=20260329_DA.zip", "20260329_DA.zip"),
            ("inline; x=\"filename=no.csv\"; FileName = a;size=3", "a"),
            ("attachment; filename=\"fallback.csv\"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.csv", "naïve €.csv"),
            ("attachment; filename*=iso-8859-1'en'%A3.csv", "£.csv"),
            ('attachment; filename="a\\"b;c.csv"', 'a"b;c.csv'),
            ('attachment; filename="../../etc/passwd"', "passwd"),
            ('attachment; filename="..\\\\..\\\\evil.csv"', "evil.csv"),
            ("attachment; filename*=UTF-8''..%2F..%2Fevil.csv", "evil.csv"),
            ('attachment; filename=".."', "prices.csv"),
            ("attachment", "prices.csv"),
            ('attachment; filename=""', "prices.csv"),
        ],
    )  # fmt: skip
    def test_the_operators_file_name_is_the_documents(
        self, server: FaultyServer, fetcher: Fetcher, limits: FetchLimits,
        header: str, name: str,
    ) -> None:  # fmt: skip
        served = Response(BODY, headers={"Content-Disposition": header})
        server.documents["/prices.csv"] = served
        assert fetcher.fetch(Request(server.url("/prices.csv")), limits).name == name

    def test_only_useful_headers_are_kept(
        self, server: FaultyServer, fetcher: Fetcher, prices: Request, limits: FetchLimits
    ) -> None:
        headers = {
            "Content-Type": "Text/CSV;charset=x", "ETag": '"7"', "Set-Cookie": "a=b", "X-Trace": "1",
            "Last-Modified": "Sun, 29 Mar 2026 01:00:00 GMT", "Date": "Sun, 29 Mar 2026 01:30:00 GMT",
        }  # fmt: skip
        server.documents["/prices.csv"] = Response(BODY, headers=headers)
        got = fetcher.fetch(prices, limits)
        assert got.media_type == "text/csv"
        assert set(got.headers) == {
            "content-type",
            "etag",
            "last-modified",
            "date",
            "content-length",
        }
