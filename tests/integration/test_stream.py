"""The relay beside a real server that comes and goes: every commit arrives, and repeats carry the same id."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from carbon254.adapters.arrow.columns import decode, encode
from carbon254.adapters.duckdb.store import DuckDbSeriesStore
from carbon254.adapters.nats.bus import NatsBus
from carbon254.adapters.nats.connection import Address
from carbon254.adapters.nats.server import NatsServer
from carbon254.adapters.postgres.store import PostgresSeriesStore
from carbon254.core.domain.streams import Delivery, stream_of
from carbon254.core.usecases.relay_messages import Relayed, RelayMessages
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.messages import ListBus
from carbon254.ports.testing.fakes.storage import MemorySeriesStore
from carbon254.ports.testing.servers import PostgresServer
from carbon254.ports.testing.storage import NOON, NP15, SP15, hours, random_documents, told

pytestmark = [pytest.mark.integration, pytest.mark.nats]

COMMITS = 40
BATCHES = "batch.v1.caiso.*.hub"


class Cards:
    def cards(self) -> dict[str, Any]:
        datasets = {"prices": SimpleNamespace(kinds=("hub",))}
        return {"caiso": SimpleNamespace(redistribution="open", datasets=datasets)}


class Bed:
    """A store, a server, and a relay between them that runs in a thread."""

    def __init__(self, folder: Path) -> None:
        self.store = DuckDbSeriesStore(folder / "series.duckdb")
        self.server = NatsServer(folder / "nats", port=0)
        self.server.start()
        self.stop, self.troubles = threading.Event(), list[str]()
        self.buses: list[NatsBus] = []
        self.thread: threading.Thread | None = None

    def bus(self) -> NatsBus:
        self.buses.append(NatsBus(Address(url=self.server.url, seconds=0.5)))
        return self.buses[-1]

    def new_relay(self) -> RelayMessages:
        cards: Any = Cards()
        return RelayMessages(self.store, self.store, self.bus(), cards, PinnedClock(NOON), encode)

    def relay(self) -> None:
        """Start a relay, as a process that begins anew would."""
        self.stop = threading.Event()
        made = self.new_relay()
        self.thread = threading.Thread(
            target=made.run,
            args=(self.stop, time.monotonic, lambda error: self.troubles.append(error.code)),
        )
        self.thread.start()

    def end_relay(self) -> None:
        self.stop.set()
        if self.thread:
            self.thread.join(20)

    def commit(self, number: int) -> None:
        rows = {NP15: hours({0: float(number)}), SP15: hours({0: number / 2})}
        stamp = NOON + timedelta(minutes=number)
        self.store.record(told(rows, name=f"d{number}", stamp=stamp), now=stamp)

    def drained(self) -> None:
        """Wait until nothing is left to announce."""
        end = time.monotonic() + 30
        while self.store.claim(1):
            assert time.monotonic() < end, self.troubles
            threading.Event().wait(0.02)

    def trouble(self) -> None:
        """Wait until the relay failed to publish."""
        end = time.monotonic() + 30
        while not self.troubles:
            assert time.monotonic() < end
            threading.Event().wait(0.02)

    def close(self) -> None:
        self.end_relay()
        for bus in self.buses:
            bus.close()
        self.server.stop()
        self.store.close()


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    made = Bed(tmp_path)
    yield made
    made.close()


def everything(bed: Bed, count: int, subject: str = BATCHES) -> list[Delivery]:
    """All that a stream holds: as many as are expected, however long they take, and what comes right after."""
    subscription, found = bed.bus().subscribe(subject, "all"), list[Delivery]()
    while more := subscription.take(1_000, 30 if len(found) < count else 0.2):
        found += more
    return found


def values(deliveries: list[Delivery]) -> list[float]:
    tables = [decode(one.message.body).to_pylist() for one in deliveries]
    return [row["value"] for rows in tables for row in rows if row["series"] == str(NP15)]


def test_with_the_server_stopped_and_started_under_load_every_commit_arrives(bed: Bed) -> None:
    bed.relay()
    for number in range(COMMITS):
        bed.commit(number)
        if number in (10, 25):
            bed.troubles.clear()
            bed.server.kill() if number == 10 else bed.server.stop()
        if number in (18, 33):
            bed.trouble()  # the relay has met the server's absence
            bed.server.start()
    bed.drained()
    found = everything(bed, COMMITS)
    assert values(found) == [float(n) for n in range(COMMITS)]
    assert len({one.message.id for one in found}) == COMMITS
    assert set(bed.troubles) <= {"stream_unavailable"}


def test_a_relay_that_begins_anew_after_any_commit_repeats_ids_and_loses_nothing(bed: Bed) -> None:
    for number in range(12):
        bed.commit(number)
    first = bed.new_relay()
    claimed = bed.store.claim(100)
    heard = [
        first._relay(one, done) for one, done in zip(claimed, [Relayed()] * 12, strict=True)
    ]  # dies before it marks
    assert sum(one.messages for one in heard) == 36
    bed.relay()
    bed.drained()
    found = everything(bed, 12)
    assert values(found) == [float(n) for n in range(12)]
    assert [one.number for one in everything(bed, 24, "md.v1.caiso.*.*.hub.*")][-1] == 36


def test_a_repeat_that_a_server_has_forgotten_is_told_by_its_id(bed: Bed) -> None:
    bed.commit(1)
    relay = bed.new_relay()
    (announced,) = bed.store.claim(1)
    relay._relay(announced, Relayed())
    before = everything(bed, 1)
    bed.bus().remove([stream_of(BATCHES)])
    relay.bus._made.clear()  # type: ignore[attr-defined]
    relay._relay(announced, Relayed())
    assert [(one.message.id, one.message.body) for one in everything(bed, 1)] == [
        (one.message.id, one.message.body) for one in before
    ]


def test_a_tick_reaches_who_waits_for_it(bed: Bed) -> None:
    subscription = bed.bus().subscribe(NP15.subject())
    bed.relay()
    bed.commit(7)
    (tick,) = subscription.take(1, 10)
    assert json.loads(tick.message.body)["rows"][0]["value"] == 7.0
    sign = bed.bus().last("sys.v1.heartbeat.caiso")
    assert sign is not None
    assert json.loads(sign.message.body)["market"] == "caiso"


@pytest.mark.postgres
def test_every_store_makes_the_same_messages_with_the_same_ids(
    tmp_path: Path, postgres_server: PostgresServer, postgres_schema: str
) -> None:
    stores: list[Any] = [
        MemorySeriesStore(),
        DuckDbSeriesStore(tmp_path / "series.duckdb"),
        PostgresSeriesStore(postgres_server.dsn, schema=postgres_schema),
    ]
    heard = []
    for store in stores:
        bus, cards = ListBus(), cast(Any, Cards())
        relay = RelayMessages(store, store, bus, cards, PinnedClock(NOON), encode)
        for number, document in enumerate(random_documents(7, 15)):
            store.record(document, now=NOON + timedelta(minutes=number))
        while relay.once().announcements:
            pass
        kept = [one.message for stream in bus.streams.values() for one in stream]
        heard.append([(one.subject, one.id, one.body, dict(one.headers)) for one in kept])
        store.close()
    assert len(heard[0]) > 20
    assert heard[0] == heard[1] == heard[2]
