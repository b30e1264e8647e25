"""Run tests in a copy of the tree: ``run_nodes.py COPY REPORT TEST...``; writes what became of each as JSON.

Run as a process of its own, from the copy, with the copy's ``.links`` first on the path of modules.
"""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest


class Told:
    """Hears what became of each test: how it ended, and the message that it failed with (no source lines)."""

    def __init__(self) -> None:
        self.tests: dict[str, tuple[str, str]] = {}
        self.broken: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.tests[report.nodeid] = (report.outcome, message(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken[report.nodeid] = str(report.longrepr)


def message(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(report.longrepr or "") if crash is None else crash.message


def main(copy: str, path: str, *tests: str) -> None:
    found = find_spec("carbon254")  # not imported: pytest wants to be there before
    if found is None or not Path(str(found.origin)).is_relative_to(copy):
        sys.exit(f"carbon254 is that of {found}, not of the copy")
    told = Told()
    quiet = ["-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:randomly"]
    pytest.main([*quiet, f"--rootdir={copy}", *tests], plugins=[told])
    Path(path).write_text(json.dumps({"tests": told.tests, "broken": told.broken}))


if __name__ == "__main__":
    main(*sys.argv[1:])
