"""What the tests of the architecture look at: the package's modules, parsed, and the files of the repository."""

import ast
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("core", "ports", "adapters", "plugins", "config")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def texts() -> Mapping[str, str]:
    """The package's modules by their path."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


@pytest.fixture(scope="session")
def modules(texts: Mapping[str, str]) -> Mapping[str, ast.Module]:
    """The package's modules, parsed, by their path."""
    return {name: ast.parse(text, name) for name, text in texts.items()}


@pytest.fixture(scope="session")
def files() -> tuple[Path, ...]:
    """Files that are tracked or about to be; in an unpacked sdist, where nothing tracks them, those it was made of."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        told = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        names = sorted(set(told.stdout.decode().split("\0")) - {""})
    except (OSError, subprocess.CalledProcessError):
        names = [path.as_posix() for path in _of_sdist()]
    found = tuple(path for path in map(Path, names) if (ROOT / path).is_file())
    assert len(found) > 100
    return found


def _of_sdist() -> list[Path]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tops = project["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]
    inside = [path for top in tops for path in (ROOT / top).rglob("*")]
    return [
        path.relative_to(ROOT)
        for path in (*inside, *(ROOT / top for top in tops))
        if path.is_file() and "__pycache__" not in path.parts
    ]
