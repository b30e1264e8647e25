"""What runs jobs at their times, and who of several processes may."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from carbon254.core.domain.jobs import Job


class Scheduler(Protocol):
    """Runs jobs by their names, on threads of its own.

    Each runs soon after `start`, then whenever ``when`` says. A job never runs twice at a time: a time that comes
    while it still runs is passed over. Times that were missed, by a machine asleep, are made up for by one run. A job
    that raises is logged and runs again the next time; the others do not notice.
    """

    def start(
        self,
        jobs: Iterable[Job],
        when: Callable[[Job, datetime], datetime],
        run: Callable[[Job], object],
    ) -> None:
        """Begin; ``when`` gives a job's next time after an instant. What ran before is forgotten."""
        ...

    def next_times(self) -> Mapping[str, datetime]:
        """When each job runs next, by its name; empty while stopped."""
        ...

    def stop(self) -> None:
        """Start nothing any more, and return when what runs has ended. Stopping twice is nothing."""
        ...


class Background(Protocol):
    """Does what it is given behind the answers, one piece after the other; what fails is logged and stops no other."""

    def do(self, work: Callable[[], object]) -> None:
        """Take a piece of work in."""
        ...

    def close(self) -> None:
        """Give up the piece in hand and begin no other. What pieces leave undone stands in their records."""
        ...


class Leadership(Protocol):
    """One of all processes on a shared database or folder leads; the others stand by."""

    def acquire(self) -> bool:
        """Try to lead and return at once: whether this process leads now. Raises `StoreUnavailable`."""
        ...

    def held(self) -> bool:
        """Whether this process still leads; once lost, it stays lost until acquired again."""
        ...

    def release(self) -> None:
        """Let another lead."""
        ...
