"""`NatsBus` against the contract of `MessageBus`, and what only a server can do to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from carbon254.adapters.nats.bus import NatsBus
from carbon254.adapters.nats.connection import Address
from carbon254.adapters.nats.server import NatsServer
from carbon254.core.domain.streams import stream_of
from carbon254.ports.testing.messages import NODE, NP15, MessageBusSuite

pytestmark = pytest.mark.nats

USED = [stream_of(one) for one in (NP15, NODE, "md.v1.miso.*.*.node.*", "sys.v1.heartbeat.caiso")]


@pytest.fixture
def bus(nats_server: NatsServer) -> Iterator[NatsBus]:
    made = NatsBus(Address(url=nats_server.url))
    yield made
    made.close()
    forget_streams(nats_server)


def forget_streams(server: NatsServer) -> None:
    """Delete every stream, for the next test."""
    cleaner = NatsBus(Address(url=server.url))
    cleaner.remove(USED)
    cleaner.close()


class TestNats(MessageBusSuite):
    pass
