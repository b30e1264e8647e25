"""The command ``carbon254`` with all its subcommands."""

from __future__ import annotations

from typing import Annotated

import typer

from carbon254.adapters.cli import ingesting, judging, markets, running, series
from carbon254.adapters.cli.options import Doors


def create_app(doors: Doors, version: str) -> typer.Typer:
    """Build the command line over what ``config`` hands in."""
    app = typer.Typer(
        name="carbon254",
        help="Market intelligence for power and carbon markets: every number with the moment it became known.",
        no_args_is_help=True,
        add_completion=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )

    @app.callback()
    def _start(
        context: typer.Context,
        show: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    ) -> None:
        context.obj = doors
        if show:
            print(f"carbon254 {version}")
            raise typer.Exit

    app.callback(invoke_without_command=True)(_start)
    for part in (running, ingesting, markets, series, judging):
        part.add_to(app)
    return app
