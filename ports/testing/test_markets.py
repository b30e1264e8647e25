"""Run by ``pytest --pyargs carbon254.ports.testing --market demo``: the contract of markets, a test a promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from carbon254.ports.testing.markets import Check, named_cases, result_of
from carbon254.ports.testing.options import RESULTS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each check of each market that was asked for."""
    found: list[Any] = []
    for market in metafunc.config.getoption("--market", []):
        found += [
            pytest.param(market, check, dataset, id=name)
            for name, check, dataset in named_cases(market)
        ]
    metafunc.parametrize(("market", "check", "dataset"), found)


def test_market(market: str, check: Check, dataset: str, request: pytest.FixtureRequest) -> None:
    """The market keeps the promise that the check's name states."""
    result = result_of(market, check, dataset)
    request.config.stash.setdefault(RESULTS, {}).setdefault(Path(market).name, []).append(result)
    if result.skipped:
        pytest.skip(result.skipped)
    if result.level == "gold" and not result.passed:
        pytest.xfail(str(result))  # gold is a distinction, no promise
    assert result.passed, str(result)
