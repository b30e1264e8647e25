"""Commands that run for another process: output by call, and paths from where the caller stands.

The owner of a data folder runs several at once, each in a thread. `sys.stdout` and `sys.stderr` are replaced once by
streams that look up whose turn it is in a context variable.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, Protocol, TextIO


class Call(Protocol):
    """A command of another process."""

    arguments: list[str]
    folder: Path
    columns: int | None
    terminals: tuple[bool, bool]
    colour: bool

    @property
    def left(self) -> bool:
        """Whether the caller was interrupted or is gone."""
        ...

    def out(self, data: bytes) -> None:
        """Send output. Raises `BrokenPipeError` when the caller is gone."""
        ...

    def err(self, data: bytes) -> None:
        """Send what goes to standard error. Raises as `out`."""
        ...


_CURRENT: Final[ContextVar[Call | None]] = ContextVar("call", default=None)


def run_call(call: Call, run: Callable[[list[str]], int]) -> int:
    """Run a command for a caller; what it prints goes there."""
    install()
    token = _CURRENT.set(call)
    try:
        return run(call.arguments)
    finally:
        _CURRENT.reset(token)


def interrupted() -> bool:
    """Whether whoever called the command that runs here has left; long work looks after each step."""
    call = _CURRENT.get()
    return call is not None and call.left


def from_caller(value: Any) -> Any:
    """A value of an option, with a path that starts where the caller stands."""
    call = _CURRENT.get()
    if call is None:
        return value
    if isinstance(value, Path):
        return call.folder / value
    if isinstance(value, (list, tuple)):
        return type(value)(from_caller(one) for one in value)
    return value


def install() -> None:
    """Let `sys.stdout` and `sys.stderr` follow the call that runs. Doing it again is nothing."""
    for number, name in enumerate(("stdout", "stderr")):
        if not isinstance(own := getattr(sys, name), _Stream):
            setattr(sys, name, _Stream(own, number))


def stream(file: Any) -> Any:
    """The stream as it is now, for work that prints from threads of its own."""
    call = _CURRENT.get()
    return _Bound(call, file) if call is not None and isinstance(file, _Stream) else file


class _Bytes(io.RawIOBase):
    """The bytes below a stream."""

    def __init__(self, own: Any, number: int) -> None:
        self._own, self._number = own, number

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        call = _CURRENT.get()
        body = bytes(data)
        if call is None:
            written: int = self._own.write(body)
            return written
        (call.err if self._number else call.out)(body)
        return len(body)

    def flush(self) -> None:
        if _CURRENT.get() is None:
            self._own.flush()


class _Stream(io.TextIOBase):
    """A standard stream that follows the call of the thread that prints; the process's own outside any call."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, own: TextIO, number: int) -> None:
        self._own, self._number = own, number
        self.buffer = _Bytes(own.buffer, number)

    @property
    def columns(self) -> int | None:
        """The width of the caller's terminal."""
        call = _CURRENT.get()
        return call.columns if call else None

    @property
    def colour(self) -> bool | None:
        """Whether the caller wants colours; None outside any call."""
        call = _CURRENT.get()
        return call.colour and call.terminals[self._number] if call else None

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if _CURRENT.get() is None:
            return self._own.write(text)
        self.buffer.write(text.encode())
        return len(text)

    def flush(self) -> None:
        if _CURRENT.get() is None:
            self._own.flush()

    def isatty(self) -> bool:
        call = _CURRENT.get()
        return call.terminals[self._number] if call else self._own.isatty()

    def fileno(self) -> int:
        if _CURRENT.get() is not None:
            raise io.UnsupportedOperation("the output goes to another process")
        return self._own.fileno()


class _Bound(io.TextIOBase):
    """A stream of one call, whichever thread prints."""

    encoding = "utf-8"

    def __init__(self, call: Call, file: _Stream) -> None:
        self._call, self._number = call, file._number

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        (self._call.err if self._number else self._call.out)(text.encode())
        return len(text)

    def isatty(self) -> bool:
        return self._call.terminals[self._number]
