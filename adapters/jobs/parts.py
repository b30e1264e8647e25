"""The parts of a process, each on a thread: one that fails is started again, and the others do not notice."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

Work = Callable[[threading.Event], object]

RUNNING: Final = "running"
_LONGEST: Final = 60.0  # seconds between two starts of a part that fails
_log = logging.getLogger("carbon254.parts")


class Parts:
    """Keeps works going until `stop`. A work is called with the event that tells it to return.

    A part that raises, or returns before it is told to, is started again after a pause that doubles from ``pause``
    seconds to a minute; each failure is logged, and `states` tells of it.
    """

    def __init__(self, works: Mapping[str, Work], *, pause: float = 1.0) -> None:
        self._stop = threading.Event()
        self._pause = pause
        self._states = dict.fromkeys(works, "not started")
        self._threads = [
            threading.Thread(target=self._keep, args=pair, name=f"carbon254-{pair[0]}", daemon=True)
            for pair in works.items()
        ]

    def start(self) -> None:
        """Start all parts."""
        for thread in self._threads:
            thread.start()

    def states(self) -> Mapping[str, str]:
        """How each part is: ``running``, ``stopped``, or why it failed and when it is started again."""
        return dict(self._states)

    def stop(self) -> None:
        """Tell all parts to return, and wait until they have."""
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _keep(self, name: str, work: Work) -> None:
        failures = 0
        while not self._stop.is_set():
            began = time.monotonic()
            self._states[name] = RUNNING
            told = _outcome(work, self._stop)
            if self._stop.is_set():
                break
            failures = 1 if time.monotonic() - began > _LONGEST else failures + 1
            pause = min(self._pause * 2 ** min(failures - 1, 16), _LONGEST)
            self._states[name] = f"failed, starts again in {pause:g} s: {told}"
            _log.error("part '%s' %s", name, self._states[name])
            self._stop.wait(pause)
        self._states[name] = "stopped"


def _outcome(work: Work, stop: threading.Event) -> str:
    """Run a part and say how it ended."""
    try:
        work(stop)
    except (Exception, SystemExit) as error:  # the edge of a thread: it must not die silently  # noqa: BLE001
        return f"{getattr(error, 'code', type(error).__name__)}: {error}"
    return "it ended by itself"
