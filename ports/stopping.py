"""What tells work that runs on to end."""

from __future__ import annotations

from typing import Protocol


class Stop(Protocol):
    """Tells work to end, such as a `threading.Event`. Once set it stays set."""

    def is_set(self) -> bool:
        """Whether to end."""
        ...

    def wait(self, timeout: float) -> bool:
        """Wait for the end, but no longer than ``timeout`` seconds; whether it came."""
        ...


def is_stopped(stop: Stop | None) -> bool:
    """Whether it was told to end; what nobody can tell goes on."""
    return stop is not None and stop.is_set()
