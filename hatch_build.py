"""Lay the folders of the tree out as the package carbon254."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# A file named here leaves its folder in a wheel: nobody imports carbon254.config.package.
ROOT_FILES = {"config/package.py": "__init__.py", "py.typed": "py.typed"}


class Layout(BuildHookInterface):
    """Link the folders on editable installs, add the package's root files otherwise."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before each build of a wheel or an sdist."""
        if self.target_name != "wheel":
            return
        if version != "editable":
            build_data["force_include"] |= {
                source: f"carbon254/{name}" for source, name in ROOT_FILES.items()
            }
            return
        package = Path(self.root, ".links", "carbon254")
        package.mkdir(parents=True, exist_ok=True)
        folders = {folder: folder for folder in self.build_config.target_config["only-include"]}
        for source, name in (folders | ROOT_FILES).items():
            link = package / name
            link.unlink(missing_ok=True)
            link.symlink_to(Path("..", "..", source))
