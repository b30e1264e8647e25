"""Backtests over stored history: what they say, what they leave open, and that they never look ahead."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from carbon254.core.domain.backtests import AskedModel

from .conftest import EVERYTHING, PRICE, Desk, plan

FIRST, LAST = date(2025, 3, 1), date(2025, 4, 10)


def test_yesterday_is_repeated(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    done = desk.backtest.run(plan(date(2025, 3, 10), date(2025, 3, 20)), EVERYTHING)
    (table,) = done.tables
    assert len(table) == 11 * 24
