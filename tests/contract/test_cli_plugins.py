"""``plugins new`` starts a plugin that passes its contract; ``plugins check`` says so."""

from __future__ import annotations

import builtins
import csv
import io
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from carbon254.adapters.cli import errors
from carbon254.adapters.cli.app import create_command
from carbon254.config.main import Doors


def run(*arguments: object) -> int:
    return errors.run(lambda words: create_command(Doors(), "", words), [str(a) for a in arguments])


def test_a_new_market_works_and_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plugins", "new", "market", "demo", "--in", tmp_path) == 0
    package = tmp_path / "carbon254-demo-market"
    module = package / "carbon254_demo_market" / "demo"
    assert str(module) in capsys.readouterr().out
    files = {path.relative_to(module).as_posix() for path in module.rglob("*") if path.is_file()}
    assert {"market.toml", "feed.py", "writer.py", "samples/golden.toml"} <= files
    entry = tomllib.loads((package / "pyproject.toml").read_text())["project"]["entry-points"][
        "carbon254.markets"
    ]
    assert entry == {"demo": "carbon254_demo_market.demo"}
    assert not [
        path for path in package.rglob("*") if path.is_file() and "@NAME@" in path.read_text()
    ]
    assert run("plugins", "check", module, "--format", "csv") == 0
    said = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert {row["result"] for row in rows if row["level"] in ("bronze", "silver")} == {
        "passed",
        "skipped",
    }
    assert said.err.startswith("demo: silver")


def test_a_new_market_is_clean(tmp_path: Path) -> None:
    assert run("plugins", "new", "market", "north_sea", "--in", tmp_path) == 0
    ruff = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "E,F,B,UP,D100,D101,D102,D103",
        "--line-length",
        "120",
    ]
    done = subprocess.run(
        [*ruff, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout


def test_what_is_there_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("plugins", "new", "market", "demo", "--in", tmp_path) == 0
    assert run("plugins", "new", "market", "demo", "--in", tmp_path) == 5
    assert "conflict: " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Demo", "9x", "a-b", "fx", "../x"])
def test_a_name_that_is_no_id_is_refused(tmp_path: Path, name: str) -> None:
    assert run("plugins", "new", "market", name, "--in", tmp_path) == 2
    assert not list(tmp_path.iterdir())


def test_a_market_that_breaks_its_contract_leaves_with_78(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("plugins", "new", "market", "demo", "--in", tmp_path)
    module = tmp_path / "carbon254-demo-market" / "carbon254_demo_market" / "demo"
    golden = module / "samples" / "golden.toml"
    golden.write_text(golden.read_text().replace("value = 37.25", "value = 37.26"))
    capsys.readouterr()
    assert run("plugins", "check", module) == 78
    assert "samples match the answers typed by hand" in capsys.readouterr().out


def test_a_check_of_nothing_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plugins", "check", "nope") == 4
    assert "no market 'nope' is installed; there are caiso" in capsys.readouterr().err


def test_without_the_test_tools_the_check_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("carbon254.ports.testing"):
            raise ModuleNotFoundError("No module named 'pytest'", name="pytest")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    assert run("plugins", "check", "caiso") == 4
    assert "the contract needs pytest: pip install 'carbon254[test]'" in capsys.readouterr().err
