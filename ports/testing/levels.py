"""How far a plugin passes its contract: bronze, silver, gold, each with reasons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import field, frozen

LEVELS: Final = ("bronze", "silver", "gold")


class NotApplicable(Exception):  # a decision of a check, not an error
    """Raised by a check that has nothing to look at; the text says why."""


@frozen
class Result:
    """What one check found, for one dataset or (``dataset`` empty) for the whole market."""

    check: str
    level: str
    dataset: str = ""
    problems: tuple[str, ...] = ()
    skipped: str = ""

    @property
    def passed(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        word = "FAIL" if self.problems else "skip" if self.skipped else "pass"
        where = f" {self.dataset}" if self.dataset else ""
        head = f"{word} [{self.level}] {self.check}{where}"
        notes = self.problems or ((self.skipped,) if self.skipped else ())
        return "\n".join((head, *(f"     {note}" for note in notes)))


@frozen
class Report:
    """All results of one plugin."""

    market: str
    results: tuple[Result, ...] = field(converter=tuple[Result, ...])

    @property
    def level(self) -> str | None:
        """The highest level that is reached together with all below it; None below bronze."""
        reached = None
        for level in LEVELS:
            if self.missing(level):
                break
            reached = level
        return reached

    def missing(self, level: str) -> tuple[Result, ...]:
        """What of this level is not passed."""
        return tuple(
            result for result in self.results if result.level == level and not result.passed
        )

    def summary(self) -> tuple[str, ...]:
        """The level, and what the next one lacks, in a few lines."""
        lacking = next((level for level in LEVELS if self.missing(level)), None)
        names = dict.fromkeys(
            f"{r.check} ({r.dataset})" if r.dataset else r.check
            for r in self.missing(lacking or "")
        )
        lacks = tuple(f"  for {lacking}: {name}" for name in names)
        return (f"{self.market}: {self.level or 'no level'}", *lacks)

    @property
    def problems(self) -> dict[str, tuple[str, ...]]:
        """Problems by the name of the check that found them."""
        found: dict[str, tuple[str, ...]] = {}
        for result in self.results:
            if result.problems:
                found[result.check] = found.get(result.check, ()) + result.problems
        return found

    def __str__(self) -> str:
        return "\n".join((f"{self.market}: {self.level or 'no level'}", *map(str, self.results)))


def first(problems: Iterable[str], limit: int = 8) -> tuple[str, ...]:
    """The first problems, and how many more there are."""
    every = list(problems)
    more = (f"… and {len(every) - limit} more",) if len(every) > limit else ()
    return (*every[:limit], *more)
