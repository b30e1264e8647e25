"""``benchmark``: our models beside published forecasts on open data."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from carbon254.adapters.cli import options
from carbon254.adapters.cli.asking import model_of
from carbon254.adapters.cli.options import As, Format, Output, example

if TYPE_CHECKING:
    from carbon254.core.domain.forecast_table import ForecastTable
    from carbon254.core.domain.forecasts import ModelSpec
    from carbon254.core.usecases.benchmark_epf import EpfResult
    from carbon254.core.usecases.epf_files import EpfHistory

benchmark = typer.Typer(
    help="Measure our models on open benchmarks, beside what others published.",
    no_args_is_help=True,
)
_DEFAULT: Final = ("naive", "lear", "blend")
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--models",
        help="Ids with commas between, or [LABEL=]MODEL:{JSON}; may be given more than once. "
        "'lear' alone stands for each of its windows and their mean.",
        show_default=",".join(_DEFAULT),
    ),
]
Before = Annotated[
    int,
    typer.Option(
        "--before", help="Leave out so many days at the end: 728 to choose without the test."
    ),
]
Keep = Annotated[
    Path | None,
    typer.Option("--keep", help="Keep what was computed in this folder, to go on from there."),
]
_SHARES: Final = frozenset(("smape", "wape", "rmae", "coverage"))


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    benchmark.callback()(_nothing)
    benchmark.command("epf", epilog=example(
        "carbon254 benchmark epf --data epf --market NP",
        "carbon254 benchmark epf --data epf --market DE --days 28 --models naive,lear",
        "carbon254 benchmark epf --data epf --market FR --models 'short=lear:{\"windows\":[56,84]}' --keep work",
        "carbon254 benchmark epf --data epf --market NP --before 728 --days 364 --format csv",
    ))(epf)  # fmt: skip
    app.add_typer(benchmark, name="benchmark")


def _nothing() -> None:
    """A group of its own, though there is one benchmark yet."""


def epf(
    context: typer.Context,
    data: Annotated[Path, typer.Option("--data", help="Folder of the benchmark's CSV files.")],
    market: Annotated[str, typer.Option("--market", help="Which file: NP for NP.csv.")],
    days: Annotated[
        int | None,
        typer.Option("--days", help="Days to forecast.", show_default="728, the test period"),
    ] = None,
    models: Models = None,
    before: Before = 0,
    keep: Keep = None,
    forecasts: Annotated[
        Path | None,
        typer.Option(
            "--forecasts", help="Write the forecasts here.", show_default="epf-MARKET.csv"
        ),
    ] = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Forecast a market of the open day-ahead benchmark, refitted daily, and compare with the published forecasts.

    The data (Lago and others, 2021, Applied Energy 293, 116983) belong to their operators and are not part of this
    package. 'apart' is the mean absolute difference from the published forecast of the same name, 'better p' the
    chance that a forecast beats the published LEAR ensemble by luck (Diebold and Mariano).
    """
    from carbon254.adapters.cli.output import write
    from carbon254.adapters.cli.progress import meter
    from carbon254.core.usecases.benchmark_epf import TEST_DAYS, compare

    started = time.perf_counter()
    history, published = _files(data, market)
    with options.doors(context).benchmark(keep) as bench, meter(f"forecasting {market}") as told:
        specs = _specs(models, tuple(bench.runner.models.cards()))
        made = bench.run(history, specs, count=days or TEST_DAYS, before=before, on_progress=told)
    path = forecasts or Path(f"epf-{market}.csv")
    _save(path, made.table)
    rows = compare(history, made.table, published)
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    shown = _for_people(columns) if form is Format.table else columns
    write(
        shown,
        form,
        output,
        title=_title(history, made),
        notes=_notes(made, path, time.perf_counter() - started),
    )


def _files(folder: Path, market: str) -> tuple[EpfHistory, ForecastTable | None]:
    from carbon254.core.domain.errors import NotFound
    from carbon254.core.usecases.epf_files import read_history, read_published

    path = folder / f"{market}.csv"
    if not path.is_file():
        known = sorted(one.stem for one in folder.glob("*.csv") if "Forecasts" not in one.stem)
        there = f"there are {', '.join(known)}" if known else "it holds no market's CSV file"
        raise NotFound(
            f"{path} is not there; {there}. The data can be had from the benchmark's authors."
        )
    history = read_history(market, path.read_bytes())
    said = folder / f"Forecasts_{market}_DNN_LEAR_ensembles.csv"
    return history, read_published(history, said.read_bytes()) if said.is_file() else None


def _specs(asked: Sequence[str] | None, installed: Sequence[str]) -> list[ModelSpec]:
    from carbon254.core.usecases.benchmark_epf import lear_specs

    names = [part for one in asked or () for part in ([one] if ":" in one else one.split(","))]
    specs: list[ModelSpec] = []
    for name in names or [one for one in _DEFAULT if one in installed]:
        specs += lear_specs() if name == "lear" else [model_of(name).spec]
    return specs


def _save(path: Path, table: ForecastTable) -> None:
    """A row for each hour, as the published files have it: start, actual, and a column for each model."""
    from carbon254.adapters.cli.output import save
    from carbon254.core.usecases.benchmark_epf import side_by_side

    save(path, side_by_side(table))


def _for_people(columns: dict[str, list[Any]]) -> dict[str, list[str]]:
    """Three decimals of money, shares as per cent; columns without any number are left out."""
    made = {}
    for name, values in columns.items():
        if all(value != value for value in values):
            continue
        share = name.removeprefix("published_") in _SHARES - {"rmae"}
        form = "{:.2%}" if share else "{:.4f}" if name in ("apart", "better_p") else "{:.3f}"
        made[name.replace("_", " ")] = [
            value if isinstance(value, str) else "" if value != value else form.format(value)
            for value in values
        ]
    return made


def _title(history: EpfHistory, made: EpfResult) -> str:
    first, last = made.table.days[0], made.table.days[-1]
    return f"{history.market}, {first} to {last}, EUR/MWh"


def _notes(made: EpfResult, path: Path, seconds: float) -> list[str]:
    failed = [
        f"{name}: {len(days)} days without a forecast, such as {days[0]}"
        for name, days in made.failures.items()
    ]
    return [*failed, *_bands(made), f"{seconds:.0f} s; forecasts in {path}"]


def _bands(made: EpfResult) -> list[str]:
    from math import isnan

    from carbon254.core.usecases.score_forecasts import reliability

    return [
        f"{one['model']}: the {one['nominal']:.0%} band covers {one['coverage']:.1%}, {one['least_hour']:.1%} to "
        f"{one['most_hour']:.1%} by hour"
        + (
            ""
            if isnan(one["worst_days"])
            else f", {one['worst_days']:.1%} in the worst {one['days']} days"
        )
        for one in reliability(made.table)
    ]
