"""Where a plugin lies, found without running its code, and which version of it lies there."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path

from carbon254.adapters.plugins.entries import Entry
from carbon254.core.domain.errors import PluginBroken


def version_of(folder: Path) -> str:
    """Twelve hex digits of a plugin's code and card, its samples left out."""
    import hashlib

    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".toml") and "samples" not in path.relative_to(folder).parts:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def folder_of(entry: Entry) -> Path:
    """The folder of a plugin's module, found without importing the module or the packages that it lies in."""
    if not re.match(r"[A-Za-z_][\w.]*\s*(:|$)", entry.value):
        raise PluginBroken(
            f"entry point '{entry.name}' leads to '{entry.value}', which is no module."
        )
    spec, path = None, None
    parts = entry.module.split(".")
    for depth in range(1, len(parts) + 1):
        spec = _find(".".join(parts[:depth]), path)
        if spec is None or (depth < len(parts) and spec.submodule_search_locations is None):
            raise PluginBroken(f"'{entry.module}' cannot be found; is its package still installed?")
        path = spec.submodule_search_locations
    if spec is None or spec.origin is None:
        raise PluginBroken(f"'{entry.module}' is no package with an __init__.py.")
    return Path(spec.origin).parent


def _find(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """What `importlib.util.find_spec` does but for importing the parent packages, whose code is the plugin's too."""
    finders = (finder.find_spec(name, path, None) for finder in sys.meta_path)
    return next((spec for spec in finders if spec is not None), None)
