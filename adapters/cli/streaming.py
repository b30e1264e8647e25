"""``nats``: what a message server and its subscribers are to be told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from carbon254.adapters.cli import options
from carbon254.adapters.cli.options import As, Data, Format, Output, example

Passwords = Annotated[
    Path | None,
    typer.Option(
        "--passwords",
        help="A file of passwords by user, JSON; users that are missing in it get one. Without it, the "
        "configuration takes passwords from variables of the server's environment.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    nats = typer.Typer(
        help="Message servers: users with their grants, and the description of the streams.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    nats.command(
        epilog=example(
            "carbon254 nats permissions --output grants.conf",
            "carbon254 nats permissions --passwords passwords.json -o grants.conf",
        )
    )(permissions)
    nats.command(epilog=example("carbon254 nats users", "carbon254 nats users --format json"))(
        users
    )
    nats.command(epilog=example("carbon254 nats asyncapi > asyncapi.json"))(asyncapi)
    app.add_typer(nats, name="nats")


def permissions(
    context: typer.Context, passwords: Passwords = None, data: Data = None, output: Output = None
) -> None:
    """Write the accounts and users of a server, from the policy and who holds an API key.

    Every user may ask exactly what its grants need, under names of its own. Include the file in the server's
    configuration, and write it anew when keys or the policy change. Each grant is audited.
    """
    from carbon254.adapters.cli.output import refusal

    with options.platform(context, data) as platform:
        readers = platform.streams.everyone("nats permissions")
        try:
            text = options.doors(context).stream_users(readers, passwords, output)
        except OSError as error:
            raise refusal(Path(error.filename or output or ""), error) from None
    if output is None:
        typer.echo(text, nl=False)


def users(
    context: typer.Context, data: Data = None, form: As = Format.table, output: Output = None
) -> None:
    """Who may read which streams: users as a server knows them, and the subjects that are granted to each."""
    from carbon254.adapters.cli.output import write

    with options.platform(context, data) as platform:
        found = [
            (options.doors(context).stream_user(reader), reader, grant)
            for reader in platform.streams.plan()
            for grant in reader.grants
        ]
    columns: dict[str, list[Any]] = {
        "user": [name for name, _, _ in found],
        "principal": [reader.principal.name for _, reader, _ in found],
        "tenant": [reader.principal.tenant for _, reader, _ in found],
        "stream": [grant.stream.name for _, _, grant in found],
        "subjects": [" ".join(grant.subjects) for _, _, grant in found],
    }
    write(columns, form, output, title="users of the streams")


def asyncapi(context: typer.Context, output: Output = None) -> None:
    """The AsyncAPI document of the streams of all installed markets, as JSON."""
    from carbon254.adapters.cli.output import save
    from carbon254.core.usecases.describe_streams import describe

    text = json.dumps(describe(options.doors(context).catalogue().cards()), indent=2)
    if output is None:
        typer.echo(text)
    else:
        save(output, f"{text}\n".encode())
