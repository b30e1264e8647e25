"""Progress bars on standard error, quiet where it is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from carbon254.adapters.cli import calls


@contextmanager
def bar(title: str, total: int | None) -> Iterator[Callable[..., None]]:
    """Show a bar while a long work runs; call what is yielded once for each step done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(file=calls.stream(sys.stderr), width=getattr(sys.stderr, "columns", None))
    with Progress(*columns, console=console, transient=False) as progress:
        task = progress.add_task(title, total=total)

        def step(*_: object) -> None:
            progress.advance(task)
            if calls.interrupted():
                raise KeyboardInterrupt

        yield step
