"""Processes that run on, as they are started by people: other commands reach them, and they end cleanly."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from carbon254.adapters.nats.bus import NatsBus
from carbon254.adapters.nats.connection import Address
from carbon254.adapters.nats.server import NatsServer
from carbon254.config.container import open_platform
from carbon254.config.settings import Settings
from carbon254.core.domain.documents import Document

pytestmark = pytest.mark.integration
NOTHING: Mapping[str, str] = {}
COMMAND = Path(sys.executable).with_name("carbon254")
GUIDE = Path(__file__).parents[2] / "docs" / "operations.md"
SESSION = re.compile(r"```console\n(.*?)```", re.DOTALL)
PRICE = "nem/settlement-trading/price/zone/NSW1"


def environment(more: Mapping[str, str] = NOTHING) -> dict[str, str]:
    own = {name: text for name, text in os.environ.items() if not name.startswith("CARBON254_")}
    return own | dict(more)


def carbon254(
    *arguments: object, cwd: Path | None = None, more: Mapping[str, str] = NOTHING
) -> subprocess.CompletedProcess[str]:
    words = [str(COMMAND), *map(str, arguments)]
    return subprocess.run(
        words,
        cwd=cwd,
        env=environment(more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class Running:
    """A process that runs on: the lines it printed, up to the one that starts with ``until``."""

    def __init__(
        self, *arguments: object, more: Mapping[str, str] = NOTHING, until: str = "serving "
    ) -> None:
        self.process = subprocess.Popen(
            [str(COMMAND), *map(str, arguments)], env=environment(more), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.said: list[str] = []
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith(until):
                break

    @property
    def port(self) -> int:
        return int(self.said[-1].split(":")[2].split("/")[0])

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}{path}", timeout=30
            ) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """End it, and return its status and what it said on standard error."""
        self.process.send_signal(how)
        _, err = self.process.communicate(timeout=120)
        return self.process.returncode, err


@contextmanager
def running(*arguments: object, **options: Any) -> Iterator[Running]:
    made = Running(*arguments, **options)
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.end(signal.SIGKILL)
        for pipe in (made.process.stdout, made.process.stderr):
            assert pipe is not None
            pipe.close()


def fill(folder: Path, documents: list[Document]) -> Path:
    with open_platform(Settings(data=folder)) as platform:
        platform.ingest.run(documents, synthetic=True)
    return folder


@pytest.fixture(scope="module")
def documents(write: Callable[..., tuple[Document, ...]]) -> list[Document]:
    return list(write("nem", "trading", datetime(2025, 6, 5, 2, tzinfo=UTC), 1 / 6))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, documents: list[Document]) -> Path:
    """A filled data folder with a name that no socket's address has room for."""
    return fill(tmp_path_factory.mktemp("a" * 60) / ("b" * 60), documents)


@pytest.fixture(scope="module")
def alone(folder: Path) -> subprocess.CompletedProcess[str]:
    """What a command answers while nothing else has the folder; asked before `up` starts."""
    return carbon254("series", "find", "nem", "--format", "csv", "--data", folder)


@pytest.fixture(scope="module")
def up(folder: Path, alone: subprocess.CompletedProcess[str]) -> Iterator[Running]:
    with running("up", "--data", folder, "--port", "0") as made:
        yield made


def test_a_command_answers_as_if_nothing_else_ran(
    up: Running, folder: Path, alone: subprocess.CompletedProcess[str]
) -> None:
    now = carbon254("series", "find", "nem", "--format", "csv", "--data", folder)
    assert (now.returncode, now.stdout, now.stderr) == (0, alone.stdout, alone.stderr)
    assert PRICE in now.stdout
    assert folder.joinpath("carbon254.sock").stat().st_mode & 0o777 == 0o600


def test_a_refusal_comes_with_its_status(up: Running, folder: Path) -> None:
    refused = carbon254("series", "get", PRICE, "--end", "2025-06-06", "--data", folder)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("carbon254: invalid_request: --end needs a --start")


def test_files_are_written_where_the_caller_stands(
    up: Running, folder: Path, tmp_path: Path
) -> None:
    done = carbon254(
        "series",
        "get",
        PRICE,
        "--format",
        "csv",
        "--output",
        "own.csv",
        "--data",
        folder,
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, done.stderr)
    assert (tmp_path / "own.csv").read_text().startswith("series,")


def test_the_store_is_written_while_it_runs(up: Running, folder: Path) -> None:
    done = carbon254("reread", "nem", "--data", folder)
    assert (done.returncode, "store_busy" in done.stderr) == (0, False)


def test_what_reads_only_the_first_lines_may_leave(up: Running, folder: Path) -> None:
    done = subprocess.run(
        f"'{COMMAND}' coverage --data '{folder}' | head -1", shell=True, env=environment(),
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")


def test_a_second_process_that_runs_on_is_told_who_has_the_folder(
    up: Running, folder: Path
) -> None:
    refused = carbon254("work", "--data", folder)
    assert (refused.returncode, "store_busy" in refused.stderr) == (75, True)
    assert str(up.process.pid) in refused.stderr


def test_readiness_tells_of_every_part(up: Running) -> None:
    status, told = up.get("/readyz")
    assert status == 200
    assert told["parts"] == dict.fromkeys(("commands", "api", "jobs", "relay"), "running")
    assert told["status"] == "ok"


def test_jobs_are_those_of_a_made_up_store(up: Running, folder: Path) -> None:
    done = carbon254("jobs", "--format", "json", "--data", folder)
    rows = json.loads(done.stdout)
    names = {row["job"] for row in rows}
    markets = ("caiso", "entsoe", "eu_ets", "miso", "nem")
    assert names == {"checkpoint", "executions", *(f"check {market}" for market in markets)}


def session() -> list[tuple[str, str]]:
    """Commands of the guide, each with what it says that they print."""
    blocks = SESSION.findall(GUIDE.read_text(encoding="utf-8"))
    lines = [part.partition("\n") for block in blocks for part in block.split("$ ")[1:]]
    return [(command, printed.strip()) for command, _, printed in lines]


def test_the_session_of_the_guide_runs(up: Running, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(folder)
    for command, printed in session():
        words = shlex.split(command)
        if words[0] == "curl":
            told = up.get(words[-1].partition("8254")[2])[1]
            assert {**json.loads(printed), **told} == told
        else:
            done = carbon254(*words[1:], cwd=tmp_path)
            assert (done.returncode, printed) == (0, ""), command


def test_it_ends_cleanly(up: Running, folder: Path) -> None:
    status, err = up.end(signal.SIGTERM)
    assert (status, err.splitlines()[-1]) == (0, "stopped.")
    assert not (folder / "carbon254.sock").exists()
    with open_platform(Settings(data=folder)) as platform:
        assert platform.store.batches()


def test_a_killed_process_leaves_a_folder_that_works(
    tmp_path: Path, documents: list[Document]
) -> None:
    folder = fill(tmp_path / "data", documents)
    with running("serve", "--data", folder, "--port", "0") as made:
        while not (folder / "carbon254.sock").exists():
            assert made.process.poll() is None
        made.end(signal.SIGKILL)
    done = carbon254("series", "find", "--data", folder)
    assert (done.returncode, done.stderr) == (0, "")


# ---------------------------------------------------------------- apart, on servers


@pytest.mark.postgres
@pytest.mark.nats
def test_on_servers_each_part_runs_apart(
    tmp_path: Path, postgres_database: str, nats_server: NatsServer, documents: list[Document]
) -> None:
    settings = Settings(data=tmp_path / "data", store="postgres", dsn=postgres_database)
    with open_platform(settings) as platform:
        platform.ingest.run(documents, synthetic=True)
    servers = {
        "CARBON254_STORE": "postgres", "CARBON254_DSN": postgres_database, "CARBON254_NATS": nats_server.url,
    }  # fmt: skip
    folder = ("--data", settings.data)
    with (
        running("work", *folder, more=servers, until="running jobs") as work,
        running("serve", *folder, "--port", "0", more=servers) as serve,
        running("relay", *folder, more=servers, until="relaying") as relay,
    ):
        bus = NatsBus(Address(url=nats_server.url))
        try:
            subscription = bus.subscribe("batch.v1.nem.settlement-trading.zone", "all")
            (message,) = subscription.take(1, 60)
            subscription.close()
        finally:
            bus.close()
        assert message.message.headers["ce-type"] == "carbon254.ObservationsRecorded.v1"
        assert serve.get("/readyz")[1]["parts"] == {"api": "running"}
        with psycopg.connect(postgres_database, autocommit=True) as server:
            meta = "ALTER TABLE carbon254_audit.meta"
            server.execute(f"{meta} ADD CONSTRAINT shut CHECK (false) NOT VALID".encode())
            status, told = serve.get("/readyz")
            assert (status, told["code"]) == (503, "audit_unavailable")
            server.execute(f"{meta} DROP CONSTRAINT shut".encode())
        assert serve.get("/readyz")[0] == 200
        # `work` leads and owns the folder: a command there is answered by it.
        while not (settings.data / "carbon254.sock").exists():
            assert work.process.poll() is None
        jobs = carbon254("jobs", "--format", "json", *folder, more=servers)
        assert {row["job"] for row in json.loads(jobs.stdout)} >= {"check nem", "checkpoint"}
        assert [one.end()[0] for one in (work, serve, relay)] == [0, 0, 0]
