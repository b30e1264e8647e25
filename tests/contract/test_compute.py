"""The process pool and the serial executor against the executors' suite."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from carbon254.adapters.compute import ProcessExecutor
from carbon254.core.domain.errors import BY_CODE, Carbon254Error, InvalidRequest, TooLarge
from carbon254.ports.calling import flatten, restore
from carbon254.ports.compute import Executor
from carbon254.ports.testing.compute import DOUBLE, WORK, ExecutorSuite, IsolatedExecutorSuite
from carbon254.ports.testing.fakes.compute import SerialExecutor
from carbon254.ports.testing.work import OddFormat


class TestSerialExecutor(ExecutorSuite):
    @pytest.fixture
    def executor(self) -> Executor:
        return SerialExecutor()


@pytest.fixture(scope="module")
def shared() -> Iterator[ProcessExecutor]:
    with ProcessExecutor(2) as executor:
        yield executor


class TestProcessExecutor(IsolatedExecutorSuite):
    @pytest.fixture
    def executor(self, request: pytest.FixtureRequest) -> Iterator[Executor]:
        """Workers are kept from test to test, as they are in life, save by the test that closes them."""
        if "closed" in request.node.name:
            with ProcessExecutor(2) as fresh:
                yield fresh
        else:
            yield request.getfixturevalue("shared")


def test_an_executor_needs_a_worker() -> None:
    with pytest.raises(InvalidRequest, match="0 workers"):
        ProcessExecutor(0)


def test_workers_compute_in_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries of linear algebra start as many threads as there are processors, in every worker."""
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with ProcessExecutor(1) as executor:
        names = ["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"]
        assert list(executor.map("os:getenv", names)) == ["1", "2"], "the user's word counts"
    assert "OPENBLAS_NUM_THREADS" not in os.environ


def test_a_call_gets_a_worker_while_others_use_all(tmp_path: Path) -> None:
    with ProcessExecutor(1) as executor:
        endless = executor.outcomes(f"{WORK}:touch_and_wait", [str(tmp_path)])
        thread = threading.Thread(target=next, args=(endless,))
        thread.start()
        pause = threading.Event()
        for _ in range(1000):
            if any(tmp_path.iterdir()) or pause.wait(0.01):
                break
        try:
            assert list(executor.map(DOUBLE, [1, 2])) == [2, 4]
        finally:
            os.kill(int(next(tmp_path.iterdir()).name), 9)
            thread.join()


def test_workers_die_with_their_executor(tmp_path: Path) -> None:
    with ProcessExecutor(1) as executor:
        (pid,) = executor.map(f"{WORK}:process_id", [0])
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_an_idle_worker_that_was_killed_is_replaced() -> None:
    with ProcessExecutor(1) as executor:
        (pid,) = executor.map(f"{WORK}:process_id", [0])
        os.kill(pid, 9)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert list(executor.map(DOUBLE, [1])) == [2]


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_error_of_ours_survives_the_trip(code: str) -> None:
    back = restore(*flatten(BY_CODE[code]("Über 5 €: – \n")))
    assert (type(back), str(back)) == (BY_CODE[code], "Über 5 €: – \n")


def test_a_finer_error_arrives_as_the_nearest_of_ours() -> None:
    class Unheard(Carbon254Error):
        code = "unheard"

    class Larger(TooLarge):
        code = "larger"

    assert type(restore(*flatten(OddFormat("x")))).__name__ == "FeedFormatChanged"
    assert type(restore(*flatten(Larger("x")))) is TooLarge
    assert type(restore(*flatten(Unheard("x")))) is Carbon254Error
