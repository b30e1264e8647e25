"""Build the sdist, from it the wheel, install that into a clean environment and use it there.

Run by `make packaging`. Building needs no network: the tools come from .venv (requirements/build.txt).
"""

import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("core", "ports", "adapters", "plugins", "config", "policies", "features")
MARKETS = ("caiso", "entsoe", "eu_ets", "miso", "nem")
USE = """
import pathlib, sys
import carbon254, carbon254.core, carbon254.ports.testing
home = pathlib.Path(carbon254.__file__)
assert home.is_relative_to(sys.prefix), home
assert carbon254.__version__ == sys.argv[1], carbon254.__version__
"""


def main() -> None:
    """Say what is checked, stop at the first thing that is wrong."""
    with tempfile.TemporaryDirectory(prefix="carbon254-packaging-") as name:
        folder = Path(name)
        step("sdist")
        sdist = build("sdist", ROOT, folder / "dist")
        with tarfile.open(sdist) as archive:
            archive.extractall(folder / "source", filter="data")
        (source,) = (folder / "source").iterdir()
        same("sdist", tree(source), tree(ROOT))

        step("wheel from the sdist")
        wheel = build("wheel", source, folder / "dist")
        with zipfile.ZipFile(wheel) as archive:
            names = {n.removeprefix("carbon254/") for n in archive.namelist()}
        same("wheel", names, (tree(ROOT) - {"config/package.py"}) | {"__init__.py", "py.typed"})

        step("clean environment from requirements/runtime.txt")
        venv.create(folder / "env", with_pip=True)
        bin_folder = folder / "env" / "bin"
        pip = [bin_folder / "python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
        lock = ROOT / "requirements" / "runtime.txt"
        run(*pip, "install", "--require-hashes", "--only-binary", ":all:", "-r", lock)
        run(*pip, "install", "--no-deps", "--no-index", wheel)
        run(*pip, "check")

        step("import carbon254")
        version = wheel.name.split("-")[1]
        run(bin_folder / "python", "-I", "-c", USE, version, cwd=folder)

        step("carbon254 markets")
        listed = run(bin_folder / "carbon254", "markets", cwd=folder)
        for market in MARKETS:
            if market not in listed:
                sys.exit(f"packaging: `carbon254 markets` does not name {market}:\n{listed}")
    print("packaging: ok")


def step(what: str) -> None:
    """Print what comes next."""
    print(f"packaging: {what}", flush=True)


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Return what a command prints; if it fails, show all that it said and stop."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = f"{done.stdout}{done.stderr}"
        sys.exit(f"packaging: {' '.join(map(str, command))} failed ({done.returncode}):\n{said}")
    return done.stdout


def build(kind: str, source: Path, target: Path) -> Path:
    """Build one distribution and return its file."""
    run(sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", target, source)
    (made,) = target.glob({"sdist": "*.tar.gz", "wheel": "*.whl"}[kind])
    return made


def tree(root: Path) -> set[str]:
    """Return the files that a distribution made from this tree has to hold."""
    files = (path for folder in FOLDERS for path in (root / folder).rglob("*") if path.is_file())
    names = {path.relative_to(root).as_posix() for path in files}
    return {name for name in names if not name.endswith((".pyc", ".pyo"))}


def same(kind: str, found: set[str], expected: set[str]) -> None:
    """Stop if a file of the tree, or a whole folder, is not in the distribution."""
    missing = sorted(expected - found)
    empty = [folder for folder in FOLDERS if not any(n.startswith(f"{folder}/") for n in found)]
    if missing or empty:
        sys.exit(f"packaging: the {kind} lacks {missing}; empty folders: {empty}")


if __name__ == "__main__":
    main()
