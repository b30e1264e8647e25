"""What time it is. Core never asks; it is told."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the instant, in UTC."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...
