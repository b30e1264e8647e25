"""What is asked of a process that takes nothing in is done by one that does, each as its turn comes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from attrs import evolve

from carbon254.core.domain.entitlements import Permitted, Scope, Selection, SeriesPattern
from carbon254.core.domain.errors import Conflict, NotEntitled, StoreUnavailable
from carbon254.core.usecases.run_backtest import RunBacktest
from carbon254.core.usecases.run_forecast import ForecastRequest, RunForecast
from carbon254.core.usecases.take_queued import TakeQueued
from carbon254.core.usecases.watch_executions import WatchExecutions
from carbon254.ports.executions import Execution
from carbon254.ports.testing.fakes.executions import MemoryWorkers
from carbon254.ports.testing.fakes.storage import MemorySeriesStore

from .conftest import EVERYTHING, LOAD, PRICE, WIND, Desk, gate, plan

FIRST, TODAY = date(2025, 6, 1), date(2025, 6, 20)


class Later:
    """`Background` that does its pieces when it is told to."""

    def __init__(self) -> None:
        self.pieces: deque[Callable[[], object]] = deque()

    def do(self, work: Callable[[], object]) -> None:
        self.pieces.append(work)

    def close(self) -> None:
        self.pieces.clear()

    def turn(self) -> None:
        """Do the next piece."""
        self.pieces.popleft()()


def fill(desk: Desk) -> None:
    """June up to the morning before a gate closes."""
    desk.clock.move(gate(TODAY) - desk.clock.now())
    desk.fill(FIRST, TODAY)
    desk.clock.move(gate(TODAY + timedelta(1)) - timedelta(hours=3) - desk.clock.now())


@pytest.fixture
def filled(desk: Desk) -> Desk:
    fill(desk)
    return desk


def beside(desk: Desk) -> tuple[RunForecast, RunBacktest]:
    runner = evolve(desk.runner, queues=True)
    return (
        RunForecast(desk.subjects, runner, desk.ingest),
        RunBacktest(desk.subjects, runner, desk.ingest),
    )


def ask(desk: Desk) -> tuple[Execution, Execution]:
    """A forecast, and a second later a backtest, asked of a process beside the desk."""
    forecasts, backtests = beside(desk)
    first = forecasts.submit(ForecastRequest(series=PRICE, model="repeat"), EVERYTHING)
    desk.clock.move(timedelta(seconds=1))
    return first, backtests.submit(plan(TODAY - timedelta(3), TODAY), EVERYTHING)


def worker(desk: Desk, name: str) -> tuple[TakeQueued, Later]:
    """A process of this name that takes what is queued."""
    runner = evolve(desk.runner, workers=MemoryWorkers(desk.living, name))
    later = Later()
    forecasts = RunForecast(desk.subjects, runner, desk.ingest)
    return TakeQueued(forecasts, RunBacktest(desk.subjects, runner, desk.ingest), later), later


def states(desk: Desk, *executions: Execution) -> list[str]:
    """How they stand, as a process tells that looks whether their workers live."""
    watch = WatchExecutions(desk.log, MemoryWorkers(desk.living, "who looks"), desk.clock)
    return [watch.execution(one.id).state for one in executions]


def test_each_is_claimed_as_its_turn_comes_and_done_in_order(filled: Desk) -> None:
    both = ask(filled)
    assert states(filled, *both) == ["queued", "queued"]
    assert both[0].worker == ""
    assert "carbon254 work" in both[0].message
    take, later = worker(filled, "one")
    assert take.run() == 2
    assert states(filled, *both) == ["queued", "queued"]
    later.turn()
    assert states(filled, *both) == ["done", "queued"]
    later.turn()
    assert states(filled, *both) == ["done", "done"]
    assert [filled.log.execution(one.id).message for one in both] == ["", ""]
    assert take.run() == 0


def test_what_waits_here_is_not_put_behind_again(filled: Desk) -> None:
    ask(filled)
    take, later = worker(filled, "one")
    assert [take.run() for _ in range(3)] == [2, 2, 2]
    assert len(later.pieces) == 2
    later.turn()
    take.run()
    assert len(later.pieces) == 1


def test_of_two_that_lead_at_once_each_does_what_the_other_has_not(filled: Desk) -> None:
    first, second = ask(filled)
    (one, pieces), (other, others) = worker(filled, "one"), worker(filled, "other")
    assert (one.run(), other.run()) == (2, 2)
    pieces.turn()
    made = filled.log.execution(first.id)
    others.turn()
    assert filled.log.execution(first.id) == made, "it was not done again"
    others.turn()
    pieces.turn()
    assert [filled.log.execution(it.id).worker for it in (first, second)] == ["one", "other"]


def test_of_a_worker_that_dies_only_what_it_had_begun_is_interrupted(filled: Desk) -> None:
    both = ask(filled)
    take, later = worker(filled, "one")
    take.run()
    filled.store.read = _die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        later.turn()
    assert states(filled, *both) == ["running", "queued"]
    filled.living.discard("one")
    assert states(filled, *both) == ["failed", "queued"]
    assert filled.log.execution(both[0].id).code == "interrupted"
    del filled.store.read  # type: ignore[method-assign]
    anew, pieces = worker(filled, "another")
    assert anew.run() == 1
    pieces.turn()
    assert states(filled, *both) == ["failed", "done"]


def _die(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


def test_who_leads_no_more_begins_nothing_and_may_lead_again(filled: Desk) -> None:
    both = ask(filled)
    take, later = worker(filled, "one")
    ending = threading.Event()
    take.run(ending)
    later.turn()
    ending.set()
    later.turn()
    assert states(filled, *both) == ["done", "queued"]
    take.run(threading.Event())
    later.turn()
    assert states(filled, *both) == ["done", "done"]


def test_what_could_not_be_claimed_is_put_behind_again(filled: Desk) -> None:
    both = ask(filled)
    take, later = worker(filled, "one")
    take.run()
    filled.log.claim = _away  # type: ignore[method-assign]
    for _ in both:
        with pytest.raises(StoreUnavailable):
            later.turn()
    del filled.log.claim  # type: ignore[method-assign]
    take.run()
    assert len(later.pieces) == 2
    later.turn()
    assert states(filled, *both) == ["done", "queued"]


def _away(id: str, worker: str) -> Any:  # noqa: A002 - the word of the record
    raise StoreUnavailable("this is a test")


@pytest.mark.parametrize("kind", [0, 1])
def test_who_goes_on_with_what_is_queued_claims_it_too(filled: Desk, kind: int) -> None:
    waiting = ask(filled)[kind]
    take, later = worker(filled, "one")
    take.run()
    use_case = (filled.forecast, filled.backtest)[kind]
    done = use_case.work(waiting.id, EVERYTHING).execution
    assert (done.state, done.worker) == ("done", "this")
    for _ in range(2):
        later.turn()
    assert filled.log.execution(waiting.id) == done


@pytest.mark.parametrize("kind", [0, 1])
def test_what_another_claimed_meanwhile_is_refused(filled: Desk, kind: int) -> None:
    waiting = ask(filled)[kind]
    claim = filled.log.claim

    def too_late(id: str, worker: str) -> Execution | None:  # noqa: A002 - the word of the record
        assert claim(id, "other") is not None
        return claim(id, worker)

    filled.log.claim = too_late  # type: ignore[method-assign]
    use_case = (filled.forecast, filled.backtest)[kind]
    with pytest.raises(Conflict, match="another process"):
        use_case.work(waiting.id, EVERYTHING)
    assert filled.log.execution(waiting.id).worker == "other"


def test_the_result_of_what_is_queued_waits_for_a_process_that_works(filled: Desk) -> None:
    _, waiting = ask(filled)
    with pytest.raises(Conflict, match=r"is queued: it waits for .* carbon254 work\.$") as refused:
        filled.backtest.result(waiting.id)
    assert "resume" not in str(refused.value)


class Watched(MemorySeriesStore):
    """Remembers with which scopes it was asked for values."""

    def __init__(self) -> None:
        super().__init__()
        self.scopes: list[Scope] = []

    def read(self, question: Permitted[Selection], **more: Any) -> Any:
        self.scopes.append(question.scope)
        return super().read(question, **more)


def test_an_execution_reads_the_series_that_it_names_and_no_other(make_desk: Any) -> None:
    desk = make_desk()
    desk.store = store = Watched()
    fill(desk)
    forecasts, backtests = beside(desk)
    forecasts.submit(ForecastRequest(series=PRICE, exogenous=[LOAD], model="repeat"), EVERYTHING)
    backtests.submit(plan(TODAY - timedelta(3), TODAY, exogenous=(LOAD,)), EVERYTHING)
    take, later = worker(desk, "one")
    take.run()
    store.scopes.clear()
    for _ in range(2):
        later.turn()
    assert [one.state for one in desk.log.executions()] == ["done", "done"]
    assert len(store.scopes) >= 2
    for scope in store.scopes:
        assert scope.filter([PRICE, LOAD, WIND]) == [PRICE, LOAD]
        with pytest.raises(NotEntitled):
            scope.restrict(Selection([WIND]))


def test_who_may_not_see_the_series_queues_nothing(filled: Desk) -> None:
    forecasts, backtests = beside(filled)
    blind = Scope((SeriesPattern("miso"),))
    with pytest.raises(NotEntitled):
        forecasts.submit(ForecastRequest(series=PRICE, model="repeat"), blind)
    with pytest.raises(NotEntitled):
        backtests.submit(plan(TODAY - timedelta(3), TODAY), blind)
    assert filled.log.executions() == []
