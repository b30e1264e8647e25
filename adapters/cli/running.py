"""``demo`` and ``board``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from carbon254.adapters.cli import options
from carbon254.adapters.cli.demo_keys import show_demo_keys
from carbon254.adapters.cli.options import (
    As,
    AsOf,
    Data,
    Format,
    Output,
    Port,
    PublishedBy,
    example,
)
from carbon254.adapters.cli.serving import run_on

if TYPE_CHECKING:
    from carbon254.core.usecases.ingest_documents import Outcome
    from carbon254.core.usecases.platform import Platform

DEMO_NOW: Final = datetime(
    2026, 11, 2, 22, 30, tzinfo=UTC
)  # samples reach back over both clock changes of autumn


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(
        epilog=example(
            "carbon254 demo", "carbon254 demo --once --documents downloads/ --data data-real"
        )
    )(demo)
    app.command(epilog=example("carbon254 board", "carbon254 board --day 2026-11-01 --format csv"))(
        board
    )


def demo(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the table; do not serve.")
    ] = False,
    documents: Annotated[
        list[Path] | None,
        typer.Option("--documents", "-d", help="Real documents, in place of made-up samples."),
    ] = None,
    data: Data = None,
    port: Port = None,
) -> None:
    """Take in sample documents of every installed market, or real ones; show the board and what is stored; serve."""
    folder = data or Path("data-demo")
    pinned = None if documents else DEMO_NOW
    with options.platform(context, folder, pinned, new=True) as platform:
        outcomes = _documents(platform, documents) if documents else _samples(platform)
        platform.upkeep()
        _show_board(platform, None, Format.table)
        _show_table(platform)
        _show_left_out(outcomes)
        if not documents:
            from carbon254.adapters.cli.demo_forecast import learn_and_forecast

            learn_and_forecast(platform)
        show_demo_keys(platform, port)
        if not once:
            run_on(context, "demo", folder, platform=platform, port=port)


def _samples(platform: Platform) -> list[Outcome]:
    """Made-up documents of all markets; those that were taken in before by the same parser are not made again."""
    from carbon254.adapters.cli.progress import bar

    platform.ingest.claim(synthetic=True)
    platform.reread.unfinished()
    due = [
        (card, dataset, fact) for card, dataset in platform.samples.datasets()
        if not platform.records.get(fact := f"sample/{card.id}/{dataset}/{platform.catalogue.parser_version(card.id)}")
    ]  # fmt: skip
    outcomes: list[Outcome] = []
    if due:
        with bar("making and taking in samples", len(due)) as step:
            for card, dataset, fact in due:
                outcomes += platform.samples.one(card, dataset)
                platform.records.put(fact, "done")
                step()
    return outcomes


def _documents(platform: Platform, paths: list[Path]) -> list[Outcome]:
    from carbon254.adapters.cli.progress import bar

    found = platform.files(paths)
    platform.reread.unfinished()
    outcomes: list[Outcome] = []
    with bar("taking in documents", len(found)) as step:
        for document in found:
            outcomes += platform.ingest.run([document])
            step()
    return outcomes


def _show_table(platform: Platform) -> None:
    from carbon254.adapters.cli.output import SYNTHETIC, write
    from carbon254.core.domain.entitlements import Scope

    lines = platform.summary.run(Scope.everything())
    columns: dict[str, list[Any]] = {
        "market": [line.market for line in lines],
        "dataset": [line.dataset for line in lines],
        "series": [line.series for line in lines],
        "intervals": [line.intervals for line in lines],
        "gaps": [line.gaps for line in lines],
        "revisions": [line.revisions for line in lines],
    }
    typer.echo()
    notes = [SYNTHETIC] if platform.synthetic else []
    write(columns, Format.table, title="stored", notes=notes)


def _show_left_out(outcomes: Sequence[Outcome]) -> None:
    from carbon254.adapters.cli.output import write

    left = [one for one in outcomes if one.status not in ("recorded", "unchanged")]
    if left:
        columns: dict[str, list[Any]] = {
            "document": [one.name for one in left],
            "became": [one.status for one in left],
            "code": [one.code for one in left],
            "why": [one.message for one in left],
        }
        write(columns, Format.table, title="not taken in")


def board(
    context: typer.Context,
    day: Annotated[
        str | None, typer.Option("--day", help="Show this day as today, YYYY-MM-DD.")
    ] = None,
    as_of: AsOf = None,
    published_by: PublishedBy = None,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """The morning board: yesterday, today and tomorrow by block for each hub and zone, with what changed."""
    from carbon254.core.domain.time import parse_day

    with options.platform(context, data) as platform:
        clocks = options.instant(as_of), options.instant(published_by)
        _show_board(platform, parse_day(day) if day else None, form, output, clocks)


def _show_board(
    platform: Platform,
    day: date | None,
    form: Format,
    output: Path | None = None,
    clocks: Any = (None, None),
) -> None:
    from carbon254.adapters.cli.boards import show_board
    from carbon254.core.domain.entitlements import Scope

    shown = platform.board.run(Scope.everything(), day=day, as_of=clocks[0], published_by=clocks[1])
    show_board(shown, form, output, synthetic=platform.synthetic)
