"""What models did: executions (a forecast, a backtest) with their progress, and parts of them that are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from attrs import evolve, field, frozen

from carbon254.core.domain.executions import ExecutionKind, ExecutionState
from carbon254.core.domain.time import utc, utc_or_none


@frozen(kw_only=True)
class Execution:
    """One execution of a model or of a plan; ``facts`` is plain data, ``result`` a digest in the archive.

    ``configuration`` names the model with its parameters (a token); of a backtest it is the plan's name.
    """

    id: str
    kind: ExecutionKind
    configuration: str
    state: ExecutionState
    started_at: datetime = field(converter=utc)
    finished_at: datetime | None = field(default=None, converter=utc_or_none)
    done: int = 0
    total: int = 0
    facts: Mapping[str, Any] = field(factory=dict, repr=False)
    result: str = ""
    code: str = ""  # of the error of one that failed
    message: str = ""

    @property
    def worker(self) -> str:
        """The process that works on it, by its name among `Workers`."""
        return str(self.facts.get("worker", ""))

    def taken_by(self, worker: str) -> Execution:
        """The same as this worker's running work."""
        own = {**self.facts, "worker": worker}
        return evolve(self, state="running", code="", message="", facts=own)


class Workers(Protocol):
    """The processes that work on executions, each by a name of its own: which of them live."""

    def join(self) -> str:
        """The name of this process, which from now on is seen to live; again changes nothing.

        Raises `StoreUnavailable`.
        """
        ...

    def lives(self, name: str) -> bool:
        """Whether the process of this name lives; one that has died never does again. Raises `StoreUnavailable`."""
        ...

    def close(self) -> None:
        """This process works no more."""
        ...


class ExecutionLog(Protocol):
    """Executions by id."""

    def put(self, execution: Execution) -> None:
        """Keep an execution durably; one of the same id is replaced."""
        ...

    def claim(self, id: str, worker: str) -> Execution | None:  # noqa: A002 - the word of the record
        """Make what is queued the running work of this worker, in one step; None where it is queued no more.

        Of all that claim an execution at once, one gets it. Raises `NotFound`.
        """
        ...

    def execution(self, id: str) -> Execution:  # noqa: A002 - the word of the record
        """One execution. Raises `NotFound`."""
        ...

    def executions(
        self,
        kind: ExecutionKind | None = None,
        configuration: str | None = None,
        state: ExecutionState | None = None,
    ) -> Sequence[Execution]:
        """Executions, those that started last first; of equal start by id."""
        ...


class PartLog(Protocol):
    """Finished parts of executions, by a digest of what they were made from."""

    def keep_part(self, key: str, digest: str) -> None:
        """Say that the part of this key lies in the archive under the digest; again replaces it."""
        ...

    def part(self, key: str) -> str | None:
        """The digest of a part, or None."""
        ...
