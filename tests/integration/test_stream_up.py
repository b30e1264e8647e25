"""`carbon254 up --nats`, whole: a key opens the stream, and a document has become a tick."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig
from nats.js.errors import NotFoundError

from carbon254.adapters.nats.permissions import DOMAIN
from carbon254.adapters.nats.server import free_port
from carbon254.config.container import open_platform
from carbon254.config.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.nats]

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from carbon254.config.main import main; main()"]
SAMPLE = next((ROOT / "plugins/markets/caiso/samples/day_ahead_lmp").glob("20251102*_20251101_*"))
HUB = "md.v1.caiso.day_ahead.price.hub.TH_NP15_GEN-APND"


@pytest.fixture
def key(tmp_path: Path) -> str:
    """A pilot's key, in a folder of made-up documents, for which nobody is asked over the network."""
    with open_platform(Settings(data=tmp_path / "data")) as platform:
        (outcome,) = platform.take(SAMPLE, synthetic=True)
        assert outcome.status == "recorded"
        return platform.keys.create("pilot", "pia", tenant="acme").token


@pytest.fixture
def url(tmp_path: Path, key: str) -> Iterator[str]:
    """The address of the server that ``up`` started; it must end cleanly, and its server with it."""
    address = f"nats://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [*COMMAND, "up", "--nats", "--data", str(tmp_path / "data"), "--port", str(free_port())],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "CARBON254_NATS": address, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("relaying messages"):
            break
    yield address
    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert not (tmp_path / "data/nats/server.pid").exists()


def test_a_key_opens_the_stream_and_a_document_becomes_a_tick(url: str, key: str) -> None:
    async def subscribe() -> tuple[str, int, str]:
        client = Client()
        await client.connect(
            url, user="pia@acme", password=key, inbox_prefix="_INBOX.pia@acme", connect_timeout=20
        )
        streams = client.jetstream(domain=DOMAIN, timeout=20)
        own = ConsumerConfig(name="pia@acme-1", filter_subject=HUB, ack_policy=AckPolicy.NONE)
        while True:
            try:
                await streams.add_consumer("MD-caiso-hub", own)
                break
            except NotFoundError:  # the relay is about to make it
                await asyncio.sleep(0.05)
        pulled = await streams.pull_subscribe_bind(consumer="pia@acme-1", stream="MD-caiso-hub")
        (tick,) = await pulled.fetch(1, timeout=30)
        await client.close()
        return tick.subject, len(json.loads(tick.data)["rows"]), tick.headers["ce-synthetic"]

    assert asyncio.run(asyncio.wait_for(subscribe(), 60)) == (HUB, 25, "true")
