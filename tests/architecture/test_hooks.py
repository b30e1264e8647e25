"""A hook has a docstring, an example in the guide and a test that names it, or it is not finished (STYLE §10)."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPECS = ast.parse((ROOT / "ports/hooks.py").read_text(encoding="utf-8"))
HOOKS = [
    node
    for node in SPECS.body
    if isinstance(node, ast.FunctionDef)
    and any("hookspec" in ast.unparse(one) for one in node.decorator_list)
]
GUIDE = ROOT / "docs/plugins.md"

each = pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.name)


def test_there_are_hooks_and_their_names_are_found_by_one_search() -> None:
    assert HOOKS
    functions = [node for node in SPECS.body if isinstance(node, ast.FunctionDef)]
    assert [node.name for node in functions if not node.name.startswith("carbon254_")] == []
    assert [node.name for node in functions if node not in HOOKS] == [], (
        "declared without @hookspec"
    )


@each
def test_it_says_what_it_does_and_what_types_it_has(hook: ast.FunctionDef) -> None:
    assert len(ast.get_docstring(hook) or "") > 30
    assert hook.returns is not None
    assert all(one.annotation for one in hook.args.args)


@each
def test_the_guide_explains_it_with_an_example(hook: ast.FunctionDef) -> None:
    assert GUIDE.is_file(), "docs/plugins.md is missing: it explains every hook with an example"
    found = re.search(
        rf"^#+ `?{hook.name}`?$(.*?)(?=^#+ |\Z)", GUIDE.read_text(), re.MULTILINE | re.DOTALL
    )
    assert found, f"docs/plugins.md has no section on {hook.name}"
    blocks = re.findall(r"^```python\n(.*?)^```", found[1], re.MULTILINE | re.DOTALL)
    assert any(f"def {hook.name}(" in block for block in blocks), f"no example defines {hook.name}"
    for block in blocks:
        ast.parse(block)


@each
def test_a_test_names_it(hook: ast.FunctionDef) -> None:
    here = Path(__file__).resolve().parent
    named = [
        path.name
        for path in (ROOT / "tests").rglob("*.py")
        if here not in path.parents and re.search(rf"\b{hook.name}\b", path.read_text("utf-8"))
    ]
    assert named, f"no test outside the architecture's names {hook.name}"


def test_the_guide_names_no_hook_that_is_none() -> None:
    assert GUIDE.is_file(), "docs/plugins.md is missing"
    named = set(re.findall(r"\bcarbon254_[a-z_]+\b", GUIDE.read_text(encoding="utf-8")))
    assert named - {hook.name for hook in HOOKS} <= {
        "carbon254_demo_market",
        "carbon254_demo_model",
    }
