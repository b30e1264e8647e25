"""Sorting writes a store's file anew: whatever happens on the way, one whole store stands under its name."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from carbon254.adapters.duckdb import rewriting
from carbon254.adapters.duckdb.gate import Gate
from carbon254.adapters.duckdb.store import DuckDbSeriesStore
from carbon254.core.domain.errors import Carbon254Error, DiskFull, StoreUnavailable
from carbon254.ports.testing.storage import HOUR, NOON, NP15, SP15, hours, told, values

pytestmark = pytest.mark.integration

DYING = Path(__file__).with_name("dying.py")
STEPS = (
    "attached", "schema", "tables", "rows", "checkpoint", "detached", "closed", "synced", "replaced", "named", "opened",
)  # fmt: skip
SAID = {n: float(n) for n in range(48)}
REVISED = SAID | {0: -7.5}


def fill(store: DuckDbSeriesStore) -> None:
    """Two series of two days, sorted once; the second document, in the tail, revises one hour."""
    first = {NP15: hours(dict(SAID)), SP15: hours(dict(SAID))}
    store.record(told(first, name="a", stamp=NOON), now=NOON)
    assert store.sort(force=True)
    store.record(told({NP15: hours({0: -7.5})}, name="b", stamp=NOON + HOUR), now=NOON + HOUR)


def assert_whole(store: DuckDbSeriesStore) -> None:
    """What was stored is there, with its history, and writing goes on where it stood."""
    assert values(store) == REVISED
    assert values(store, as_of=NOON) == SAID
    assert store.last_recorded() == NOON + HOUR
    announced = [message.id for message in store.claim(9)]
    assert announced == [1, 2]
    store.record(
        told({SP15: hours({50: 1.0})}, name="c", stamp=NOON + 2 * HOUR), now=NOON + 2 * HOUR
    )
    assert [message.id for message in store.claim(9)] == [1, 2, 3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "o'store" / "series.duckdb"


@pytest.fixture
def store(path: Path) -> Iterator[DuckDbSeriesStore]:
    made = DuckDbSeriesStore(path)
    fill(made)
    yield made
    made.close()


def test_sorting_keeps_everything_and_leaves_no_free_room(
    store: DuckDbSeriesStore, path: Path
) -> None:
    assert store.sort(force=True)
    assert not store.sort(force=True), "there is nothing left to sort"
    assert_whole(store)
    assert store.sort(force=True)
    store.close()
    assert list(path.parent.iterdir()) == [path]
    with duckdb.connect(str(path)) as file:
        free, rows = file.execute(
            "SELECT free_blocks, (SELECT count(*) FROM observations) FROM pragma_database_size()"
        ).fetchall()[0]
    assert (free, rows) == (0, 98)
    assert values(DuckDbSeriesStore(path)) == REVISED


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each step, with a store whose process was killed at it; see ``dying.py``."""
    folder = tmp_path_factory.mktemp("killed")
    store = DuckDbSeriesStore(folder / "series.duckdb")
    fill(store)
    store.close()
    for step in STEPS:
        (folder / step).mkdir()
        shutil.copy(folder / "series.duckdb", folder / step)
    command = [sys.executable, str(DYING), *(str(folder / step) for step in STEPS)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert answer.stdout.split() == ["killed"] * len(STEPS), answer.stdout + answer.stderr
    return folder


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_leaves_one_whole_store(killed: Path, step: str) -> None:
    path = killed / step / "series.duckdb"
    store = DuckDbSeriesStore(path)
    assert_whole(store)
    assert store.sort(force=True)
    store.close()
    assert list(path.parent.iterdir()) == [path], "nothing unfinished stays"


class Failing:
    """A cursor that fails at the first statement that holds a text."""

    def __init__(self, cursor: Any, text: str, error: Exception) -> None:
        self._cursor, self._text, self._error = cursor, text, error

    def execute(self, query: str) -> Any:
        if self._text in query:
            raise self._error
        return self._cursor.execute(query)


@pytest.mark.parametrize("statement", ["ATTACH", "COPY", "fresh.series", "fresh.obs", "CHECKPOINT"])
def test_a_disk_that_fills_up_leaves_the_store_as_it_was(
    store: DuckDbSeriesStore, path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    whole = rewriting.write
    full = duckdb.IOException("Could not write: No space left on device")
    with monkeypatch.context() as patch:
        patch.setattr(
            rewriting, "write", lambda cursor, at: whole(Failing(cursor, statement, full), at)
        )
        with pytest.raises(DiskFull):
            store.sort(force=True)
    assert not list(path.parent.glob("*unfinished*"))
    assert_whole(store)
    assert store.sort(force=True)


@pytest.mark.parametrize(
    ("code", "error"), [(errno.ENOSPC, DiskFull), (errno.EACCES, StoreUnavailable)]
)
def test_a_file_that_cannot_be_exchanged_leaves_the_store_as_it_was(
    store: DuckDbSeriesStore,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    error: type[Carbon254Error],
) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        with pytest.raises(error):
            store.sort(force=True)
    assert_whole(store)
    assert store.sort(force=True)
    assert values(store) == REVISED


def test_a_log_that_was_not_ended_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "series.duckdb"
    for file, text in (
        (path, "old"),
        (rewriting.unfinished(path), "new"),
        (tmp_path / "series.duckdb.wal", "log"),
    ):
        file.write_text(text)
    assert not rewriting.take_place(path)
    assert path.read_text() == "old"


def test_readers_read_on_while_the_file_is_exchanged(store: DuckDbSeriesStore) -> None:
    ended = threading.Event()

    def read() -> int:
        count = 0
        while not ended.is_set() or not count:
            assert values(store) == REVISED
            count += 1
        return count

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            for number in range(5):
                at = NOON + timedelta(days=1 + number)
                row = {SP15: hours({60 + number: 1.0})}
                store.record(told(row, name=f"d{number}", stamp=at), now=at)
                assert store.sort(force=True)
        finally:
            ended.set()
    assert all(reader.result() for reader in readers)


def test_who_wants_to_be_alone_waits_for_those_inside_and_they_are_not_joined() -> None:
    gate, order = Gate(), list[str]()

    def thread(action: Callable[[], Any], name: str) -> threading.Thread:
        def run() -> None:
            with action():
                order.append(name)

        made = threading.Thread(target=run)
        made.start()
        return made

    with gate.inside():
        alone = thread(gate.alone, "alone")
        while not (gate.is_shut or order):
            pass
        late = thread(gate.inside, "late")
        order.append("first")
    alone.join()
    late.join()
    assert order == ["first", "alone", "late"]
