"""The contract of `ExecutionLog`: every adapter, and the fake, passes all of it.

A subclass gives a fixture ``log``: a fresh, empty one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from attrs import evolve

from carbon254.core.domain.errors import NotFound
from carbon254.ports.executions import Execution, ExecutionLog, ExecutionState, Workers

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MADE = Execution(
    id="a1", kind="backtest", configuration="spring", state="running", started_at=NOON, total=10,
    facts={"target": "caiso/day_ahead/price/hub/X", "seed": 254, "share": 0.1, "none": None, "list": [1, "é"]},
)  # fmt: skip


class WorkersSuite:
    """What `Workers` promises. Subclasses give a maker of processes; the one before is closed, or dead, by then."""

    @pytest.fixture
    def process(self) -> Callable[[], Workers]:
        raise NotImplementedError

    def test_who_has_joined_lives_under_its_name(self, process: Callable[[], Workers]) -> None:
        workers = process()
        name = workers.join()
        assert name
        assert workers.join() == name
        assert workers.lives(name)
        workers.close()

    def test_who_has_ended_is_dead_for_who_comes_after(
        self, process: Callable[[], Workers]
    ) -> None:
        one = process()
        name = one.join()
        one.close()
        other = process()
        assert not other.lives(name)
        assert other.join() != name
        assert not other.lives(name)
        other.close()

    def test_who_never_was_does_not_live(self, process: Callable[[], Workers]) -> None:
        workers = process()
        for name in ("", "0123456789abcdef"):
            assert not workers.lives(name)
        workers.join()
        assert not workers.lives("")
        workers.close()


class ExecutionLogSuite:
    """What `ExecutionLog` promises."""

    def test_every_field_comes_back(self, log: ExecutionLog) -> None:
        whole = evolve(
            MADE, state="failed", finished_at=NOON + HOUR, done=3, result="d1", code="too_large", message="–"
        )  # fmt: skip
        log.put(whole)
        assert log.execution("a1") == whole

    def test_instants_are_utc_whatever_zone_they_came_in(self, log: ExecutionLog) -> None:
        log.put(evolve(MADE, started_at=NOON.astimezone(timezone(HOUR))))
        assert log.execution("a1").started_at == NOON
        assert log.execution("a1").started_at.utcoffset() == timedelta(0)

    def test_an_execution_goes_on(self, log: ExecutionLog) -> None:
        log.put(MADE)
        log.put(evolve(MADE, done=10, state="done", finished_at=NOON + HOUR, result="d2"))
        assert (log.execution("a1").state, log.execution("a1").done) == ("done", 10)
        assert len(log.executions()) == 1

    def test_the_latest_come_first(self, log: ExecutionLog) -> None:
        log.put(evolve(MADE, id="b"))
        log.put(evolve(MADE, id="c", started_at=NOON + HOUR))
        log.put(evolve(MADE, id="a"))
        assert [one.id for one in log.executions()] == ["c", "a", "b"]

    def test_kinds_and_configurations_are_kept_apart(self, log: ExecutionLog) -> None:
        log.put(MADE)
        log.put(evolve(MADE, id="f", kind="forecast"))
        log.put(evolve(MADE, id="o", configuration="other"))
        assert [one.id for one in log.executions("forecast")] == ["f"]
        assert [one.id for one in log.executions(configuration="spring")] == ["a1", "f"]
        assert [one.id for one in log.executions("backtest", "other")] == ["o"]
        assert log.executions("forecast", "other") == []

    def test_those_in_a_state_are_found_wherever_they_stand(self, log: ExecutionLog) -> None:
        for state in get_args(ExecutionState):
            log.put(evolve(MADE, id=state, state=state))
        log.put(evolve(MADE, id="later", state="queued", started_at=NOON + HOUR))
        assert [one.id for one in log.executions(state="queued")] == ["later", "queued"]
        assert [one.id for one in log.executions("backtest", "spring", "done")] == ["done"]
        log.put(evolve(MADE, id="later", state="running"))
        assert [one.id for one in log.executions(state="queued")] == ["queued"]

    def test_one_that_is_not_there_is_not_found(self, log: ExecutionLog) -> None:
        with pytest.raises(NotFound, match="nowhere"):
            log.execution("nowhere")
        assert log.executions() == []

    def test_parts_are_found_by_their_key(self, log: ExecutionLog) -> None:
        assert log.part("k") is None
        log.keep_part("k", "d1")
        log.keep_part("other", "d2")
        log.keep_part("k", "d3")
        assert (log.part("k"), log.part("other")) == ("d3", "d2")
