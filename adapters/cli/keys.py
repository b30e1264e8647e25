"""``keys``: who may call, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from carbon254.adapters.cli import options
from carbon254.adapters.cli.options import As, Data, Format, Output, example

if TYPE_CHECKING:
    from carbon254.core.usecases.manage_keys import MadeKey
    from carbon254.ports.identity import ApiKey

keys = typer.Typer(help="API keys: make them, list them, end them.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    keys.command("create", epilog=example(
        "carbon254 keys create --role analyst --principal alice",
        "carbon254 keys create --role pilot --principal bob --tenant acme --expires P30D --format json",
    ))(create)  # fmt: skip
    keys.command("list", epilog=example("carbon254 keys list", "carbon254 keys list --format csv"))(
        list_keys
    )
    keys.command("revoke", epilog=example("carbon254 keys revoke 3fa9c1d2e4b5"))(revoke)
    app.add_typer(keys, name="keys")


def create(
    context: typer.Context,
    role: Annotated[
        str,
        typer.Option("--role", help="What the policy calls it: admin, analyst, pilot, auditor, …"),
    ],
    principal: Annotated[str, typer.Option("--principal", help="Whose key it is.")],
    tenant: Annotated[
        str, typer.Option("--tenant", help="The firm; house is the one that runs the platform.")
    ] = "house",
    expires: Annotated[
        str, typer.Option("--expires", help="How long it lives, as an ISO 8601 duration.")
    ] = "P90D",
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Make a key and show it, this once: only its hash is kept. A principal has two valid keys at most."""
    from carbon254.adapters.cli.output import write
    from carbon254.core.domain.time import parse_duration

    with options.platform(context, data, new=True) as platform:
        made = platform.keys.create(role, principal, tenant=tenant, life=parse_duration(expires))
    facts = _facts(made)
    if form is Format.table and output is None:
        token = facts.pop(
            "key"
        )  # on a line of its own, so that it is whole whatever the terminal's width
        typer.echo(
            f"{token}\nKeep it now: it is not shown again. Send it as Authorization: Bearer KEY.\n"
        )
        write({"what": list(facts), "": list(facts.values())}, form)
    else:
        write({name: [value] for name, value in facts.items()}, form, output)


def _facts(made: MadeKey) -> dict[str, Any]:
    key = made.key
    return {
        "key": made.token,
        "id": key.id,
        "role": ", ".join(key.roles),
        "principal": key.principal,
        "tenant": key.tenant,
        "expires": key.expires_at,
    }


def list_keys(
    context: typer.Context, data: Data = None, form: As = Format.table, output: Output = None
) -> None:
    """List keys, oldest first; a secret is never shown again."""
    from carbon254.adapters.cli.output import write

    with options.platform(context, data) as platform:
        found, now = platform.keys.list(), platform.admit.clock.now()
    write(
        {
            "id": [key.id for key in found],
            "state": [_state(key, key.valid(now)) for key in found],
            "role": [", ".join(key.roles) for key in found],
            "principal": [key.principal for key in found],
            "tenant": [key.tenant for key in found],
            "created": [key.created_at for key in found],
            "expires": [key.expires_at for key in found],
        },
        form,
        output,
    )


def _state(key: ApiKey, valid: bool) -> str:
    return "valid" if valid else "revoked" if key.revoked_at else "expired"


def revoke(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="The key's id, which is its middle part.")],
    data: Data = None,
) -> None:
    """End a key: the very next request with it is refused."""
    with options.platform(context, data) as platform:
        ended = platform.keys.revoke(key)
    typer.echo(f"{ended.id} of {ended.principal} is revoked.")
