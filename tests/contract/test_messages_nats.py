"""`NatsBus` against the contract of `MessageBus`, and what only a server can do to it."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import nats.errors
import pytest

from carbon254.adapters.nats.bus import NatsBus
from carbon254.adapters.nats.connection import Address, Connection
from carbon254.adapters.nats.loop import LoopThread, new_loop
from carbon254.adapters.nats.server import NatsServer, program
from carbon254.core.domain.errors import SettingsInvalid, StreamUnavailable
from carbon254.core.domain.streams import Message, stream_of
from carbon254.ports.testing.messages import NODE, NP15, MessageBusSuite, texts, told

pytestmark = pytest.mark.nats

USED = [stream_of(one) for one in (NP15, NODE, "md.v1.miso.*.*.node.*", "sys.v1.heartbeat.caiso")]


@pytest.fixture(params=["libuv", "standard"], autouse=True)
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both event loops: the quick one that an extra brings, and the one without it."""
    if request.param == "standard":
        monkeypatch.setitem(sys.modules, "uvloop", None)
    return str(request.param)


def test_libuv_is_used_where_it_is_installed(loop: str) -> None:
    made = new_loop()
    made.close()
    assert (
        type(made).__module__.partition(".")[0] == {"libuv": "uvloop", "standard": "asyncio"}[loop]
    )


def test_a_loop_ends_though_a_task_loses_its_cancellation(loop: str) -> None:
    """As `asyncio.wait_for` does when what it waits for comes at the same time."""

    async def deaf() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    made = LoopThread()
    made.start(deaf())
    ending = threading.Thread(target=made.stop, daemon=True)
    ending.start()
    ending.join(20)
    assert not ending.is_alive()


@pytest.fixture
def bus(nats_server: NatsServer) -> Iterator[NatsBus]:
    made = NatsBus(Address(url=nats_server.url, seconds=20))
    yield made
    made.close()
    forget_streams(nats_server)


def forget_streams(server: NatsServer) -> None:
    """Delete every stream, for the next test."""
    cleaner = NatsBus(Address(url=server.url, seconds=20))
    cleaner.remove(USED)
    cleaner.close()


class TestNats(MessageBusSuite):
    patience = 20.0  # a server on a busy machine


async def ask(bus: NatsBus, do: Callable[[Any], Any]) -> Any:
    """Ask the server something that is none of the port's."""
    return await do(await bus._connection.streams())


def asked(bus: NatsBus, do: Callable[[Any], Any]) -> Any:
    return bus._thread.call(ask(bus, do))


def test_streams_keep_messages_on_disk_for_days_and_know_repeats_for_hours(bus: NatsBus) -> None:
    bus.publish([told(NP15, "a")])
    config = asked(bus, lambda streams: streams.stream_info("MD-caiso-hub")).config
    assert sorted(config.subjects) == ["batch.v1.caiso.*.hub", "md.v1.caiso.*.*.hub.*"]
    assert (config.storage, config.deny_delete, config.allow_direct) == ("file", True, True)
    assert (config.max_age, config.duplicate_window) == (14 * 86_400, 3 * 3_600)


def test_of_signs_of_life_only_the_last_is_kept(bus: NatsBus) -> None:
    bus.publish([told("sys.v1.heartbeat.caiso", text) for text in "abc"])
    assert texts(bus.subscribe("sys.v1.heartbeat.caiso", "all").take(10, 5)) == ["c"]


def test_settings_that_an_operator_gave_a_stream_are_left_alone(bus: NatsBus) -> None:
    from nats.js.api import StreamConfig

    own = StreamConfig(name="MD-caiso-hub", subjects=list(stream_of(NP15).subjects), max_msgs=7)
    asked(bus, lambda streams: streams.add_stream(own))
    assert bus.publish([told(NP15, "a")]) == 1
    assert asked(bus, lambda streams: streams.stream_info("MD-caiso-hub")).config.max_msgs == 7


def test_a_consumer_that_somebody_deletes_is_made_again_where_it_was(bus: NatsBus) -> None:
    bus.publish([told(NP15, "a")])
    subscription = bus.subscribe(NP15, "all")
    assert texts(subscription.take(1, 5)) == ["a"]
    asked(bus, lambda streams: streams.delete_consumer("MD-caiso-hub", subscription._consumer))
    bus.publish([told(NP15, "b")])
    assert texts(subscription.take(1, 5)) == ["b"]


def test_a_stream_that_somebody_deletes_is_made_again(bus: NatsBus) -> None:
    bus.publish([told(NP15, "a")])
    asked(bus, lambda streams: streams.delete_stream("MD-caiso-hub"))
    with pytest.raises(StreamUnavailable):
        bus.publish([told(NP15, "b")])
    assert bus.publish([told(NP15, "b")]) == 1


def test_a_server_that_is_away_is_told_without_secrets(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, port=0)
    url = f"nats://me:hush@127.0.0.1:{server.port}"
    address = Address(url=url, user="me", password="hush", seconds=0.3)
    bus = NatsBus(address)
    for use in (
        lambda: bus.publish([told(NP15, "a")]),
        lambda: bus.subscribe(NP15),
        lambda: bus.last(NP15),
        bus.ping,
    ):
        with pytest.raises(StreamUnavailable, match=f"127.0.0.1:{server.port}") as raised:
            use()
        assert "hush" not in str(raised.value)
    assert "hush" not in repr(address)
    bus.close()
    with pytest.raises(StreamUnavailable):
        bus.publish([told(NP15, "a")])


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_that_comes_back_has_what_it_had_and_subscribers_go_on(
    tmp_path: Path, end: str
) -> None:
    server = NatsServer(tmp_path, port=0)
    server.start()
    bus = NatsBus(Address(url=server.url, seconds=0.5))
    try:
        subscription = bus.subscribe(NP15)
        bus.publish([told(NP15, "a"), told(NP15, "b")])
        assert texts(subscription.take(1, 5)) == ["a"]
        getattr(server, end)()
        with pytest.raises(StreamUnavailable):
            bus.publish([told(NP15, "c")])
        server.start()
        published = publish_when_back(bus, [told(NP15, "b"), told(NP15, "c")])
        assert published == 1, "b is a repeat"
        found: list[str] = []
        while len(found) < 2 and (more := texts(subscription.take(5, 10))):
            found += more
        assert found == ["b", "c"]
    finally:
        bus.close()
        server.stop()


def publish_when_back(bus: NatsBus, messages: list[Message]) -> int:
    for _ in range(100):
        try:
            return bus.publish(messages)
        except StreamUnavailable:
            threading.Event().wait(0.05)
    raise AssertionError("the server did not come back")


# ---------------------------------------------------------------- the server of our own


def test_a_port_that_is_taken_is_told_with_the_servers_own_words(
    tmp_path: Path, nats_server: NatsServer
) -> None:
    with pytest.raises(
        StreamUnavailable, match=rf"port {nats_server.port} did not start: .*in use"
    ):
        NatsServer(tmp_path, port=nats_server.port).start()


def test_settings_that_the_server_refuses_are_told(tmp_path: Path) -> None:
    with pytest.raises(StreamUnavailable, match="did not start"):
        NatsServer(tmp_path, port=0, grants="accounts { A { users: [").start()


def test_a_server_whose_owner_died_is_ended_by_the_next(tmp_path: Path) -> None:
    first = NatsServer(tmp_path, port=0)
    first.start()
    second = NatsServer(tmp_path, port=first.port)
    second.start()
    second.stop()
    assert first._process is not None
    assert first._process.wait(5) is not None


def test_its_configuration_is_for_its_owner_alone(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "nats", port=0)
    server.start()
    server.stop()
    server.stop()
    assert (tmp_path / "nats/server.conf").stat().st_mode & 0o777 == 0o600


def test_without_the_program_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SettingsInvalid, match=r"carbon254\[nats\]"):
        program()


def test_why_a_server_refuses_is_told_though_it_hangs_up_afterwards() -> None:
    async def told() -> str:
        met = Connection(Address())
        for error in (
            ConnectionResetError(),
            nats.errors.AuthorizationError(),
            ConnectionResetError(),
        ):
            await met._note(error)
        return type(met._trouble).__name__

    assert asyncio.run(told()) == "AuthorizationError"
