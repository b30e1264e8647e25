"""Where the socket of a data folder lies, also where the path is longer than an address may be."""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from carbon254.core.domain.errors import StoreUnavailable

NAME: Final = "carbon254.sock"
_LONGEST: Final = 100  # bytes; an address has room for 104 to 108, by system


@contextmanager
def address(folder: Path) -> Iterator[str]:
    """The address of the folder's socket, good for binding and connecting while in use."""
    path = str(folder / NAME)
    if len(os.fsencode(path)) <= _LONGEST:
        yield path
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"  # the same folder by a short name
    finally:
        os.close(descriptor)


def check_folder(folder: Path) -> None:
    """Raise `StoreUnavailable` for a folder in which others could put a socket of their own in our place."""
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & stat.S_IWOTH:
        raise StoreUnavailable(
            f"{folder} is another user's, or everybody may write there: no socket is opened in it. "
            "Take it over, or run: chmod o-w"
        )


def peer(connection: socket.socket) -> int:
    """The user id of the process at the other end, as the system knows it.

    Where it cannot say, the file's mode is what keeps others out.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return os.geteuid()
    size = struct.calcsize("3i")
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return int(struct.unpack("3i", found)[1])
