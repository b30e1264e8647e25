"""How many requests a principal may make: windows of fixed length, counted in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from attrs import define, field, frozen

_MOST_KNOWN: Final = 10_000


@frozen
class Standing:
    """What is left of the window, and the whole seconds until the next one begins."""

    remaining: int
    reset: int
    allowed: bool


@define
class RateLimiter:
    """``quota`` requests a ``window`` of seconds for each principal; ``now`` tells seconds that only grow."""

    now: Callable[[], float]
    quota: int = 1200
    window: int = 60
    _counts: dict[str, tuple[int, int]] = field(factory=dict, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    @property
    def policy(self) -> str:
        """The header ``RateLimit-Policy``."""
        return f'"default";q={self.quota};w={self.window}'

    def count(self, principal: str) -> Standing:
        """Count a request of a principal."""
        number, passed = divmod(self.now(), self.window)
        with self._lock:
            if len(self._counts) >= _MOST_KNOWN:
                self._counts = {who: one for who, one in self._counts.items() if one[0] == number}
            since, used = self._counts.get(principal, (number, 0))
            used = used + 1 if since == number else 1
            self._counts[principal] = (int(number), used)
        left = self.quota - used
        return Standing(max(left, 0), max(1, round(self.window - passed)), left >= 0)
