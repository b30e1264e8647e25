"""What is said over the local socket: frames of a letter, a length and a body.

A call is answered by output, errors and one exit status; the caller may say that it has left.
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, Final

CALL: Final = b"c"  # JSON: what to run
OUT: Final = b"o"  # bytes for standard output
ERR: Final = b"e"  # bytes for standard error
EXIT: Final = b"x"  # JSON: the exit status
LEFT: Final = b"l"  # the caller was interrupted
LONGEST: Final = 1 << 20  # bytes of a call; output is sent in pieces
_HEAD: Final = struct.Struct(">cI")


def send(connection: socket.socket, letter: bytes, body: bytes = b"") -> None:
    """Send a frame. Raises `BrokenPipeError` and the like when the other end has left."""
    for start in range(0, max(len(body), 1), LONGEST):
        piece = body[start : start + LONGEST]
        connection.sendall(_HEAD.pack(letter, len(piece)) + piece)


def send_json(connection: socket.socket, letter: bytes, value: Any) -> None:
    """Send a value as JSON."""
    send(connection, letter, json.dumps(value).encode())


def receive(connection: socket.socket) -> tuple[bytes, bytes]:
    """The next frame. Raises `EOFError` when the other end has left, `ValueError` for one that is too long."""
    letter, length = _HEAD.unpack(_exactly(connection, _HEAD.size))
    if length > LONGEST:
        raise ValueError(f"a frame of {length} bytes, {LONGEST} is the most")
    return letter, _exactly(connection, length)


def _exactly(connection: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
