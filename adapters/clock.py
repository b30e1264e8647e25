"""The machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """Tells the present instant in UTC, by the machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC, to the microsecond."""
        return datetime.now(UTC)


class FixedClock:
    """Always tells the same instant; what a demo folder lives by, so that its answers never age."""

    def __init__(self, instant: datetime) -> None:
        self._instant = instant.astimezone(UTC)

    def now(self) -> datetime:
        """The instant it was set to."""
        return self._instant
