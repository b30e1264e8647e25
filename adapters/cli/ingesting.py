"""``ingest``, ``backfill``, ``reread`` and ``read``: documents in, and documents looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carbon254.adapters.cli import options
from carbon254.adapters.cli.options import As, Data, End, Format, Output, Start, example

if TYPE_CHECKING:
    from carbon254.core.domain.errors import Carbon254Error
    from carbon254.core.usecases.ingest_documents import Outcome

Market = Annotated[str, typer.Argument(help="Market id, such as caiso.")]
Documents = Annotated[
    list[Path] | None, typer.Option("--documents", "-d", help="Files or folders to take in.")
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog=example(
        "carbon254 ingest --documents downloads/ --data data",
        "carbon254 ingest nem dispatch --start 2026-11-20",
    ))(ingest)  # fmt: skip
    app.command(
        epilog=example("carbon254 backfill miso day_ahead_lmp --start 2026-01-01 --end 2026-01-31")
    )(backfill)
    app.command(epilog=example("carbon254 reread caiso", "carbon254 reread caiso --digest 3fa9…"))(
        reread
    )
    app.command(epilog=example(
        "carbon254 read caiso day_ahead_lmp 20260101_PRC_LMP_DAM.zip --format csv",
        "carbon254 read nem dispatch PUBLIC_DISPATCHIS_202601010005.zip --account",
    ))(read)  # fmt: skip


def ingest(
    context: typer.Context,
    market: Annotated[str | None, typer.Argument(help="Fetch from this market.")] = None,
    dataset: Annotated[str | None, typer.Argument(help="… this dataset.")] = None,
    documents: Documents = None,
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="The documents are made up.")
    ] = False,
    start: Start = None,
    end: End = None,
    data: Data = None,
    form: As = Format.table,
) -> None:
    """Take in documents from files and folders, or fetch a window (default: today) from an operator.

    Files are recognised by their content; what nobody recognises is listed and left alone.
    """
    from carbon254.core.domain.errors import InvalidRequest

    if documents and (dataset or start or end):
        raise InvalidRequest(
            "files are recognised by their content and taken in whole: leave DATASET, --start and --end out."
        )
    if documents:
        _take_in(context, documents, market, data, form, synthetic=synthetic)
    elif market and dataset:
        _fetch(context, market, dataset, start, end, data, form)
    else:
        raise InvalidRequest("say what to take in: --documents PATH…, or MARKET DATASET to fetch.")


def backfill(
    context: typer.Context,
    market: Market,
    dataset: Annotated[str, typer.Argument(help="Dataset, such as day_ahead_lmp.")],
    start: Start = None,
    end: End = None,
    data: Data = None,
    form: As = Format.table,
) -> None:
    """Fetch the history of a dataset, part by part; what does not come is named as missing."""
    from carbon254.core.domain.errors import InvalidRequest

    if start is None:
        raise InvalidRequest("a backfill needs a --start, such as --start 2026-01-01.")
    _fetch(context, market, dataset, start, end, data, form)


def reread(
    context: typer.Context,
    market: Market,
    digest: Annotated[
        list[str] | None, typer.Option("--digest", help="Only these documents.")
    ] = None,
    data: Data = None,
    form: As = Format.table,
) -> None:
    """Read a market's archived documents again with the parser as it is now; nothing is fetched."""
    from carbon254.adapters.cli.progress import bar
    from carbon254.core.domain.errors import NotFound

    with options.platform(context, data) as platform:
        options.installed(platform.catalogue.cards(), market)
        known = {
            one.digest
            for one in platform.ingest.journal.receipts().values()
            if one.market == market
        }
        for one in digest or ():
            if one not in known:
                raise NotFound(f"no document {one} of {market} is archived; give the whole digest.")
        with bar(f"reading {market} again", None) as step:
            outcomes = platform.reread.market(
                market, digests=frozenset(digest or ()), on_outcome=step
            )
        platform.upkeep()
    _report(outcomes, form)


def read(
    context: typer.Context,
    market: Market,
    dataset: Annotated[str, typer.Argument(help="Dataset, such as day_ahead_lmp.")],
    paths: Annotated[list[Path], typer.Argument(help="Files or folders.", show_default=False)],
    account: Annotated[
        bool, typer.Option("--account", help="Count data rows read and ignored, by reason.")
    ] = False,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Read documents with a market's parser, without any store, and print what they say (UTC)."""
    from carbon254.adapters.cli.output import write
    from carbon254.adapters.cli.rows import of_readings
    from carbon254.core.usecases.read_documents import ReadDocuments

    found = ReadDocuments(options.doors(context).catalogue()).run(
        market, dataset, options.doors(context).files(paths)
    )
    if account:
        write(_account(found), form, output, title=f"{market} {dataset}: data rows")
        return
    findings = [
        f"{one.rule}: {one.message}" for reading in found.readings for one in reading.findings
    ]
    write(of_readings(found.readings), form, output, title=f"{market} {dataset}", notes=findings)


def _account(found: Any) -> dict[str, list[Any]]:
    lines = [("read", found.rows_read, "became numbers")]
    lines += [
        (f"ignored: {r}", n, found.reasons.get(r, ""))
        for r, n in sorted(found.rows_ignored.items())
    ]
    lines.append(("all", sum(line[1] for line in lines), "data rows in the documents"))
    return dict(zip(("rows", "count", "meaning"), map(list, zip(*lines, strict=True)), strict=True))


def _take_in(
    context: typer.Context,
    paths: list[Path],
    market: str | None,
    data: Path | None,
    form: Format,
    *,
    synthetic: bool,
) -> None:
    from carbon254.adapters.cli.progress import bar

    found = options.doors(context).files(paths)
    with options.platform(context, data, new=True) as platform:
        platform.reread.unfinished()
        with bar("taking in", len(found)) as step:
            outcomes = []
            for document in found:
                outcomes += platform.ingest.run([document], market=market, synthetic=synthetic)
                step()
        platform.upkeep()
    _report(outcomes, form)


def _fetch(
    context: typer.Context,
    market: str,
    dataset: str,
    start: str | None,
    end: str | None,
    data: Path | None,
    form: Format,
) -> None:
    from carbon254.adapters.cli.progress import bar
    from carbon254.core.domain.time import day_window, operating_day

    with options.platform(context, data, new=True) as platform:
        facts = platform.catalogue.market(market).card.dataset(dataset)
        now = platform.clock.now()
        window = options.window(start, end, facts.day_zone) or day_window(
            operating_day(now, facts.day_zone, facts.day_start), facts.day_zone, facts.day_start
        )
        platform.reread.unfinished()
        with bar(f"fetching {market} {dataset}", None) as step:
            outcomes = platform.fetch.run(market, dataset, window, on_outcome=step)
        platform.upkeep()
    _report(outcomes, form)


def _report(outcomes: Sequence[Outcome], form: Format) -> None:
    """Print what became of each document; leave with the status of the first that failed."""
    from carbon254.adapters.cli.output import write

    write(
        {
            "document": [one.name for one in outcomes],
            "market": [one.market for one in outcomes],
            "dataset": [one.dataset for one in outcomes],
            "became": [one.status for one in outcomes],
            "new": [one.recorded.new if one.recorded else 0 for one in outcomes],
            "revised": [one.recorded.revised if one.recorded else 0 for one in outcomes],
            "unchanged": [one.recorded.unchanged if one.recorded else 0 for one in outcomes],
            "code": [one.code for one in outcomes],
            "why": [
                one.message or "; ".join(f.message for f in one.findings[:2]) for one in outcomes
            ],
        },
        form,
        notes=[
            ", ".join(
                f"{n} {status}" for status, n in Counter(one.status for one in outcomes).items()
            )
        ],
    )
    failed = first_error(outcomes)
    if failed is not None:
        raise typer.Exit(failed.exit_status)


def first_error(outcomes: Sequence[Outcome]) -> Carbon254Error | None:
    """The error of the first document that was quarantined or did not come."""
    from carbon254.core.usecases.ingest_documents import error_of

    return next(
        (error_of(one) for one in outcomes if one.status in ("quarantined", "unavailable")), None
    )
