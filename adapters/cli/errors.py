"""From errors to one line on standard error and an exit status."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

import typer
from typer.exceptions import TyperException

from carbon254.adapters.cli.options import spread_documents
from carbon254.core.domain.errors import Carbon254Error

DEBUG = "CARBON254_DEBUG"
INTERRUPTED = 130


def run(create: Callable[[Sequence[str]], Callable[..., object]], arguments: Sequence[str]) -> int:
    """Build and run a command and return its exit status.

    0 done, 2 the request was wrong, 130 interrupted; ours have the status of their class (see ``docs/errors.md``),
    anything unexpected is ``internal``, 70. ``CARBON254_DEBUG=1`` shows the trace of what failed.
    """
    _print_anywhere()
    try:
        words = spread_documents(list(arguments))
        result = create(words)(args=words, prog_name="carbon254", standalone_mode=False)
        sys.stdout.flush()
    except typer.Exit as leave:
        return leave.exit_code
    except BrokenPipeError:  # the reader of our output left, such as `head`
        return _leave()
    except (Exception, KeyboardInterrupt) as error:  # the process's edge  # noqa: BLE001
        return _status(error)
    return result if isinstance(result, int) else 0


def _print_anywhere() -> None:
    """Let a terminal that has no sign for a bar or a place's name show a question mark; data are UTF-8 anyway."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _leave() -> int:
    """Print nothing more: nobody reads it."""
    with suppress(io.UnsupportedOperation):  # the output of a call from elsewhere ends by itself
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _status(error: BaseException) -> int:
    """Say what happened in one line, and return the status."""
    if isinstance(error, Carbon254Error):
        return _tell(error, error.code, str(error), error.exit_status)
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        print("carbon254: interrupted.", file=sys.stderr)
        return INTERRUPTED
    if isinstance(error, TyperException):
        show = getattr(error, "show", None)
        show() if show else print(f"carbon254: {error}", file=sys.stderr)
        return int(getattr(error, "exit_code", 2))
    what = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
    hint = f"Run it again with {DEBUG}=1 for the trace."
    return _tell(error, "internal", f"{what}. {hint}", Carbon254Error.exit_status)


def _tell(error: BaseException, code: str, message: str, status: int) -> int:
    if os.environ.get(DEBUG, "") not in ("", "0"):
        import traceback

        traceback.print_exception(error)
    print(f"carbon254: {code}: {message}", file=sys.stderr)
    return status
