"""All operators fail or are silent, every feed waits for its next try: one SIGTERM ends the process all the same."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from carbon254.config.container import open_platform
from carbon254.config.settings import Settings
from carbon254.ports.testing import faults
from carbon254.ports.testing.server import Asked, Fault, FaultyServer, Response

pytestmark = pytest.mark.integration
FEEDING = Path(__file__).with_name("feeding.py")
THREADS = 4  # on which jobs run: so many feeds are waited for at a time
WAIT = 60.0  # seconds that a server may ask us to wait, which we obey


class Unreachable(FaultyServer):
    """Answers nothing in half of the cases, and in the others that one should come back in a minute."""

    def __init__(self) -> None:
        super().__init__()
        self.busy = threading.Semaphore(0)
        self._count = 0

    def take(self, asked: Asked) -> tuple[Response, Fault | None]:
        self._count += 1
        self.busy.release()
        away = faults.Status(503, {"Retry-After": f"{WAIT:g}"})
        return Response(b""), faults.Silence() if self._count % 2 else away


@pytest.fixture
def server() -> Iterator[Unreachable]:
    with Unreachable() as made:
        yield made


def test_one_sigterm_ends_a_process_all_of_whose_feeds_wait(
    server: Unreachable, tmp_path: Path
) -> None:
    words = [sys.executable, str(FEEDING), str(tmp_path), str(server.port)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            for _ in range(THREADS):
                assert server.busy.acquire(timeout=60)
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=WAIT / 3)
        finally:
            process.kill()
    assert process.returncode == 0, said
    assert said.count("was interrupted") == THREADS, said
    assert '"level": "error"' not in said
    with open_platform(Settings(data=tmp_path)) as platform:
        assert platform.ingest.journal.receipts() == {}
        assert platform.store.batches() == []
        assert platform.records.refused() == []
