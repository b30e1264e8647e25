"""What is asked of a process that takes nothing in is done by the one that does, the oldest first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from attrs import evolve

from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import NotEntitled
from carbon254.core.usecases.run_backtest import RunBacktest
from carbon254.core.usecases.run_forecast import ForecastRequest, RunForecast
from carbon254.core.usecases.take_queued import TakeQueued
from carbon254.core.usecases.watch_executions import WatchExecutions

from .conftest import EVERYTHING, PRICE, Desk, gate, plan

FIRST, TODAY = date(2025, 6, 1), date(2025, 6, 20)


class Later:
    """`Background` that does its pieces when it is told to."""

    def __init__(self) -> None:
        self.pieces: list[Callable[[], object]] = []

    def do(self, work: Callable[[], object]) -> None:
        self.pieces.append(work)

    def close(self) -> None:
        self.pieces.clear()


@pytest.fixture
def filled(desk: Desk) -> Desk:
    desk.clock.move(gate(TODAY) - desk.clock.now())
    desk.fill(FIRST, TODAY)
    desk.clock.move(gate(TODAY + timedelta(1)) - timedelta(hours=3) - desk.clock.now())
    return desk


def beside(desk: Desk) -> tuple[RunForecast, RunBacktest]:
    runner = evolve(desk.runner, queues=True)
    return (
        RunForecast(desk.subjects, runner, desk.ingest),
        RunBacktest(desk.subjects, runner, desk.ingest),
    )


def test_queued_executions_are_taken_in_their_order_and_done(filled: Desk) -> None:
    forecasts, backtests = beside(filled)
    asked = ForecastRequest(series=PRICE, model="repeat")
    first = forecasts.submit(asked, EVERYTHING)
    filled.clock.move(timedelta(seconds=1))
    second = backtests.submit(plan(TODAY - timedelta(3), TODAY), EVERYTHING)
    assert [first.state, second.state] == ["queued", "queued"]
    watch = WatchExecutions(filled.log, filled.workers, filled.clock)
    waiting = watch.execution(first.id)
    assert (waiting.state, waiting.worker) == ("queued", "")
    assert "carbon254 work" in waiting.message

    later = Later()
    take = TakeQueued(filled.forecast, filled.backtest, later)
    assert take.run() == 2
    assert watch.execution(first.id).state == "running"
    assert watch.execution(first.id).message == ""
    assert take.run() == 0, "each is taken once"
    for piece in later.pieces:
        piece()
        states = [watch.execution(one.id).state for one in (first, second)]
        assert states == (["done", "running"] if piece is later.pieces[0] else ["done", "done"])


def test_who_may_not_see_the_series_queues_nothing(filled: Desk) -> None:
    forecasts, backtests = beside(filled)
    blind = Scope((SeriesPattern("miso"),))
    with pytest.raises(NotEntitled):
        forecasts.submit(ForecastRequest(series=PRICE, model="repeat"), blind)
    with pytest.raises(NotEntitled):
        backtests.submit(plan(TODAY - timedelta(3), TODAY), blind)
    assert filled.log.executions() == []
