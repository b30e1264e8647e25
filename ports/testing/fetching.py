"""What every fetcher must do, and what one that speaks HTTP must survive."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import pytest
from attrs import evolve

from carbon254.core.domain.cards import HostCard
from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.errors import (
    Interrupted,
    InvalidRequest,
    NotPublishedYet,
    SettingsInvalid,
    TooLarge,
)
from carbon254.ports.fetching import Fetcher, FetchLimits

NOW: Final = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
SECRET: Final = "s3cr3t/tøken+1"  # noqa: S105 - made up
BODY: Final = b"hour,price\n1,-12.50\n2,0.00\n" * 40
PRICES: Final = Document("prices.csv", BODY, "text/csv; charset=UTF-8")


class FetchWorld(Protocol):
    """An operator that can be told what to publish, and the fetcher under test, whose clock shows ``NOW``."""

    fetcher: Fetcher
    base: str

    def give(self, request: Request, document: Document) -> None:
        """Publish a document as the answer to a request."""
        ...

    def arrived(self) -> int:
        """How many requests reached the operator."""
        ...


def limits_for(base: str, **changes: Any) -> FetchLimits:
    """Limits that declare this machine's loopback and no rate worth waiting for."""
    host = base.partition("://")[2].partition(":")[0]
    plain = FetchLimits(hosts={host: HostCard(requests=10_000)}, max_bytes=1 << 20)
    return evolve(plain, **changes)


def leaks(text: str) -> bool:
    """Whether the secret, or a part of it that survives any encoding, is in the text."""
    return "s3cr3t" in text


class FetcherSuite:
    """Subclass it and override ``world``."""

    @pytest.fixture
    def world(self) -> FetchWorld:
        """The operator and the fetcher under test."""
        raise NotImplementedError

    @pytest.fixture
    def limits(self, world: FetchWorld) -> FetchLimits:
        return limits_for(world.base, credentials={"token": SECRET})

    def test_a_document_arrives_as_it_was_served(
        self, world: FetchWorld, limits: FetchLimits
    ) -> None:
        request = Request(world.base + "/prices.csv")
        world.give(request, PRICES)
        got = world.fetcher.fetch(request, limits)
        assert (got.body, got.name, got.media_type) == (BODY, "prices.csv", "text/csv")
        assert (got.url, got.fetched_at) == (world.base + "/prices.csv", NOW)

    def test_the_market_may_name_the_document(self, world: FetchWorld, limits: FetchLimits) -> None:
        request = Request(world.base + "/prices.csv", name="20260329_da_exante_lmp.csv")
        world.give(request, PRICES)
        assert world.fetcher.fetch(request, limits).name == "20260329_da_exante_lmp.csv"

    def test_parameters_tell_documents_apart(self, world: FetchWorld, limits: FetchLimits) -> None:
        days = [Request(world.base + "/q", params={"day": day}) for day in ("2026-03-28", "a b&c")]
        for number, request in enumerate(days):
            world.give(request, Document("q", b"%d" % number, "text/plain"))
        assert [world.fetcher.fetch(request, limits).body for request in days] == [b"0", b"1"]

    def test_parameters_are_part_of_the_url(self, world: FetchWorld, limits: FetchLimits) -> None:
        request = Request(world.base + "/q", params={"day": "2026-03-28"})
        world.give(request, PRICES)
        assert world.fetcher.fetch(request, limits).url == world.base + "/q?day=2026-03-28"

    def test_what_is_not_there_is_not_published_yet(
        self, world: FetchWorld, limits: FetchLimits
    ) -> None:
        with pytest.raises(NotPublishedYet):
            world.fetcher.fetch(Request(world.base + "/tomorrow.csv"), limits)

    def test_an_undeclared_host_is_never_asked(
        self, world: FetchWorld, limits: FetchLimits
    ) -> None:
        request = Request(world.base + "/prices.csv")
        world.give(request, PRICES)
        with pytest.raises(InvalidRequest, match="not declared"):
            world.fetcher.fetch(
                request, evolve(limits, hosts={"operator.example": HostCard(requests=10_000)})
            )
        assert world.arrived() == 0

    def test_a_document_over_the_limit_is_refused(
        self, world: FetchWorld, limits: FetchLimits
    ) -> None:
        request = Request(world.base + "/prices.csv")
        world.give(request, PRICES)
        assert world.fetcher.fetch(request, evolve(limits, max_bytes=len(BODY))).body == BODY
        with pytest.raises(TooLarge, match=str(len(BODY) - 1)):
            world.fetcher.fetch(request, evolve(limits, max_bytes=len(BODY) - 1))

    def test_who_was_told_to_end_asks_nothing(self, world: FetchWorld, limits: FetchLimits) -> None:
        request, stop = Request(world.base + "/prices.csv"), threading.Event()
        world.give(request, PRICES)
        assert world.fetcher.fetch(request, limits, stop).body == BODY
        stop.set()
        with pytest.raises(Interrupted, match=r"prices\.csv"):
            world.fetcher.fetch(request, limits, stop)
        assert world.arrived() == 1

    def test_a_credential_that_is_not_set_is_named(
        self, world: FetchWorld, limits: FetchLimits
    ) -> None:
        request = Request(world.base + "/q", credentials={"securityToken": "token"})
        world.give(request, PRICES)
        with pytest.raises(SettingsInvalid, match="'token'"):
            world.fetcher.fetch(request, evolve(limits, credentials={}))
        assert world.arrived() == 0

    def test_a_credential_is_in_no_part_of_the_document(
        self, world: FetchWorld, limits: FetchLimits
    ) -> None:
        request = Request(world.base + "/q", credentials={"securityToken": "token"})
        world.give(request, PRICES)
        got = world.fetcher.fetch(request, limits)
        assert got.url == world.base + "/q"
        assert not leaks(repr(got))
