"""Computing many things at once: the same function for each item, wherever there is a free processor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from attrs import frozen

from carbon254.core.domain.errors import Carbon254Error

OnDone = Callable[[int], None]


@frozen
class Outcome:
    """What became of one item: a value, or the error that took its place."""

    value: Any = None
    error: Carbon254Error | None = None

    def get(self) -> Any:
        """The value. Raises the error where there is one."""
        if self.error is not None:
            raise self.error
        return self.value


class Executor(Protocol):
    """Runs a function, named ``package.module:function``, for each of many items.

    A name and plain arguments travel, never a pickled function; items and values must be picklable. An error of
    ours arrives with its class and message; any other exception, and a worker that dies, is `PluginBroken` for its
    item only. A name that leads to no function is `InvalidRequest`.
    """

    def outcomes(
        self, function_path: str, items: Sequence[Any], *, on_done: OnDone | None = None
    ) -> Iterator[Outcome]:
        """Yield an outcome for every item, in the items' order, whatever became of the others.

        ``on_done`` is called with the number of finished items after each, in the caller's thread.
        """
        ...

    def map(
        self, function_path: str, items: Sequence[Any], *, on_done: OnDone | None = None
    ) -> Iterator[Any]:
        """Yield the value of every item, in order; the first error is raised when its turn comes."""
        for outcome in self.outcomes(function_path, items, on_done=on_done):
            yield outcome.get()

    def close(self) -> None:
        """Stop the workers; what still runs is given up, and its call raises `Interrupted`, as any later one does."""
        ...
