"""`Background` on a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from carbon254.core.domain.errors import Carbon254Error
from carbon254.ports.log import Log

_PATIENCE: Final = 5.0  # seconds that the piece in hand has to end, once it has been given up


class Behind:
    """Does one piece after the other; ``give_up`` ends what the piece in hand waits for."""

    def __init__(self, log: Log, give_up: Callable[[], object] = lambda: None) -> None:
        self._log, self._give_up = log, give_up
        self._waiting: deque[Callable[[], object]] = deque()
        self._thread: threading.Thread | None = None
        self._guard = threading.Condition()
        self._closed = False

    def do(self, work: Callable[[], object]) -> None:
        with self._guard:
            self._waiting.append(work)
            self._guard.notify()
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="behind", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            with self._guard:
                self._guard.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                work = self._waiting.popleft()
            try:
                work()
            except Carbon254Error as error:  # it stands in the record too
                self._log("work failed", code=error.code, detail=str(error))
            except Exception as error:  # the next piece must not wait for ever  # noqa: BLE001
                self._log("work failed", code="internal", detail=f"{type(error).__name__}: {error}")

    def close(self) -> None:
        with self._guard:
            self._closed = True
            self._guard.notify_all()
        self._give_up()
        if self._thread is not None:
            self._thread.join(_PATIENCE)
