"""The application over a small store of its own, with a key for each role; requests are made as WSGI, in process.

What is stored is typed here: prices of two CAISO hubs and a node, a correction, and a Dutch day with its solar power.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import define, evolve, field
from falcon.testing import Result, TestClient

from carbon254.adapters.http.app import create_app
from carbon254.adapters.http.server import listen, stop
from carbon254.config.container import open_platform
from carbon254.config.settings import Settings
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.synthetic import unit_of
from carbon254.core.usecases.platform import Platform
from carbon254.ports.testing.fakes.clock import PinnedClock

NP15 = "caiso/day_ahead/price/hub/TH_NP15_GEN-APND"
SP15 = "caiso/day_ahead/price/hub/TH_SP15_GEN-APND"
NODE = "caiso/day_ahead/price/node/SECRET_1_N001"
LOAD = "caiso/actual/load/area/CA=20ISO-TAC"
DUTCH = "entsoe/day_ahead-sdac/price/zone/10YNL----------L"
SOLAR = "entsoe/actual/generation_solar/zone/10YNL----------L"
AUTUMN = "start=2025-11-02T07:00Z&end=2025-11-03T08:00Z"  # the day of 25 hours in California
SPRING = "start=2025-03-09T08:00Z&end=2025-03-10T07:00Z"  # and that of 23
JUNE = "start=2025-06-09T22:00Z&end=2025-06-10T22:00Z"  # 10 June in the Netherlands
BEFORE, AFTER = "2025-11-01T20:30:00Z", "2025-11-02T12:00:00Z"  # of the correction
MANY = 1_000_000
ROLES = {"admin": "house", "analyst": "acme", "pilot": "acme", "auditor": "acme"}


def reading(
    platform: Platform, values: Mapping[str, tuple[str, int, Sequence[float]]]
) -> tuple[str, str, Reading]:
    """A reading of series: first start in UTC, minutes of an interval, values."""
    ids = [SeriesId.parse(one) for one in values]
    card = platform.catalogue.cards()[ids[0].market]
    name, facts = next((name, one) for name, one in card.datasets.items() if one.feeds(ids[0]))
    code, start, end, value = [], [], [], []
    for number, (first, minutes, numbers) in enumerate(values.values()):
        step = np.timedelta64(minutes, "m")
        begin = np.datetime64(first, "us") + np.arange(len(numbers)) * step
        code += [number] * len(numbers)
        start.append(begin)
        end.append(begin + step)
        value += numbers
    units = [unit_of(card, facts, one) for one in ids]
    made = Reading(tuple(ids), units, code, np.concatenate(start), np.concatenate(end), value)
    return card.id, name, made


@define
class World:
    """A platform, its application, and the keys of its principals."""

    platform: Platform
    clock: PinnedClock
    tokens: dict[str, str]
    nodal: str = ""  # digests of documents that were refused
    load: str = ""
    client: TestClient = field(init=False)

    def __attrs_post_init__(self) -> None:
        app = create_app(self.platform, lambda: {"synthetic": False}, requests_a_minute=MANY)
        self.client = TestClient(app)

    def get(self, path: str, role: str | None = "analyst", **headers: str) -> Result:
        """Ask as a role; ``headers`` with underscores for hyphens."""
        given = {name.replace("_", "-"): text for name, text in headers.items()}
        if role:
            given.setdefault("Authorization", f"Bearer {self.tokens[role]}")
        route, _, query = path.partition("?")
        return self.client.simulate_get(route, query_string=query, headers=given)

    def rows(self, path: str, role: str = "analyst") -> list[dict[str, Any]]:
        """The rows of an answer that is granted."""
        answer = self.get(path, role)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json["rows"]
        return found

    def arrive(self, at: str, values: Mapping[str, tuple[str, int, Sequence[float]]]) -> None:
        """Take in a document of these values at an instant."""
        self.clock.move(datetime.fromisoformat(at).replace(tzinfo=UTC) - self.clock.now())
        market, dataset, made = reading(self.platform, values)
        documents = list(self.platform.catalogue.market(market).write(dataset, made))
        for outcome in self.platform.ingest.run(documents):
            assert outcome.status == "recorded", outcome

    def damage(self, at: str, values: Mapping[str, tuple[str, int, Sequence[float]]]) -> str:
        """Take in half of a document of these values at an instant, which is refused; its digest."""
        self.clock.move(datetime.fromisoformat(at).replace(tzinfo=UTC) - self.clock.now())
        market, dataset, made = reading(self.platform, values)
        (document,) = self.platform.catalogue.market(market).write(dataset, made)
        half = evolve(document, body=document.body[: len(document.body) // 2])
        (outcome,) = self.platform.ingest.run([half])
        assert (outcome.status, outcome.code) == ("quarantined", "document_damaged"), outcome
        return half.digest


@contextmanager
def opening(folder: Path, **parts: Any) -> Iterator[World]:
    """An empty world on the evening before the spring change in California."""
    clock = PinnedClock(datetime(2025, 3, 8, 20, 30, tzinfo=UTC))
    platform = open_platform(Settings(data=folder), clock=clock, **parts)
    tokens = {
        role: platform.keys.create(role, f"some-{role}", tenant=tenant).token
        for role, tenant in ROLES.items()
    }
    try:
        yield World(platform, clock, tokens)
    finally:
        platform.close()


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The store that most tests read; none writes to it."""
    with opening(tmp_path_factory.mktemp("http")) as world:
        fill(world, hubs_only=False)
        yield world


@pytest.fixture(scope="session")
def hubs_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same without anything but the CAISO hubs."""
    with opening(tmp_path_factory.mktemp("hubs")) as world:
        fill(world, hubs_only=True)
        yield world


def fill(world: World, *, hubs_only: bool) -> None:
    hours, noon = [20.0 + n for n in range(25)], [0.0] * 44 + [1000.0] * 8 + [0.0] * 44
    for at, series, first, minutes, values in (
        ("2025-03-08T20:30", NP15, "2025-03-09T08:00", 60, [10.0 + n for n in range(23)]),
        ("2025-06-09T12:00", DUTCH, "2025-06-09T22:00", 60, [float(n) for n in range(24)]),
        ("2025-06-11T12:00", SOLAR, "2025-06-09T22:00", 15, noon),  # 11:00 to 13:00 local
        ("2025-11-01T20:30", NP15, "2025-11-02T07:00", 60, hours),
        ("2025-11-01T20:30:01", SP15, "2025-11-02T07:00", 60, [-1.5, *hours[1:24]]),
        ("2025-11-01T20:30:02", NODE, "2025-11-02T07:00", 60, [50.0] * 25),
        ("2025-11-02T12:00", NP15, "2025-11-02T07:00", 60, [99.0, *hours[1:]]),
        ("2025-11-04T03:00", LOAD, "2025-11-02T08:00", 60, [25_000.0] * 24),
    ):
        if series in (NP15, SP15) or not hubs_only:
            world.arrive(at, {series: (first, minutes, values)})
    if not hubs_only:
        world.damage("2025-11-04T03:30", {NODE: ("2025-11-05T08:00", 60, [50.0])})
    world.clock.move(datetime(2025, 11, 4, 4, tzinfo=UTC) - world.clock.now())


@pytest.fixture(scope="session")
def fresh() -> Callable[[Path], AbstractContextManager[World]]:
    """Opens an empty world for tests that write."""
    return opening


@pytest.fixture
def world(opened: World) -> World:
    return opened


@pytest.fixture(scope="session")
def port(opened: World) -> Iterator[int]:
    """Of a server of that store on loopback."""
    app = create_app(opened.platform, dict)
    server = listen(app, 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield server.effective_port
    stop(server)
    thread.join(timeout=5)
