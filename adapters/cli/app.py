"""The command ``carbon254`` with all its subcommands."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any, Final

import typer
import typer.main

from carbon254.adapters.cli.calls import from_caller
from carbon254.adapters.cli.options import Doors

# Which module of this package has which commands. One command is built alone, so that it starts quickly.
_PARTS: Final = {
    "running": ("demo", "board"),
    "serving": ("up", "serve", "work", "relay", "jobs"),
    "ingesting": ("ingest", "backfill", "reread", "read"),
    "markets": ("markets", "plugins"),
    "series": ("series", "coverage", "provenance"),
    "streaming": ("nats",),
    "judging": ("quality", "doctor"),
    "forecasting": ("forecast", "models"),
    "backtesting": ("backtest",),
    "benchmarking": ("benchmark",),
    "keys": ("keys",),
    "auditing": ("audit",),
}
_HELP: Final = """Market intelligence for power and carbon markets: every number with the moment it became known.

Every command has its own help with examples: carbon254 COMMAND -h. Results are tables for people; --format csv,
json or parquet is for programs. Numbers are UTC; days are the market's operating days.
"""


def create_command(doors: Doors, version: str, arguments: Sequence[str] = ()) -> Any:
    """The command line, ready to be called; only as much of it as the arguments need."""
    command = typer.main.get_command(create_app(doors, version, arguments))
    _spare_defaults(command)
    return command


def create_app(doors: Doors, version: str, arguments: Sequence[str] = ()) -> typer.Typer:
    """Build the command line over what ``config`` hands in: the command that the arguments name, or all of them."""
    wanted = next(
        (name for name, commands in _PARTS.items() if arguments and arguments[0] in commands), None
    )
    app = typer.Typer(
        name="carbon254",
        help=_HELP,
        no_args_is_help=True,
        add_completion=wanted is None,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )

    def start(
        context: typer.Context,
        show: Annotated[
            bool, typer.Option("--version", help="Print the version and leave.")
        ] = False,
    ) -> None:
        context.obj = doors
        if show:
            print(f"carbon254 {version}")
            raise typer.Exit

    app.callback(invoke_without_command=True)(start)
    for name in [wanted] if wanted else _PARTS:
        import_module(f"carbon254.adapters.cli.{name}").add_to(app)
    return app


def _spare_defaults(command: Any) -> None:
    """Take the default of an option that was not given as it is.

    typer loads pydantic to coerce any value, even None: 0.05 s of CPU for a command that was given no option.
    """
    for parameter in command.params:
        _spare(parameter)
    find_help = command.get_help_option

    def get_help_option(context: Any) -> Any:
        return _spare(find_help(context))

    command.get_help_option = get_help_option
    for part in getattr(command, "commands", {}).values():
        _spare_defaults(part)


def _spare(parameter: Any) -> Any:
    process = parameter.process_value
    single = not parameter.multiple and parameter.nargs == 1 and not parameter.required
    if single and getattr(process, "__name__", "") != "spared":

        def spared(context: Any, value: Any) -> Any:
            if value is None or value is parameter.default:
                return value
            return from_caller(process(context, value))

        parameter.process_value = spared
    elif not single and getattr(process, "__name__", "") != "placed":

        def placed(context: Any, value: Any) -> Any:
            return from_caller(process(context, value))

        parameter.process_value = placed
    return parameter
