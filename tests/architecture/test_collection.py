"""What a test is called must not hang on the moment or the process that collected it: workers that name one test
differently refuse to run any."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_another_process_names_every_test_alike(request: pytest.FixtureRequest) -> None:
    """Another process, in another second and with another hash seed, must find every test that this one found."""
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    listed = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--collect-only",
            "--quiet",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    there = set(listed.splitlines())
    assert [item.nodeid for item in request.session.items if item.nodeid not in there] == []
