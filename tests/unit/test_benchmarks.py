"""Each benchmark runs, at a size that says nothing about speed."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOGETHER = (
    ("cold_start", "ingest_duckdb", "read_duckdb", "scope_filter", "audit_append", "lear_day"),
    ("parse_caiso", "parse_miso", "stream_caiso", "http_json", "publish_nats"),
)


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks", "--tiny", "--no-install", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def names(process: subprocess.Popen[str]) -> set[str]:
    said, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints
    return {line.split(",")[0].split()[0] for line in said.splitlines()[1:]}


def test_benchmarks_that_need_no_server_run() -> None:
    started = [start(*some) for some in TOGETHER]
    assert [names(process) for process in started] == [set(some) for some in TOGETHER]


@pytest.mark.postgres
def test_benchmarks_that_need_a_server_run(postgres_server) -> None:  # type: ignore[no-untyped-def]
    asked = ("ingest_postgres", "read_postgres", "bytes_per_row")
    assert names(start(*asked, "--dsn", postgres_server.dsn)) == set(asked)


def test_a_benchmark_that_is_not_there_is_named() -> None:
    process = start("cold_strat")
    _, complaints = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "cold_strat" in complaints
