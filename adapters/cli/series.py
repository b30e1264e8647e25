"""``series``, ``coverage`` and ``provenance``: questions about stored numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carbon254.adapters.cli import options
from carbon254.adapters.cli.options import (
    As,
    AsOf,
    Data,
    End,
    Format,
    Output,
    PublishedBy,
    Start,
    example,
)

if TYPE_CHECKING:
    from carbon254.core.domain.time import Window
    from carbon254.core.usecases.platform import Platform
    from carbon254.core.usecases.query_series import SeriesAnswer

series = typer.Typer(help="Find and read series.", no_args_is_help=True)
Pattern = Annotated[
    str,
    typer.Argument(
        help="Series or pattern: market/run/measure/kind/location, '*' for any.", show_default=False
    ),
]
Exporter = Annotated[
    str | None, typer.Option("--exporter", help="Write in a plugin's format, named market.name.")
]
Lead = Annotated[
    str | None,
    typer.Option("--lead", help="Of forecasts: issued at least so long before, as in P1D."),
]
Patterns = Annotated[
    list[str] | None, typer.Argument(help="Patterns; all series without one.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    series.command(
        "find",
        epilog=example("carbon254 series find np15", "carbon254 series find 'nem/*/price/zone/*'"),
    )(find)
    series.command("get", epilog=example(
        "carbon254 series get caiso/day_ahead/price/hub/TH_NP15_GEN-APND --start 2026-11-01 --end 2026-11-02",
        "carbon254 series get 'nem/settlement-trading/price/zone/*' --as-of 2026-11-02T00:00Z --format csv",
        "carbon254 series get caiso/day_ahead/price/hub/TH_NP15_GEN-APND --start 2026-11-01 --plot np15.png",
    ))(get)  # fmt: skip
    app.add_typer(series, name="series")
    app.command(epilog=example("carbon254 coverage 'caiso/day_ahead'"))(coverage)
    app.command(epilog=example(
        "carbon254 provenance caiso/day_ahead/price/hub/TH_NP15_GEN-APND 2026-11-01T08:00Z"
    ))(provenance)  # fmt: skip


def find(
    context: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(help="Text or patterns.", show_default=False)
    ] = None,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Find series by any part of their id, or by pattern."""
    from carbon254.adapters.cli.output import write
    from carbon254.core.domain.entitlements import Scope, SeriesPattern

    given = words or []
    patterns = [SeriesPattern.parse(word) for word in given if "/" in word]
    text = " ".join(word for word in given if "/" not in word)
    with options.platform(context, data) as platform:
        entries = platform.find.run(patterns, Scope.everything(), text=text)
        notes = _notes(platform)
    write(
        {
            "series": [str(entry.series) for entry in entries],
            "unit": [entry.unit for entry in entries],
            "first": [entry.first for entry in entries],
            "last": [entry.last for entry in entries],
            "rows": [entry.rows for entry in entries],
        },
        form,
        output,
        notes=[*notes, f"{len(entries)} series"],
    )


def _notes(platform: Platform) -> list[str]:
    from carbon254.adapters.cli.output import SYNTHETIC

    return [SYNTHETIC] if platform.synthetic else []


def _window(platform: Platform, text: str, start: str | None, end: str | None) -> Window | None:
    """The window of the options; days are the first card's operating days."""
    card = platform.catalogue.cards().get(text.split("/", 1)[0])
    return options.window(start, end, card.zone if card else "UTC")


def get(
    context: typer.Context,
    pattern: Pattern,
    start: Start = None,
    end: End = None,
    as_of: AsOf = None,
    published_by: PublishedBy = None,
    history: Annotated[
        bool, typer.Option("--history", help="All revisions, not only the current rows.")
    ] = False,
    vintages: Annotated[bool, typer.Option("--vintages", help="All issues of a forecast.")] = False,
    lead: Lead = None,
    unit: Annotated[
        str | None, typer.Option("--unit", help="Convert exactly, as in EUR/kWh for EUR/MWh.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the values into this PNG.")
    ] = None,
    exporter: Exporter = None,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Read series: every interval of the window with its value, or with the reason why there is none.

    Days are the market's operating days; the end day is included.
    """
    from carbon254.core.domain.entitlements import Scope
    from carbon254.core.domain.errors import NotFound
    from carbon254.core.usecases.questions import question_of

    with options.platform(context, data) as platform:
        question = question_of(
            platform.catalogue, pattern, start, end, as_of=as_of, published_by=published_by,
            history=history, vintages=vintages, unit=unit, lead=lead,
        )  # fmt: skip
        answers = platform.query.run(question, Scope.everything())
        zones = {name: card.zone for name, card in platform.catalogue.cards().items()}
        if answers and exporter:
            _export(platform, answers, exporter, output)
            return
    if not answers:
        raise NotFound(
            f"no stored series matches '{pattern}'; 'carbon254 series find' lists what there is."
        )
    if plot is not None:
        _draw(answers, plot, zones)
    if plot is None or form is not Format.table or output is not None:
        _write(answers, form, output)


def _export(
    platform: Platform, answers: list[SeriesAnswer], exporter: str, output: Path | None
) -> None:
    from carbon254.adapters.cli.output import save
    from carbon254.core.usecases.frames import frame_of

    body = platform.export(exporter, frame_of(answers))
    if output is not None:
        save(output, body)
    else:
        typer.echo(body, nl=False)


def _draw(answers: list[SeriesAnswer], plot: Path, zones: dict[str, str]) -> None:
    from carbon254.adapters.cli.plotting import draw

    draw(answers, plot, zones)
    typer.echo(f"wrote {plot}", err=True)


def _write(answers: list[SeriesAnswer], form: Format, output: Path | None) -> None:
    from carbon254.adapters.cli.output import write
    from carbon254.adapters.cli.rows import of_answers
    from carbon254.core.usecases.query_series import note

    write(of_answers(answers), form, output, notes=list(note(answers)))


def coverage(
    context: typer.Context,
    patterns: Patterns = None,
    start: Start = None,
    end: End = None,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Show how far each series reaches, and what of it is pending, late or missing."""
    from carbon254.adapters.cli.output import write
    from carbon254.core.domain.entitlements import Scope, SeriesPattern

    wanted = [SeriesPattern.parse(one) for one in patterns or []]
    with options.platform(context, data) as platform:
        window = _window(platform, (patterns or [""])[0], start, end)
        found = platform.find.coverage(wanted, Scope.everything(), window)
        notes = _notes(platform)
    write(
        {
            "series": [str(one.entry.series) for one in found],
            "first": [one.entry.first for one in found],
            "last": [one.entry.last for one in found],
            "intervals": [one.intervals for one in found],
            "share": [round(one.share, 4) for one in found],
            "states": [
                ", ".join(f"{n} {state}" for state, n in one.states.items()) for one in found
            ],
            "gaps": ["; ".join(f"{span} {state}" for span, state in one.gaps[:3]) for one in found],
            "revisions": [one.revisions for one in found],
        },
        form,
        output,
        notes=notes,
    )


def provenance(
    context: typer.Context,
    series_id: Annotated[str, typer.Argument(help="market/run/measure/kind/location")],
    start: Annotated[str, typer.Argument(help="Start of the interval, ISO 8601 with an offset.")],
    as_of: AsOf = None,
    published_by: PublishedBy = None,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Trace a number to the bytes that it came from, and read them again."""
    from carbon254.adapters.cli.output import write
    from carbon254.adapters.cli.rows import instants
    from carbon254.core.domain.entitlements import Scope
    from carbon254.core.domain.series import SeriesId
    from carbon254.core.domain.time import parse_instant
    from carbon254.core.domain.vocabulary import PublishedBasis

    with options.platform(context, data) as platform:
        found = platform.trace.run(
            SeriesId.parse(series_id), parse_instant(start), Scope.everything(),
            as_of=options.instant(as_of), published_by=options.instant(published_by),
        )  # fmt: skip
    row, batch, receipt = found.row, found.batch, found.receipt
    facts = {
        "series": str(row.series[row.code[0]]),
        "value": "" if row.value[0] != row.value[0] else repr(float(row.value[0])),
        "unit": row.units[row.code[0]],
        "published_at": instants(row.published_at)[0],
        "published_basis": PublishedBasis(int(row.published_basis[0])).word,
        "recorded_at": instants(row.recorded_at)[0],
        "document": batch.document_name,
        "url": receipt.url or receipt.request,
        "archived_at": batch.archived_at,
        "document_stamp": batch.document_stamp,
        "digest": batch.digest,
        "parser_version": batch.parser_version,
        "locator": f"part {found.locator.part}, row {found.locator.row}, field {found.locator.field}",
        "fragment": found.fragment.decode("utf-8", "replace"),
        "read again": "" if found.reread is None else repr(found.reread),
        "same": "yes" if found.same else "no",
    }
    if form is Format.table:
        write({"what": list(facts), "": list(facts.values())}, form, output)
    else:
        write({name: [value] for name, value in facts.items()}, form, output)
