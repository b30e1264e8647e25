"""What is printed and written of backtests and comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from carbon254.adapters.cli.options import Format

if TYPE_CHECKING:
    from carbon254.core.domain.forecast_table import ForecastTable
    from carbon254.core.usecases.run_backtest import BacktestResult

_SHORT: Final = (
    "model", "scored", "mae", "rmse", "wape", "smape", "rmae", "mase", "bias", "pinball", "coverage", "width"
)  # fmt: skip


class By(str, Enum):
    """What scores are parted by."""

    hour = "hour"
    horizon = "horizon"
    month = "month"
    regime = "regime"


def print_result(result: BacktestResult, by: By | None, form: Format, output: Path | None) -> None:
    """Print a backtest's scores, its tests, and what a reader must know to believe them."""
    from carbon254.adapters.cli.reports import judged, lacking, told_of

    for number, (table, facts) in enumerate(
        zip(result.tables, result.execution.facts["subjects"], strict=True)
    ):
        facts_told = [*told_of(result), *judged(facts)] if form is Format.table else []
        told = [*(f"{name}: {what}" for name, what in facts_told), *lacking(facts)]
        print_scores(
            table, by, form, numbered(output, number), synthetic=result.synthetic,
            notes=told,
        )  # fmt: skip
        print_tests(table, form)
        print_value(table, form)


def numbered(output: Path | None, number: int) -> Path | None:
    """The file of one table of several: the first as it was named, ``-1`` behind the name of the second."""
    return output if output is None or not number else output.with_stem(f"{output.stem}-{number}")


def print_scores(
    table: ForecastTable,
    by: By | None,
    form: Format,
    output: Path | None,
    *,
    synthetic: bool,
    notes: Sequence[str] = (),
) -> None:
    """Print the scores of a table, of groups where asked."""
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


def print_tests(table: ForecastTable, form: Format) -> None:
    """Print whether one model is better than another by more than luck, for people."""
    from carbon254.adapters.cli.output import write
    from carbon254.core.usecases.score_forecasts import columns_of, significance

    if form is Format.table and len(table.models) > 1:
        columns = columns_of(significance(table))
        columns.pop("series")
        write(columns, form, title="is the second (against) better by more than luck?")


def print_value(table: ForecastTable, form: Format) -> None:
    """Print what trading on each model earns, for people."""
    from carbon254.adapters.cli.output import write
    from carbon254.core.usecases.score_forecasts import columns_of, value

    rows = value(table) if form is Format.table else []
    if rows:
        columns = columns_of(rows)
        columns.pop("series")
        write(columns, form, title="what a battery of 1 MW and 2 MWh earns on it")


def write_files(
    result: BacktestResult, report: Path | None, plots: Path | None, export: Path | None
) -> None:
    """Write the report, the pictures and every forecast, where asked."""
    from carbon254.adapters.cli.output import save

    if report is not None:
        from carbon254.adapters.cli.reports import report as written

        save(report, written(result).encode())
        typer.echo(f"wrote {report}", err=True)
    for table in result.tables:
        write_pictures(table, plots, synthetic=result.synthetic)
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


def write_pictures(table: ForecastTable, plots: Path | None, *, synthetic: bool) -> None:
    """Write the pictures of a table into a folder, where asked."""
    from carbon254.adapters.cli.forecast_plots import all_of, save
    from carbon254.adapters.cli.output import refusal

    if plots is None:
        return
    try:
        plots.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(plots, error) from None
    for name, figure in all_of(table, synthetic=synthetic):
        path = plots / f"{str(table.series).replace('/', '-')}-{table.grid.slots}-{name}.png"
        save(figure, path)
        typer.echo(f"wrote {path}", err=True)
