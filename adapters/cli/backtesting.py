"""``backtest``: run, resume, list, show and compare."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from carbon254.adapters.cli import options
from carbon254.adapters.cli.asking import (
    Days,
    Exogenous,
    Gap,
    LiveSince,
    Origin,
    Refit,
    Seed,
    SlidingWindow,
    conditions_of,
    model_of,
    request_file,
)
from carbon254.adapters.cli.options import As, Data, Format, Output, example

if TYPE_CHECKING:
    from carbon254.core.domain.backtests import BacktestPlan
    from carbon254.core.domain.forecast_table import ForecastTable
    from carbon254.core.usecases.platform import Platform
    from carbon254.core.usecases.run_backtest import BacktestResult

backtest = typer.Typer(
    help="Forecast the past as it was known, and score it.", no_args_is_help=True
)
_SHORT: Final = (
    "model", "scored", "mae", "rmse", "wape", "smape", "rmae", "mase", "bias", "pinball", "coverage", "width"
)  # fmt: skip


class By(str, Enum):
    """What scores are parted by."""

    hour = "hour"
    horizon = "horizon"
    month = "month"
    regime = "regime"


Report = Annotated[
    Path | None, typer.Option("--report", help="Write tables and pictures into this HTML file.")
]
Plots = Annotated[Path | None, typer.Option("--plots", help="Write the pictures into this folder.")]
Export = Annotated[
    Path | None,
    typer.Option("--export", help="Write every forecast into this file (.csv, .parquet)."),
]
Parted = Annotated[By | None, typer.Option("--by", help="Score each group apart.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    backtest.command("run", epilog=example(
        "carbon254 backtest run caiso/day_ahead/price/hub/TH_NP15_GEN-APND -m naive -m lear \\",
        "    --start 2026-08-01 --end 2026-10-31 --report np15.html",
        "carbon254 backtest run --request plan.toml",
    ))(run)  # fmt: skip
    backtest.command("resume", epilog=example("carbon254 backtest resume 3f6c0a9d21b4"))(resume)
    backtest.command("list", epilog=example("carbon254 backtest list"))(backtest_list)
    backtest.command("show", epilog=example(
        "carbon254 backtest show 3f6c0a9d21b4", "carbon254 backtest show 3f6c0a9d21b4 --by hour --format csv",
        "carbon254 backtest show 3f6c0a9d21b4 --report np15.html --export np15.parquet",
    ))(show)  # fmt: skip
    backtest.command("compare", epilog=example(
        "carbon254 backtest compare 3f6c0a9d21b4 77aa01f0c3de",
        "carbon254 backtest compare --stored naive --stored lear --start 2026-10-01 --end 2026-10-31 \\",
        "    --series caiso/day_ahead/price/hub/TH_NP15_GEN-APND",
        "carbon254 backtest compare --file forecasts.csv --actual price --zone Europe/Berlin",
    ))(compare)  # fmt: skip
    app.add_typer(backtest, name="backtest")


def run(
    context: typer.Context,
    series: Annotated[
        list[str] | None, typer.Argument(help="Series to forecast.", show_default=False)
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", "-m", help="[LABEL=]MODEL[:{JSON}]; may be given more than once."),
    ] = None,
    start: Annotated[str | None, typer.Option("--start", help="First delivery day.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="Last delivery day, included.")] = None,
    exogenous: Exogenous = None,
    stride: Annotated[int, typer.Option("--stride", help="Days between two origins.")] = 1,
    actuals: Annotated[
        str, typer.Option("--actuals", help="Score against the first or the final word.")
    ] = "final",
    days: Days = 1,
    origin: Origin = "",
    refit: Refit = 1,
    window: SlidingWindow = None,
    gap: Gap = None,
    live_since: LiveSince = None,
    seed: Seed = 254,
    name: Annotated[str, typer.Option("--name", help="A name to find it by.")] = "",
    request: Annotated[
        Path | None, typer.Option("--request", help="The whole plan from a TOML or JSON file.")
    ] = None,
    report: Report = None,
    plots: Plots = None,
    export: Export = None,
    by: Parted = None,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Forecast each day of a span with nothing known but what was known at its origin, and score it.

    What is done is kept: run the same again, or resume it, and it goes on where it stopped.
    """
    from carbon254.adapters.cli.progress import meter
    from carbon254.core.domain.backtests import BacktestPlan
    from carbon254.core.domain.errors import InvalidRequest
    from carbon254.core.domain.schemas import build, plain

    if request is not None:
        facts = request_file(request)
    elif not (series and start and end):
        raise InvalidRequest("name the series, --start and --end, or a --request.")
    else:
        facts = {
            "targets": [{"series": one, "exogenous": exogenous or []} for one in series],
            "models": [plain(model_of(one)) for one in model or ["naive"]],
            "start": start, "end": end, "stride": stride, "actuals": actuals, "name": name,
            "conditions": plain(conditions_of(days, origin, refit, window, gap, live_since, seed)),
        }  # fmt: skip
    plan: BacktestPlan = build(BacktestPlan, facts, "the plan")
    with options.platform(context, data) as platform, meter("forecasting days") as told:
        from carbon254.core.domain.entitlements import Scope

        execution = platform.backtest.submit(plan, Scope.everything())
        typer.echo(f"backtest {execution.id}", err=True)
        result = platform.backtest.work(execution.id, Scope.everything(), told)
    _show(result, by, form, output)
    _write(result, report, plots, export)


def resume(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="Of the backtest.")],  # noqa: A002 - the word of the record
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Go on with a backtest that was interrupted."""
    from carbon254.adapters.cli.progress import meter
    from carbon254.core.domain.entitlements import Scope

    with options.platform(context, data) as platform, meter("forecasting days") as told:
        result = platform.backtest.work(id, Scope.everything(), told)
    _show(result, None, form, output)


def backtest_list(
    context: typer.Context, data: Data = None, form: As = Format.table, output: Output = None
) -> None:
    """List backtests, the latest first."""
    from carbon254.adapters.cli.output import write

    with options.platform(context, data) as platform:
        found = platform.backtest.runner.log.executions("backtest")
    plans = [one.facts["plan"] for one in found]
    write(
        {
            "id": [one.id for one in found],
            "name": [one.configuration for one in found],
            "state": [one.state for one in found],
            "started_at": [one.started_at for one in found],
            "done": [f"{one.done} of {one.total}" for one in found],
            "series": [", ".join(target["series"] for target in plan["targets"]) for plan in plans],
            "models": [", ".join(one["label"] or one["model"] for one in plan["models"]) for plan in plans],
            "days": [f"{plan['start']} to {plan['end']}" for plan in plans],
            "why": [one.message for one in found],
        },
        form, output,
    )  # fmt: skip


def show(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="Of the backtest.")],  # noqa: A002
    by: Parted = None,
    report: Report = None,
    plots: Plots = None,
    export: Export = None,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Print a finished backtest's scores; write its report, its pictures or every forecast."""
    with options.platform(context, data) as platform:
        result = platform.backtest.result(id)
    _show(result, by, form, output)
    _write(result, report, plots, export)


def compare(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(help="Backtests.", show_default=False)] = None,
    stored: Annotated[
        list[str] | None,
        typer.Option("--stored", help="A configuration whose kept forecasts are taken."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", help="CSV or Parquet: starts, actuals, and a column for each model."
        ),
    ] = None,
    series: Annotated[
        str, typer.Option("--series", help="What was forecast; of --stored and --file.")
    ] = "",
    start: options.Start = None,
    end: options.End = None,
    lead: Annotated[
        str | None, typer.Option("--lead", help="Of --stored: issued so long before, as in P1D.")
    ] = None,
    zone: Annotated[str, typer.Option("--zone", help="Of --file: the zone of its days.")] = "UTC",
    actual: Annotated[
        str, typer.Option("--actual", help="Of --file: the column of actuals.")
    ] = "actual",
    by: Parted = None,
    plots: Plots = None,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Set forecasts against each other and against what came: backtests, kept forecasts, or those of a file."""
    from carbon254.core.domain.errors import InvalidRequest

    if sum(map(bool, (ids, stored, file))) != 1:
        raise InvalidRequest("compare backtests, or --stored configurations, or a --file.")
    if file is not None:
        tables, synthetic = [_imported(file, series, zone, actual)], False
    else:
        with options.platform(context, data) as platform:
            synthetic = platform.synthetic
            if ids:
                tables = platform.comparison.backtests(ids)
            else:
                tables = [_stored(platform, stored or [], series, start, end, lead)]
    for table in tables:
        _scored(table, by, form, output, synthetic=synthetic)
        _tested(table, form)
        _drawn(table, plots, synthetic=synthetic)


def _imported(file: Path, series: str, zone: str, actual: str) -> ForecastTable:
    from carbon254.core.domain.errors import NotFound
    from carbon254.core.domain.series import SeriesId
    from carbon254.core.usecases.forecast_files import import_table

    try:
        body = file.read_bytes()
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}.") from None
    named = SeriesId.parse(series or "user/day_ahead/price/zone/imported")
    return import_table(file.name, body, zone=zone, series=named, actual=actual)


def _stored(
    platform: Platform,
    configurations: Sequence[str],
    series: str,
    start: str | None,
    end: str | None,
    lead: str | None,
) -> ForecastTable:
    from carbon254.core.domain.entitlements import Scope
    from carbon254.core.domain.errors import InvalidRequest
    from carbon254.core.domain.series import SeriesId
    from carbon254.core.domain.time import parse_duration

    one = SeriesId.parse(series)
    card = platform.catalogue.cards().get(one.market)
    window = options.window(start, end, card.zone if card else "UTC")
    if window is None:
        raise InvalidRequest("--stored needs a --start and an --end.")
    ahead = parse_duration(lead) if lead else None
    return platform.comparison.stored(one, configurations, window, Scope.everything(), lead=ahead)


# ------------------------------------------------------------ what is printed and written


def _show(result: BacktestResult, by: By | None, form: Format, output: Path | None) -> None:
    from carbon254.adapters.cli.reports import judged, told_of

    for number, (table, facts) in enumerate(
        zip(result.tables, result.execution.facts["subjects"], strict=True)
    ):
        told = [*told_of(result), *judged(facts)] if form is Format.table else []
        path = (
            output if output is None or not number else output.with_stem(f"{output.stem}-{number}")
        )
        _scored(
            table, by, form, path, synthetic=result.synthetic, notes=[f"{k}: {v}" for k, v in told]
        )
        _tested(table, form)


def _scored(
    table: ForecastTable,
    by: By | None,
    form: Format,
    output: Path | None,
    *,
    synthetic: bool,
    notes: Sequence[str] = (),
) -> None:
    from carbon254.adapters.cli.output import SYNTHETIC, write
    from carbon254.core.usecases.score_forecasts import columns_of, scores

    rows = scores(table, by.value if by else None)
    columns = columns_of(rows)
    if form is Format.table:
        short = [by.value, *_SHORT] if by else _SHORT
        columns = {name: columns[name] for name in short if _has_numbers(columns.get(name, []))}
    title = f"{table.series}, {table.unit}" if table.unit else str(table.series)
    write(columns, form, output, title=title, notes=[*([SYNTHETIC] if synthetic else []), *notes])


def _has_numbers(values: Sequence[Any]) -> bool:
    return any(value == value for value in values)


def _tested(table: ForecastTable, form: Format) -> None:
    from carbon254.adapters.cli.output import write
    from carbon254.core.usecases.score_forecasts import columns_of, significance

    if form is Format.table and len(table.models) > 1:
        columns = columns_of(significance(table))
        columns.pop("series")
        write(columns, form, title="is the second (against) better by more than luck?")


def _write(
    result: BacktestResult, report: Path | None, plots: Path | None, export: Path | None
) -> None:
    from carbon254.adapters.cli.output import save

    if report is not None:
        from carbon254.adapters.cli.reports import report as written

        save(report, written(result).encode())
        typer.echo(f"wrote {report}", err=True)
    for table in result.tables:
        _drawn(table, plots, synthetic=result.synthetic)
    if export is not None:
        from carbon254.core.usecases.forecast_files import frame_of, write_tables

        body = (
            write_tables(result.tables)
            if export.suffix == ".parquet"
            else _csv(frame_of(result.tables))
        )
        save(export, body)
        typer.echo(f"wrote {export}", err=True)


def _csv(frame: Any) -> bytes:
    body: bytes = frame.to_csv(index=False, lineterminator="\n").encode()
    return body


def _drawn(table: ForecastTable, plots: Path | None, *, synthetic: bool) -> None:
    from carbon254.adapters.cli.forecast_plots import all_of, save
    from carbon254.adapters.cli.output import refusal

    if plots is None:
        return
    try:
        plots.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(plots, error) from None
    for name, figure in all_of(table, synthetic=synthetic):
        path = plots / f"{table.series.market}-{table.grid.slots}-{name}.png"
        save(figure, path)
        typer.echo(f"wrote {path}", err=True)
