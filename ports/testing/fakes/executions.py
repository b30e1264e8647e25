"""A log of executions in memory that passes the suite of the real ones."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.executions import ExecutionKind, ExecutionState
from carbon254.ports.executions import Execution


class MemoryWorkers:
    """Processes that share a set of the names of those that live."""

    def __init__(self, living: set[str], name: str) -> None:
        self._living, self._name = living, name

    def join(self) -> str:
        self._living.add(self._name)
        return self._name

    def lives(self, name: str) -> bool:
        return name in self._living

    def close(self) -> None:
        self._living.discard(self._name)


class MemoryExecutionLog:
    """Keeps everything, parts too, in dictionaries; loses it when the process ends."""

    def __init__(self) -> None:
        self._executions: dict[str, Execution] = {}
        self._parts: dict[str, str] = {}
        self._guard = threading.Lock()

    def put(self, execution: Execution) -> None:
        self._executions[execution.id] = execution

    def claim(self, id: str, worker: str) -> Execution | None:  # noqa: A002
        with self._guard:
            found = self.execution(id)
            if found.state != "queued":
                return None
            self.put(found.taken_by(worker))
            return self.execution(id)

    def execution(self, id: str) -> Execution:  # noqa: A002
        if id not in self._executions:
            raise NotFound(f"there is no execution {id}.")
        return self._executions[id]

    def executions(
        self,
        kind: ExecutionKind | None = None,
        configuration: str | None = None,
        state: ExecutionState | None = None,
    ) -> Sequence[Execution]:
        found = [
            one
            for one in self._executions.values()
            if kind in (None, one.kind)
            and configuration in (None, one.configuration)
            and state in (None, one.state)
        ]
        return sorted(found, key=lambda one: (-one.started_at.timestamp(), one.id))

    def keep_part(self, key: str, digest: str) -> None:
        self._parts[key] = digest

    def part(self, key: str) -> str | None:
        return self._parts.get(key)
