"""People come in to a server of our own by their API key, with what the policy grants, and are written down."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import nats
import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from carbon254.adapters.nats.bus import NatsBus
from carbon254.adapters.nats.connection import Address
from carbon254.adapters.nats.doorkeeper import Doorkeeper
from carbon254.adapters.nats.nkeys import Issuer, read
from carbon254.adapters.nats.permissions import DOMAIN
from carbon254.adapters.nats.server import NatsServer
from carbon254.config.container import open_platform
from carbon254.config.settings import Settings
from carbon254.core.domain.errors import StreamUnavailable, Unauthenticated
from carbon254.core.domain.streams import Message
from carbon254.core.usecases.platform import Platform
from carbon254.ports.audit import AuditQuestion

pytestmark = [pytest.mark.integration, pytest.mark.nats]

HUB = "md.v1.caiso.day_ahead.price.hub.NP15"
NODE = "md.v1.caiso.day_ahead.price.node.N1"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = open_platform(Settings(data=tmp_path_factory.mktemp("door") / "data"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, platform: Platform) -> Iterator[Doorkeeper]:
    """A server that is open to who holds a key of the platform; each test has principals of its own."""
    server = NatsServer(tmp_path_factory.mktemp("door") / "nats", port=0)
    made = Doorkeeper(server, os.urandom, every=3_600)
    made.start()
    made.open(platform.streams, lambda: datetime.now(UTC))
    bus = NatsBus(made.address)
    bus.publish([Message(HUB, "1", b"hub"), Message(NODE, "2", b"node")])
    bus.close()
    yield made
    made.close()


def come_in(door: Doorkeeper, user: str, key: str, stream: str, subject: str) -> list[bytes]:
    """Connect with a key and read a stream from its start."""
    door.refresh()

    async def work() -> list[bytes]:
        client = await nats.connect(
            door._server.url,
            user=user,
            password=key,
            inbox_prefix=f"_INBOX.{user}",
            error_cb=ignore,
        )
        try:
            streams = client.jetstream(domain=DOMAIN, timeout=2)
            own = ConsumerConfig(
                name=f"{user}-1", filter_subject=subject, ack_policy=AckPolicy.NONE
            )
            count = (await streams.add_consumer(stream, own)).num_pending or 0
            subscription = await streams.pull_subscribe_bind(consumer=f"{user}-1", stream=stream)
            found = [one.data for one in await subscription.fetch(count, timeout=20)]
            await streams.delete_consumer(stream, f"{user}-1")
            return found
        finally:
            await client.close()

    return asyncio.run(asyncio.wait_for(work(), 20))


async def ignore(error: Exception) -> None:
    """What is refused shows in what does not come."""


def refused(door: Doorkeeper, key: str) -> None:
    door.refresh()
    bus = NatsBus(Address(url=door._server.url, user="any", password=key, seconds=0.5))
    with pytest.raises(StreamUnavailable, match=r"Authorization|reset by peer"):
        bus.ping()
    bus.close()


def test_a_pilot_comes_in_by_key_and_reads_hubs_and_nothing_else(
    door: Doorkeeper, platform: Platform
) -> None:
    key = platform.keys.create("pilot", "sunny", tenant="acme").token
    hubs = "md.v1.caiso.*.*.hub.*"
    assert come_in(door, "sunny@acme", key, "MD-caiso-hub", hubs) == [b"hub"]
    with pytest.raises(nats.errors.TimeoutError):
        come_in(door, "sunny@acme", key, "MD-caiso-node", "md.v1.caiso.*.*.node.*")


def test_two_principals_do_not_get_in_each_others_way(door: Doorkeeper, platform: Platform) -> None:
    pilot = platform.keys.create("pilot", "bright", tenant="acme").token
    analyst = platform.keys.create("analyst", "ann", tenant="acme").token
    for _ in range(2):
        assert come_in(door, "bright@acme", pilot, "MD-caiso-hub", HUB) == [b"hub"]
        assert come_in(door, "ann@acme", analyst, "MD-caiso-node", NODE) == [b"node"]


def test_no_key_a_wrong_one_and_one_that_was_revoked_stay_outside(
    door: Doorkeeper, platform: Platform
) -> None:
    made = platform.keys.create("pilot", "windy", tenant="acme")
    assert come_in(door, "windy@acme", made.token, "MD-caiso-hub", HUB) == [b"hub"]
    refused(door, "")
    refused(door, made.token[:-1] + ("0" if made.token[-1] != "0" else "1"))
    platform.keys.revoke(made.key.id)
    refused(door, made.token)


def test_the_server_is_told_of_changes_only(door: Doorkeeper, platform: Platform) -> None:
    platform.keys.create("pilot", "foggy", tenant="acme")
    door.refresh()
    before = door._server._said().count("Reloaded server configuration")
    door.refresh()
    assert door._server._said().count("Reloaded server configuration") == before
    platform.keys.create("pilot", "frosty", tenant="acme")
    door.refresh()
    assert door._server._said().count("Reloaded server configuration") > before


def test_who_may_not_subscribe_stays_outside(door: Doorkeeper, platform: Platform) -> None:
    refused(door, platform.keys.create("auditor", "vera").token)


def test_every_grant_and_every_refusal_is_written_down(
    door: Doorkeeper, platform: Platform
) -> None:
    key = platform.keys.create("pilot", "misty", tenant="acme").token
    come_in(door, "misty@acme", key, "MD-caiso-hub", HUB)
    refused(door, platform.keys.create("auditor", "nora").token)
    told = [one.entry for one in platform.audit.entries(AuditQuestion(limit=1_000))]
    granted = [
        one
        for one in told
        if (one.principal, one.action, one.kind) == ("misty", "stream", "finished")
    ]
    assert {(one.door, one.tenant, one.outcome) for one in granted} == {("nats", "acme", "ok")}
    assert (
        granted[0].facts["subjects"]
        == "md.v1.caiso.*.*.hub.* batch.v1.caiso.*.hub sys.v1.heartbeat.caiso"
    )
    assert "not_entitled" in {one.outcome for one in told if one.principal == "nora"}


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"  # nats-py forgets the socket of an attempt that is cut off
)
def test_who_is_in_is_cut_off_when_the_key_is_revoked_and_others_come_back(
    door: Doorkeeper, platform: Platform
) -> None:
    cloudy = platform.keys.create("pilot", "cloudy", tenant="acme")
    platform.keys.create(
        "pilot", "cloudy", tenant="acme"
    )  # another key of the same principal stays valid
    rainy = platform.keys.create("pilot", "rainy", tenant="acme")
    door.refresh()

    async def work() -> tuple[int, int]:
        ended, back = asyncio.Event(), asyncio.Event()

        async def came_back() -> None:
            back.set()

        async def closed() -> None:
            ended.set()

        options: dict[str, Any] = {
            "error_cb": ignore,
            "reconnect_time_wait": 0.05,
            "max_reconnect_attempts": 60,
        }
        one = await nats.connect(
            door._server.url, user="cloudy@acme", password=cloudy.token, closed_cb=closed,
            allow_reconnect=False, error_cb=ignore,
        )  # fmt: skip
        other = await nats.connect(
            door._server.url,
            user="rainy@acme",
            password=rainy.token,
            reconnected_cb=came_back,
            **options,
        )
        platform.keys.revoke(cloudy.key.id)
        await asyncio.to_thread(door.refresh)
        await asyncio.wait_for(ended.wait(), 10)
        await asyncio.wait_for(back.wait(), 10)
        await other.close()
        return int(one.is_connected), int(other.stats["reconnects"] >= 1)

    assert asyncio.run(work()) == (0, 1)


# ---------------------------------------------------------------- tokens


def test_a_token_is_read_back_and_a_changed_one_is_not() -> None:
    issuer = Issuer(bytes(range(32)))
    token = issuer.sign({"sub": "U1", "nats": {"type": "user"}})
    assert read(token.encode())["nats"] == {"type": "user"}
    head, claims, signature = token.split(".")
    other = Issuer(bytes(32)).sign({"sub": "U1", "nats": {"type": "user"}}).split(".")[2]
    for bad in (
        f"{head}.{claims}.{other}",
        f"{head}.{claims}x.{signature}",
        f"{head}.{claims}",
        "",
        "a.b.c",
        "\x00",
    ):
        with pytest.raises(Unauthenticated):
            read(bad.encode())


def test_a_key_is_written_as_the_server_writes_it() -> None:
    """The public half of the secret of 32 zero bytes, as any Ed25519 has it, behind A's byte and before a checksum."""
    known = "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"
    name = Issuer(bytes(32)).name
    assert (name[0], len(name)) == ("A", 56)
    assert base64.b32decode(name)[1:33].hex() == known
