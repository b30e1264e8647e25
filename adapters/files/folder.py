"""Documents from files and folders: they work like documents from the network."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator
from pathlib import Path

from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import NotFound


class Folder:
    """The files named, and all files of the folders named, in the order of their names; read one by one.

    Raises `NotFound` for a path that does not exist.
    """

    def __init__(self, paths: Iterable[str | Path]) -> None:
        self._files: list[Path] = []
        for path in map(Path, paths):
            if not path.exists():
                raise NotFound(f"{path} does not exist.")
            self._files += _files_of(path) if path.is_dir() else [path]

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Document]:
        for path in self._files:
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            yield Document(path.name, path.read_bytes(), kind)


def _files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
