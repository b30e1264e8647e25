"""``plugins new`` and ``plugins check``: start a plugin, and hold it against its contract."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Annotated, Final

import typer

from carbon254.adapters.cli import options
from carbon254.adapters.cli.options import As, Format, Output, example

_SKELETON: Final = Path(__file__).with_name("skeleton")
_BESIDE: Final = ("pyproject.toml", "README.md")
_SAMPLES: Final = "samples/day_ahead_prices"


class Kind(str, Enum):
    """What can be started."""

    market = "market"


def add_to(plugins: typer.Typer) -> None:
    """Add these commands."""
    plugins.command("new", epilog=example("carbon254 plugins new market demo"))(new)
    plugins.command(
        "check",
        epilog=example(
            "carbon254 plugins check caiso",
            "carbon254 plugins check carbon254-demo-market/carbon254_demo_market/demo",
        ),
    )(check)


def new(
    kind: Annotated[Kind, typer.Argument(help="What to start.", show_default=False)],
    name: Annotated[str, typer.Argument(help="Its id: a-z, 0-9 and _.", show_default=False)],
    folder: Annotated[Path, typer.Option("--in", help="Folder to make the package in.")] = Path(),
) -> None:
    """Write a small plugin that works and passes its contract, to be changed into yours."""
    from carbon254.core.domain import vocabulary
    from carbon254.core.domain.errors import Conflict, InvalidRequest

    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in vocabulary.reserved_markets():
        raise InvalidRequest(
            f"'{name}' is no {kind.value} id: use a-z, 0-9 and _, and none of ours."
        )
    target = folder / f"carbon254-{name}-market"
    if target.exists():
        raise Conflict(f"{target} is there already: choose another name or folder.")
    for source in sorted(_SKELETON.glob("*.txt")):
        path = target / _place(source.name.removesuffix(".txt"), name)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        title = name.replace("_", " ").title()
        path.write_text(text.replace("@NAME@", name).replace("@TITLE@", title), encoding="utf-8")
    typer.echo(f"wrote {target}")
    typer.echo(f"  carbon254 plugins check {target / _module(name)}")
    typer.echo(f"  pip install --editable {target}")


def _module(name: str) -> Path:
    """The folder of the card, which bears the market's id."""
    return Path(f"carbon254_{name}_market", name)


def _place(file: str, name: str) -> Path:
    if file in _BESIDE:
        return Path(file)
    inside = _module(name)
    if file == "package.py":
        return inside.parent / "__init__.py"
    if file == "golden.toml":
        return inside / "samples" / file
    return inside / _SAMPLES / file if file.endswith(".csv") else inside / file


def check(
    context: typer.Context,
    market: Annotated[
        str, typer.Argument(help="Market id, or the folder of a plugin.", show_default=False)
    ],
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Hold a market against its contract: bronze, silver or gold, and what is lacking. Leaves with 78 below bronze."""
    from carbon254.adapters.cli.output import write
    from carbon254.core.domain.errors import NotFound, PluginBroken

    try:
        from carbon254.ports.testing.markets import conformance
    except ModuleNotFoundError as error:
        raise NotFound(f"the contract needs {error.name}: pip install 'carbon254[test]'.") from None
    if not Path(market, "market.toml").exists():
        options.doors(context).catalogue().market(
            market
        )  # says what is installed, or why it is set aside
    report = conformance(market)
    results = report.results
    write(
        {
            "check": [one.check for one in results],
            "dataset": [one.dataset for one in results],
            "level": [one.level for one in results],
            "result": [
                "skipped" if one.skipped else "passed" if one.passed else "failed"
                for one in results
            ],
            "why": ["; ".join(one.problems) or one.skipped for one in results],
        },
        form,
        output,
        notes=report.summary(),
    )
    if report.level is None:
        raise typer.Exit(PluginBroken.exit_status)
