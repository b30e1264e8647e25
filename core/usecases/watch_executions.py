"""Tell of executions as they are: of those whose process has died, that they were interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from attrs import evolve, frozen

from carbon254.core.domain.errors import Interrupted
from carbon254.core.domain.executions import ExecutionKind
from carbon254.core.domain.series import SeriesId
from carbon254.ports.clock import Clock
from carbon254.ports.executions import Execution, ExecutionLog, Workers

_AGAIN: Final = {
    "forecast": "ask again.",
    "backtest": "what is done is kept: 'carbon254 backtest resume {id}', or the same plan again, goes on with it.",
}


@frozen(eq=False)
class WatchExecutions:
    """What the doors ask in place of the log, which cannot know whether a process still lives.

    Who finds that a worker has died writes that down. Between the look and the writing somebody may have resumed it:
    then the next step of the work says again that it runs.
    """

    log: ExecutionLog
    workers: Workers
    clock: Clock

    def execution(self, id: str) -> Execution:  # noqa: A002 - the word of the record
        """One execution. Raises `NotFound`."""
        return self._as_it_is(self.log.execution(id), self.workers.lives)

    def executions(
        self, kind: ExecutionKind | None = None, configuration: str | None = None
    ) -> Sequence[Execution]:
        """Executions, those that started last first."""
        lives = cache(self.workers.lives)  # each worker is looked for once
        return [self._as_it_is(one, lives) for one in self.log.executions(kind, configuration)]

    def _as_it_is(self, execution: Execution, lives: Callable[[str], bool]) -> Execution:
        if execution.state != "running" or lives(execution.worker):
            return execution
        # It may have been done just before its process ended.
        last = self.log.execution(execution.id)
        if last.state != "running" or last.worker != execution.worker:
            return last
        told = evolve(
            last, state="failed", finished_at=self.clock.now(), code=Interrupted.code, message=interruption(last),
        )  # fmt: skip
        self.log.put(told)
        return told


def interruption(execution: Execution) -> str:
    """What to say of an execution whose process ended."""
    again = _AGAIN[execution.kind].format(id=execution.id)
    done = f"interrupted after {execution.done} of {execution.total}"
    return f"{done}: the process that worked on it has ended; {again}"


def series_of(execution: Execution) -> tuple[SeriesId, ...]:
    """The series that an execution reads."""
    facts = execution.facts
    if execution.kind == "forecast":
        asked = facts["request"]
        return tuple(SeriesId.parse(one) for one in (asked["series"], *asked["exogenous"]))
    targets = facts["plan"]["targets"]
    return tuple(
        SeriesId.parse(one)
        for target in targets
        for one in (target["series"], *target["exogenous"])
    )
