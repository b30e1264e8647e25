"""Progress bars on standard error, quiet where it is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from carbon254.adapters.cli import calls


@contextmanager
def bar(title: str, total: int | None) -> Iterator[Callable[..., None]]:
    """Show a bar while a long work runs; call what is yielded once for each step done."""
    with _progress() as progress:
        task = progress.add_task(title, total=total)

        def step(*_: object) -> None:
            progress.advance(task)
            _leave_when_asked()

        yield step


@contextmanager
def meter(title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar whose length is known later; call what is yielded with how much is done, and of how much."""
    with _progress() as progress:
        task = progress.add_task(title, total=None)

        def told(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)
            _leave_when_asked()

        yield told


def _leave_when_asked() -> None:
    if calls.interrupted():
        raise KeyboardInterrupt


def _progress() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(file=calls.stream(sys.stderr), width=getattr(sys.stderr, "columns", None))
    return Progress(*columns, console=console, transient=False)
