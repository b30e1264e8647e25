"""``quality`` and ``doctor``: is what is stored good, and is the house in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

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
    from carbon254.core.domain.quality import QualityFinding

quality = typer.Typer(
    help="Judge what is stored, and decide on refused documents.", invoke_without_command=True
)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    quality.callback(
        epilog=example(
            "carbon254 quality",
            "carbon254 quality --market caiso --start 2026-11-01 --end 2026-11-02",
            "carbon254 quality --as-of 2026-11-01T12:00Z",
            "carbon254 quality refused",
        )
    )(check)
    quality.command("refused", epilog=example("carbon254 quality refused"))(refused)
    quality.command("accept", epilog=example("carbon254 quality accept 3fa9…"))(accept)
    app.add_typer(quality, name="quality")
    app.command(epilog=example("carbon254 doctor", "carbon254 doctor --rebuild"))(doctor)


def check(
    context: typer.Context,
    market: Annotated[
        list[str] | None, typer.Option("--market", help="Only these markets.")
    ] = None,
    start: Start = None,
    end: End = None,
    as_of: AsOf = None,
    published_by: PublishedBy = None,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Run all checks over each market's last two days, or over a window: fresh, whole, within limits, spikes, sums."""
    if context.invoked_subcommand is not None:
        return
    from carbon254.adapters.cli.output import write
    from carbon254.adapters.cli.progress import bar
    from carbon254.core.domain.entitlements import Scope

    with options.platform(context, data) as platform:
        cards = platform.catalogue.cards()
        chosen = [options.installed(cards, name) for name in market or cards]
        windows = {card.id: options.window(start, end, card.zone) for card in chosen}
        with bar("checking", len(chosen)) as step:
            found = platform.quality.run(
                Scope.everything(),
                markets=market or (),
                window=lambda card: windows[card.id],
                as_of=options.instant(as_of),
                published_by=options.instant(published_by),
                on_market=step,
            )
        waiting = len(platform.quality.refused(Scope.everything(), as_of=options.instant(as_of)))
    told = f"{len(found)} findings; {waiting} documents in quarantine (carbon254 quality refused)"
    write(_columns(found, together=form is Format.table), form, output, notes=[told])


def _columns(found: list[QualityFinding], *, together: bool) -> dict[str, list[Any]]:
    shown = _together(found) if together else [(one, str(one.series or "")) for one in found]
    return {
        "severity": [one.severity for one, _ in shown],
        "rule": [one.rule for one, _ in shown],
        "series": [name for _, name in shown],
        "from": [one.interval_start for one, _ in shown],
        "to": [one.interval_end for one, _ in shown],
        "count": [one.count for one, _ in shown],
        "what": [one.message for one, _ in shown],
    }


def _together(found: list[QualityFinding]) -> list[tuple[QualityFinding, str]]:
    """Findings that say the same of several series of a market as one line, for people."""
    groups: dict[tuple[Any, ...], list[QualityFinding]] = {}
    for one in found:
        market = one.series.market if one.series else ""
        key = (one.severity, one.rule, market, one.interval_start, one.interval_end, one.message)
        groups.setdefault(key, []).append(one)
    return [
        (
            same[0],
            str(same[0].series or "") + (f" and {len(same) - 1} more" if len(same) > 1 else ""),
        )
        for same in groups.values()
    ]


def refused(
    context: typer.Context,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="Which stood refused at this instant?")
    ] = None,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """List documents in quarantine, with the reason."""
    from carbon254.adapters.cli.output import write
    from carbon254.core.domain.entitlements import Scope

    with options.platform(context, data) as platform:
        entries = platform.quality.refused(Scope.everything(), as_of=options.instant(as_of))
    write(
        {
            "digest": [one.digest for one in entries],
            "market": [one.market for one in entries],
            "dataset": [one.dataset for one in entries],
            "document": [one.name for one in entries],
            "code": [one.code for one in entries],
            "why": [one.message for one in entries],
            "at": [one.at for one in entries],
        },
        form,
        output,
    )


def accept(
    context: typer.Context,
    digest: Annotated[str, typer.Argument(help="Digest of the document.")],
    data: Data = None,
) -> None:
    """Accept a refused document: it leaves the quarantine and is read again with the parser as it is now."""
    with options.platform(context, data) as platform:
        for outcome in platform.quality.accept(digest):
            typer.echo(f"{outcome.name}: {outcome.status} {outcome.message}".rstrip())


def doctor(
    context: typer.Context,
    rebuild: Annotated[
        bool,
        typer.Option(
            "--rebuild",
            help="Fill an empty series store from archive and receipts, with its clocks.",
        ),
    ] = False,
    data: Data = None,
    form: As = Format.table,
) -> None:
    """Check settings, plugins, stores and archive; finish what a crash left undone; rebuild a lost series store."""
    from carbon254.adapters.cli.output import text, write
    from carbon254.adapters.cli.progress import bar

    with options.platform(context, data, new=True) as platform:
        lines = [("plugins", ", ".join(platform.catalogue.cards()) or "none", "")]
        lines += [
            ("set aside", name, reason) for name, reason in platform.catalogue.set_aside().items()
        ]
        lines.append(("nature", platform.records.get("nature") or "empty", ""))
        if rebuild:
            with bar("rebuilding", None) as step:
                done = platform.reread.rebuild(on_outcome=step)
            lines.append(("rebuilt", f"{len(done)} batches", ""))
        else:
            done = platform.reread.unfinished()
            lines.append(("unfinished", f"{len(done)} documents finished", ""))
        lines += [("failed", one.name, f"{one.code}: {one.message}") for one in done if one.code]
        lines.append(("last commit", text(platform.store.last_recorded()) or "none", ""))
        lines.append(("quarantine", f"{len(platform.records.refused())} documents", ""))
        lines += [("damaged", digest, reason) for digest, reason in _damaged(platform)]
        platform.upkeep()
    columns: dict[str, list[Any]] = {"check": [], "found": [], "why": []}
    for line in lines:
        for name, cell in zip(columns, line, strict=True):
            columns[name].append(cell)
    write(columns, form)
    if any(line[0] in ("damaged", "failed") for line in lines):
        raise typer.Exit(65)


def _damaged(platform: Any) -> list[tuple[str, str]]:
    """Documents of the journal that the archive cannot give back whole."""
    from carbon254.core.domain.errors import Carbon254Error

    found = []
    for digest in sorted(
        {receipt.digest for receipt in platform.ingest.journal.receipts().values()}
    ):
        try:
            platform.ingest.archive.get(digest)
        except Carbon254Error as error:
            found.append((digest, f"{error.code}: {error}"))
    return found
