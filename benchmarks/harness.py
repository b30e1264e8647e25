"""Measuring two sides in turn, and the table that is printed."""

from __future__ import annotations

import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen

ROOT: Final = Path(__file__).resolve().parent.parent
CACHE: Final = ROOT / ".bench"  # git-ignored: environments that benchmarks make for themselves

Action = Callable[[], object]
Clock = Callable[[], float]


@frozen
class Line:
    """One figure. ``floor`` is what the ratio must keep, as ``>= 0.50`` or ``<= 1.50``; None: for information only."""

    name: str
    ours: str
    other: str
    ratio: float | None = None
    floor: str | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the ratio keeps the floor; None where there is no floor or nothing was measured."""
        if self.floor is None or self.ratio is None:
            return None
        sign, bound = self.floor.split()
        return self.ratio >= float(bound) if sign == ">=" else self.ratio <= float(bound)


@frozen
class Pairs:
    """What was measured of two sides in turn, in seconds."""

    ours: Sequence[float]
    other: Sequence[float]

    @property
    def our_median(self) -> float:
        return statistics.median(self.ours)

    @property
    def other_median(self) -> float:
        return statistics.median(self.other)

    @property
    def ratios(self) -> list[float]:
        """Our time over the other's, pair by pair: what slows both down for a while divides out."""
        return [a / b for a, b in zip(self.ours, self.other, strict=True)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def rate_ratio(self) -> float:
        """Our rate over the other's."""
        return statistics.median([1 / ratio for ratio in self.ratios])

    def spread(self, *, rate: bool = False) -> str:
        """The middle half of the ratios: how far noise may have moved the median."""
        ratios = [1 / ratio for ratio in self.ratios] if rate else self.ratios
        if len(ratios) < 4:
            return f"{len(ratios)} pairs"
        low, _, high = statistics.quantiles(ratios, n=4)
        return f"{len(ratios)} pairs, middle half {low:.2f}-{high:.2f}"


def in_turn(
    ours: Action, other: Action, rounds: int, *, clock: Clock = time.perf_counter, warm: int = 1
) -> Pairs:
    """Measure both sides ``rounds`` times; every second pair begins with the other side."""
    for _ in range(warm):
        ours()
        other()
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            taken[side].append(timed((ours, other)[side], clock))
    return Pairs(*taken)


def timed(action: Action, clock: Clock = time.perf_counter) -> float:
    """Seconds that one call takes, with the collector out of the way."""
    gc.collect()
    gc.disable()
    try:
        begun = clock()
        action()
        return clock() - begun
    finally:
        gc.enable()


def note(text: str) -> None:
    """Tell what goes on, beside the table."""
    print(f"  … {text}", file=sys.stderr, flush=True)


def table(lines: Sequence[Line]) -> str:
    """The table as text."""
    head = ("name", "ours", "other", "ratio", "floor", "met", "note")
    word = {True: "yes", False: "NO", None: "-"}
    rows = [head] + [
        (
            one.name,
            one.ours,
            one.other,
            "-" if one.ratio is None else f"{one.ratio:.2f}",
            one.floor or "-",
            word[one.met],
            one.note,
        )
        for one in lines
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def million(rows: float, seconds: float) -> str:
    """A rate in million rows a second."""
    return f"{rows / seconds / 1e6:.2f} M/s"


def milliseconds(seconds: float) -> str:
    """A time in milliseconds."""
    return f"{seconds * 1e3:.2f} ms"


def mebibytes(size: float) -> str:
    """A size in MiB."""
    return f"{size / 2**20:.0f} MiB"


@frozen
class Sizes:
    """How much is measured. `QUICK` is for a look between two edits, `TINY` only shows that everything runs."""

    nodes: int = 1200  # of a CAISO day that is ingested or parsed
    miso_nodes: int = 2400
    stream_nodes: int = 16_000
    hours: int = 8760
    read_rows: int = 10_000_000
    read_rows_postgres: int = 2_000_000
    rounds: int = 9  # of what takes a second
    reads: int = 60  # of what takes milliseconds
    starts: int = 11
    messages: int = 3_000
    appends: int = 2400  # audit entries of one round, by eight threads


FULL: Final = Sizes()
QUICK: Final = Sizes(
    read_rows=2_000_000,
    read_rows_postgres=400_000,
    rounds=5,
    reads=30,
    starts=5,
    messages=1_000,
    appends=800,
)
TINY: Final = Sizes(
    nodes=6, miso_nodes=8, stream_nodes=20, hours=48, read_rows=240, read_rows_postgres=240, rounds=1, reads=2,
    starts=1, messages=50, appends=16,
)  # fmt: skip


@frozen
class Context:
    """What a benchmark is given, and what several of them share; `close` undoes it."""

    sizes: Sizes
    folder: Path
    dsn: str = ""  # a Postgres server; empty: one of our own is started
    may_install: bool = True  # whether gridstatus may be fetched
    kept: dict[str, Any] = field(factory=dict)
    _undo: list[Action] = field(factory=list)

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What ``make`` returns, made at the first call under this name."""
        if name not in self.kept:
            self.kept[name] = make()
        return self.kept[name]

    def later(self, action: Action) -> None:
        """Call this at the end."""
        self._undo.append(action)

    def close(self) -> None:
        for action in reversed(self._undo):
            with suppress(OSError):
                action()


class Worker:
    """A process of its own that answers in lines; the first says that it is ready."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self.heard()

    def ask(self, *words: str) -> str:
        """Send a line and return the answer."""
        assert self._process.stdin
        self._process.stdin.write("\t".join(words) + "\n")
        self._process.stdin.flush()
        return self.heard()

    def heard(self) -> str:
        """The next line that it says."""
        assert self._process.stdout
        if line := self._process.stdout.readline():
            return line.strip()
        raise RuntimeError(f"a worker ended with {self._process.wait()}")

    def close(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.communicate()


def peak_memory() -> int:
    """Bytes of the greatest resident size of this process so far.

    The kernel's own mark, where there is one: ``ru_maxrss`` begins with the size of the process that started this.
    """
    status = Path("/proc/self/status")
    if status.exists():
        marks = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        if "VmHWM" in marks:
            return int(marks["VmHWM"].split()[0]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
