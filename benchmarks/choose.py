"""`python -m benchmarks.choose NAME --data DIR --market NP [--write]`: try again what a choice was made from.

`selection/NAME.toml` says what was asked, what was tried, on which days and what was chosen; `selection/NAME.csv` what
came out. Days end where the benchmark's test period begins, or earlier. The exit code is 1 where figures differ from
those in the log; `--write` enters them.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from carbon254.config.container import open_benchmark
from carbon254.core.domain.forecasts import ModelSpec
from carbon254.core.usecases.benchmark_epf import TEST_DAYS
from carbon254.core.usecases.epf_files import read_history
from carbon254.core.usecases.score_forecasts import scores

HERE = Path(__file__).parent / "selection"
FIGURES = ("mae", "rmse", "pinball", "coverage")
TOLERANCE = 5e-4  # EUR/MWh: libraries of linear algebra round differently


def main(arguments: list[str] | None = None) -> int:
    """Run what the log of a choice says, for one market, and compare."""
    asked = _asked(arguments)
    path = HERE / f"{asked.name}.toml"
    log = tomllib.loads(path.read_text(encoding="utf-8"))
    if log["before"] < TEST_DAYS:
        sys.exit(
            f"{path.name} looks at days of the test period: 'before' must be {TEST_DAYS} or more."
        )
    found = run(log, asked.data, asked.market, asked.keep)
    known = read_figures(path.with_suffix(".csv"))
    differs = False
    for label, figures in found.items():
        logged = known.get((label, asked.market), {})
        off = [key for key in FIGURES if _off(figures.get(key), logged.get(key))]
        differs |= bool(off)
        said = "  ".join(f"{key} {value:.4f}" for key, value in figures.items())
        print(f"{asked.market}  {label:32}  {said}{'  not as logged' if off else ''}")
    if asked.write:
        merged = known | {(label, asked.market): one for label, one in found.items()}
        write_figures(path.with_suffix(".csv"), merged)
        return 0
    return int(differs)


def run(
    log: dict[str, Any], data: Path, market: str, keep: Path | None = None
) -> dict[str, dict[str, float]]:
    """Figures of everything that was tried, by label."""
    history = read_history(market, (data / f"{market}.csv").read_bytes())
    specs = [
        ModelSpec(one["model"], one.get("parameters", {}), one["label"]) for one in log["tried"]
    ]
    with open_benchmark(keep) as bench:
        made = bench.run(
            history, specs, count=log["days"], before=log["before"], stride=log["stride"]
        )
    if made.failures:
        sys.exit(f"{market}: {made.failures}")
    return {
        row["model"]: {key: row[key] for key in FIGURES if row[key] == row[key]}
        for row in scores(made.table)
    }


def read_figures(path: Path) -> dict[tuple[str, str], dict[str, float]]:
    """The logged figures by label and market."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {
            (row["label"], row["market"]): {key: float(row[key]) for key in FIGURES if row.get(key)}
            for row in csv.DictReader(file)
        }


def write_figures(path: Path, figures: dict[tuple[str, str], dict[str, float]]) -> None:
    """Enter figures, four decimals, by market and then in the order in which they were tried."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["market", "label", *FIGURES])
        for (label, market), one in sorted(figures.items(), key=lambda item: item[0][1]):
            writer.writerow([market, label, *_texts(one)])


def _texts(figures: dict[str, float]) -> Sequence[str]:
    return [f"{figures[key]:.4f}" if key in figures else "" for key in FIGURES]


def _off(now: float | None, then: float | None) -> bool:
    if now is None or then is None:
        return (now is None) != (then is None)
    return abs(now - then) > TOLERANCE


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.choose", description=__doc__)
    parser.add_argument("name", help="of a file in benchmarks/selection, without .toml")
    parser.add_argument("--data", type=Path, required=True, help="folder of the benchmark's files")
    parser.add_argument("--market", required=True, help="which file: NP for NP.csv")
    parser.add_argument("--keep", type=Path, help="keep what was computed in this folder")
    parser.add_argument("--write", action="store_true", help="enter the figures into the log")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
