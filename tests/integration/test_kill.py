"""Kill −9 at a random point of an ingest, then run it again: nothing lost, nothing twice."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from carbon254.core.domain.documents import Document
from carbon254.ports.testing.servers import PostgresServer

ROUNDS = 50
NURSERY = Path(__file__).with_name("nursery.py")
SEED = random.Random(254)

pytestmark = [pytest.mark.slow, pytest.mark.integration]


class Nursery:
    """A process that forks children which ingest; see ``nursery.py``."""

    def __init__(self, folder: Path) -> None:
        self._log = (folder / "stderr.txt").open("w+b")
        self._process = subprocess.Popen(
            [sys.executable, str(NURSERY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
        )
        self._rest = b""

    def _line(self, seconds: float) -> str | None:
        """The next line; None when none comes in time."""
        assert self._process.stdout
        until = time.monotonic() + seconds
        while b"\n" not in self._rest:
            ready, _, _ = select.select(
                [self._process.stdout], [], [], max(0.0, until - time.monotonic())
            )
            if not ready:
                return None
            data = os.read(self._process.stdout.fileno(), 1 << 16)
            assert data, f"the nursery is gone: {self.log()}"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def run(
        self, job: dict[str, Any], kill_after: float | None = None
    ) -> tuple[list[str], int, float]:
        """Run a job, killing it after so many seconds; its lines, its exit status and how long it took."""
        assert self._process.stdin
        began = time.monotonic()
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        lines: list[str] = []
        pid: int | None = None
        while True:
            left = 60.0 if kill_after is None else max(0.0, began + kill_after - time.monotonic())
            line = self._line(left if pid else 60.0)
            if line is None:
                assert kill_after is not None, f"no end in sight: {lines}, {self.log()}"
                assert pid
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                kill_after = None
            elif line.startswith("pid "):
                pid = int(line[4:])
            elif line.startswith("exit "):
                return lines, int(line[5:]), time.monotonic() - began
            else:
                lines.append(line)

    def wait(self, word: str) -> None:
        """Read on to the line that begins with the word."""
        while not (line := self._line(60) or "").startswith(word):
            assert line, self.log()

    def warm(self, job: dict[str, Any]) -> None:
        """Let the nursery itself do a job, so that children inherit what the first use of a library makes."""
        assert self._process.stdin
        self._process.stdin.write(
            json.dumps({**job, "warm": True, "report": True}).encode() + b"\n"
        )
        self.wait("done")

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode()[-4000:]

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
        self._log.close()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: what a killed process wrote is there without waiting for a disk."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK) or shutil.disk_usage(shared).free < 1 << 28:
        yield tmp_path
        return
    made = Path(tempfile.mkdtemp(prefix="carbon254-", dir=shared))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def nursery(tmp_path: Path) -> Iterator[Nursery]:
    one = Nursery(tmp_path)
    try:
        one.wait("ready")
        yield one
    finally:
        one.close()


def report(nursery: Nursery, job: dict[str, Any]) -> tuple[dict[str, Any], float]:
    lines, status, seconds = nursery.run({**job, "report": True})
    assert status == 0, nursery.log()
    found: dict[str, Any] = json.loads(lines[-1].removeprefix("done "))
    return found, seconds


def rounds(
    nursery: Nursery, folder: Path, job: Callable[[str], dict[str, Any]], documents: list[Document]
) -> None:
    """Kill and run again, in a fresh place after two kills; compare with a run that nobody disturbed."""
    parts = [(one.name, one.body, one.media_type) for one in documents]
    (folder / "documents.pickle").write_bytes(pickle.dumps(parts))
    nursery.warm(job("warm"))
    expected, _ = report(nursery, job("undisturbed"))
    _, _, span = nursery.run(job("timed"))
    statuses = expected.pop("statuses")
    assert set(statuses) == {"recorded"}
    assert len(expected["batches"]) == len(statuses)
    assert expected["archived"] == expected["receipts"]
    assert (expected["unmarked"], expected["refused"]) == ([], 0)
    reached: Counter[str] = Counter()
    for number in range(ROUNDS):
        name = f"place{number // 2}"  # killed, run again and killed again, then run to the end
        lines, status, _ = nursery.run(job(name), kill_after=SEED.uniform(0.0, span))
        assert status in (0, -signal.SIGKILL), nursery.log()
        reached[(lines or ["nothing"])[-1].split()[0] if status else "all"] += 1
        if number % 2:
            found, _ = report(nursery, job(name))
            assert set(found.pop("statuses")) <= {"recorded", "unchanged"}
            assert found == expected, f"round {number}"
            shutil.rmtree(folder / name)
    assert reached["open"] >= ROUNDS // 4, f"too few were killed while they ingested: {reached}"


def test_a_killed_ingest_into_a_data_folder_loses_nothing_and_writes_nothing_twice(
    nursery: Nursery, folder: Path, handful: list[Document]
) -> None:
    def job(name: str) -> dict[str, Any]:
        return {
            "store": "duckdb", "dsn": "", "data": str(folder / name), "report": False,
            "documents": str(folder / "documents.pickle"),
        }  # fmt: skip

    rounds(nursery, folder, job, handful)


@pytest.mark.postgres
def test_a_killed_ingest_into_postgres_loses_nothing_and_writes_nothing_twice(
    nursery: Nursery, folder: Path, handful: list[Document], postgres_server: PostgresServer
) -> None:
    made: set[str] = set()

    def job(name: str) -> dict[str, Any]:
        database = f"kill_{name}"
        if database not in made:
            made.add(database)
            template = "kill_empty" if "kill_empty" in made and name != "empty" else "template1"
            postgres_server.run(f"CREATE DATABASE {database} TEMPLATE {template}")
        head, _, tail = postgres_server.dsn.partition("?")
        dsn = f"{head.rpartition('/')[0]}/{database}" + (f"?{tail}" if tail else "")
        return {
            "store": "postgres", "dsn": dsn, "data": str(folder / name), "report": False,
            "documents": str(folder / "documents.pickle"),
        }  # fmt: skip

    # An empty database with its tables made, from which the others are copied.
    (folder / "documents.pickle").write_bytes(pickle.dumps([]))
    _, status, _ = nursery.run(job("empty"))
    assert status == 0, nursery.log()
    try:
        rounds(nursery, folder, job, handful)
    finally:
        for database in made:
            postgres_server.run(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
