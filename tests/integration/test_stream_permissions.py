"""Who may do what on a real server, verb by verb and kind by kind: a pilot sees hubs and nothing else.

Verbs are those of the server's own interface; what is granted is typed here, never computed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import nats.errors
import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from carbon254.adapters.nats.bus import NatsBus
from carbon254.adapters.nats.connection import Address
from carbon254.adapters.nats.permissions import DOMAIN, Password, User, render
from carbon254.adapters.nats.server import NatsServer
from carbon254.core.domain.errors import StreamUnavailable
from carbon254.core.domain.grants import StreamGrant
from carbon254.core.domain.streams import HEARTBEAT, Message, Stream
from carbon254.core.domain.vocabulary import kinds

pytestmark = [pytest.mark.integration, pytest.mark.nats]

PILOT, RIVAL = "pilot@acme", "rival@acme"
HUB, NODE = "md.v1.caiso.day_ahead.price.hub.NP15", "md.v1.caiso.day_ahead.price.node.N1"
MISO = "md.v1.miso.day_ahead-ex_post.price.hub.ILLINOIS=2EHUB"
HUBS, BATCHES = "md.v1.caiso.*.*.hub.*", "batch.v1.caiso.*.hub"
SECRET = b"what a node's price is"
ALL_KINDS = [*sorted(kinds()), HEARTBEAT]

# {s}: stream, {c}: consumer, {f}: filter of the stream's kind. All verbs of the server, from its documentation.
VERBS = [
    "INFO", "ACCOUNT.PURGE.USER", "ACCOUNT.STREAM.MOVE.USER.{s}", "META.LEADER.STEPDOWN", "SERVER.REMOVE",
    "STREAM.CREATE.{s}", "STREAM.UPDATE.{s}", "STREAM.NAMES", "STREAM.LIST", "STREAM.INFO.{s}", "STREAM.DELETE.{s}",
    "STREAM.PURGE.{s}", "STREAM.MSG.DELETE.{s}", "STREAM.MSG.GET.{s}", "STREAM.SNAPSHOT.{s}", "STREAM.RESTORE.{s}",
    "STREAM.PEER.REMOVE.{s}", "STREAM.LEADER.STEPDOWN.{s}", "DIRECT.GET.{s}", "DIRECT.GET.{s}.{f}",
    "CONSUMER.CREATE.{s}", "CONSUMER.CREATE.{s}.{c}", "CONSUMER.CREATE.{s}.{c}.{f}", "CONSUMER.DURABLE.CREATE.{s}.{c}",
    "CONSUMER.NAMES.{s}", "CONSUMER.LIST.{s}", "CONSUMER.INFO.{s}.{c}", "CONSUMER.DELETE.{s}.{c}",
    "CONSUMER.PAUSE.{s}.{c}", "CONSUMER.RESET.{s}.{c}", "CONSUMER.UNPIN.{s}.{c}", "CONSUMER.MSG.NEXT.{s}.{c}",
    "CONSUMER.LEADER.STEPDOWN.{s}.{c}",
]  # fmt: skip
GRANTED_VERBS = {
    "DIRECT.GET.{s}.{f}", "CONSUMER.CREATE.{s}.{c}.{f}", "CONSUMER.INFO.{s}.{c}", "CONSUMER.DELETE.{s}.{c}",
    "CONSUMER.MSG.NEXT.{s}.{c}",
}  # fmt: skip
GRANTED_KINDS = {"hub", HEARTBEAT}


def reads(name: str, *streams: Stream) -> User:
    own = [(one, one.subjects if one.kind != HEARTBEAT else one.subjects[:1]) for one in streams]
    return User(name, Password("pw"), tuple(StreamGrant(*one) for one in own))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A server with a pilot of CAISO's hubs, and another user who reads nodes and the hubs of MISO."""
    pilot = reads(PILOT, Stream("caiso", "hub"), Stream("caiso", HEARTBEAT))
    rival = reads(RIVAL, Stream("caiso", "node"), Stream("caiso", "hub"), Stream("miso", "hub"))
    grants = render([pilot, rival], Password("relay's"))
    made = NatsServer(tmp_path_factory.mktemp("nats"), port=0, grants=grants)
    made.start()
    fill(made)
    yield made
    made.stop()


def owner(server: NatsServer) -> NatsBus:
    return NatsBus(Address(url=server.url, user="relay", password="relay's"))


def fill(server: NatsServer) -> None:
    """A message for every kind of CAISO, and one for MISO."""
    bus = owner(server)
    subjects = [f"batch.v1.caiso.day_ahead.{kind}" for kind in sorted(kinds())]
    subjects += [HUB, NODE, MISO, "sys.v1.heartbeat.caiso", "batch.v1.miso.day_ahead-ex_post.node"]
    bus.publish(
        [
            Message(one, one, b"hub" if ".hub" in one or "beat" in one else SECRET)
            for one in subjects
        ]
    )
    bus.close()


class Guest:
    """A connected user, what the server refused to it, and what it heard in its inbox."""

    def __init__(self, client: Client, refused: list[str], name: str) -> None:
        self.client, self.refused, self.name = client, refused, name
        self.streams = client.jetstream(domain=DOMAIN, timeout=2)

    async def ask(self, subject: str, body: bytes = b"", reply: str = "") -> None:
        """Send without waiting for an answer."""
        await self.client.publish(subject, body, reply=reply or f"_INBOX.{self.name}.x")

    async def settle(self) -> list[str]:
        """What has been refused so far: refusals come before the answer to a ping."""
        await self.client.flush()
        await asyncio.sleep(0)
        await self.client.flush()
        return self.refused


@asynccontextmanager
async def guest(server: NatsServer, name: str = PILOT) -> AsyncIterator[Guest]:
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error))

    client = await nats.connect(
        server.url, user=name, password="pw", inbox_prefix=f"_INBOX.{name}", error_cb=note
    )
    try:
        yield Guest(client, refused, name)
    finally:
        await client.close()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 20))


def names(verb: str, kind: str, consumer: str, market: str = "caiso") -> str:
    stream = Stream(market, kind)
    return verb.format(s=stream.name, c=consumer, f=stream.subjects[0])


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize("prefix", ["$JS.API", f"$JS.{DOMAIN}.API"])
def test_every_verb_on_every_kind_is_refused_but_for_what_is_granted(
    server: NatsServer, prefix: str
) -> None:
    cases = {
        f"{prefix}.{names(verb, kind, f'{PILOT}-1')}": (verb, kind)
        for verb in VERBS
        for kind in ALL_KINDS
    }

    async def ask_all() -> list[str]:
        async with guest(server) as pilot:
            for subject in cases:
                await pilot.ask(subject, b"{}")
            return await pilot.settle()

    refusals = "\n".join(run(ask_all()))
    passed = {case for subject, case in cases.items() if f'"{subject.lower()}"' not in refusals}
    granted = {(verb, kind) for verb in GRANTED_VERBS for kind in GRANTED_KINDS}
    assert passed == (granted if DOMAIN in prefix else set())


@pytest.mark.parametrize("consumer", [f"{RIVAL}-1", f"{PILOT}-5", PILOT, f"{PILOT}-1x", "*", ">"])
def test_consumers_of_other_names_are_refused(server: NatsServer, consumer: str) -> None:
    wanted = [
        f"$JS.{DOMAIN}.API.{names(verb, 'hub', consumer)}"
        for verb in GRANTED_VERBS
        if "{c}" in verb
    ]

    async def ask_all() -> list[str]:
        async with guest(server) as pilot:
            for subject in wanted:
                await pilot.ask(subject, b"{}")
            return await pilot.settle()

    refusals = "\n".join(run(ask_all()))
    assert [one for one in wanted if f'"{one.lower()}"' not in refusals] == []


@pytest.mark.parametrize(
    "subject", ["dq.v1.caiso.*", "src.v1.caiso.*.state", "src.v1.caiso.day_ahead_lmp.state"]
)
def test_alarms_of_a_market_are_not_read_by_who_sees_a_part_of_it(
    server: NatsServer, subject: str
) -> None:
    verbs = (f"CONSUMER.CREATE.MD-caiso-heartbeat.{PILOT}-1", "DIRECT.GET.MD-caiso-heartbeat")
    wanted = [f"$JS.{DOMAIN}.API.{verb}.{subject}" for verb in verbs]

    async def ask_all() -> list[str]:
        async with guest(server) as pilot:
            for one in wanted:
                await pilot.ask(one, b"{}")
            return await pilot.settle()

    refusals = "\n".join(run(ask_all()))
    assert [one for one in wanted if f'"{one.lower()}"' not in refusals] == []


@pytest.mark.parametrize(
    "subject",
    [">", "md.v1.>", HUBS, "batch.v1.caiso.*.node", "_INBOX.>", f"_INBOX.{RIVAL}.>", "_INBOX.*.x", "$JS.>", "$SYS.>",
     "$JS.API.>", "_R_.>", "sys.v1.heartbeat.caiso"],
)  # fmt: skip
def test_no_subject_may_be_listened_to_but_the_users_own_inbox(
    server: NatsServer, subject: str
) -> None:
    async def listen() -> list[str]:
        async with guest(server) as pilot:
            await pilot.client.subscribe(subject)
            return await pilot.settle()

    assert any("permissions violation" in one for one in run(listen()))


@pytest.mark.parametrize(
    "subject",
    [HUB, NODE, MISO, BATCHES.replace("*", "day_ahead"), "sys.v1.heartbeat.caiso", f"_INBOX.{RIVAL}.x",
     "$JS.ACK.MD-caiso-node.rival@acme-1.1.1.1.1.0", "$JS.FC.MD-caiso-hub.x", "$SYS.REQ.SERVER.PING"],
)  # fmt: skip
def test_nothing_may_be_published(server: NatsServer, subject: str) -> None:
    async def publish() -> list[str]:
        async with guest(server) as pilot:
            await pilot.ask(subject, b"forged")
            return await pilot.settle()

    assert any("permissions violation" in one for one in run(publish()))


@pytest.mark.parametrize(
    ("name", "password"), [(PILOT, "wrong"), (RIVAL, ""), ("", ""), ("relay", "pw"), ("root", "pw")]
)
def test_strangers_are_not_let_in(server: NatsServer, name: str, password: str) -> None:
    bus = NatsBus(Address(url=server.url, user=name, password=password, seconds=1.5))
    with pytest.raises(StreamUnavailable, match="Authorization"):
        bus.ping()
    bus.close()


# ---------------------------------------------------------------- what is granted works


def config(consumer: str, subject: str = HUBS, **more: Any) -> ConsumerConfig:
    return ConsumerConfig(name=consumer, filter_subject=subject, ack_policy=AckPolicy.NONE, **more)


async def read(user: Guest, stream: str, consumer: ConsumerConfig) -> list[tuple[str, bytes]]:
    """Everything that a consumer has for its user."""
    assert consumer.name
    count = (await user.streams.add_consumer(stream, consumer)).num_pending
    subscription = await user.streams.pull_subscribe_bind(consumer=consumer.name, stream=stream)
    found = await subscription.fetch(count, timeout=10) if count else []
    await user.streams.delete_consumer(stream, consumer.name)
    return [(one.subject, one.data) for one in found]


@pytest.mark.parametrize("subject", [HUBS, BATCHES, HUB, "md.v1.caiso.day_ahead.*.hub.*"])
def test_a_pilot_reads_hubs_alone_and_in_batches(server: NatsServer, subject: str) -> None:
    async def work() -> list[tuple[str, bytes]]:
        async with guest(server) as pilot:
            return await read(pilot, "MD-caiso-hub", config(f"{PILOT}-1", subject))

    found = run(work())
    assert found == [(HUB if subject != BATCHES else "batch.v1.caiso.day_ahead.hub", b"hub")]


def test_a_pilot_gets_the_last_value_and_the_last_sign_of_life_at_once(server: NatsServer) -> None:
    async def work() -> list[bytes | None]:
        async with guest(server) as pilot:
            pairs = [("MD-caiso-hub", HUB), ("MD-caiso-heartbeat", "sys.v1.heartbeat.caiso")]
            return [
                (await pilot.streams.get_msg(s, subject=one, direct=True)).data for s, one in pairs
            ]

    assert run(work()) == [b"hub", b"hub"]


def test_acknowledgements_keep_the_place_of_a_durable_consumer(server: NatsServer) -> None:
    async def work() -> int | None:
        async with guest(server) as pilot:
            own = ConsumerConfig(name=f"{PILOT}-2", durable_name=f"{PILOT}-2", filter_subject=HUBS,
                                 ack_policy=AckPolicy.EXPLICIT)  # fmt: skip
            await pilot.streams.add_consumer("MD-caiso-hub", own)
            subscription = await pilot.streams.pull_subscribe_bind(
                consumer=f"{PILOT}-2", stream="MD-caiso-hub"
            )
            (message,) = await subscription.fetch(1, timeout=2)
            await message.ack_sync()
            told = await pilot.streams.consumer_info("MD-caiso-hub", f"{PILOT}-2")
            await pilot.streams.delete_consumer("MD-caiso-hub", f"{PILOT}-2")
            return told.num_ack_pending

    assert run(work()) == 0


# ---------------------------------------------------------------- known ways around


async def answers(user: Guest, subject: str, body: dict[str, Any]) -> str:
    """What the server says to a request; the error's name where it says nothing."""
    try:
        said = await user.client.request(subject, json.dumps(body).encode(), timeout=0.4)
    except nats.errors.Error as error:
        return type(error).__name__
    return said.data.decode()


CREATE = f"$JS.{DOMAIN}.API.CONSUMER.CREATE.MD-caiso-hub.{PILOT}-1.{HUBS}"


@pytest.mark.parametrize(
    "change",
    [{"filter_subject": NODE}, {"filter_subject": "md.v1.caiso.*.*.node.*"}, {"filter_subject": ""},
     {"filter_subject": None, "filter_subjects": ["md.v1.>"]},
     {"filter_subject": None, "filter_subjects": [HUBS, NODE]},
     {"durable_name": f"{RIVAL}-1"}],
)  # fmt: skip
def test_a_body_that_says_otherwise_than_its_subject_is_refused(
    server: NatsServer, change: dict[str, Any]
) -> None:
    wanted = {"name": f"{PILOT}-1", "filter_subject": HUBS, "ack_policy": "none", **change}
    body = {
        "stream_name": "MD-caiso-hub",
        "config": {k: v for k, v in wanted.items() if v is not None},
    }

    async def work() -> str:
        async with guest(server) as pilot:
            return await answers(pilot, CREATE, body)

    assert '"error"' in run(work())


def test_the_name_in_the_subject_is_the_name_of_the_consumer(server: NatsServer) -> None:
    body = {
        "stream_name": "MD-caiso-hub",
        "config": {"name": f"{RIVAL}-1", "filter_subject": HUBS, "ack_policy": "none"},
    }

    async def work() -> tuple[str, str]:
        async with guest(server) as pilot:
            made = await answers(pilot, CREATE, body)
            gone = await pilot.streams.delete_consumer("MD-caiso-hub", f"{PILOT}-1")
            return json.loads(made)["name"], str(gone)

    assert run(work()) == (f"{PILOT}-1", "True")


def test_a_body_that_names_another_stream_is_refused(server: NatsServer) -> None:
    body = {
        "stream_name": "MD-caiso-node",
        "config": {"name": f"{PILOT}-1", "filter_subject": HUBS, "ack_policy": "none"},
    }

    async def work() -> str:
        async with guest(server) as pilot:
            return await answers(pilot, CREATE, body)

    assert '"error"' in run(work())


@pytest.mark.parametrize(
    "body", [{"seq": 1}, {"last_by_subj": NODE}, {"multi_last": ["md.v1.>"]}, {"next_by_subj": ">"}]
)
def test_a_direct_get_of_a_hub_takes_no_other_wish(
    server: NatsServer, body: dict[str, Any]
) -> None:
    async def work() -> str:
        async with guest(server) as pilot:
            return await answers(pilot, f"$JS.{DOMAIN}.API.DIRECT.GET.MD-caiso-hub.{HUB}", body)

    assert run(work()) in ("", "hub")


def test_the_consumer_of_another_cannot_be_pulled_from(server: NatsServer) -> None:
    async def work() -> tuple[str, list[str]]:
        async with guest(server, RIVAL) as rival, guest(server) as pilot:
            nodes = config(f"{RIVAL}-1", "md.v1.caiso.*.*.node.*")
            await rival.streams.add_consumer("MD-caiso-node", nodes)
            next_message = f"$JS.{DOMAIN}.API.CONSUMER.MSG.NEXT.MD-caiso-node.{RIVAL}-1"
            said = await answers(pilot, next_message, {"batch": 1})
            own = await read(rival, "MD-caiso-node", nodes)
            return said, [subject for subject, _ in own]

    assert run(work()) == ("TimeoutError", [NODE])


@pytest.mark.parametrize(
    "target", [MISO, NODE, "batch.v1.miso.day_ahead-ex_post.node", HUB, "$JS.API.STREAM.DELETE.MD-miso-hub"]
)  # fmt: skip
def test_answers_cannot_be_sent_where_they_would_be_taken_for_messages(
    server: NatsServer, target: str
) -> None:
    """Asked with another stream's subject as reply, the server would write the answer there, in the user's stead."""
    before = state(server)

    async def work() -> None:
        async with guest(server) as pilot:
            await pilot.streams.add_consumer("MD-caiso-hub", config(f"{PILOT}-1"))
            api = f"$JS.{DOMAIN}.API"
            await pilot.ask(f"{api}.CONSUMER.MSG.NEXT.MD-caiso-hub.{PILOT}-1", b"1", reply=target)
            await pilot.ask(f"{api}.DIRECT.GET.MD-caiso-hub.{HUB}", b"", reply=target)
            await pilot.ask(f"{api}.CONSUMER.INFO.MD-caiso-hub.{PILOT}-1", b"", reply=target)
            push = {
                "name": f"{PILOT}-3",
                "filter_subject": HUBS,
                "ack_policy": "none",
                "deliver_subject": target,
            }
            create = CREATE.replace(f"{PILOT}-1", f"{PILOT}-3")
            await answers(pilot, create, {"stream_name": "MD-caiso-hub", "config": push})
            await pilot.settle()
            await answers(
                pilot, f"{api}.CONSUMER.INFO.MD-caiso-hub.{PILOT}-1", {}
            )  # all before it is done
            for number in (1, 3):
                await answers(pilot, f"{api}.CONSUMER.DELETE.MD-caiso-hub.{PILOT}-{number}", {})

    run(work())
    assert state(server) == before


def state(server: NatsServer) -> dict[str, int]:
    """How many messages each stream keeps, as its owner sees it."""

    async def look() -> dict[str, int]:
        client = await nats.connect(server.url, user="relay", password="relay's")
        told = await client.jetstream().streams_info()
        await client.close()
        return {str(one.config.name): one.state.messages for one in told}

    found: dict[str, int] = run(look())
    return found


def test_within_one_account_answers_are_taken_for_messages(tmp_path: Path) -> None:
    """Why every user has an account: the narrowest permissions on subjects do not stop this."""
    may = [
        "$JS.API.CONSUMER.CREATE.MD-caiso-hub.p.*.*.*.*.*.*.*",
        "$JS.API.CONSUMER.MSG.NEXT.MD-caiso-hub.p",
    ]
    listens = f"_INBOX.{PILOT}.>"
    pilot = {"publish": {"allow": may}, "subscribe": {"allow": [listens]}}
    users = [
        {"user": "relay", "password": "relay's"},
        {"user": PILOT, "password": "pw", "permissions": pilot},
    ]
    shared = NatsServer(tmp_path, port=0, grants=f"authorization {{ users: {json.dumps(users)} }}")
    shared.start()
    fill(shared)

    async def forge() -> None:
        """The pilot's request is answered after its ping, so the stream is asked until it has the answer."""
        owns = await nats.connect(shared.url, user="relay", password="relay's")
        async with guest(shared) as pilot:
            pilot.streams = pilot.client.jetstream(timeout=2)
            await pilot.streams.add_consumer("MD-caiso-hub", config("p"))
            await pilot.ask("$JS.API.CONSUMER.MSG.NEXT.MD-caiso-hub.p", b"1", reply=MISO)
            while (await owns.jetstream().stream_info("MD-miso-hub")).state.messages == before:
                await asyncio.sleep(0.02)
        await owns.close()

    try:
        before = state(shared)["MD-miso-hub"]
        run(forge())
        assert state(shared)["MD-miso-hub"] == before + 1
    finally:
        shared.stop()


def test_rights_that_are_taken_away_are_gone_at_once(tmp_path: Path) -> None:
    hub = Stream("caiso", "hub")
    made = NatsServer(tmp_path, port=0, grants=render([reads(PILOT, hub)], Password("relay's")))
    made.start()
    fill(made)

    async def work(check: Callable[[Guest], Coroutine[Any, Any, bool]]) -> None:
        async with guest(made) as pilot:
            while not await check(pilot):
                await asyncio.sleep(0.02)

    async def may(pilot: Guest) -> bool:
        return await answers(
            pilot, f"$JS.{DOMAIN}.API.DIRECT.GET.MD-caiso-hub.{HUB}", {}
        ) == "hub" or bool(
            await read(
                pilot, "MD-caiso-hub", config(f"{PILOT}-1", deliver_policy=DeliverPolicy.ALL)
            )
        )

    async def may_not(pilot: Guest) -> bool:
        return (
            await answers(pilot, f"$JS.{DOMAIN}.API.DIRECT.GET.MD-caiso-hub.{HUB}", {})
            == "TimeoutError"
        )

    try:
        run(work(may))
        made.reload(render([reads(PILOT, Stream("caiso", HEARTBEAT))], Password("relay's")))
        run(work(may_not))
    finally:
        made.stop()
