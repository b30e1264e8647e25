"""Every mutant of ``mutants.toml``, a small wrong change that would hurt a trader, is caught for its own reason.

The tree is never changed: each mutant lives in a copy, made of links but for the folders that lead to the changed
file and the tests, and runs in a process whose ``carbon254`` is the copy's. A mutant that survives is a missing test.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDERS = ("core", "ports", "adapters", "plugins", "config", "features", "policies")
FILES = ("pyproject.toml", "py.typed")
ROOT_FILES = {
    "config/package.py": "__init__.py",
    "py.typed": "py.typed",
}  # as hatch_build.py has it
CACHE = "__pycache__"  # copied, for it saves a third of the time; never written to
SECONDS = 60


@frozen
class Catch:
    """A test that must fail, and what its failure must say."""

    test: str
    says: str


@frozen
class Mutant:
    """A wrong change: ``find`` stands once in ``file`` and becomes ``replace``."""

    name: str
    file: str
    find: str
    replace: str
    why: str
    caught: tuple[Catch, ...]

    def applied(self, text: str) -> str:
        """The text with the change. Raises `ValueError` where it cannot be made."""
        if (times := text.count(self.find)) != 1:
            raise ValueError(
                f"mutant '{self.name}': its text stands {times} times in {self.file}, not once; "
                f"the code has changed, write the mutant again:\n{self.find}"
            )
        return text.replace(self.find, self.replace)


def read_mutants(text: str) -> tuple[Mutant, ...]:
    """The mutants of a file. Raises `TypeError` for an unknown or missing field."""
    return tuple(
        Mutant(**{**one, "caught": tuple(Catch(**catch) for catch in one["caught"])})
        for one in tomllib.loads(text)["mutant"]
    )


MUTANTS = read_mutants((HERE / "mutants.toml").read_text(encoding="utf-8"))
BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


# ---------------------------------------------------------------- copies


def make_copy(copy: Path, changed: dict[str, str]) -> None:
    """Lay out a copy of the tree in which some files have another text."""
    copy.mkdir(parents=True)
    for name in (*FOLDERS, *FILES):
        _link(Path(name), copy, changed)
    shutil.copytree(
        ROOT / "tests", copy / "tests", ignore=shutil.ignore_patterns("mutants", "*.pyc.*")
    )
    package = copy / ".links" / "carbon254"
    package.mkdir(parents=True)
    for source, name in ({folder: folder for folder in FOLDERS} | ROOT_FILES).items():
        (package / name).symlink_to(copy / source)


def _link(path: Path, copy: Path, changed: dict[str, str]) -> None:
    if path.as_posix() in changed:
        (copy / path).write_text(changed[path.as_posix()], encoding="utf-8")
    elif not any(Path(name).is_relative_to(path) for name in changed):
        (copy / path).symlink_to(ROOT / path)
    else:
        (copy / path).mkdir()
        for child in (ROOT / path).iterdir():
            if child.name != CACHE:
                _link(path / child.name, copy, changed)
        stale = {Path(name).stem for name in changed}
        if (ROOT / path / CACHE).is_dir():
            (copy / path / CACHE).mkdir()
            for made in (ROOT / path / CACHE).glob("*.pyc"):
                if made.name.split(".")[0] not in stale:
                    shutil.copy2(made, copy / path / CACHE)


def run(copy: Path, tests: list[str]) -> dict[str, Any]:
    """Run tests in a copy: what became of each, and of files that could not be collected."""
    report = copy / "report.json"
    unwanted = ("COV_", "COVERAGE_", "PYTEST_", "PYTHON", "CI", "BUILD_NUMBER")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    done = subprocess.run(
        [sys.executable, "-P", str(HERE / "run_nodes.py"), str(copy), str(report), *tests],
        cwd=copy,
        env={**kept, "PYTHONPATH": str(copy / ".links"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert report.exists(), f"the tests did not run:\n{done.stdout}{done.stderr}"
    found: dict[str, Any] = json.loads(report.read_text())
    assert not found["broken"], f"{found['broken']}"
    return found["tests"]


# ---------------------------------------------------------------- runs


class Runs:
    """Runs mutants two at a time, each once. What is asked for in this session is begun at the start."""

    def __init__(self, folder: Path, wanted: list[str], workers: int) -> None:
        self._folder, self._pool = folder, ThreadPoolExecutor(workers)
        self._begun: dict[str, Future[Any]] = {}
        for name in ["", *wanted] if workers > 1 else []:
            self._begin(name)

    def of(self, name: str) -> dict[str, Any]:
        """What became of the tests that must catch the mutant; "" is the tree without any."""
        return self._begin(name).result()

    def _begin(self, name: str) -> Future[Any]:
        if name not in self._begun:
            self._begun[name] = self._pool.submit(
                self._unchanged if not name else self._mutant, name
            )
        return self._begun[name]

    def _unchanged(self, name: str) -> dict[str, Any]:
        make_copy(self._folder / "unchanged", {})
        tests = {catch.test for mutant in MUTANTS for catch in mutant.caught}
        return run(self._folder / "unchanged", sorted(tests))

    def _mutant(self, name: str) -> dict[str, Any]:
        mutant = BY_NAME[name]
        text = (ROOT / mutant.file).read_text(encoding="utf-8")
        copy = self._folder / f"m{MUTANTS.index(mutant)}"
        make_copy(copy, {mutant.file: mutant.applied(text)})
        return run(copy, [catch.test for catch in mutant.caught])

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="session")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs]:
    params = [getattr(item, "callspec", None) for item in request.session.items]
    wanted = [one.params["mutant"].name for one in params if one and "mutant" in one.params]
    alone = (
        "PYTEST_XDIST_WORKER" in os.environ
    )  # the others run beside us: begin nothing that they may take
    made = Runs(tmp_path_factory.mktemp("mutants").resolve(), wanted, 1 if alone else 2)
    yield made
    made.close()


def survived(mutant: Mutant, found: dict[str, Any]) -> list[str]:
    """What is wrong with how the tests took a mutant; nothing where each failed and said why."""
    wrong = []
    for catch in mutant.caught:
        outcome, said = found.get(catch.test, ("not run", ""))
        if outcome != "failed":
            wrong.append(
                f"{catch.test}: {outcome}, the mutant survives. It would hurt: {mutant.why}"
            )
        elif catch.says not in said:
            wrong.append(f"{catch.test} failed for another reason than '{catch.says}':\n{said}")
    return wrong


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_is_caught_for_its_own_reason(mutant: Mutant, runs: Runs) -> None:
    wrong = survived(mutant, runs.of(mutant.name))
    assert not wrong, "\n".join(wrong)


def test_the_same_tests_pass_without_any_mutant(runs: Runs) -> None:
    tests = {catch.test for mutant in MUTANTS for catch in mutant.caught}
    assert {name: outcome for name, (outcome, _) in runs.of("").items()} == dict.fromkeys(
        tests, "passed"
    )


# ---------------------------------------------------------------- the harness itself


def test_there_are_enough_mutants_and_each_has_its_name_and_its_reason() -> None:
    assert len(MUTANTS) >= 14
    assert len(BY_NAME) == len(MUTANTS)
    assert not [one.name for one in MUTANTS if len(one.why) < 30 or not one.caught]
    assert not [one.name for one in MUTANTS if one.find == one.replace]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_still_fits_the_code(mutant: Mutant) -> None:
    assert mutant.applied((ROOT / mutant.file).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("text", "times"), [("b = 1", 0), ("a = 1\na = 1", 2)])
def test_a_mutant_that_no_longer_fits_is_named(text: str, times: int) -> None:
    mutant = Mutant("wrong one", "core/x.py", "a = 1", "a = 2", "", ())
    with pytest.raises(ValueError, match=f"mutant 'wrong one': its text stands {times} times"):
        mutant.applied(text)


def test_a_survivor_and_a_failure_for_another_reason_are_told() -> None:
    caught = (Catch("one", "sign"), Catch("two", "sign"), Catch("three", "sign"), Catch("four", ""))
    mutant = Mutant("m", "f", "a", "b", "a trader pays twice", caught)
    found = {"one": ("passed", ""), "two": ("failed", "no module"), "three": ("failed", "the sign")}
    one, two, four = survived(mutant, found)
    assert "survives" in one
    assert "a trader pays twice" in one
    assert "another reason" in two
    assert "not run" in four


def test_a_copy_has_the_change_and_the_tree_does_not(tmp_path: Path) -> None:
    before = (ROOT / "core/domain/time.py").read_bytes()
    make_copy(tmp_path / "copy", {"core/domain/time.py": "WRONG = 1\n"})
    package = tmp_path / "copy/.links/carbon254"
    assert (package / "core/domain/time.py").read_text() == "WRONG = 1\n"
    assert (package / "core/domain/units.py").read_bytes() == (
        ROOT / "core/domain/units.py"
    ).read_bytes()
    assert not (tmp_path / "copy/core").is_symlink()
    assert (tmp_path / "copy/ports").is_symlink()
    assert (ROOT / "core/domain/time.py").read_bytes() == before
