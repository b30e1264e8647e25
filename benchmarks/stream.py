"""A whole day of CAISO, which does not fit into memory twice."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import ROOT, Context, Line, mebibytes, note

_FLOOR = "<= 1.00"


def stream_caiso(context: Context) -> Iterator[Line]:
    """Peak memory of a process that takes in a 16 000-node day, archive to commit and sorting, over 1 GiB.

    The zip (325 MB of CSV) is made by the market's ``write`` in another process. Measured is all of the process
    that ingests: Python, libraries, the database's buffers.
    """
    path = _document(context)
    command = [
        sys.executable,
        "-m",
        "benchmarks.stream_worker",
        str(context.folder / "stream"),
        str(path),
    ]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    told = json.loads(answer.stdout)
    if told["status"] != "recorded":
        raise AssertionError(f"the day was not recorded: {told}")
    yield Line(
        "stream_caiso, peak memory", mebibytes(told["peak"]), "1024 MiB", told["peak"] / 2**30, _FLOOR,
        f"{told['rows']:,} rows in {told['seconds']:.1f} s ({told['cpu']:.1f} s CPU); "
        f"opened {mebibytes(told['opened'])}, ingested {mebibytes(told['ingested'])}",
    )  # fmt: skip


def _document(context: Context) -> Path:
    nodes = context.sizes.stream_nodes
    program = (
        "import sys; from pathlib import Path; from benchmarks import made; "
        "document = made.written('caiso', made.caiso_day(int(sys.argv[2]))); "
        "(Path(sys.argv[1]) / document.name).write_bytes(document.body); print(document.name)"
    )
    command = [sys.executable, "-c", program, str(context.folder), str(nodes)]
    made = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    path = context.folder / made.stdout.strip()
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    note(f"{nodes} nodes: {size / 1e6:.0f} MB of CSV, {path.stat().st_size / 1e6:.0f} MB of zip")
    return path
