"""The owner's end: takes calls of the same user, each in a thread of its own."""

from __future__ import annotations

import json
import logging
import os
import select
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from carbon254.adapters.local import frames
from carbon254.adapters.local.address import NAME, address, check_folder, peer

_AT_ONCE: Final = 16
_LOOK: Final = 0.1  # seconds between looks at whether to stop
_SAY: Final = 30.0  # seconds that a caller has to say what it wants
_END: Final = 5.0  # seconds that a command has to end when the owner goes down
_log = logging.getLogger("carbon254.local")


class Call:
    """One command of another process: what to run, and where its output goes."""

    def __init__(self, connection: socket.socket, facts: Mapping[str, Any]) -> None:
        self.arguments: list[str] = list(facts["arguments"])
        self.folder = Path(
            facts["folder"]
        )  # where the caller stands: its relative paths start here
        self.columns: int | None = facts.get("columns")
        self.terminals: tuple[bool, bool] = tuple(facts.get("terminals", (False, False)))
        self.colour = bool(facts.get("colour"))
        self.version = str(facts.get("version"))
        self._connection = connection
        self._guard = threading.Lock()
        self._left = False

    @property
    def left(self) -> bool:
        """Whether the caller was interrupted or is gone; then its output goes nowhere."""
        with suppress(OSError, ValueError):
            if not self._left and select.select([self._connection], [], [], 0)[0]:
                self._left = True  # it says nothing but that it leaves
        return self._left

    def out(self, data: bytes) -> None:
        """Send output. Raises `BrokenPipeError` when the caller is gone."""
        self._send(frames.OUT, data)

    def err(self, data: bytes) -> None:
        """Send what goes to standard error. Raises as `out`."""
        self._send(frames.ERR, data)

    def _send(self, letter: bytes, data: bytes) -> None:
        with self._guard:
            if self.left:
                raise BrokenPipeError
            try:
                frames.send(self._connection, letter, data)
            except OSError:
                self._left = True
                raise BrokenPipeError from None


class LocalServer:
    """Listens in a data folder until told to stop; ``run`` runs a call and returns its exit status.

    Only processes of the same user are answered, as the system tells who they are, and only the owner of the folder
    may listen there: it holds the folder's lock, so that a socket left by a crash can be replaced.
    """

    def __init__(self, folder: Path, run: Callable[[Call], int]) -> None:
        self._folder, self._run = folder.resolve(), run
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._busy: dict[threading.Thread, socket.socket] = {}

    def serve(self, stop: threading.Event) -> None:
        """Listen until ``stop``; calls that still run then are waited for. Raises `StoreUnavailable`."""
        check_folder(self._folder)
        with self._listen() as listener:
            try:
                while not stop.is_set():
                    with suppress(TimeoutError):
                        self._take(listener.accept()[0])
            finally:
                (self._folder / NAME).unlink(missing_ok=True)
        for thread, connection in list(self._busy.items()):
            thread.join(_END)
            if thread.is_alive():  # perhaps it waits for a reader that does not read
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                thread.join(_END)

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        try:
            os.fchmod(listener.fileno(), 0o600)  # before it has a name that others could open
            with address(self._folder) as where:
                (self._folder / NAME).unlink(missing_ok=True)
                listener.bind(where)
            (self._folder / NAME).chmod(0o600)
            listener.listen(_AT_ONCE)
            listener.settimeout(_LOOK)
        except BaseException:
            listener.close()
            raise
        return listener

    def _take(self, connection: socket.socket) -> None:
        thread = threading.Thread(
            target=self._answer, args=(connection,), name="carbon254-call", daemon=True
        )
        self._busy[thread] = connection
        thread.start()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError, EOFError):
                if peer(connection) != os.geteuid():
                    return
                connection.settimeout(_SAY)
                letter, body = frames.receive(connection)
                connection.settimeout(None)
                if letter == frames.CALL:
                    self._finish(connection, Call(connection, json.loads(body)))
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("a call on the local socket made no sense: %s", error)
        finally:
            self._busy.pop(threading.current_thread(), None)

    def _finish(self, connection: socket.socket, call: Call) -> None:
        with self._slots:
            status = self._run(call)
        frames.send_json(connection, frames.EXIT, status)
