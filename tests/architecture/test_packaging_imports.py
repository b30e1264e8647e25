"""What the inner layers may import from outside: an allow-list, which import-linter has no contract for."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = {"attrs", "attr", "cattrs", "numpy", "pandas"}
ALLOWED = {
    "core/domain": DOMAIN,
    "core/usecases": DOMAIN,
}
ROOTS = ("core", "ports", "adapters", "plugins", "config", "policies", "features")


def imported(path):
    """Every absolute import of a file, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module


def outside(folder, allowed):
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    known = sys.stdlib_module_names | allowed | {"carbon254"}
    return {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in imported(path)
        if name.split(".")[0] not in known
    }


@pytest.mark.parametrize("folder", ALLOWED)
def test_only_the_listed_libraries_are_imported_by(folder):
    assert outside(folder, ALLOWED[folder]) == set()


def test_nothing_imports_the_file_that_becomes_the_package():
    files = [path for root in ROOTS for path in (ROOT / root).rglob("*.py")]
    assert not [path for path in files if "carbon254.config.package" in imported(path)]


@pytest.mark.parametrize("folder", ROOTS)
def test_nothing_imports_a_folder_by_its_bare_name(folder):
    files = [path for root in ROOTS for path in (ROOT / root).rglob("*.py")]
    bare = {
        str(path.relative_to(ROOT))
        for path in files
        if any(name.split(".")[0] == folder for name in imported(path))
    }
    assert bare == set()
