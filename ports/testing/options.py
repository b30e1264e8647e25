"""Options of the conformance kit, loaded by pytest through its entry point; imports nothing else before it is used.

``pytest --pyargs carbon254.ports.testing --market demo`` holds the market ``demo`` against its contract.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

RESULTS: Final = pytest.StashKey[dict[str, list[Any]]]()  # what a run of the kit found, by market


def pytest_addoption(parser: Any) -> None:
    """Add ``--market``."""
    parser.getgroup("carbon254").addoption(
        "--market",
        action="append",
        default=[],
        metavar="ID",
        help="hold this market (its id, or its plugin's folder) against the contract; may be given more than once",
    )


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    """Say which level each market reached, and what it lacks for the next."""
    if not config.getoption("--market", []):
        return
    from carbon254.ports.testing.levels import Report

    for market, results in config.stash.get(RESULTS, {}).items():
        for line in Report(market, results).summary():
            terminalreporter.write_line(line)
