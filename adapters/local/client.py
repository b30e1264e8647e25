"""The caller's end: has the owner of a data folder run a command, and shows what it prints."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from carbon254.adapters.local import frames
from carbon254.adapters.local.address import NAME, address, peer

_INTERRUPTED = 130


def connect(folder: Path) -> socket.socket | None:
    """A connection to the process of this user that owns the folder; None where none listens."""
    try:
        if (folder / NAME).stat().st_uid != os.geteuid():
            return None
        connection = socket.socket(socket.AF_UNIX)
        try:
            with address(folder.resolve()) as where:
                connection.connect(where)
            if peer(connection) == os.geteuid():
                return connection
        except OSError:
            connection.close()
            raise
        connection.close()
    except OSError:  # no socket, or one that a crash left
        return None
    return None


def forward(
    connection: socket.socket, arguments: Sequence[str], facts: Mapping[str, Any]
) -> int | None:
    """Have a command run and return its exit status; None when the owner ended before it said anything.

    An interrupt leaves at once with status 130; the owner then ends the command at its next output or document.
    """
    call = {"arguments": list(arguments), "folder": os.fspath(Path.cwd()), **facts}
    said = False
    with connection:
        try:
            frames.send_json(connection, frames.CALL, call)
            while True:
                letter, body = frames.receive(connection)
                said = True
                if letter == frames.EXIT:
                    return int(json.loads(body))
                _show(sys.stdout.buffer if letter == frames.OUT else sys.stderr.buffer, body)
        except KeyboardInterrupt:
            with suppress(OSError):
                frames.send(connection, frames.LEFT)
            print("carbon254: interrupted.", file=sys.stderr)  # noqa: T201 - it speaks for the command line
            return _INTERRUPTED
        except (EOFError, ConnectionError):
            return _gone() if said else None


def _show(stream: BinaryIO, body: bytes) -> None:
    """Print; raises `BrokenPipeError` out of here when our own reader left, such as `head`."""
    try:
        stream.write(body)
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise SystemExit(0) from None


def _gone() -> int:
    from carbon254.core.domain.errors import StoreUnavailable

    what = "the process that runs here ended in the middle of the command; run it again."
    print(f"carbon254: {StoreUnavailable.code}: {what}", file=sys.stderr)  # noqa: T201 - as above
    return StoreUnavailable.exit_status
