"""``audit``: who did what, and whether the log still says what was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from carbon254.adapters.cli import options
from carbon254.adapters.cli.options import As, Data, Format, Output, example

if TYPE_CHECKING:
    from collections.abc import Iterable

audit = typer.Typer(
    help="The audit log: read it, check it, prove and publish what it says.", no_args_is_help=True
)
Principal = Annotated[str | None, typer.Option("--principal", help="Only calls of this principal.")]
Tenant = Annotated[str | None, typer.Option("--tenant", help="Only calls of this tenant.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    audit.command("list", epilog=example(
        "carbon254 audit list", "carbon254 audit list --principal bob --format csv",
        "carbon254 audit list --decision 6006a60dc247120b",
    ))(list_entries)  # fmt: skip
    audit.command("verify", epilog=example(
        "carbon254 audit verify", "carbon254 audit verify --checkpoint copied-last-night.txt"
    ))(verify)  # fmt: skip
    audit.command("proof", epilog=example(
        "carbon254 audit proof 17", "carbon254 audit proof 17 --size 100 --format json"
    ))(proof)  # fmt: skip
    audit.command("checkpoint", epilog=example("carbon254 audit checkpoint"))(checkpoint)
    app.add_typer(audit, name="audit")


def list_entries(
    context: typer.Context,
    principal: Principal = None,
    tenant: Tenant = None,
    call: Annotated[str | None, typer.Option("--call", help="Only this call.")] = None,
    decision: Annotated[
        str | None, typer.Option("--decision", help="Only the refusal with this id.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Not before this instant, ISO 8601 with an offset."),
    ] = None,
    last: Annotated[
        int, typer.Option("--last", min=1, help="How many, from the newest back.")
    ] = 50,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """List the newest entries, oldest of them first. Instants are UTC, by the machine's clock."""
    from carbon254.adapters.cli.output import write
    from carbon254.core.domain.entitlements import OWNER
    from carbon254.ports.audit import AuditQuestion

    question = AuditQuestion(
        limit=last, newest=True, principal=principal, tenant=tenant, call=call, decision=decision,
        since=options.instant(since),
    )  # fmt: skip
    with options.platform(context, data) as platform:
        found = [(kept.index, kept.entry) for kept in platform.decisions.entries(question, OWNER)][
            ::-1
        ]
    write(
        {
            "entry": [index for index, _ in found],
            "at": [one.at for _, one in found],
            "what": [one.kind for _, one in found],
            "principal": [one.principal for _, one in found],
            "tenant": [one.tenant for _, one in found],
            "action": [one.action for _, one in found],
            "target": [one.target for _, one in found],
            "outcome": [one.outcome for _, one in found],
            "decision": [one.decision.id if one.decision else "" for _, one in found],
            "why": [one.decision.reason if one.decision else "" for _, one in found],
            "call": [one.call for _, one in found],
        },
        form,
        output,
    )


def verify(
    context: typer.Context,
    kept: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", help="A file of checkpoints that was kept elsewhere."),
    ] = None,
    data: Data = None,
) -> None:
    """Check every entry against the log's tree, and the tree against every published checkpoint.

    Names what was altered, removed, inserted, moved or cut off, and ends with the status of document_damaged.
    """
    from carbon254.adapters.cli.progress import bar
    from carbon254.core.domain.errors import DocumentDamaged, NotFound

    with options.platform(context, data) as platform:
        elsewhere = list(_notes(kept or ()))
        with bar("checking entries", max(platform.proofs.head().size, 1)) as step:
            found = platform.verify.run(elsewhere, step)
    for trouble in found.troubles:
        typer.echo(str(trouble))
    if not found.whole:
        raise DocumentDamaged(
            f"the audit log is not as it was written: {len(found.troubles)} findings. Keep its files, and find out why."
        )
    if not found.head.size:
        raise NotFound(
            "there is no entry to check: nothing was ever written here, or all of it was taken away. Is --data right? "
            "A checkpoint that was kept elsewhere (--checkpoint) tells the two apart."
        )
    typer.echo(
        f"{found.head.size} entries, root {found.head.root.hex()}: all as they were written."
    )
    typer.echo(
        f"{found.checkpoints} checkpoints agree; the last speaks for {found.covered} entries."
    )


def _notes(paths: Iterable[Path]) -> Iterable[str]:
    from carbon254.core.domain.checkpoints import split_notes
    from carbon254.core.domain.errors import InvalidRequest, NotFound

    for path in paths:
        try:
            notes = split_notes(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise NotFound(f"{path} cannot be read: {error}") from None
        if not notes:
            raise InvalidRequest(
                f"{path} holds no checkpoint: copy audit/checkpoints.txt, or a part of it."
            )
        yield from notes


def proof(
    context: typer.Context,
    entry: Annotated[int, typer.Argument(min=0, help="The entry's number.")],
    size: Annotated[
        int | None,
        typer.Option("--size", min=1, help="Among the first SIZE entries.", show_default="all"),
    ] = None,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Prove that an entry is in the log: its text, its leaf's hash, and the hashes that lead to the root (RFC 9162)."""
    from carbon254.adapters.cli.output import write
    from carbon254.core.domain.errors import NotFound
    from carbon254.ports.audit import AuditQuestion

    with options.platform(context, data) as platform:
        among = size or platform.proofs.head().size
        hashes = platform.proofs.inclusion(entry, among)
        (last,) = platform.audit.entries(AuditQuestion(after=among - 2, limit=1))
        found = platform.audit.entries(AuditQuestion(after=entry - 1, limit=1))
    if not found or found[0].index != entry:
        raise NotFound(f"there is no entry {entry}.")
    rows = [("entry", str(entry)), ("text", found[0].body.decode()), ("leaf", found[0].leaf.hex())]
    rows += [("hash", one.hex()) for one in hashes]
    rows += [("size", str(among)), ("root", last.root.hex())]
    write({"what": [what for what, _ in rows], "": [text for _, text in rows]}, form, output)


def checkpoint(context: typer.Context, data: Data = None) -> None:
    """Sign the log's head and publish it; print all that a checker needs: the note and the verifier's line."""
    with options.platform(context, data) as platform:
        note, verifier = platform.checkpoint.run(), platform.signer.verifier()
    typer.echo(note or "nothing was written since the last checkpoint.\n")
    typer.echo(f"verifier {verifier}")
