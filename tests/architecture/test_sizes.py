"""A reader holds a module and a function in the head at once (STYLE §3)."""

import ast
from collections.abc import Mapping

MOST_LINES = 500
MOST_OF_A_FUNCTION = 50

# Larger than that, and why; the number is the most that it may have.
LARGE_FILES: dict[str, tuple[int, str]] = {}
LARGE_FUNCTIONS: dict[str, tuple[int, str]] = {}


def too_large(
    sizes: Mapping[str, int], most: int, allowed: Mapping[str, tuple[int, str]]
) -> list[str]:
    return [
        f"{name} has {size} lines, {allowed.get(name, (most, ''))[0]} is the most"
        for name, size in sorted(sizes.items())
        if size > allowed.get(name, (most, ""))[0]
    ]


def functions(modules: Mapping[str, ast.Module]) -> dict[str, int]:
    return {
        f"{name}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, tree in modules.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_no_module_has_two_subjects(texts: Mapping[str, str]) -> None:
    sizes = {name: text.count("\n") for name, text in texts.items()}
    assert too_large(sizes, MOST_LINES, LARGE_FILES) == [], "split it by subject"


def test_no_function_does_two_things(modules: Mapping[str, ast.Module]) -> None:
    assert too_large(functions(modules), MOST_OF_A_FUNCTION, LARGE_FUNCTIONS) == []


def test_what_is_allowed_to_be_large_still_is(
    texts: Mapping[str, str], modules: Mapping[str, ast.Module]
) -> None:
    sizes = {name: text.count("\n") for name, text in texts.items()}
    small = [name for name in LARGE_FILES if sizes.get(name, 0) <= MOST_LINES]
    small += [
        name for name in LARGE_FUNCTIONS if functions(modules).get(name, 0) <= MOST_OF_A_FUNCTION
    ]
    assert small == [], "take it off the list"


def test_what_is_too_large_is_named_with_its_size() -> None:
    assert too_large({"a": 501, "b": 500, "c": 700}, 500, {"c": (700, "why")}) == [
        "a has 501 lines, 500 is the most"
    ]
