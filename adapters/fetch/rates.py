"""Per-host rate limits: at most ``requests`` in any span of ``per``, for all threads together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from carbon254.core.domain.cards import HostCard


class HostRates:
    """Makes callers wait so that no host is asked more often than its card allows.

    A full bucket of tokens would let twice ``requests`` through in the first ``per``, which operators that ban
    (ENTSO-E: 400 a minute) punish. So the last ``requests`` starts are kept, and the next may not come before the
    oldest of them is ``per`` old.
    """

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._monotonic, self._sleep = monotonic, sleep
        self._starts: dict[tuple[str, HostCard], deque[float]] = {}
        self._lock = threading.Lock()

    def wait(self, host: str, card: HostCard) -> None:
        """Return when the host may be asked; the turn is taken."""
        pause = self._take_turn(host, card)
        if pause > 0:
            self._sleep(pause)

    def _take_turn(self, host: str, card: HostCard) -> float:
        """Reserve the next turn and return the seconds until it comes."""
        with self._lock:
            starts = self._starts.setdefault((host, card), deque(maxlen=max(1, card.requests)))
            now = self._monotonic()
            turn = now
            if len(starts) == starts.maxlen:
                turn = max(now, starts[0] + card.per.total_seconds())
            starts.append(turn)
            return turn - now
