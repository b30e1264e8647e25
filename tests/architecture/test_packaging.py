"""What is installed is what the tree holds, and what is pinned is pinned for everybody."""

import re
import tarfile
import tomllib
import zipfile
from importlib import metadata, resources
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

import carbon254

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
PYTHON_FOLDERS = [folder for folder in FOLDERS if folder not in {"policies", "features"}]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


@pytest.fixture(scope="module")
def sdist_names(tmp_path_factory):
    (built,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("sdist")))
    with tarfile.open(built) as archive:
        return {name.split("/", 1)[-1] for name in archive.getnames()}


@pytest.fixture(scope="module")
def wheel_names(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("wheel"))
    (built,) = WheelBuilder(str(ROOT)).build(directory=folder, versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def of_the_tree(pattern):
    found = (path for folder in FOLDERS for path in (ROOT / folder).rglob(pattern))
    return {path.relative_to(ROOT).as_posix() for path in found if "__pycache__" not in path.parts}


def test_the_version_is_the_one_that_was_installed():
    assert carbon254.__version__ == metadata.version("carbon254")


def test_the_folders_of_the_tree_are_the_ones_that_are_packaged():
    build = PROJECT["tool"]["hatch"]["build"]["targets"]
    assert build["wheel"]["sources"] == {folder: f"carbon254/{folder}" for folder in FOLDERS}
    assert set(FOLDERS) <= set(build["sdist"]["only-include"])
    assert all(any((ROOT / folder).iterdir()) for folder in FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_sdist_holds_every_file_of(folder, sdist_names):
    expected = {n for n in of_the_tree("*.*") if n.startswith(f"{folder}/")}
    assert expected
    assert expected <= sdist_names


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_wheel_holds_every_file_of(folder, wheel_names):
    expected = {f"carbon254/{n}" for n in of_the_tree("*.*") if n.startswith(f"{folder}/")}
    expected.discard("carbon254/config/package.py")  # it becomes carbon254/__init__.py
    assert expected
    assert expected <= wheel_names


def test_the_sdist_holds_what_building_and_testing_need(sdist_names):
    assert {"pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "Makefile"} <= sdist_names
    assert {f"requirements/{lock.name}" for lock in LOCKS} <= sdist_names
    assert any(name.startswith("tests/") for name in sdist_names)


def test_the_wheel_is_one_package_with_nothing_beside_it(wheel_names):
    tops = {name.split("/")[0] for name in wheel_names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"carbon254"}
    assert {"carbon254/__init__.py", "carbon254/py.typed"} <= wheel_names


def test_the_wheel_ships_data_beside_code(wheel_names):
    cards = {f"carbon254/{name}" for name in of_the_tree("market.toml") | of_the_tree("model.toml")}
    tables = {f"carbon254/{name}" for name in of_the_tree("*.toml")}
    assert cards | tables <= wheel_names
    assert len(cards) >= len(metadata.entry_points(group="carbon254.markets"))


@pytest.mark.parametrize("folder", PYTHON_FOLDERS)
def test_types_are_declared_in(folder):
    assert (resources.files(f"carbon254.{folder}") / "py.typed").is_file()


@pytest.mark.parametrize("folder", ["", *(f"/{folder}" for folder in FOLDERS)])
def test_the_editable_install_links_to_the_tree(folder):
    if ".links" not in str(carbon254.__file__):
        pytest.skip("not an editable install")
    if folder:
        assert (ROOT / ".links/carbon254" / folder[1:]).resolve() == ROOT / folder[1:]
    else:
        assert Path(carbon254.__file__).resolve() == ROOT / "config/package.py"
        assert (ROOT / ".links/carbon254/py.typed").resolve() == ROOT / "py.typed"


@pytest.mark.parametrize("group", ["carbon254.markets", "pytest11", "console_scripts"])
def test_entry_points_are_installed_as_declared(group):
    project = PROJECT["project"]
    declared = {
        **project.get("entry-points", {}).get(group, {}),
        **(project["scripts"] if group == "console_scripts" else {}),
    }
    installed = metadata.distribution("carbon254").entry_points.select(group=group)
    assert {point.name: point.value for point in installed} == declared
    assert declared


def test_there_are_locks_for_building_running_and_developing():
    assert [lock.name for lock in LOCKS] == ["build.txt", "dev.txt", "runtime.txt"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_locks_name_no_place_to_fetch_from(lock):
    text = lock.read_text()
    assert "://" not in text
    assert "file:" not in text
    lines = [line.strip() for line in text.splitlines()]
    options = {line.split()[0].split("=")[0] for line in lines if line.startswith("-")}
    assert options == {"--hash"}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_locks_pin_everything_with_hashes(lock):
    pins = requirements(lock)
    assert pins
    for pin, rest in pins.items():
        assert re.match(r"[a-z0-9.-]+(\[[a-z,]+\])?==", pin), pin
        assert HASH.search(rest), pin


def test_the_locks_agree():
    build, dev, runtime = (set(requirements(lock)) for lock in LOCKS)
    assert build <= dev
    assert runtime <= dev


def test_the_locks_hold_what_the_project_asks_for():
    dev = {pin.split("==")[0].split("[")[0] for pin in requirements(ROOT / "requirements/dev.txt")}
    project = PROJECT["project"]
    extras = [name for names in project["optional-dependencies"].values() for name in names]
    asked = project["dependencies"] + extras + PROJECT["build-system"]["requires"]
    assert {re.split(r"[^A-Za-z0-9-]", name)[0] for name in asked} <= dev


def requirements(lock):
    joined = lock.read_text().replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    return {line.split()[0]: line for line in lines}
