"""The contracts of `ExecutionLog`, `PartLog` and `Workers`: every adapter, and the fake, passes all of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import get_args

import pytest
from attrs import evolve

from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.executions import ExecutionState
from carbon254.ports.executions import Execution, ExecutionLog, PartLog, Workers

NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MADE = Execution(
    id="a1", kind="backtest", configuration="spring", state="running", started_at=NOON, total=10,
    facts={"target": "caiso/day_ahead/price/hub/X", "seed": 254, "share": 0.1, "none": None, "list": [1, "é"]},
)  # fmt: skip
QUEUED = evolve(MADE, state="queued", done=0, message="waits")


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
    """What `ExecutionLog` promises. Subclasses give a fresh, empty ``log``."""

    @pytest.fixture
    def beside(self, log: ExecutionLog) -> ExecutionLog:
        """The same log as another process sees it."""
        raise NotImplementedError

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

    def test_what_is_queued_is_claimed_once(self, log: ExecutionLog, beside: ExecutionLog) -> None:
        log.put(QUEUED)
        log.put(evolve(QUEUED, id="b"))
        facts = {**QUEUED.facts, "worker": "w1"}
        running = evolve(QUEUED, state="running", message="", facts=facts)
        assert beside.claim("a1", "w1") == running
        for worker in ("w1", "w2"):
            assert log.claim("a1", worker) is None
        assert log.execution("a1") == running
        assert log.execution("a1").worker == "w1"
        assert log.execution("b") == evolve(QUEUED, id="b")

    @pytest.mark.parametrize("state", sorted({*get_args(ExecutionState)} - {"queued"}))
    def test_what_is_not_queued_is_nobodys_to_claim(
        self, log: ExecutionLog, state: ExecutionState
    ) -> None:
        kept = evolve(MADE, state=state, code="too_large", message="–")
        log.put(kept)
        assert log.claim("a1", "w1") is None
        assert log.execution("a1") == kept

    def test_what_is_not_there_cannot_be_claimed(self, log: ExecutionLog) -> None:
        with pytest.raises(NotFound, match="nowhere"):
            log.claim("nowhere", "w1")
        assert log.executions() == []

    def test_of_two_that_claim_at_once_one_has_it(
        self, log: ExecutionLog, beside: ExecutionLog
    ) -> None:
        ids = [f"{number:02}" for number in range(30)]
        for one in ids:
            log.put(evolve(QUEUED, id=one))
        together = threading.Barrier(2, timeout=60)

        def claim_all(seen: ExecutionLog, worker: str) -> dict[str, str]:
            mine = {}
            for one in ids:
                together.wait()
                if seen.claim(one, worker) is not None:
                    mine[one] = worker
            return mine

        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(claim_all, (log, beside), ("w1", "w2"))
        assert sorted([*first, *second]) == ids
        assert {one.id: one.worker for one in log.executions()} == first | second


class PartLogSuite:
    """What `PartLog` promises. Subclasses give a fresh, empty ``parts``."""

    @pytest.fixture
    def parts(self) -> PartLog:
        raise NotImplementedError

    def test_parts_are_found_by_their_key(self, parts: PartLog) -> None:
        assert parts.part("k") is None
        parts.keep_part("k", "d1")
        parts.keep_part("other", "d2")
        parts.keep_part("k", "d3")
        assert (parts.part("k"), parts.part("other")) == ("d3", "d2")
