"""What every executor must do."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from carbon254.core.domain.errors import (
    Carbon254Error,
    FeedFormatChanged,
    Interrupted,
    InvalidRequest,
    PluginBroken,
    TooLarge,
)
from carbon254.ports.compute import Executor

WORK: Final = "carbon254.ports.testing.work"
DOUBLE: Final = f"{WORK}:double"
DOUBLE_OR: Final = f"{WORK}:double_or"


class ExecutorSuite:
    """Subclass it and override ``executor``."""

    @pytest.fixture
    def executor(self) -> Iterator[Executor]:
        """The executor under test."""
        raise NotImplementedError

    def test_results_come_in_the_order_of_the_items(self, executor: Executor) -> None:
        assert list(executor.map(DOUBLE, range(20))) == [2 * n for n in range(20)]
        assert list(executor.map(f"{WORK}:slow_first", range(5))) == [0, 1, 2, 3, 4]

    def test_nothing_to_do_is_done(self, executor: Executor) -> None:
        assert list(executor.map(DOUBLE, [])) == []

    def test_large_items_and_results_travel(self, executor: Executor) -> None:
        items = [bytes(3 << 20), b"small", bytes(3 << 20)]
        assert [len(value) for value in executor.map(DOUBLE, items)] == [6 << 20, 10, 6 << 20]

    def test_progress_is_told_after_every_item(self, executor: Executor) -> None:
        told: list[tuple[int, int]] = []
        here = threading.get_ident()
        items = [1, "refuse", 3, "divide"]
        list(
            executor.outcomes(
                DOUBLE_OR, items, on_done=lambda n: told.append((n, threading.get_ident()))
            )
        )
        assert told == [(n, here) for n in (1, 2, 3, 4)]

    @pytest.mark.parametrize(
        ("bad", "error", "message"),
        [
            ("refuse", TooLarge, "^refuse is – too large$"),
            ("refuse_finely", FeedFormatChanged, "^refuse_finely is odd$"),
            ("divide", PluginBroken, "ZeroDivisionError"),
            ("leave", PluginBroken, "SystemExit"),
            ("unpackable", PluginBroken, DOUBLE_OR),
            ("unreadable", PluginBroken, DOUBLE_OR),
        ],
    )
    def test_a_failure_is_that_of_its_item_only(
        self, executor: Executor, bad: str, error: type[Carbon254Error], message: str
    ) -> None:
        got = list(executor.outcomes(DOUBLE_OR, [1, bad, 3, bad, 5]))
        assert [outcome.value for outcome in got] == [2, None, 6, None, 10]
        for outcome in (got[1], got[3]):
            assert type(outcome.error) is error
            with pytest.raises(error, match=message):
                outcome.get()
        assert list(executor.map(DOUBLE_OR, [7])) == [14]

    def test_mapping_raises_when_the_turn_of_the_failure_comes(self, executor: Executor) -> None:
        results = executor.map(DOUBLE_OR, [1, "refuse", 3])
        assert next(results) == 2
        with pytest.raises(TooLarge):
            next(results)

    def test_an_item_that_cannot_travel_fails_alone(self, executor: Executor) -> None:
        items: list[Any] = [lambda: 0, 2, lambda: 1]
        got = list(executor.outcomes(DOUBLE, items))
        assert [type(outcome.error) for outcome in got] == [PluginBroken, type(None), PluginBroken]
        assert [type(o.error) for o in executor.outcomes(DOUBLE, items[:1])] == [PluginBroken]

    @pytest.mark.parametrize(
        "path",
        ["", "double", f"{WORK}.double", f"{WORK}:none", f"{WORK}:WORK.x", "no.such:double", ":x",
         "carbon254.core.domain.errors:BY_CODE"],
    )  # fmt: skip
    def test_a_name_that_leads_to_no_function_is_refused(
        self, executor: Executor, path: str
    ) -> None:
        with pytest.raises(InvalidRequest, match="names no function"):
            list(executor.map(path, [1]))

    def test_calls_may_be_nested_and_left_early(self, executor: Executor) -> None:
        outer = executor.map(DOUBLE, range(50))
        assert next(outer) == 0
        assert list(executor.map(DOUBLE, [10, 11])) == [20, 22]
        assert next(outer) == 2
        del outer
        assert list(executor.map(DOUBLE, [12])) == [24]

    def test_threads_may_call_at_once(self, executor: Executor) -> None:
        got: dict[int, list[int]] = {}

        def call(thread: int) -> None:
            got[thread] = list(executor.map(DOUBLE, [thread] * 5))

        threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == {number: [2 * number] * 5 for number in range(4)}

    def test_a_closed_executor_computes_no_more(self, executor: Executor) -> None:
        executor.close()
        executor.close()
        with pytest.raises(Interrupted, match="closed"):
            list(executor.map(DOUBLE, [1]))


class IsolatedExecutorSuite(ExecutorSuite):
    """For executors with two workers, whose workers may die."""

    def test_what_runs_when_it_is_closed_is_given_up(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        outcomes: list[object] = []

        def call() -> None:
            try:
                outcomes.extend(executor.map(f"{WORK}:touch_and_wait", [str(tmp_path)] * 3))
            except Carbon254Error as error:
                outcomes.append(error.code)

        thread = threading.Thread(target=call)
        thread.start()
        while thread.is_alive() and not list(tmp_path.iterdir()):
            thread.join(0.01)
        executor.close()
        thread.join(20)
        assert outcomes == ["interrupted"]

    def test_a_worker_that_dies_takes_only_its_item_along(self, executor: Executor) -> None:
        got = list(executor.outcomes(DOUBLE_OR, [1, "die", 3, 4, "die", 6]))
        assert [outcome.value for outcome in got] == [2, None, 6, 8, None, 12]
        with pytest.raises(PluginBroken, match="exit status 3"):
            got[1].get()

    def test_items_are_computed_elsewhere_and_by_the_same_workers_again(
        self, executor: Executor
    ) -> None:
        first = set(executor.map(f"{WORK}:process_id", range(10)))
        again = set(executor.map(f"{WORK}:process_id", range(10)))
        assert os.getpid() not in first | again
        assert len(first | again) <= 2

    def test_a_worker_that_is_killed_is_named_as_such(self, executor: Executor) -> None:
        with pytest.raises(PluginBroken, match=f"signal 9.*{DOUBLE_OR}"):
            list(executor.map(DOUBLE_OR, ["be_killed"]))

    def test_a_call_that_is_left_stops_what_still_computes(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        call = executor.outcomes(f"{WORK}:touch_and_wait", ["", str(tmp_path)])
        next(call)
        pause = threading.Event()
        for _ in range(1000):
            if any(tmp_path.iterdir()) or pause.wait(0.01):
                break
        (pid,) = [int(path.name) for path in tmp_path.iterdir()]
        call.close()  # type: ignore[attr-defined]
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert list(executor.map(DOUBLE, [4, 5])) == [8, 10]
