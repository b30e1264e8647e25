"""`CheckpointBook`: signed heads in one file that grows, to be copied to where the house's owner cannot change it."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path

from carbon254.adapters.files.durable import make_folder, sync_folder, translated, write_all
from carbon254.core.domain.checkpoints import split_notes


class FileCheckpoints:
    """Notes one after the other, an empty line between them. A half-written end is written over by the next one."""

    def __init__(self, path: Path) -> None:
        self._path, self._guard = path, threading.Lock()

    def add(self, note: str) -> None:
        with self._guard, translated(f"checkpoints {self._path}"):
            make_folder(self._path.parent)
            whole = sum(len(one.encode()) + 1 for one in self.all())
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.lseek(descriptor, whole, os.SEEK_SET)
                write_all(descriptor, note.encode() + b"\n")
                os.ftruncate(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            sync_folder(self._path.parent)

    def all(self) -> Sequence[str]:
        with translated(f"checkpoints {self._path}"):
            text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        return split_notes(text)
