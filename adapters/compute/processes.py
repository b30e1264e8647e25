"""`ProcessExecutor`: a pool of processes in which one that dies takes only its own item along.

The standard pools break as a whole when a worker dies and cannot tell which item it was.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from types import TracebackType
from typing import Any, Self

from carbon254.adapters.compute.workers import Worker
from carbon254.core.domain.errors import Interrupted, InvalidRequest, PluginBroken
from carbon254.ports.compute import Executor, OnDone, Outcome


class ProcessExecutor(Executor):
    """Computes in up to ``max_workers`` processes, as many as there are processors by default.

    Workers start when they are first needed and stay. Thread-safe: calls at the same time share the workers, and
    each has one at least. Close it, or use it as a context manager; a script that uses it guards its main part by
    ``if __name__ == "__main__"``, as for `multiprocessing`.
    """

    def __init__(self, max_workers: int | None = None) -> None:
        self._most = max_workers if max_workers is not None else os.cpu_count() or 1
        if self._most < 1:
            raise InvalidRequest(f"An executor with {max_workers} workers computes nothing.")
        self._idle: list[Worker] = []
        self._in_use = 0
        self._lent: set[Worker] = set()
        self._closed = False
        self._guard = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers; a call that still waits for one is `Interrupted`."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
            for worker in self._lent:
                worker.kill()  # the call that has it sees it die, and stops it
        for worker in idle:
            worker.stop()

    @property
    def closed(self) -> bool:
        """Whether it computes no more."""
        return self._closed

    def outcomes(
        self, function_path: str, items: Sequence[Any], *, on_done: OnDone | None = None
    ) -> Iterator[Outcome]:
        """Yield an outcome for every item, in order; see `ports.compute.Executor`."""
        call = _Call(self, function_path, items, on_done)
        try:
            yield from call.in_order()
        finally:
            call.end()

    # ------------------------------------------------------------ lending workers

    def lend(self, *, first: bool) -> Worker | None:
        """A worker, if there is one to be had; a call's first is always to be had."""
        with self._guard:
            if self._closed:
                raise Interrupted("The executor is closed.")
            if self._in_use >= self._most and not first:
                return None
            self._in_use += 1
            while self._idle:
                worker = self._idle.pop()
                if worker.alive:
                    self._lent.add(worker)
                    return worker
                worker.stop()
        try:
            return self._start()
        except BaseException:
            with self._guard:
                self._in_use -= 1
            raise

    def _start(self) -> Worker:
        worker = Worker()
        with self._guard:
            self._lent.add(worker)
            if self._closed:
                worker.kill()
        return worker

    def give_back(self, worker: Worker, *, spent: bool = False) -> None:
        """Take a worker back; a ``spent`` one is stopped, whatever it does."""
        with self._guard:
            self._in_use -= 1
            self._lent.discard(worker)
            keep = not spent and not self._closed and len(self._idle) < self._most
            if keep:
                self._idle.append(worker)
        if not keep:
            worker.stop()


class _Call:
    """One call's items, its workers and what it has finished."""

    def __init__(
        self, owner: ProcessExecutor, path: str, items: Sequence[Any], on_done: OnDone | None
    ) -> None:
        self._owner, self._path, self._items, self._on_done = owner, path, items, on_done
        self._waiting = deque(range(len(items)))
        self._busy: dict[Worker, int] = {}
        self._done: dict[int, Outcome] = {}
        self._count = 0

    def in_order(self) -> Iterator[Outcome]:
        for number in range(len(self._items)):
            while number not in self._done:
                self._start_what_can()
                self._await_some()
            yield self._done.pop(number)

    def end(self) -> None:
        """Give workers back; one that still computes for a call that was left is stopped."""
        for worker in self._busy:
            self._owner.give_back(worker, spent=True)
        self._busy.clear()

    def _start_what_can(self) -> None:
        while self._waiting:
            worker = self._owner.lend(first=not self._busy)
            if worker is None:
                return
            self._start(worker, self._waiting.popleft())

    def _start(self, worker: Worker, number: int) -> None:
        self._busy[worker] = number
        try:
            worker.send(self._path, self._items[number])
        except PluginBroken as error:
            self._finish(worker, Outcome(error=error))
        except OSError:
            self._lose(worker)

    def _await_some(self) -> None:
        if not self._busy:
            return
        ready = {id(pipe) for pipe in wait([worker.pipe for worker in self._busy])}
        for worker in [worker for worker in self._busy if id(worker.pipe) in ready]:
            try:
                outcome = worker.receive(self._path)
            except (EOFError, OSError):
                self._lose(worker)
            else:
                self._finish(worker, outcome)

    def _finish(self, worker: Worker, outcome: Outcome) -> None:
        number = self._busy.pop(worker)
        self._owner.give_back(worker)
        self._settle(number, outcome)

    def _lose(self, worker: Worker) -> None:
        number = self._busy.pop(worker)
        closed = self._owner.closed
        error = worker.death(self._path)
        self._owner.give_back(worker, spent=True)
        if closed:
            raise Interrupted(f"The executor was closed while it computed '{self._path}'.")
        self._settle(number, Outcome(error=error))

    def _settle(self, number: int, outcome: Outcome) -> None:
        self._done[number] = outcome
        self._count += 1
        if self._on_done is not None:
            self._on_done(self._count)
