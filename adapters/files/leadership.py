"""`Leadership` by a lock in the data folder, for processes of one machine."""

from __future__ import annotations

import threading
from pathlib import Path

from carbon254.adapters.files.durable import make_folder, translated
from carbon254.adapters.files.lock import FolderLock
from carbon254.core.domain.errors import StoreBusy


class FolderLeadership:
    """One leader for each seat of a folder; the lock ends with the process, however that ends."""

    def __init__(self, folder: Path, *, seat: str = "jobs") -> None:
        self._folder, self._name = folder, f"{seat}.lock"
        self._lock: FolderLock | None = None
        self._guard = threading.Lock()

    def acquire(self) -> bool:
        with self._guard:
            if self._lock is None:
                try:
                    with translated(f"folder {self._folder}"):
                        make_folder(self._folder)
                        self._lock = FolderLock(self._folder / self._name)
                except StoreBusy:
                    return False
            return True

    def held(self) -> bool:
        with self._guard:
            return self._lock is not None

    def release(self) -> None:
        with self._guard:
            if self._lock is not None:
                self._lock.release()
                self._lock = None
