"""Who may import whom: the contracts of ``pyproject.toml``, checked by import-linter."""

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

LAYERS = [
    "carbon254.config",
    "carbon254.adapters | carbon254.plugins",
    "carbon254.core.usecases",
    "carbon254.ports",
    "carbon254.core.domain",
]
CONTRACTS = {
    "Each layer imports only what is below it",
    "Plugins never import use cases",
    "Markets never import each other",
    "Models never import each other",
    "Adapters never import each other",
    "Core knows no technology",
}


@pytest.fixture(scope="module")
def linter(root: Path) -> Mapping[str, Any]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    found: Mapping[str, Any] = project["tool"]["importlinter"]
    return found


def test_no_contract_is_broken(root: Path) -> None:
    command = [sys.executable, "-P", "-c", "from importlinter.cli import import_linter as i; i()"]
    told = subprocess.run(
        [*command, "lint", "--no-cache", "--no-logo"],
        cwd=root, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in told.stdout


def test_the_contracts_are_those_of_the_design(linter: Mapping[str, Any]) -> None:
    by_name = {one["name"]: one for one in linter["contracts"]}
    assert set(by_name) == CONTRACTS
    assert by_name["Each layer imports only what is below it"]["layers"] == LAYERS


def test_no_contract_has_an_exception(linter: Mapping[str, Any]) -> None:
    excused = {
        one["name"]: option
        for one in linter["contracts"]
        for option in one
        if option.startswith(("ignore_", "allow_", "unmatched_", "exclude_"))
    }
    assert not excused, "move the code, do not add an exception"
    assert not {"ignore_imports", "exclude_type_checking_imports"} & set(linter)


def test_every_folder_of_code_is_in_a_layer(root: Path) -> None:
    layered = {part.strip() for layer in LAYERS for part in layer.split("|")}
    inner = {
        f"carbon254.{path.parent.relative_to(root).as_posix().replace('/', '.')}"
        for pattern in ("*/__init__.py", "core/*/__init__.py")
        for path in root.glob(pattern)
        if path.parent.name not in {"tests", "core"} and not path.parent.name.startswith(".")
    }
    assert inner == layered
