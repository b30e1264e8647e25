"""Hearing that the process is told to end, whichever of its threads the system gives the signal to."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from carbon254.adapters.cli.errors import INTERRUPTED

_POLITE: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def leaving(abandon: Callable[[], object]) -> Iterator[threading.Event]:
    """Set the event at the first SIGTERM or SIGINT; at the second, call ``abandon`` and leave at once.

    Python runs handlers in the main thread alone, and one that waits for a lock is not woken when the signal came to
    another thread: it was seen to wait for ever. So the signal's number goes through a socket, whichever thread it
    came to, to a thread that reads there.
    """
    told = threading.Event()
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)

    def hear() -> None:
        while number := ours.recv(1):
            if number[0] not in _POLITE:
                continue
            if told.is_set():
                abandon()
                os._exit(INTERRUPTED)
            told.set()

    before = {number: signal.signal(number, lambda *_: None) for number in _POLITE}
    woken = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    thread = threading.Thread(target=hear, name="carbon254-leaving", daemon=True)
    thread.start()
    try:
        yield told
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        theirs.close()
        thread.join()
        ours.close()
