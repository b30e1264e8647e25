"""How long a forecast takes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import TINY, Context, Line, milliseconds

_SECONDS = 0.3
_BYTES = 2 << 30
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def lear_day(context: Context) -> Iterator[Line]:
    """CPU of a day of the four-window LEAR ensemble over 0.3 s: fit and forecast, hours, two exogenous series.

    On made-up prices, in one thread; the greatest resident size over 2 GiB; the same without numba for information.
    """
    tiny = context.sizes == TINY
    seconds, size = _worker("fast", 1 if tiny else 20)
    yield Line(
        "lear_day",
        milliseconds(seconds),
        milliseconds(_SECONDS),
        seconds / _SECONDS,
        "<= 1.00",
        "CPU",
    )
    yield Line(
        "lear_day, peak memory",
        f"{size >> 20} MiB",
        f"{_BYTES >> 20} MiB",
        size / _BYTES,
        "<= 1.00",
    )
    if not tiny:
        seconds, _ = _worker("plain", 3)
        yield Line(
            "lear_day without numba", milliseconds(seconds), milliseconds(_SECONDS), seconds / _SECONDS, note="CPU",
        )  # fmt: skip


def _worker(way: str, days: int) -> tuple[float, int]:
    script = Path(__file__).with_name("lear_worker.py")
    said = subprocess.run(
        [sys.executable, str(script), way, str(days)],
        env={**os.environ, **_ONE_THREAD}, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    return float(said[0]), int(said[1])
