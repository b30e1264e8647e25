"""`python -m benchmarks [NAME …] [--quick]`, run from the root of the repository."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from attrs import evolve

from benchmarks.harness import FULL, QUICK, TINY, Context, Line, note, table

# Name and module; a module is imported when its turn comes, so that one without its database still runs the others.
BENCHMARKS = {
    "cold_start": "start",
    "parse_caiso": "parse",
    "parse_miso": "parse",
    "stream_caiso": "stream",
    "ingest_duckdb": "ingest",
    "ingest_postgres": "ingest",
    "read_duckdb": "read",
    "read_postgres": "read",
    "bytes_per_row": "size",
    "publish_nats": "messages",
    "http_json": "rest",
    "scope_filter": "admit",
    "audit_append": "admit",
    "lear_day": "forecasting",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks that are named, or all; the exit code is 1 where a floor is missed."""
    asked = _asked(arguments)
    sizes = TINY if asked.tiny else QUICK if asked.quick else FULL
    if asked.rows:
        sizes = evolve(sizes, read_rows=asked.rows, read_rows_postgres=asked.rows)
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="carbon254-bench-") as folder:
        context = Context(sizes, Path(folder), asked.dsn, may_install=not asked.no_install)
        try:
            for name in asked.names or BENCHMARKS:
                note(name)
                lines += _run(name, context)
        finally:
            context.close()
            shutil.rmtree(folder, ignore_errors=True)
            Path(folder).mkdir(exist_ok=True)
    print(table(lines))
    load = os.getloadavg()[0]
    note(f"{os.cpu_count()} cores, load {load:.1f}: what else runs here moves every figure")
    return 1 if not asked.tiny and any(line.met is False for line in lines) else 0


def _run(name: str, context: Context) -> list[Line]:
    module = import_module(f"benchmarks.{BENCHMARKS[name]}")
    benchmark: Callable[[Context], Iterator[Line]] = getattr(module, name)
    return list(benchmark(context))


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller stores")
    parser.add_argument("--tiny", action="store_true", help="only see that everything runs")
    parser.add_argument("--rows", type=int, default=0, help="rows of the stores that are read")
    parser.add_argument(
        "--dsn", default="", help="a Postgres server to use in place of one of our own"
    )
    parser.add_argument("--no-install", action="store_true", help="do not fetch gridstatus")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.names) - set(BENCHMARKS)):
        parser.error(f"there is no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}.")
    return asked


if __name__ == "__main__":
    sys.exit(main())
