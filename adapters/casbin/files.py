"""Policy files of a folder: ``model.conf`` beside them or the platform's own, and lines in ``*.csv``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from carbon254.core.domain.errors import SettingsInvalid
from carbon254.core.domain.policies import Grant, Inclusion, read_lines

Stamp = tuple[tuple[str, int, int, int], ...]


class PolicyFiles:
    """Reads the lines, and tells cheaply whether they may have changed since."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: tuple[Path, ...] = ()

    def stamp(self) -> Stamp:
        """Changes whenever a file is written, added or taken away."""
        try:
            return tuple(
                (path.name, told.st_mtime_ns, told.st_size, told.st_ino)
                for path in (self._folder, *self._files)
                for told in (path.stat(),)
            )
        except OSError:
            return ()

    def read(self) -> tuple[Stamp, Sequence[Grant | Inclusion]]:
        """All lines, files by name, and the stamp they had. Raises `SettingsInvalid` that names file and line."""
        try:
            self._files = tuple(sorted(self._folder.glob("*.csv")))
            stamp = self.stamp()
            lines = [
                line
                for path in self._files
                for line in read_lines(path.read_text(encoding="utf-8"), path.name)
            ]
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsInvalid(
                f"policy files in {self._folder} cannot be read: {error}"
            ) from None
        if not self._files:
            raise SettingsInvalid(
                f"there is no policy in {self._folder}: a file roles.csv is needed."
            )
        _refuse_twice(lines)
        return stamp, lines


def _refuse_twice(lines: Sequence[Grant | Inclusion]) -> None:
    seen: dict[tuple[str, ...], str] = {}
    for line in lines:
        own = line.fields if isinstance(line, Grant) else (line.role, line.included, line.tenant)
        if own in seen:
            raise SettingsInvalid(f"policy {line.where}: the same line stands in {seen[own]}.")
        seen[own] = line.where
