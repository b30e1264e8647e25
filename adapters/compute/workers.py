"""One worker process and the pipe to it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Final

from carbon254.core.domain.errors import Carbon254Error, PluginBroken
from carbon254.ports.calling import call, flatten, restore
from carbon254.ports.compute import Outcome

# Not fork: the parent has threads, and a child would keep its locks, also those of files.
_CONTEXT: Final = multiprocessing.get_context("spawn")
_PATIENCE_SECONDS: Final = 1.0
# Linear algebra starts a thread for each processor by default. Many workers that do so wait for one another: four
# times the CPU was measured. Libraries read this once, when they are loaded.
_THREADS: Final = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)
_ENVIRONMENT: Final = threading.Lock()


class Worker:
    """A process that computes one item at a time; ``pipe`` is readable when it has finished, or died."""

    def __init__(self) -> None:
        self.pipe: Connection
        self.pipe, theirs = _CONTEXT.Pipe()
        self._process: SpawnProcess = _CONTEXT.Process(
            target=work, args=(theirs,), name="carbon254-worker", daemon=True
        )
        with _one_thread():
            self._process.start()
        theirs.close()

    @property
    def alive(self) -> bool:
        """Whether the process runs; one that idles may have been killed for memory."""
        return self._process.is_alive()

    def send(self, function_path: str, item: Any) -> None:
        """Hand over an item. Raises `PluginBroken` when it cannot travel, `OSError` when the worker is gone."""
        try:
            packed = pickle.dumps((function_path, item), pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # noqa: BLE001 - pickling runs the item's own code
            raise PluginBroken(f"An item for '{function_path}' cannot be sent: {error}") from None
        self.pipe.send_bytes(packed)

    def receive(self, function_path: str) -> Outcome:
        """What became of the item. Raises `EOFError` or `OSError` when the worker died over it."""
        packed = self.pipe.recv_bytes()
        try:
            value, error = pickle.loads(packed)  # noqa: S301 - from our own process
        except Exception as problem:  # noqa: BLE001 - unpickling runs the value's own code
            reason = f"What '{function_path}' returned cannot be received: {problem}"
            return Outcome(error=PluginBroken(reason))
        return Outcome(value) if error is None else Outcome(error=restore(*error))

    def death(self, function_path: str) -> PluginBroken:
        """How the worker died, after its pipe broke."""
        self._process.join(_PATIENCE_SECONDS)
        code = self._process.exitcode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit status {code}"
        return PluginBroken(f"The worker died {how} while it computed '{function_path}'.")

    def kill(self) -> None:
        """End the process, whatever it is doing; its pipe breaks."""
        self._process.kill()

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self.pipe.close()
        self._process.kill()
        self._process.join()
        self._process.close()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let a process that starts meanwhile compute in one thread, unless the user's environment says otherwise."""
    with _ENVIRONMENT:
        ours = [name for name in _THREADS if name not in os.environ]
        os.environ.update(dict.fromkeys(ours, "1"))
        try:
            yield
        finally:
            for name in ours:
                os.environ.pop(name, None)


def work(pipe: Connection) -> None:
    """What a worker does until its pipe ends: receive, compute, answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops us
    while True:
        try:
            pipe.send_bytes(_answer(pipe.recv_bytes()))
        except (EOFError, OSError):
            return


def _answer(packed: bytes) -> bytes:
    path = "?"
    try:
        path, item = pickle.loads(packed)  # noqa: S301 - from our own process
        return pickle.dumps((call(path, item), None), pickle.HIGHEST_PROTOCOL)
    except Carbon254Error as error:
        return pickle.dumps((None, flatten(error)))
    except Exception as error:  # noqa: BLE001 - pickling runs the item's and the value's own code
        broken = PluginBroken(f"Item or value of '{path}' cannot travel: {error}")
        return pickle.dumps((None, flatten(broken)))
