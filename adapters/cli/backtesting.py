"""``backtest``: run, resume, list, show and compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from attrs import frozen

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
from carbon254.adapters.cli.backtests_shown import (
    By,
    numbered,
    print_result,
    print_scores,
    print_tests,
    print_value,
    write_files,
    write_pictures,
)
from carbon254.adapters.cli.options import As, Data, Format, Output, example

if TYPE_CHECKING:
    from carbon254.core.domain.backtests import BacktestPlan, Conditions
    from carbon254.core.domain.forecast_table import ForecastTable
    from carbon254.core.usecases.platform import Platform

backtest = typer.Typer(
    help="Forecast the past as it was known, and score it.", no_args_is_help=True
)


Report = Annotated[
    Path | None, typer.Option("--report", help="Write tables and pictures into this HTML file.")
]
Plots = Annotated[Path | None, typer.Option("--plots", help="Write the pictures into this folder.")]
Export = Annotated[
    Path | None,
    typer.Option("--export", help="Write every forecast into this file (.csv, .parquet)."),
]
Series = Annotated[list[str] | None, typer.Argument(help="Series to forecast.", show_default=False)]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", "-m", help="[LABEL=]MODEL[:{JSON}]; may be given more than once."),
]
First = Annotated[str | None, typer.Option("--start", help="First delivery day.")]
Last = Annotated[str | None, typer.Option("--end", help="Last delivery day, included.")]
Stride = Annotated[int, typer.Option("--stride", help="Days between two origins.")]
Actuals = Annotated[
    str, typer.Option("--actuals", help="Score against the first or the final word.")
]
Name = Annotated[str, typer.Option("--name", help="A name to find it by.")]
Request = Annotated[
    Path | None, typer.Option("--request", help="The whole plan from a TOML or JSON file.")
]
Id = Annotated[str, typer.Argument(help="Of the backtest.")]
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
    series: Series = None,
    model: Models = None,
    start: First = None,
    end: Last = None,
    exogenous: Exogenous = None,
    stride: Stride = 1,
    actuals: Actuals = "final",
    days: Days = 1,
    origin: Origin = "",
    refit: Refit = 1,
    window: SlidingWindow = None,
    gap: Gap = None,
    live_since: LiveSince = None,
    seed: Seed = 254,
    name: Name = "",
    request: Request = None,
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
    from carbon254.core.domain.entitlements import Scope

    conditions = conditions_of(days, origin, refit, window, gap, live_since, seed)
    asked = {
        "start": start, "end": end, "stride": stride, "actuals": actuals, "name": name,
    }  # fmt: skip
    plan = _plan(request, series, model, exogenous, conditions, asked)
    with options.platform(context, data) as platform, meter("forecasting days") as told:
        execution = platform.backtest.submit(plan, Scope.everything())
        typer.echo(f"backtest {execution.id}", err=True)
        result = platform.backtest.work(execution.id, Scope.everything(), told)
    print_result(result, by, form, output)
    write_files(result, report, plots, export)


def _plan(
    request: Path | None,
    series: list[str] | None,
    model: list[str] | None,
    exogenous: list[str] | None,
    conditions: Conditions,
    asked: dict[str, Any],
) -> BacktestPlan:
    """The plan of a file, or of options. Raises `InvalidRequest`, `NotFound`."""
    from carbon254.core.domain.backtests import BacktestPlan
    from carbon254.core.domain.errors import InvalidRequest
    from carbon254.core.domain.schemas import build, plain

    if request is not None:
        return build(BacktestPlan, request_file(request), "the plan")
    if not (series and asked["start"] and asked["end"]):
        raise InvalidRequest("name the series, --start and --end, or a --request.")
    facts = {
        "targets": [{"series": one, "exogenous": exogenous or []} for one in series],
        "models": [plain(model_of(one)) for one in model or ["naive"]],
        "conditions": plain(conditions),
        **asked,
    }
    return build(BacktestPlan, facts, "the plan")


def resume(
    context: typer.Context,
    id: Id,  # noqa: A002 - the word of the record
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Go on with a backtest that was interrupted."""
    from carbon254.adapters.cli.progress import meter
    from carbon254.core.domain.entitlements import Scope

    with options.platform(context, data) as platform, meter("forecasting days") as told:
        result = platform.backtest.work(id, Scope.everything(), told)
    print_result(result, None, form, output)


def backtest_list(
    context: typer.Context, data: Data = None, form: As = Format.table, output: Output = None
) -> None:
    """List backtests, the latest first."""
    from carbon254.adapters.cli.output import write

    with options.platform(context, data) as platform:
        found = platform.executions.executions("backtest")
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
    id: Id,  # noqa: A002 - the word of the record
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
    print_result(result, by, form, output)
    write_files(result, report, plots, export)


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
    from carbon254.core.usecases.compare_forecasts import merged

    asked = _Compared(ids or [], stored or [], file, series, start, end, lead, zone, actual)
    if asked.needs_a_store:
        with options.platform(context, data) as platform:
            synthetic, found = platform.synthetic, asked.found(platform)
    else:
        synthetic, found = False, asked.alone()
    tables = merged(found)
    for number, table in enumerate(tables):
        print_scores(table, by, form, numbered(output, number), synthetic=synthetic)
        print_tests(table, form)
        print_value(table, form)
        write_pictures(table, plots, synthetic=synthetic)


@frozen
class _Compared:
    """What is to be compared, as it was asked for."""

    ids: list[str]
    stored: list[str]
    file: Path | None
    series: str
    start: str | None
    end: str | None
    lead: str | None
    zone: str
    actual: str

    def __attrs_post_init__(self) -> None:
        from carbon254.core.domain.errors import InvalidRequest

        if not (self.ids or self.stored or self.file):
            raise InvalidRequest(
                "compare backtests, --stored configurations, a --file, or several of these."
            )

    @property
    def needs_a_store(self) -> bool:
        """Whether more is asked for than a file that stands for itself."""
        return bool(self.ids or self.stored or self.series)

    def alone(self) -> list[tuple[str, ForecastTable]]:
        """The file's forecasts beside its own actuals."""
        from carbon254.core.usecases.import_forecasts import import_tables

        name, body = self._body()
        tables = import_tables(name, body, zone=self.zone, actual=self.actual)
        return [(name, table) for table in tables]

    def found(self, platform: Platform) -> list[tuple[str, ForecastTable]]:
        """All that is to be compared, with where it comes from."""
        from carbon254.core.domain.entitlements import Scope
        from carbon254.core.domain.errors import InvalidRequest
        from carbon254.core.domain.series import SeriesId
        from carbon254.core.domain.time import parse_duration

        comparison, found = platform.comparison, platform.comparison.backtests(self.ids)
        if not (self.stored or self.file):
            return found
        if not self.series:
            raise InvalidRequest("say of which --series the forecasts of --stored and --file are.")
        one, scope = SeriesId.parse(self.series), Scope.everything()
        if self.stored:
            card = platform.catalogue.cards().get(one.market)
            window = options.window(self.start, self.end, card.zone if card else "UTC")
            if window is None:
                raise InvalidRequest("--stored needs a --start and an --end.")
            ahead = parse_duration(self.lead) if self.lead else None
            found += comparison.stored(one, self.stored, window, scope, lead=ahead)
        if self.file:
            name, body = self._body()
            found += comparison.imported(name, body, one, scope, actual=self.actual)
        return found

    def _body(self) -> tuple[str, bytes]:
        from carbon254.core.domain.errors import NotFound

        assert self.file is not None
        try:
            return self.file.name, self.file.read_bytes()
        except OSError as error:
            raise NotFound(f"{self.file} cannot be read: {error.strerror}.") from None
