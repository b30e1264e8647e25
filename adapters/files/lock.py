"""The lock of a folder: one process writes, and the others learn which."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from carbon254.core.domain.errors import StoreBusy


class FolderLock:
    """Holds an exclusive lock on a file until `release` or the end of the process, however it ends.

    Raises `StoreBusy` that names the holder's process id, and `OSError` where files cannot be locked.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = None
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        except BlockingIOError:
            owner = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise StoreBusy(
                f"'{path.parent}' is in use by process {owner}: stop it, or try again later."
            ) from None
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the folder up. The file stays: taking it away would let two lock different ones."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
