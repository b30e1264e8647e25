"""`SerialExecutor`: computes here and now, one item after the other."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from typing import Any

from carbon254.core.domain.errors import Carbon254Error, Interrupted, PluginBroken
from carbon254.ports.calling import call, flatten, restore
from carbon254.ports.compute import Executor, OnDone, Outcome


class SerialExecutor(Executor):
    """Computes in this process, as lazily as it is asked. Items and values are packed and unpacked all the same.

    It cannot survive what ends a process at once.
    """

    def __init__(self) -> None:
        self._closed = False

    def outcomes(
        self, function_path: str, items: Sequence[Any], *, on_done: OnDone | None = None
    ) -> Iterator[Outcome]:
        """Yield an outcome for every item, in order; see `ports.compute.Executor`."""
        for number, item in enumerate(items, start=1):
            if self._closed:
                raise Interrupted("The executor is closed.")
            outcome = _outcome(function_path, item)
            if on_done is not None:
                on_done(number)
            yield outcome

    def close(self) -> None:
        """Compute no more."""
        self._closed = True


def _outcome(function_path: str, item: Any) -> Outcome:
    try:
        value = call(function_path, _travelled(item))
    except Carbon254Error as error:
        return Outcome(error=restore(*flatten(error)))
    except Exception as error:  # noqa: BLE001 - packing runs the item's own code
        return Outcome(error=_stuck(function_path, error))
    try:
        return Outcome(_travelled(value))
    except Exception as error:  # noqa: BLE001 - packing runs the value's own code
        return Outcome(error=_stuck(function_path, error))


def _travelled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - packed on the same line


def _stuck(function_path: str, error: Exception) -> PluginBroken:
    return PluginBroken(f"Item or value of '{function_path}' cannot travel: {error}")
