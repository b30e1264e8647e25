"""Waiting for work that cannot be interrupted, until one is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from typing import Final, Generic, TypeVar

from carbon254.core.domain.errors import Interrupted
from carbon254.ports.stopping import Stop

T = TypeVar("T")
_LOOK: Final = 0.1  # seconds between looks at whether to stop; what is done is heard at once


class _Work(Generic[T]):
    """A call on a thread of its own, with what became of it."""

    def __init__(self, call: Callable[[], T]) -> None:
        self._call, self.done = call, threading.Event()
        self.value: list[T] = []
        self.error: BaseException | None = None
        run = copy_context().run
        threading.Thread(target=run, args=(self._run,), name="carbon254-fetch", daemon=True).start()

    def _run(self) -> None:
        try:
            self.value.append(self._call())
        except BaseException as error:  # it is raised where the call is waited for  # noqa: BLE001
            self.error = error
        finally:
            self.done.set()


def unless_stopped(call: Callable[[], T], stop: Stop, what: str) -> T:
    """What the call returns or raises; when ``stop`` is set before that, `Interrupted`, and it is left to itself.

    Looking up a name, connecting and reading cannot be ended from outside on every system. What is left to itself
    must look at ``stop`` before it begins anything that others see; what it returns is thrown away.
    """
    if not stop.is_set():
        work = _Work(call)
        while not (done := work.done.wait(_LOOK)) and not stop.is_set():
            pass
        if done and work.error is not None:
            raise work.error
        if done:
            return work.value[0]
    raise Interrupted(f"{what}: not waited for, since the process was told to end.")
