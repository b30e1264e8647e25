"""What every test may ask for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from carbon254.adapters.nats.server import NatsServer
from carbon254.ports.testing.servers import (  # noqa: F401 - fixtures
    postgres_database,
    postgres_schema,
    postgres_server,
)

ROOT = Path(__file__).resolve().parent.parent
RECORDED = Path(os.environ.get("CARBON254_RECORDED") or ROOT.parent / "shared" / "wire")
REQUIRED = os.environ.get("CARBON254_REQUIRE_RECORDED") == "1"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what reads operators' documents where there are none, but never in CI."""
    if item.get_closest_marker("recorded") is None or RECORDED.is_dir():
        return
    absent(f"no recorded documents in {RECORDED} (set CARBON254_RECORDED)")


def absent(reason: str) -> None:
    """Skip what needs operators' data that are not here; where they are demanded, as in CI, fail."""
    if REQUIRED:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Return the folder of operators' documents; for tests that carry the marker of this name."""
    return RECORDED


@pytest.fixture(scope="session")
def epf() -> Path:
    """Return the folder of the open forecast benchmark, beside the recorded documents."""
    folder = RECORDED.parent / "epf"
    if not folder.is_dir():
        absent(f"no benchmark files in {folder}")
    return folder


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """Start the run's NATS server, on which anybody may do anything, at the first test that asks."""
    server = NatsServer(tmp_path_factory.mktemp("nats"), port=0)
    server.start()
    yield server
    server.stop()
