"""What is to be done when: jobs made from the cards anew at every start, and stored nowhere."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import Final, Literal

from attrs import frozen

from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.time import operating_day

Task = Literal["fetch", "catch_up", "check", "checkpoint", "executions"]

CATCH_UP_EVERY: Final = timedelta(hours=6)
CHECK_EVERY: Final = timedelta(minutes=5)
CHECKPOINT_EVERY: Final = timedelta(hours=1)
EXECUTIONS_EVERY: Final = timedelta(seconds=5)
_LONGEST_WAIT: Final = timedelta(hours=1)
_DAYS_AHEAD: Final = 7  # further than weekends and day rules reach


@frozen
class Job:
    """A task by its name with plain arguments.

    Fetch what is due, catch up, check a market, sign the audit's head, take forecasts and backtests that are queued.
    """

    task: Task
    market: str = ""  # "" for a task of the house
    dataset: str = ""  # "" for a task of the whole market
    every: timedelta = CHECK_EVERY

    @property
    def name(self) -> str:
        """What it is called in logs and lists; one job has it."""
        return f"{self.task} {self.market}/{self.dataset}".rstrip("/ ")


def jobs_of(
    cards: Mapping[str, MarketCard], credentials: Collection[str], *, synthetic: bool
) -> tuple[Job, ...]:
    """The jobs of all markets. A synthetic store is checked and never fed.

    Datasets are fetched as often as their card polls; one that does not poll, or whose market wants a credential
    that is not there, is left to people.
    """
    made = [
        Job("checkpoint", every=CHECKPOINT_EVERY),
        Job("executions", every=EXECUTIONS_EVERY),
    ]
    for card in cards.values():
        made.append(Job("check", card.id))
        if synthetic or not set(card.credentials) <= set(credentials):
            continue
        for name, facts in card.datasets.items():
            if facts.poll is not None:
                made.append(Job("fetch", card.id, name, facts.poll))
                made.append(Job("catch_up", card.id, name, CATCH_UP_EVERY))
    return tuple(made)


def next_run(job: Job, facts: DatasetCard | None, after: datetime) -> datetime:
    """The instant at which the job runs next after ``after``: one step later, or when a day's numbers are due.

    A day-ahead auction that is polled hourly is asked the moment its rule says, on the market's own clock.
    """
    step = after + job.every
    if facts is None or job.task != "fetch":
        return step
    rules = {facts.due, *facts.due_of.values()}
    due = [at for rule in rules for at in _due_after(rule, facts, after)]
    return min([step, *due])


def _due_after(rule: Rule, facts: DatasetCard, after: datetime) -> Iterator[datetime]:
    if rule.anchor not in ("D", "BD"):
        return
    today = operating_day(after, rule.zone or facts.day_zone, time())
    for ahead in range(-_DAYS_AHEAD, _DAYS_AHEAD + 1):
        at = rule.on(today + timedelta(ahead - rule.days), facts.day_zone)
        if at > after:
            yield at


def back_off(every: timedelta, failures: int) -> timedelta:
    """How long to leave a feed alone that has failed so many times in a row: doubling, up to an hour or one step.

    >>> [back_off(timedelta(minutes=5), n) // timedelta(minutes=1) for n in (0, 1, 2, 3, 4, 9)]
    [0, 5, 10, 20, 40, 60]
    """
    if failures == 0:
        return timedelta(0)
    return min(every * (1 << min(failures - 1, 16)), max(every, _LONGEST_WAIT))
