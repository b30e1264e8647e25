"""Steps of features/stream, on a real message server."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nats.errors
import pytest
from attrs import evolve
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig
from pytest_bdd import given, parsers, scenarios, then, when

from carbon254.adapters.arrow.columns import decode, encode
from carbon254.adapters.nats.bus import NatsBus
from carbon254.adapters.nats.doorkeeper import Doorkeeper
from carbon254.adapters.nats.permissions import DOMAIN
from carbon254.adapters.nats.server import NatsServer
from carbon254.core.domain.errors import NotEntitled, StreamUnavailable, Unauthenticated
from carbon254.core.domain.streams import Stream
from carbon254.core.domain.time import parse_instant
from carbon254.core.usecases.grant_streams import GrantStreams
from carbon254.core.usecases.relay_messages import RelayMessages
from carbon254.ports.audit import AuditQuestion

pytestmark = pytest.mark.nats
scenarios("stream")

KINDS = {"hubs": "hub", "zones": "zone", "nodes": "node", "aggregates": "aggregate", "interfaces": "interface",
         "areas": "area", "systems": "system"}  # fmt: skip
Row = dict[str, Any]


class Wire:
    """A message server, the relay to it, and what subscribers were told."""

    def __init__(self, desk: Any, folder: Path) -> None:
        self.desk = desk
        self.server = NatsServer(folder / "nats", port=0)
        self.door = Doorkeeper(self.server, os.urandom, every=60)
        self.door.start()
        self.open = False
        self.bus = NatsBus(evolve(self.door.address, seconds=1))
        self.relay = self.new_relay()
        self.announced: list[Any] = []
        self.told: list[list[Row]] = []  # by message
        self.marks: list[list[str]] = []  # by reading

    def new_relay(self) -> RelayMessages:
        return RelayMessages(
            self.desk.store, self.desk.store, self.bus, self.desk.catalogue, self.desk.clock, encode
        )

    def let_in(self) -> None:
        """Have the server know who holds a key."""
        if not self.open:
            self.open = True
            self.door.open(GrantStreams(self.desk.admit), lambda: datetime.now(UTC))
        self.door.refresh()

    def work(self) -> None:
        self.announced += self.desk.store.claim(100)
        while self.relay.once().announcements:
            pass

    def read(self, who: str, stream: Stream) -> None:
        """Connect with a key and read a stream from its start; raises what the server's refusal means."""
        self.let_in()
        (tenant,) = {key.tenant for key in self.desk.keys.all() if key.principal == who.lower()}
        user = f"{who.lower()}@{tenant}"
        found = asyncio.run(asyncio.wait_for(self._read(user, self.desk.tokens[who], stream), 30))
        self.told = [rows_of(one) for one in found]
        self.marks.append([one.headers["ce-id"] for one in found])

    async def _read(self, user: str, key: str, stream: Stream) -> list[Any]:
        refused: asyncio.Queue[str] = asyncio.Queue()

        async def note(error: Exception) -> None:
            refused.put_nowait(str(error))

        client = Client()
        try:
            await client.connect(
                self.server.url, user=user, password=key, inbox_prefix=f"_INBOX.{user}", error_cb=note,
                allow_reconnect=False, connect_timeout=10,
            )  # fmt: skip
        except nats.errors.Error as error:
            await client.close()
            raise Unauthenticated(str(error)) from None
        streams = client.jetstream(domain=DOMAIN, timeout=10)
        reading = asyncio.create_task(self._pull(streams, user, stream))
        refusal = asyncio.create_task(refused.get())
        await asyncio.wait({reading, refusal}, return_when=asyncio.FIRST_COMPLETED)
        try:
            if refusal.done():
                assert "permissions violation" in refusal.result()
                raise NotEntitled(refusal.result())
            return reading.result()
        finally:
            reading.cancel()
            refusal.cancel()
            await asyncio.gather(reading, refusal, return_exceptions=True)
            await client.close()

    async def _pull(self, streams: Any, user: str, stream: Stream) -> list[Any]:
        """Single series where the stream has them, else batches."""
        single = stream.kind in ("hub", "zone", "system")
        own = ConsumerConfig(
            name=f"{user}-1",
            filter_subject=stream.subjects[0 if single else 1],
            ack_policy=AckPolicy.NONE,
        )
        count = (await streams.add_consumer(stream.name, own)).num_pending
        pulled = await streams.pull_subscribe_bind(consumer=own.name, stream=stream.name)
        found: list[Any] = await pulled.fetch(count, timeout=20) if count else []
        await streams.delete_consumer(stream.name, own.name)
        return found

    def close(self) -> None:
        self.bus.close()
        if self.open:
            self.door.close()
        else:
            self.server.stop()


def rows_of(message: Any) -> list[Row]:
    """Rows of a message with the moment at which they became known."""
    if message.headers["ce-datacontenttype"] == "application/json":
        body = json.loads(message.data)
        rows = [{"series": body["series"], **row} for row in body["rows"]]
    else:
        rows = decode(message.data).to_pylist()
    return [{**row, "recorded": message.headers["ce-recordedat"]} for row in rows]


@pytest.fixture
def wire(desk: Any, tmp_path: Path) -> Iterator[Wire]:
    made = Wire(desk, tmp_path)
    yield made
    made.close()


@given("a message server")
def _(wire: Wire) -> None:
    """The fixture starts it."""


@given("the relay worked")
@when("the relay works")
def _(wire: Wire) -> None:
    wire.work()


@when("another relay works")
def _(wire: Wire) -> None:
    wire.relay = wire.new_relay()
    wire.work()


@when("the relay tries to work")
def _(desk: Any, wire: Wire) -> None:
    desk.attempt(wire.work)


@when("the relay ends before it noted what it told")
def _(desk: Any, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(BaseException):
        """The process is gone."""

    def end(ids: object) -> None:
        raise Ended

    with monkeypatch.context() as patch:
        patch.setattr(desk.store, "done", end)
        with pytest.raises(Ended):
            wire.relay.once()


@when("the message server stops")
def _(wire: Wire) -> None:
    wire.server.stop()


@when("the message server starts again")
def _(wire: Wire) -> None:
    wire.server.start()
    wire.bus.close()
    wire.bus = NatsBus(wire.door.address)
    wire.relay = wire.new_relay()


@when("the message server forgets what it was told")
def _(wire: Wire) -> None:
    wire.bus.remove([Stream("caiso", "hub")])


@when("all that was ever announced is told again")
def _(desk: Any, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    again = list(wire.announced)
    wire.relay = wire.new_relay()
    monkeypatch.setattr(desk.store, "claim", lambda limit: [again.pop(0)] if again else [])
    while wire.relay.once().announcements:
        pass


@when(parsers.parse('"{who}" reads the stream of {market}\'s {places}'))
@when(parsers.parse('"{who}" reads the stream of {market}\'s {places} again'))
def _(desk: Any, wire: Wire, who: str, market: str, places: str) -> None:
    kind = KINDS[places.removesuffix(" again")]
    desk.attempt(lambda: wire.read(who, Stream(market.lower(), kind)))


# ---------------------------------------------------------------- what was told


def written(row: Row, names: dict[str, str]) -> dict[str, str]:
    """A row in the words of the features."""

    def at(moment: Any) -> str:
        instant = parse_instant(moment) if isinstance(moment, str) else moment
        return f"{instant:%Y-%m-%d %H:%M}"

    ids = {name: text for text, name in names.items()}
    return {
        "series": ids[row["series"]],
        "from": at(row["interval_start"]),
        "to": at(row["interval_end"]),
        "value": f"{row['value']:g}",
        "state": row["state"],
        "recorded": at(row["recorded"]),
    }


@then(parsers.parse('"{who}" was told:'))
def _(desk: Any, wire: Wire, names: dict[str, str], who: str, datatable: list[list[str]]) -> None:
    desk.granted()
    head, *wanted = datatable
    found = [written(row, names) for message in wire.told for row in message]
    assert [[row[name] for name in head] for row in found if row["series"] in names] == wanted


@then(parsers.parse('"{who}" was told {count:d} different hours in one message'))
def _(desk: Any, wire: Wire, who: str, count: int) -> None:
    desk.granted()
    (message,) = wire.told
    assert len({row["interval_start"] for row in message}) == len(message) == count


@then(parsers.parse('"{who}" holds the same'))
def _(desk: Any, wire: Wire, who: str) -> None:
    held = {row["interval_start"]: row["value"] for message in wire.told for row in message}
    answer = desk.answer()
    assert list(held.values()) == answer.value.tolist()


@then(parsers.parse('"{who}" was told the same again, under the same marks'))
def _(desk: Any, wire: Wire, who: str) -> None:
    desk.granted()
    first, second = wire.marks
    assert first == second
    assert len(first) == 1


@then("no stream of CAISO exists")
def _(wire: Wire) -> None:
    with pytest.raises(StreamUnavailable, match="stream not found"):
        wire.bus._thread.call(look(wire.bus))


async def look(bus: NatsBus) -> None:
    from carbon254.adapters.nats.connection import translated

    with translated(bus._address):
        await (await bus._connection.streams()).stream_info("MD-caiso-hub")


@then('the audit log says that "Pia" was granted hubs of CAISO and nothing else')
def _(desk: Any) -> None:
    entries = [one.entry for one in desk.audit.entries(AuditQuestion(limit=1_000))]
    (granted,) = [
        one
        for one in entries
        if (one.principal, one.action, one.kind) == ("pia", "stream", "finished")
    ]
    assert (
        granted.facts["subjects"]
        == "md.v1.caiso.*.*.hub.* batch.v1.caiso.*.hub sys.v1.heartbeat.caiso"
    )


@given(parsers.parse('the card of "{market}" says "{word}"'))
def _(desk: Any, market: str, word: str) -> None:
    found = desk.catalogue.market(market)
    desk.catalogue.replace(type(found)(evolve(found.card, redistribution=word)))
