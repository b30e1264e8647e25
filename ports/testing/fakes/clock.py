"""Clocks that say what they are told."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from carbon254.core.domain.time import utc


class PinnedClock:
    """A clock that starts at an instant and moves on by ``step`` after each look; not at all without one.

    Raises `InvalidRequest` for a naive start.
    """

    def __init__(self, start: datetime, step: timedelta = timedelta(0)) -> None:
        self._next, self._step = utc(start), step
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        with self._lock:
            seen = self._next
            self._next += self._step
            return seen

    def move(self, by: timedelta) -> None:
        """Move the clock on."""
        with self._lock:
            self._next += by


class FakeTime:
    """Elapsed seconds that pass only by sleeping, and by ``step`` with each look; ``slept`` lists the pauses."""

    def __init__(self, step: float = 0.0) -> None:
        self.slept: list[float] = []
        self._seconds, self._step = 0.0, step

    def monotonic(self) -> float:
        """Seconds since the start."""
        self._seconds += self._step
        return self._seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass without waiting."""
        self.slept.append(seconds)
        self._seconds += seconds
