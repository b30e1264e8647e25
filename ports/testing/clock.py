"""What every clock must do."""

from __future__ import annotations

from datetime import UTC

import pytest

from carbon254.ports.clock import Clock


class ClockSuite:
    """Subclass it and override ``clock``."""

    @pytest.fixture
    def clock(self) -> Clock:
        """The clock under test."""
        raise NotImplementedError

    def test_tells_an_instant_in_utc(self, clock: Clock) -> None:
        assert clock.now().tzinfo is UTC

    def test_never_goes_back(self, clock: Clock) -> None:
        seen = [clock.now() for _ in range(100)]
        assert seen == sorted(seen)
