"""Which failures are tried again, and after how long."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from attrs import frozen
from stamina.instrumentation import RetryDetails

_log = logging.getLogger("carbon254.fetch")

RETRIED: Final = frozenset({429, 500, 502, 503, 504})


@frozen(kw_only=True)
class Patience:
    """How long to wait, in seconds, and how often to try.

    ``connect`` and ``read`` bound one step, ``total`` one attempt from connecting to the last byte, however slowly it
    drips. No new attempt starts after ``give_up``. Waits grow from ``wait_initial`` to ``wait_max``, with up to
    ``wait_jitter`` on top; a server's Retry-After is obeyed up to ``retry_after_max``. Zeros make tests quick.
    """

    connect: float = 10.0
    read: float = 30.0
    total: float = 300.0
    attempts: int = 5
    give_up: float = 900.0
    wait_initial: float = 0.5
    wait_max: float = 20.0
    wait_jitter: float = 1.0
    retry_after_max: float = 60.0


class TryAgain(Exception):
    """An attempt failed in a way that the next may not; ``after`` is the server's wish in seconds."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


def backoff(error: Exception, patience: Patience) -> bool | float:
    """Say whether to try again: not at all, after the usual wait, or after so many seconds."""
    if not isinstance(error, TryAgain):
        return False
    return True if error.after is None else min(error.after, patience.retry_after_max)


def tell_retry(details: RetryDetails) -> None:
    """Say in the log that an attempt failed and when the next one starts."""
    _log.info("%s; the next attempt starts in %.1f s.", details.caused_by, details.wait_for)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, as a count or an HTTP date; None when it says nothing usable."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        wanted = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if wanted.tzinfo is None:
        wanted = wanted.replace(tzinfo=UTC)
    return max(0.0, (wanted - now).total_seconds())
