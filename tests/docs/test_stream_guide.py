"""The subscriber's guide runs as written, on a real server, with a pilot's key."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from carbon254.adapters.nats.bus import NatsBus
from carbon254.adapters.nats.doorkeeper import Doorkeeper
from carbon254.adapters.nats.server import NatsServer
from carbon254.config.container import open_platform
from carbon254.config.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.nats]

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/stream.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", GUIDE, re.DOTALL)
SAMPLES = ROOT / "plugins/markets/caiso/samples/day_ahead_lmp"


@pytest.fixture(scope="module")
def subscriber(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server to which two documents of one day were relayed, and the key of a pilot in the environment."""
    folder = tmp_path_factory.mktemp("guide")
    door = Doorkeeper(NatsServer(folder / "nats", port=0), os.urandom)
    door.start()
    with open_platform(Settings(data=folder / "data", nats=door.url)) as platform:
        made = platform.keys.create("pilot", "demo-pilot", tenant="customer")
        door.open(platform.streams, lambda: datetime.now(UTC))
        for path in sorted(SAMPLES.glob("20251102*")):
            platform.take(path)
        relay = platform.relay()
        assert isinstance(relay.bus, NatsBus)
        relay.beat()
        while relay.once().announcements:
            pass
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("NATS_URL", door._server.url)
            patch.setenv("NATS_USER", "demo-pilot@customer")
            patch.setenv("KEY", made.token)
            yield
        door.close()


def test_every_example_prints_what_stands_below_it(subscriber: None) -> None:
    assert len(BLOCKS) == GUIDE.count("```python") == 3
    names: dict[str, object] = {}
    for code, printed in BLOCKS:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, "docs/stream.md", "exec"), names)
        assert out.getvalue() == printed


@pytest.mark.parametrize(
    "word", ["MD-MARKET-KIND", "ce-previous", "Nats-Msg-Id", "sync_interval", "nats permissions"]
)
def test_the_guide_speaks_of(word: str) -> None:
    assert word in GUIDE
