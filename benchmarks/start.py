"""How long the command line takes to start."""

from __future__ import annotations

import os
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Context, Line, Pairs, milliseconds

_FLOOR = "<= 1.50"
_IMPORTS = "import attrs, cattrs, pluggy, typer"


def cold_start(context: Context) -> Iterator[Line]:
    """CPU of ``carbon254 markets`` over CPU of a Python that imports attrs, cattrs, pluggy and typer.

    User and system time of whole processes, run in turn from an empty folder, compiled beforehand. A Python that
    does nothing is shown for comparison: it is part of both sides.
    """
    command = [str(Path(sys.executable).with_name("carbon254")), "markets"]
    imports = [sys.executable, "-c", _IMPORTS]
    for _ in range(2):  # the first run compiles
        _cpu(command, context.folder)
        _cpu(imports, context.folder)
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(context.sizes.starts):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            taken[side].append(_cpu((command, imports)[side], context.folder))
    pairs = Pairs(*taken)
    nothing = [
        _cpu([sys.executable, "-c", ""], context.folder) for _ in range(context.sizes.starts)
    ]
    yield Line(
        "cold_start", milliseconds(pairs.our_median), milliseconds(pairs.other_median), pairs.ratio, _FLOOR,
        f"CPU; {pairs.spread()}; bare Python {milliseconds(statistics.median(nothing))}",
    )  # fmt: skip


def _cpu(command: list[str], folder: Path) -> float:
    """Seconds of CPU, user and system, that a command takes."""
    environment = {
        name: value for name, value in os.environ.items()
        if name != "PYTHONDONTWRITEBYTECODE" and not name.startswith("CARBON254_")
    }  # fmt: skip
    silent = [
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    here = Path.cwd()
    os.chdir(folder)
    try:
        child = os.posix_spawn(command[0], command, environment, file_actions=silent)
    finally:
        os.chdir(here)
    _, status, used = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status):
        raise AssertionError(f"{command} ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_utime + used.ru_stime
