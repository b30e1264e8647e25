"""From errors to one line on standard error and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import typer
from typer.exceptions import TyperException

from carbon254.adapters.cli.options import spread_documents
from carbon254.core.domain.errors import Carbon254Error


def run(command: Callable[..., object]) -> int:
    """Run a command and return its exit status.

    0 done, 2 the request was wrong, 130 interrupted; ours have the status of their class (see ``docs/errors.md``).
    """
    try:
        result = command(args=spread_documents(sys.argv[1:]), standalone_mode=False)
        return result if isinstance(result, int) else 0
    except Carbon254Error as error:
        print(f"carbon254: {error.code}: {error}", file=sys.stderr)
        return error.exit_status
    except typer.Exit as leave:
        return leave.exit_code
    except TyperException as error:
        show = getattr(error, "show", None)
        show() if show else print(f"carbon254: {error}", file=sys.stderr)
        return int(getattr(error, "exit_code", 2))
    except (KeyboardInterrupt, typer.Abort):
        print("carbon254: interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
