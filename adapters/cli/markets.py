"""``markets`` and ``plugins``: what is installed, from the cards alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from carbon254.adapters.cli import options, plugging
from carbon254.adapters.cli.options import As, Format, Output, example

if TYPE_CHECKING:
    from carbon254.core.domain.cards import MarketCard

plugins = typer.Typer(
    help="Installed plugins: list them, check them, start one.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(
        epilog=example(
            "carbon254 markets", "carbon254 markets caiso", "carbon254 markets --format json"
        )
    )(markets)
    plugins.command("list", epilog=example("carbon254 plugins list"))(plugins_list)
    plugging.add_to(plugins)
    app.add_typer(plugins, name="plugins")


def markets(
    context: typer.Context,
    market: Annotated[str | None, typer.Argument(help="Show this market's datasets.")] = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """List the installed markets, or one market's datasets."""
    from carbon254.adapters.cli.output import write

    catalogue = options.doors(context).catalogue()
    cards = catalogue.cards()
    if market is not None:
        card = options.installed(cards, market)
        write(_datasets(card), form, output, title=card.name)
        return
    write(
        {
            "market": list(cards),
            "name": [card.name for card in cards.values()],
            "kind": [card.kind for card in cards.values()],
            "region": [card.region for card in cards.values()],
            "currency": [card.currency for card in cards.values()],
            "datasets": [", ".join(card.datasets) for card in cards.values()],
        },
        form,
        output,
        notes=[f"set aside: {name}: {reason}" for name, reason in catalogue.set_aside().items()],
    )


def _datasets(card: MarketCard) -> dict[str, list[str]]:
    facts = card.datasets.values()
    return {
        "dataset": list(card.datasets),
        "title": [one.title for one in facts],
        "runs": [", ".join(one.runs) for one in facts],
        "due": [one.due.text for one in facts],
        "verified": [one.verified for one in facts],
    }


def plugins_list(context: typer.Context, form: As = Format.table, output: Output = None) -> None:
    """List plugins with owner, licence and state; a broken one is set aside with its reason."""
    from carbon254.adapters.cli.output import write
    from carbon254.core.domain.errors import Carbon254Error

    rows = []
    for kind, catalogue in (
        ("market", options.doors(context).catalogue()),
        ("model", options.doors(context).models()),
    ):
        load = getattr(catalogue, kind)
        for name in catalogue.cards():
            try:
                load(name)
            except Carbon254Error:
                continue  # it is among those set aside, with its reason
        cards, aside = catalogue.cards(), catalogue.set_aside()
        rows += [
            (name, kind, cards.get(name), aside.get(name)) for name in sorted({*cards, *aside})
        ]
    write(
        {
            "plugin": [name for name, *_ in rows],
            "kind": [kind for _, kind, *_ in rows],
            "state": ["ready" if reason is None else "set aside" for *_, reason in rows],
            "owners": [", ".join(card.owners) if card else "" for *_, card, _ in rows],
            "licence": [card.licence if card else "" for *_, card, _ in rows],
            "redistribution": [getattr(card, "redistribution", "") for *_, card, _ in rows],
            "reason": [reason or "" for *_, reason in rows],
        },
        form,
        output,
    )
