"""A late feed raises an alarm over a real server: who sees the market is told, also when it recovers; nobody else."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
import pytest
from attrs import frozen
from nats.js.api import AckPolicy, ConsumerConfig

from carbon254.adapters.casbin.policy import SHIPPED
from carbon254.adapters.nats.doorkeeper import Doorkeeper
from carbon254.adapters.nats.permissions import DOMAIN
from carbon254.adapters.nats.server import NatsServer
from carbon254.config.container import open_platform
from carbon254.config.settings import Settings
from carbon254.core.domain.documents import Document
from carbon254.core.domain.jobs import Job
from carbon254.core.usecases.platform import Platform
from carbon254.ports.testing.fakes.clock import PinnedClock

pytestmark = [pytest.mark.integration, pytest.mark.nats]

STREAM, ALARMS = "MD-caiso-heartbeat", "dq.v1.caiso.freshness"
EVENING = datetime(2025, 6, 6, 20, tzinfo=UTC)  # noon in California; 7 June is due at 14:00
CHECK = Job("check", "caiso", "", timedelta(minutes=5))
DUTCH = "p, dutch, *, stream, entsoe, *, *, *, *, allow\n"  # all of another market
Write = Callable[..., tuple[Document, ...]]


@frozen
class Watch:
    """A platform whose alarms go to a server that its keys open."""

    platform: Platform
    clock: PinnedClock
    door: Doorkeeper
    keys: dict[str, str]

    def take(self, documents: tuple[Document, ...]) -> None:
        for outcome in self.platform.ingest.run(documents):
            assert outcome.status == "recorded", outcome

    def check(self) -> None:
        """As the scheduler does: what fails twice in a row is an alarm."""
        for _ in range(2):
            self.platform.jobs.run(CHECK)

    def told(self, who: str) -> list[dict[str, Any]]:
        """The alarms that a subscriber reads from the start of the stream."""
        return asyncio.run(asyncio.wait_for(self._read(f"{who}@acme", self.keys[who]), 30))

    async def _read(self, user: str, key: str) -> list[dict[str, Any]]:
        client = await nats.connect(
            self.door._server.url, user=user, password=key, inbox_prefix=f"_INBOX.{user}", error_cb=ignore,
        )  # fmt: skip
        try:
            streams = client.jetstream(domain=DOMAIN, timeout=2)
            own = ConsumerConfig(name=f"{user}-1", filter_subject=ALARMS, ack_policy=AckPolicy.NONE)
            count = (await streams.add_consumer(STREAM, own)).num_pending or 0
            subscription = await streams.pull_subscribe_bind(consumer=f"{user}-1", stream=STREAM)
            found = [json.loads(one.data) for one in await subscription.fetch(count, timeout=20)]
            await streams.delete_consumer(STREAM, f"{user}-1")
            return found
        finally:
            await client.close()


async def ignore(error: Exception) -> None:
    """What is refused shows in what does not come."""


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    policies = tmp_path / "policies"
    policies.mkdir()
    (policies / "roles.csv").write_text(
        "".join(one.read_text("utf-8") for one in sorted(SHIPPED.glob("*.csv"))) + DUTCH
    )
    door = Doorkeeper(NatsServer(tmp_path / "nats", port=0), os.urandom, every=3_600)
    door.start()
    clock = PinnedClock(EVENING)
    settings = Settings(data=tmp_path / "data", nats=door.url, policies=policies)
    try:
        with open_platform(settings, clock=clock) as platform:
            keys = {
                who: platform.keys.create(role, who, tenant="acme").token
                for who, role in {"ann": "analyst", "pia": "pilot", "daan": "dutch"}.items()
            }
            door.open(platform.streams, lambda: datetime.now(UTC))
            yield Watch(platform, clock, door, keys)
    finally:
        door.close()


def test_who_sees_the_market_hears_that_a_feed_is_late_and_that_it_recovered(
    watch: Watch, write: Write
) -> None:
    today, tomorrow = (
        write("caiso", "day_ahead_lmp", datetime(2025, 6, day, 7, tzinfo=UTC), 24) for day in (6, 7)
    )
    watch.take(today)
    watch.check()  # nothing is late: tomorrow is not due before 14:00
    watch.clock.move(timedelta(hours=14))
    watch.check()
    (late,) = watch.told("ann")
    assert {**late, "reason": ""} == {
        "type": "FeedLate", "market": "caiso", "dataset": "day_ahead_lmp", "check": "freshness", "reason": "",
        "code": "", "at": "2025-06-07T10:00:00Z", "synthetic": False, "topic": ALARMS,
    }  # fmt: skip
    assert "2025-06-07T07:00:00Z" in late["reason"]  # nothing after the end of 6 June
    watch.check()
    assert watch.told("ann") == [late], "it is said once"
    watch.clock.move(timedelta(hours=1))
    watch.take(tomorrow)
    watch.check()
    (over,) = watch.told("ann")  # of a subject the last is kept
    assert over == {
        "type": "FeedRecovered", "market": "caiso", "dataset": "day_ahead_lmp", "check": "freshness",
        "since": "2025-06-07T10:00:00Z", "at": "2025-06-07T11:00:00Z", "synthetic": False, "topic": ALARMS,
    }  # fmt: skip
    for who in ("pia", "daan"):  # who sees the market's hubs alone, and who sees another market
        with pytest.raises(nats.errors.TimeoutError):
            watch.told(who)
