"""Sorts the store of each folder in a child of its own, which kills itself at the step that the folder is named for.

Says ``killed`` for each child that died so.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from carbon254.adapters.duckdb import rewriting
from carbon254.adapters.duckdb.store import DuckDbSeriesStore

# Statements of the copy, by the step that comes after them.
STATEMENTS = {
    "attached": "ATTACH", "schema": "COPY", "tables": "fresh.batches", "rows": "fresh.obs", "checkpoint": "CHECKPOINT",
    "detached": "DETACH",
}  # fmt: skip


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Dying:
    """A cursor that kills its process after the first statement that begins with, or names, a text."""

    def __init__(self, cursor: Any, text: str) -> None:
        self._cursor, self._text = cursor, text

    def execute(self, query: str) -> Any:
        answer = self._cursor.execute(query)
        if query.startswith(self._text) or f" {self._text}" in query:
            die()
        return answer


def before(function: Callable[..., Any]) -> Callable[..., Any]:
    def dead(*arguments: Any) -> Any:
        die()

    return dead


def after(function: Callable[..., Any]) -> Callable[..., Any]:
    def done(*arguments: Any) -> Any:
        function(*arguments)
        die()

    return done


def arm(step: str, store: DuckDbSeriesStore) -> None:
    """Let this process die at the step."""
    whole: Any = rewriting
    if step in STATEMENTS:
        write = rewriting.write
        whole.write = lambda cursor, path: write(Dying(cursor, STATEMENTS[step]), path)
    elif step == "closed":
        whole.take_place = before(rewriting.take_place)
    elif step == "synced":
        whole._sync = after(whole._sync)
    elif step == "replaced":
        Path.replace = after(Path.replace)  # type: ignore[method-assign]
    elif step == "named":
        whole.take_place = after(rewriting.take_place)
    elif step == "opened":
        whole.discard = before(rewriting.discard)


def main() -> None:
    for folder in map(Path, sys.argv[1:]):
        sys.stdout.flush()
        child = os.fork()
        if not child:
            store = DuckDbSeriesStore(folder / "series.duckdb")
            arm(folder.name, store)
            store.sort(force=True)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write("killed\n" if os.WTERMSIG(status) == signal.SIGKILL else f"{status}\n")


main()
