"""Reaching the process that owns a data folder, before anything heavy is imported."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from carbon254 import __version__

RUN_ON: Final = frozenset(("up", "serve", "work", "relay", "demo"))


def reach(folder: Path, arguments: Sequence[str]) -> int | None:
    """Have the owner of a folder run a command, and return its status; None where there is none to ask.

    A command that runs on is not forwarded: it opens the folder itself, and is told who has it.
    """
    if arguments[0] in RUN_ON or not (folder / "carbon254.sock").exists():
        return None
    from carbon254.adapters.local.client import connect, forward

    connection = connect(folder)
    return forward(connection, arguments, _facts()) if connection else None


def _facts() -> dict[str, object]:
    """What the owner must know of our terminal."""
    terminals = [sys.stdout.isatty(), sys.stderr.isatty()]
    given = os.environ.get("COLUMNS", "")
    columns = int(given) if given.isdecimal() else None
    if columns is None and terminals[0]:
        columns = shutil.get_terminal_size().columns
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return {
        "terminals": terminals, "columns": columns, "colour": not plain, "version": __version__,
    }  # fmt: skip
