"""The contract of `SeriesStore`: every adapter, and the fake, passes all of it.

A subclass gives a fixture ``store`` (a fresh, empty store) and, where the store outlives its object, ``reopen``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.errors import Conflict, FeedFormatChanged, InvalidRequest, NotEntitled
from carbon254.core.domain.observations import Batch, Observations, Reading, instant64, observe
from carbon254.core.domain.revisions import current
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import Finality, Flag, PublishedBasis, State
from carbon254.ports.storage import SeriesStore

DAY = datetime(2025, 3, 9, 8, tzinfo=UTC)
NOON = datetime(2025, 3, 10, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NP15 = SeriesId.parse("caiso/day_ahead/price/hub/TH_NP15_GEN-APND")
SP15 = SeriesId.parse("caiso/day_ahead/price/hub/TH_SP15_GEN-APND")
EVERYTHING = Scope.everything()

Answer = dict[tuple[SeriesId, datetime, datetime], tuple[Any, ...]]


def hours(
    values: dict[int, float | None], step: timedelta = HOUR
) -> list[tuple[datetime, datetime, float | None]]:
    """Rows of hour numbers and values; None is a row of state ``missing``."""
    return [(DAY + n * step, DAY + (n + 1) * step, value) for n, value in values.items()]


def told(
    rows: dict[SeriesId, list[tuple[datetime, datetime, float | None]]],
    *,
    name: str,
    stamp: datetime | None = None,
    archived: datetime = NOON,
    finality: Finality = Finality.FINAL,
    rank: int = 0,
    published: datetime | None = None,
    covers: Window | None = None,
    parser: str = "1",
    unit: str = "USD/MWh",
    synthetic: bool = False,
) -> Observations:
    """What one document says, as the host hands it to the store."""
    series = tuple(rows)
    flat = [(code, *row) for code, one in enumerate(series) for row in rows[one]]
    value = [np.nan if row[3] is None else row[3] for row in flat]
    state = [State.MISSING if row[3] is None else State.OK for row in flat]
    reading = Reading(
        series,
        [unit] * len(series),
        np.array([row[0] for row in flat]),
        np.array([instant64(row[1]) for row in flat]),
        np.array([instant64(row[2]) for row in flat]),
        np.array(value),
        state=np.array(state),
        finality=np.full(len(flat), finality),
        source_rank=np.full(len(flat), rank),
        published_at=np.full(len(flat), instant64(published or stamp or archived)),
    )
    batch = Batch(
        "caiso",
        "day_ahead_lmp",
        name,
        name * 8,
        parser,
        f"{name}.zip",
        archived,
        stamp,
        covers,
        synthetic,
    )
    basis = np.full(len(reading), PublishedBasis.CLAIM, dtype=np.uint8)
    return observe(reading, batch, published_basis=basis)


def answer(store: SeriesStore, series: Sequence[SeriesId] = (NP15, SP15), **clocks: Any) -> Answer:
    """Current rows by key: value, state, finality, flags."""
    found = store.read(EVERYTHING.restrict(Selection(tuple(series), **clocks)))
    rows = found.take(current(found))
    return {
        (rows.series[rows.code[i]], rows.interval_start[i].item(), rows.interval_end[i].item()): (
            None if np.isnan(rows.value[i]) else float(rows.value[i]),
            State(int(rows.state[i])),
            Finality(int(rows.finality[i])),
            int(rows.flags[i]),
        )
        for i in range(len(rows))
    }  # fmt: skip


def values(store: SeriesStore, series: SeriesId = NP15, **clocks: Any) -> dict[int, float | None]:
    """Current values of one series by hour number."""
    found = answer(store, (series,), **clocks)
    start = DAY.replace(tzinfo=None)
    return {int((key[1] - start) / HOUR): row[0] for key, row in found.items()}


def random_documents(seed: int, count: int, *, stamped: bool = True) -> list[Observations]:
    """Made-up documents over a few hours: revisions, returns, holes, two lengths, finalities and covers."""
    rng = random.Random(seed)  # noqa: S311 - made-up test data
    documents = []
    for n in range(count):
        step = rng.choice([HOUR, HOUR, HOUR, timedelta(minutes=30)])
        first = rng.randrange(0, 4)
        rows = {}
        for one in rng.sample([NP15, SP15], rng.choice([1, 2])):
            slots = [
                s
                for s in range(int(first * HOUR / step), int((first + 3) * HOUR / step))
                if rng.random() < 0.8
            ]
            rows[one] = hours({s: rng.choice([1.0, 2.0, -3.0, 0.0, None]) for s in slots}, step)
        rows = {one: held for one, held in rows.items() if held} or {NP15: hours({first: 1.0})}
        covers = (
            Window(DAY + first * HOUR, DAY + (first + 3) * HOUR) if rng.random() < 0.5 else None
        )
        stamp = NOON + timedelta(minutes=n)
        finality = rng.choice([Finality.PRELIMINARY, Finality.FINAL, Finality.FINAL])
        documents.append(
            told(rows, name=f"d{n}", stamp=stamp if stamped else None, covers=covers, finality=finality,
                 rank=rng.choice([0, 0, 0, 1]), archived=NOON + timedelta(minutes=n))
        )  # fmt: skip
    return documents


class SeriesStoreSuite:
    """What `SeriesStore` promises."""

    def record(self, store: SeriesStore, *documents: Observations) -> list[Any]:
        """Record documents one after the other, a minute apart."""
        last = store.last_recorded()
        start = max(NOON, last) if last else NOON
        return [
            store.record(one, now=start + timedelta(minutes=n + 1))
            for n, one in enumerate(documents)
        ]

    def test_an_empty_store_answers_with_nothing(self, store: SeriesStore) -> None:
        assert store.last_recorded() is None
        assert answer(store) == {}
        assert store.find(EVERYTHING.restrict(Selection(patterns=(SeriesPattern(),)))) == []

    @pytest.mark.parametrize("rank", [3, 0, 2**31 - 1, -1, -(2**31)])
    @pytest.mark.parametrize("series", [(NP15,), (NP15, SP15)], ids=["one", "of two"])
    def test_what_is_recorded_is_read_back_in_every_column(
        self, store: SeriesStore, series: tuple[SeriesId, ...], rank: int
    ) -> None:
        document = told({NP15: hours({0: -1.5, 1: 0.0, 2: None})}, name="a", stamp=NOON, rank=rank)
        document = evolve(document, flags=np.array([0, max(Flag), min(Flag)], dtype=np.uint32))
        self.record(store, document)
        rows = store.read(EVERYTHING.restrict(Selection(series)))
        for name in ("interval_start", "interval_end", "value", "state", "finality", "source_rank", "flags",
                     "issued_at", "published_at", "published_basis", "locator"):  # fmt: skip
            np.testing.assert_array_equal(rows.column(name), document.column(name), err_msg=name)
        assert rows.units == ("USD/MWh",)
        assert rows.batches == document.batches

    def test_zero_negative_and_missing_are_three_different_prices(self, store: SeriesStore) -> None:
        self.record(store, told({NP15: hours({0: 0.0, 1: -0.5, 2: None})}, name="a"))
        assert values(store) == {0: 0.0, 1: -0.5, 2: None}

    def test_the_same_batch_again_changes_nothing(self, store: SeriesStore) -> None:
        document = told({NP15: hours({0: 1.0})}, name="a")
        first, again = self.record(store, document, document)
        assert (first.new, again.recorded_at, again.written) == (1, None, 0)
        assert store.last_recorded() == first.recorded_at

    def test_each_transaction_has_an_instant_of_its_own_that_grows(
        self, store: SeriesStore
    ) -> None:
        one = store.record(told({NP15: hours({0: 1.0})}, name="a"), now=NOON)
        two = store.record(told({NP15: hours({0: 2.0})}, name="b", stamp=NOON), now=NOON - HOUR)
        assert (one.recorded_at, two.recorded_at) == (NOON, NOON + timedelta(microseconds=1))

    def test_the_mark_is_written_before_the_commit_and_its_failure_undoes_it(
        self, store: SeriesStore
    ) -> None:
        def refuse(at: datetime) -> None:
            raise InvalidRequest(f"no mark at {at}")

        with pytest.raises(InvalidRequest, match="no mark"):
            store.record(told({NP15: hours({0: 1.0})}, name="a"), now=NOON, mark=refuse)
        assert answer(store) == {}
        assert store.last_recorded() is None
        marks: list[datetime] = []
        done = store.record(told({NP15: hours({0: 1.0})}, name="a"), now=NOON, mark=marks.append)
        assert marks == [done.recorded_at]

    def test_a_return_to_an_earlier_value_is_three_revisions(self, store: SeriesStore) -> None:
        documents = [
            told({NP15: hours({0: v})}, name=f"d{n}", stamp=NOON + n * HOUR)
            for n, v in enumerate([10.0, 20.0, 10.0])
        ]
        self.record(store, *documents)
        assert len(store.read(EVERYTHING.restrict(Selection((NP15,))))) == 3
        assert values(store) == {0: 10.0}

    def test_an_equal_row_is_not_written_again(self, store: SeriesStore) -> None:
        documents = [
            told({NP15: hours({0: 10.0})}, name=n, stamp=NOON + HOUR * i)
            for i, n in enumerate("ab")
        ]
        _, again = self.record(store, *documents)
        assert (again.unchanged, again.written) == (1, 0)
        assert len(store.read(EVERYTHING.restrict(Selection((NP15,))))) == 1

    def test_an_equal_row_beside_a_new_one_is_not_written_again(self, store: SeriesStore) -> None:
        first = told({NP15: hours({0: 10.0})}, name="a", stamp=NOON)
        more = told({NP15: hours({0: 10.0, 1: 11.0})}, name="b", stamp=NOON + HOUR)
        _, done = self.record(store, first, more)
        assert (done.unchanged, done.new, done.written) == (1, 1, 1)
        assert len(store.read(EVERYTHING.restrict(Selection((NP15,))))) == 2

    def test_an_unchanged_value_at_a_higher_finality_is_written(self, store: SeriesStore) -> None:
        early = told({NP15: hours({0: 10.0})}, name="a", finality=Finality.PRELIMINARY)
        _, done = self.record(store, early, told({NP15: hours({0: 10.0})}, name="b"))
        assert done.revised == 1

    def test_a_preliminary_file_after_the_final_one_changes_nothing(
        self, store: SeriesStore
    ) -> None:
        late = told(
            {NP15: hours({0: 99.0})}, name="b", finality=Finality.PRELIMINARY, archived=NOON + HOUR
        )
        _, done = self.record(store, told({NP15: hours({0: 10.0})}, name="a"), late)
        assert done.superseded == 1
        assert values(store) == {0: 10.0}

    def test_source_rank_decides_before_the_stamp(self, store: SeriesStore) -> None:
        second = told({NP15: hours({0: 2.0})}, name="v2", stamp=NOON, rank=2)
        first = told({NP15: hours({0: 1.0})}, name="v1", stamp=NOON + HOUR, rank=1)
        self.record(store, second, first)
        assert values(store) == {0: 2.0}

    def test_a_finer_resolution_supersedes_what_it_overlaps(self, store: SeriesStore) -> None:
        quarter = timedelta(minutes=15)
        fine = told(
            {NP15: hours({0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0}, quarter)}, name="b", stamp=NOON + HOUR
        )
        self.record(store, told({NP15: hours({0: 10.0, 1: 11.0})}, name="a", stamp=NOON), fine)
        found = [row[0] for row in answer(store, (NP15,)).values()]
        assert found == [1.0, 2.0, 3.0, 4.0, 11.0]

    def test_a_window_that_starts_inside_an_interval_still_sees_what_supersedes(
        self, store: SeriesStore
    ) -> None:
        half = timedelta(minutes=30)
        fine = told({NP15: hours({0: 1.0, 1: 2.0}, half)}, name="a", stamp=NOON)
        self.record(store, fine, told({NP15: hours({0: 10.0})}, name="b", stamp=NOON + HOUR))
        found = answer(store, (NP15,), window=Window(DAY + half, DAY + HOUR))
        assert [row[0] for row in found.values()] == [10.0]

    def test_a_later_document_retracts_what_it_no_longer_holds(self, store: SeriesStore) -> None:
        covers = Window(DAY, DAY + 3 * HOUR)
        later = told({NP15: hours({0: 1.0, 2: 3.0})}, name="b", stamp=NOON + HOUR, covers=covers)
        _, done = self.record(
            store, told({NP15: hours({0: 1.0, 1: 2.0, 2: 3.0})}, name="a", stamp=NOON), later
        )
        assert done.retracted == 1
        row = answer(store, (NP15,))[
            (NP15, (DAY + HOUR).replace(tzinfo=None), (DAY + 2 * HOUR).replace(tzinfo=None))
        ]
        assert row[:2] == (None, State.MISSING)
        assert row[3] & Flag.RETRACTED

    def test_a_document_retracts_nothing_outside_its_cover(self, store: SeriesStore) -> None:
        both = told({NP15: hours({0: 1.0, 5: 2.0}), SP15: hours({0: 7.0})}, name="a", stamp=NOON)
        self.record(store, both, told({NP15: hours({0: 1.0})}, name="b", stamp=NOON + HOUR))
        assert values(store) == {0: 1.0, 5: 2.0}
        assert values(store, SP15) == {0: 7.0}

    def test_a_better_parser_leaves_no_stray_interval(self, store: SeriesStore) -> None:
        wrong = told({NP15: hours({1: 1.0, 2: 2.0})}, name="a", stamp=NOON, parser="1")
        right = told({NP15: hours({0: 1.0, 1: 2.0})}, name="a", stamp=NOON, parser="2")
        self.record(store, wrong, right)
        assert values(store) == {0: 1.0, 1: 2.0, 2: None}

    def test_re_reading_a_document_replaces_its_own_rows_only(self, store: SeriesStore) -> None:
        older = told({NP15: hours({0: 1.0})}, name="a", stamp=NOON)
        newer = told({NP15: hours({0: 5.0})}, name="b", stamp=NOON + HOUR)
        again = told({NP15: hours({0: 2.0})}, name="a", stamp=NOON, parser="2")
        self.record(store, older, newer, again)
        assert values(store) == {0: 5.0}

    def test_two_questions_two_clocks(self, store: SeriesStore) -> None:
        first = told({NP15: hours({0: 1.0})}, name="a", stamp=NOON, published=NOON - 5 * HOUR)
        second = told(
            {NP15: hours({0: 2.0})}, name="b", stamp=NOON + HOUR, published=NOON - 3 * HOUR
        )
        one, two = self.record(store, first, second)
        assert values(store, as_of=one.recorded_at) == {0: 1.0}
        assert values(store, as_of=two.recorded_at) == {0: 2.0}
        assert values(store, published_by=NOON - 6 * HOUR) == {}
        assert values(store, published_by=NOON - 4 * HOUR) == {0: 1.0}
        assert values(store, published_by=NOON) == {0: 2.0}

    def test_a_restated_return_is_known_to_a_document_that_comes_late(
        self, store: SeriesStore
    ) -> None:
        one, two, three = (
            told(
                {NP15: hours({0: v})},
                name=f"d{n}",
                stamp=NOON + n * HOUR,
                published=NOON + n * HOUR,
            )
            for n, v in enumerate([10.0, 20.0, 10.0])
        )
        self.record(store, one, three, two)
        assert values(store) == {0: 10.0}
        assert values(store, published_by=NOON + HOUR) == {0: 20.0}
        assert values(store, published_by=NOON + 2 * HOUR) == {0: 10.0}

    def test_an_instant_after_the_last_commit_is_refused(self, store: SeriesStore) -> None:
        (done,) = self.record(store, told({NP15: hours({0: 1.0})}, name="a"))
        with pytest.raises(InvalidRequest, match="last commit"):
            answer(store, as_of=done.recorded_at + timedelta(microseconds=1))

    def test_a_series_keeps_its_unit_for_life(self, store: SeriesStore) -> None:
        self.record(store, told({NP15: hours({0: 1.0})}, name="a"))
        with pytest.raises(FeedFormatChanged, match="USD/MWh"):
            self.record(store, told({NP15: hours({1: 1.0})}, name="b", unit="EUR/MWh"))
        assert values(store) == {0: 1.0}

    def test_a_store_is_synthetic_or_real_for_ever(self, store: SeriesStore) -> None:
        self.record(store, told({NP15: hours({0: 1.0})}, name="a", synthetic=True))
        with pytest.raises(Conflict, match="synthetic"):
            self.record(store, told({NP15: hours({1: 1.0})}, name="b"))

    def test_a_scope_filters_patterns_and_refuses_exact_series(self, store: SeriesStore) -> None:
        node = SeriesId.parse("caiso/day_ahead/price/node/ALAMT3G_7_B1")
        self.record(store, told({NP15: hours({0: 1.0}), node: hours({0: 2.0})}, name="a"))
        pilot = Scope((SeriesPattern("caiso", kind="hub"),))
        found = store.find(pilot.restrict(Selection(patterns=(SeriesPattern(),))))
        assert [entry.series for entry in found] == [NP15]
        rows = store.read(pilot.restrict(Selection(patterns=(SeriesPattern("caiso"),))))
        assert set(rows.series) == {NP15}
        with pytest.raises(NotEntitled):
            pilot.restrict(Selection((node,)))

    def test_series_are_found_with_their_coverage(self, store: SeriesStore) -> None:
        self.record(store, told({NP15: hours({0: 1.0, 3: 2.0}), SP15: hours({1: 1.0})}, name="a"))
        entries = store.find(
            EVERYTHING.restrict(Selection(patterns=(SeriesPattern.parse("caiso/*/*/hub/*NP15*"),)))
        )
        (entry,) = entries
        assert (entry.series, entry.unit, entry.rows) == (NP15, "USD/MWh", 2)
        assert (entry.first, entry.last) == (DAY, DAY + 4 * HOUR)

    def test_each_commit_announces_itself_once(self, store: Any) -> None:
        self.record(
            store, told({NP15: hours({0: 1.0})}, name="a"), told({NP15: hours({1: 1.0})}, name="b")
        )
        messages = store.claim(10)
        assert [m.topic for m in messages] == ["ObservationsRecorded.caiso.day_ahead_lmp"] * 2
        assert b'"rows": 1' in messages[0].body
        store.done([messages[0].id])
        assert [m.id for m in store.claim(10)] == [messages[1].id]

    def test_batches_are_known_by_their_receipt(self, store: SeriesStore) -> None:
        a, b = (told({NP15: hours({0: 1.0})}, name=n) for n in "ab")
        self.record(store, a, b)
        assert list(store.batches(["b"])) == [b.batches[0]]
        assert {batch.receipt for batch in store.batches()} == {"a", "b"}

    @pytest.mark.parametrize("seed", range(4))
    def test_a_thousand_pairs_answer_as_of_then_what_was_answered_then(
        self, store: SeriesStore, seed: int
    ) -> None:
        """With four seeds: 1 000 random (series, instant) pairs after 50 random revisions each."""
        heard: list[tuple[datetime, Answer]] = []
        order = random_documents(seed, 50)
        random.Random(seed).shuffle(order)  # noqa: S311
        for document in order:
            (done,) = self.record(store, document)
            heard.append((done.recorded_at, answer(store)))
        rng = random.Random(seed + 1)  # noqa: S311
        for _ in range(250):
            then, expected = rng.choice(heard)
            one = rng.choice([NP15, SP15])
            later = {key: row for key, row in expected.items() if key[0] == one}
            assert answer(store, (one,), as_of=then) == later


class OrderSuite:
    """Ingesting the same stamped documents in any order gives the same current answer; needs many stores."""

    orders = 25

    @pytest.mark.parametrize("seed", range(4))
    def test_any_order_gives_the_same_current_answer(self, new_store: Any, seed: int) -> None:
        documents = random_documents(seed, 8)
        expected = None
        for shuffle in range(self.orders):
            order = list(documents)
            if shuffle:
                random.Random(shuffle).shuffle(order)  # noqa: S311
            store = new_store()
            for n, document in enumerate(order):
                store.record(document, now=NOON + timedelta(minutes=n))
            found = answer(store)
            store.close()
            expected = expected or found
            assert found == expected, f"order {[d.batches[0].receipt for d in order]}"
