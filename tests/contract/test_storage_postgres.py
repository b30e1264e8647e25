"""`PostgresSeriesStore` against the contract of `SeriesStore`, and what only a server can do to it."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
import psycopg
import pytest

from carbon254.adapters.postgres import connections, reading, writing
from carbon254.adapters.postgres.store import PostgresSeriesStore
from carbon254.core.domain.entitlements import Selection, SeriesPattern
from carbon254.core.domain.errors import (
    DiskFull,
    SettingsInvalid,
    StoreBusy,
    StoreUnavailable,
)
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.ports.testing.fakes.storage import MemorySeriesStore
from carbon254.ports.testing.servers import PostgresServer
from carbon254.ports.testing.storage import (
    DAY,
    EVERYTHING,
    HOUR,
    NOON,
    NP15,
    SP15,
    OrderSuite,
    SeriesStoreSuite,
    answer,
    hours,
    told,
    values,
)

pytestmark = pytest.mark.postgres

NewStore = Callable[..., PostgresSeriesStore]
FIFTEEN = SeriesId.parse("caiso/real_time-fmm/price/hub/TH_NP15_GEN-APND")


@pytest.fixture
def new_store(postgres_server: PostgresServer, postgres_schema: str) -> Iterator[NewStore]:
    """Open stores on the test's schema; all are closed after it."""
    opened = []

    def open_store(**options: Any) -> PostgresSeriesStore:
        opened.append(PostgresSeriesStore(postgres_server.dsn, schema=postgres_schema, **options))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(new_store: NewStore) -> PostgresSeriesStore:
    return new_store()


class TestPostgres(SeriesStoreSuite):
    pass


class TestOrder(OrderSuite):
    orders = 5

    @pytest.fixture
    def new_store(
        self, postgres_server: PostgresServer, postgres_schema: str
    ) -> Iterator[NewStore]:
        names = [f"{postgres_schema}_{n}" for n in range(self.orders)]
        numbers = count()
        yield lambda: PostgresSeriesStore(postgres_server.dsn, schema=names[next(numbers)])
        for name in names:
            postgres_server.run(f"DROP SCHEMA IF EXISTS {name} CASCADE")


def test_every_bit_of_a_row_comes_back(store: PostgresSeriesStore) -> None:
    shown = told({NP15: hours({0: -0.0, 1: 1e-300, 2: None, 3: -1.7976931348623157e308})}, name="a")
    store.record(shown, now=NOON)
    rows = store.read(EVERYTHING.restrict(Selection((NP15,))))
    assert rows.value.tobytes() == shown.value.tobytes()
    assert np.isnat(rows.issued_at).all()
    assert set(rows.recorded_at) == {np.datetime64(NOON.replace(tzinfo=None), "us")}


def test_a_large_answer_is_taken_in_parts(
    store: PostgresSeriesStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = told({NP15: hours({n: n / 7 for n in range(50)})}, name="a")
    store.record(document, now=NOON)
    monkeypatch.setattr(reading, "_AT_ONCE", 20)
    rows = store.read(EVERYTHING.restrict(Selection((NP15,))))
    np.testing.assert_array_equal(rows.value, document.value)


def test_rows_of_several_months_lie_in_their_own_partitions(
    store: PostgresSeriesStore, postgres_server: PostgresServer, postgres_schema: str
) -> None:
    month = 31 * 24
    store.record(told({NP15: hours({0: 1.0, month: 2.0, 20 * month: 3.0})}, name="a"), now=NOON)
    found = postgres_server.run(
        "SELECT relid::regclass::text FROM pg_partition_tree(%s) WHERE isleaf ORDER BY 1",
        f"{postgres_schema}.observations",
    )
    months = [name.rpartition("observations_")[2] for (name,) in found]
    assert months == ["2025_03", "2025_04", "2026_11"]
    assert values(store, window=Window(DAY + HOUR, DAY + (month + 1) * HOUR)) == {month: 2.0}


def test_documents_that_touch_or_speak_of_other_runs_are_not_read_again(
    store: PostgresSeriesStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = []
    monkeypatch.setattr(
        reading, "rows", lambda *args, **_: loads.append(args) or pytest.fail("read")
    )
    store.record(told({NP15: hours({0: 1.0})}, name="a"), now=NOON)
    store.record(told({NP15: hours({1: 1.0})}, name="b"), now=NOON)
    assert loads == []


@pytest.mark.parametrize("seed", range(3))
def test_any_mixture_of_documents_answers_as_the_store_in_memory_does(
    store: PostgresSeriesStore, seed: int
) -> None:
    """Intervals that touch, overlap or have no length, with and without covers: what is not loaded is not needed."""
    rng = random.Random(seed)
    memory = MemorySeriesStore()
    for n in range(20):
        rows = {}
        for one in rng.sample([NP15, SP15, FIFTEEN], rng.choice([1, 2])):
            first = rng.randrange(6)
            starts = sorted(rng.sample(range(first, first + 3), rng.choice([1, 2, 3])))
            step = rng.choice([HOUR, HOUR, HOUR / 2, timedelta(0)])
            rows[one] = [
                (DAY + s * HOUR, DAY + s * HOUR + step, rng.choice([1.0, 2.0])) for s in starts
            ]
        low = rng.randrange(6)
        covers = Window(DAY + low * HOUR, DAY + (low + 2) * HOUR) if rng.random() < 0.3 else None
        stamp = NOON + timedelta(minutes=rng.randrange(40))
        name, parser = (
            (f"d{n}", "1") if rng.random() < 0.8 else (f"d{rng.randrange(n + 1)}", f"{n}")
        )
        document = told(rows, name=name, stamp=stamp, covers=covers, parser=parser)
        at = NOON + n * HOUR
        assert store.record(document, now=at) == memory.record(document, now=at)
        assert answer(store, (NP15, SP15, FIFTEEN)) == answer(memory, (NP15, SP15, FIFTEEN))


def test_an_interval_of_no_length_at_the_edge_of_two_documents_is_one_interval(
    store: PostgresSeriesStore,
) -> None:
    edge = DAY + HOUR
    before = told({NP15: [(DAY, edge, 1.0), (edge, edge, 5.0)]}, name="a", stamp=NOON)
    after = told({NP15: [(edge, edge, 6.0), (edge, edge + HOUR, 2.0)]}, name="b", stamp=NOON + HOUR)
    store.record(before, now=NOON)
    done = store.record(after, now=NOON + HOUR)
    assert (done.new, done.revised) == (1, 1)


def test_a_longer_interval_from_another_process_is_seen(new_store: NewStore) -> None:
    one, other = new_store(), new_store()
    one.record(told({NP15: hours({5: 1.0})}, name="a"), now=NOON)
    assert values(one, window=Window(DAY + 2 * HOUR, DAY + 3 * HOUR)) == {}
    day = told({NP15: [(DAY, DAY + 4 * HOUR, 7.0)]}, name="b")
    other.record(day, now=NOON)
    assert values(one, window=Window(DAY + 2 * HOUR, DAY + 3 * HOUR)) == {0: 7.0}


# -- several processes -------------------------------------------------------------------------------------


def test_two_writers_never_share_nor_invert_an_instant(new_store: NewStore) -> None:
    """Two stores know nothing of each other, as two processes do; both always say it is noon."""
    heard: list[tuple[int, datetime]] = []
    hear = threading.Lock()

    def work(store: PostgresSeriesStore, name: str) -> None:
        for n in range(15):
            document = told({NP15: hours({0: float(n)})}, name=f"{name}{n}", stamp=NOON + n * HOUR)

            def mark(
                at: datetime,
            ) -> None:  # under the writer's lock: the order of marks is that of commits
                with hear:
                    heard.append((len(heard), at))

            store.record(document, now=NOON, mark=mark)

    threads = [threading.Thread(target=work, args=(new_store(), name)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    moments = [at for _, at in heard]
    assert moments == [NOON + timedelta(microseconds=n) for n in range(30)]
    assert len(new_store().batches()) == 30


def test_a_store_shared_by_threads_reads_while_it_writes(store: PostgresSeriesStore) -> None:
    store.record(told({NP15: hours({0: 0.0})}, name="a"), now=NOON)
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(20):
                assert list(values(store)) == [0]
        except BaseException as error:  # noqa: BLE001 - told to the test
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(10):
        store.record(
            told({NP15: hours({0: float(n)})}, name=f"b{n}", stamp=NOON + n * HOUR), now=NOON
        )
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_writer_that_waits_too_long_is_told_that_the_store_is_busy(new_store: NewStore) -> None:
    one, other = new_store(), new_store(patience=0.05)

    def interrupt(at: datetime) -> None:
        with pytest.raises(StoreBusy, match="try again"):
            other.record(told({NP15: hours({0: 2.0})}, name="b"), now=NOON)

    one.record(told({NP15: hours({0: 1.0})}, name="a"), now=NOON, mark=interrupt)
    assert values(other) == {0: 1.0}


def test_two_relays_never_claim_the_same_message(
    new_store: NewStore, postgres_server: PostgresServer, postgres_schema: str
) -> None:
    one, other = new_store(), new_store()
    for name in "abc":
        one.record(told({NP15: hours({ord(name) - 97: 1.0})}, name=name), now=NOON)
    first = one.claim(2)
    second = other.claim(2)
    assert [m.recorded_at for m in first] == [NOON, NOON + timedelta(microseconds=1)]
    assert len(second) == 1
    assert not {m.id for m in first} & {m.id for m in second}
    one.close()  # dies without a word
    other.done([second[0].id])
    # A server under load notices that a while later; until then the messages are claimed. This waits for their locks.
    postgres_server.run(f"SELECT id FROM {postgres_schema}.outbox FOR UPDATE")
    assert [m.id for m in other.claim(10)] == [m.id for m in first]
    other.done([m.id for m in first])
    assert other.claim(10) == []


# -- accidents ---------------------------------------------------------------------------------------------


def kill_writer(server: PostgresServer) -> None:
    """End the server's side of whoever holds a writer's lock."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    assert server.run(query) == [(True,)]


def test_a_writer_killed_in_its_transaction_leaves_nothing(
    store: PostgresSeriesStore, postgres_server: PostgresServer
) -> None:
    document = told({NP15: hours({0: 1.0})}, name="a")
    with pytest.raises(StoreUnavailable, match="does not answer"):
        store.record(document, now=NOON, mark=lambda at: kill_writer(postgres_server))
    assert (answer(store), store.last_recorded(), store.claim(10)) == ({}, None, [])
    assert store.find(EVERYTHING.restrict(Selection(patterns=(SeriesPattern(),)))) == []
    assert store.record(document, now=NOON).new == 1


def test_a_writer_killed_before_its_commit_leaves_nothing(
    store: PostgresSeriesStore, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.record(told({NP15: hours({0: 1.0})}, name="a"), now=NOON)
    announce = writing.Writer.announce

    def die(self: writing.Writer, event: Any) -> None:
        announce(self, event)
        kill_writer(postgres_server)

    later = told(
        {NP15: hours({0: 2.0, 2000: 5.0}), SP15: hours({0: 1.0})}, name="b", stamp=NOON + HOUR
    )
    with monkeypatch.context() as patched:
        patched.setattr(writing.Writer, "announce", die)
        with pytest.raises(StoreUnavailable):
            store.record(later, now=NOON + HOUR)
    assert (values(store), values(store, SP15), len(store.claim(10))) == ({0: 1.0}, {}, 1)
    assert store.record(later, now=NOON + HOUR).written == 3
    assert (values(store), values(store, SP15)) == ({0: 2.0, 2000: 5.0}, {0: 1.0})


def test_a_server_that_is_down_is_named_and_the_store_works_when_it_is_back(
    store: PostgresSeriesStore, postgres_server: PostgresServer
) -> None:
    store.record(told({NP15: hours({0: 1.0})}, name="a"), now=NOON)
    assert len(store.claim(10)) == 1
    postgres_server.stop()
    try:
        with pytest.raises(StoreUnavailable, match="see that it is up"):
            answer(store)
        with pytest.raises(StoreUnavailable):
            store.record(told({NP15: hours({1: 1.0})}, name="b"), now=NOON)
        with pytest.raises(StoreUnavailable):
            store.claim(10)
        with pytest.raises(StoreUnavailable):
            PostgresSeriesStore(postgres_server.dsn)
    finally:
        postgres_server.start()
    assert values(store) == {0: 1.0}
    assert store.record(told({NP15: hours({1: 1.0})}, name="b"), now=NOON).new == 1
    assert len(store.claim(10)) == 2


def test_a_restart_between_two_calls_goes_unnoticed(
    store: PostgresSeriesStore, postgres_server: PostgresServer
) -> None:
    store.record(told({NP15: hours({0: 1.0})}, name="a"), now=NOON)
    postgres_server.stop()
    postgres_server.start()
    assert values(store) == {0: 1.0}


def test_a_full_disk_is_named() -> None:
    with pytest.raises(DiskFull, match="free some"), connections.translated("Postgres here"):
        raise psycopg.errors.DiskFull("could not extend file")


def test_an_address_is_never_repeated_in_an_error() -> None:
    with pytest.raises(SettingsInvalid) as caught:
        PostgresSeriesStore("postgresql:/someone:secret@host/name with no sense")
    assert "secret" not in str(caught.value)


def test_a_schema_of_a_newer_release_is_refused(
    new_store: NewStore, postgres_server: PostgresServer, postgres_schema: str
) -> None:
    new_store()
    postgres_server.run(
        f"UPDATE {postgres_schema}.meta SET value = '99' WHERE name = 'schema_version'"
    )
    with pytest.raises(StoreUnavailable, match="newer 254Carbon"):
        new_store()


def test_a_schema_name_that_needs_quotes_is_refused(postgres_server: PostgresServer) -> None:
    with pytest.raises(SettingsInvalid, match="schema"):
        PostgresSeriesStore(postgres_server.dsn, schema='x"; DROP TABLE y')
