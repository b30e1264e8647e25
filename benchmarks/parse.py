"""A market's document to numbers, against gridstatus on the same bytes."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks import made
from benchmarks.harness import CACHE, ROOT, Context, Line, Pairs, Worker, milliseconds, note
from carbon254.adapters.plugins.host import PluginHost
from carbon254.core.domain.documents import Document
from carbon254.core.domain.observations import concatenate
from carbon254.ports.markets import chunks

VERSION: Final = "0.37.0"
_FLOOR: Final = ">= 3.00"
_MEASURES: Final = {
    "LMP": "price",
    "Energy": "price_energy",
    "Congestion": "price_congestion",
    "Loss": "price_loss",
    "GHG": "price_ghg",
}


def parse_caiso(context: Context) -> Iterator[Line]:
    """CPU that gridstatus takes to read a day-ahead zip of 1 200 nodes, over what our plugin takes.

    Both sides are processes of their own that have read the document once before; each has its bytes in memory.
    gridstatus answers with a table whose columns are the parts of the price, we with a `Reading`, locators and
    all. Before anything is timed, every number of the one must equal the other's.
    """
    yield from _parse("caiso", made.written("caiso", made.caiso_day(context.sizes.nodes)), context)


def parse_miso(context: Context) -> Iterator[Line]:
    """The same for a day-ahead ex-post CSV of 2 400 nodes."""
    document = made.written("miso", made.miso_day(context.sizes.miso_nodes))
    yield from _parse("miso", document, context)


def _parse(market: str, document: Document, context: Context) -> Iterator[Line]:
    name = f"parse_{market}"
    path = context.folder / document.name
    path.write_bytes(document.body)
    pair = f"{market}={path}"
    ours = Worker(sys.executable, "-m", "benchmarks.our_worker", pair)
    context.later(ours.close)
    python = _gridstatus(context)
    if python is None:
        took = float(ours.ask("time", market))
        yield Line(name, milliseconds(took), "-", None, _FLOOR, "gridstatus is not installed")
        return
    other = Worker(str(python), str(ROOT / "benchmarks" / "gridstatus_worker.py"), pair)
    context.later(other.close)
    _compare(market, document, other, context.folder / f"{market}.npz")
    for worker in (ours, other):
        worker.ask("time", market)
    taken: tuple[list[float], list[float]] = ([], [])
    for number in range(context.sizes.rounds):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            taken[side].append(float((ours, other)[side].ask("time", market)))
    pairs = Pairs(*taken)
    yield Line(
        name, milliseconds(pairs.our_median), milliseconds(pairs.other_median), pairs.rate_ratio, _FLOOR,
        f"CPU; {pairs.spread(rate=True)}",
    )  # fmt: skip


def _compare(market: str, document: Document, other: Worker, path: Path) -> None:
    """Raise unless both sides read the same numbers."""
    count = int(other.ask("keep", market, str(path)))
    theirs = np.load(path)
    readings = list(chunks(PluginHost().market(market).read("day_ahead_lmp", document)))
    ours = concatenate([made.observed(reading, 0) for reading in readings])
    place = np.array([one.location for one in ours.series])
    measure = np.array([one.measure for one in ours.series])
    order = np.lexsort((theirs["start"], theirs["place"]))
    for word, meaning in _MEASURES.items():
        if word not in theirs:
            continue
        rows = np.flatnonzero((measure == meaning)[ours.code])
        rows = rows[np.lexsort((ours.interval_start[rows], place[ours.code[rows]]))]
        same = len(rows) == count and (
            np.array_equal(place[ours.code[rows]], theirs["place"][order])
            and np.array_equal(
                ours.interval_start[rows].astype("M8[ns]").astype(np.int64), theirs["start"][order]
            )
            and np.allclose(ours.value[rows], theirs[word][order], rtol=0, atol=1e-9)
        )
        if not same:
            raise AssertionError(
                f"{market}: gridstatus and we read another {word} from the same bytes"
            )
    note(f"{market}: {count} rows of gridstatus equal ours")


def _gridstatus(context: Context) -> Path | None:
    """The Python of an environment with gridstatus, made in ``.bench`` when it is not there; None if it may not be."""
    folder = CACHE / f"gridstatus-{VERSION}"
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return python
    if not context.may_install:
        return None
    note(f"installing gridstatus {VERSION} into an environment of its own")
    CACHE.mkdir(exist_ok=True)
    (CACHE / ".gitignore").write_text("*\n")
    venv.create(folder, with_pip=True, clear=True)
    command = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        f"gridstatus=={VERSION}",
    ]
    subprocess.run(command, check=True)
    (folder / "ready").touch()
    return python
