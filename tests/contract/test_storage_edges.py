"""What the suite's stores must keep where nothing stored lies near: found by mutants that the suite let pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carbon254.adapters.duckdb.store import DuckDbSeriesStore
from carbon254.adapters.postgres import binary
from carbon254.core.domain.entitlements import Scope, Selection
from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import Finality
from carbon254.ports.recording import numbered
from carbon254.ports.storage import SeriesStore
from carbon254.ports.testing.fakes.storage import MemorySeriesStore
from carbon254.ports.testing.storage import DAY, HOUR, NOON, NP15, hours, told, values

A_YEAR = 365 * 24

STORES: dict[str, Callable[[Path], SeriesStore]] = {
    "memory": lambda folder: MemorySeriesStore(),
    "duckdb": lambda folder: DuckDbSeriesStore(folder / "series.duckdb"),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SeriesStore]:
    made = STORES[request.param](tmp_path)
    yield made
    made.close()


def test_another_unit_is_refused_a_year_later_too(store: SeriesStore) -> None:
    # Nothing stored lies near the new row: only what the store knows of the series can refuse it.
    store.record(told({NP15: hours({0: 1.0})}, name="a"), now=NOON)
    euros = told({NP15: hours({A_YEAR: 1.0})}, name="b", unit="EUR/MWh")
    with pytest.raises(FeedFormatChanged, match="USD/MWh"):
        store.record(euros, now=NOON + timedelta(days=365))
    assert values(store) == {0: 1.0}


def test_an_equal_row_that_was_published_earlier_is_what_was_known_then(store: SeriesStore) -> None:
    # The correction of the evening came first; the file of noon, with the same number, is filled in later.
    evening = told({NP15: hours({0: 10.0})}, name="b", stamp=NOON + 6 * HOUR)
    noon = told({NP15: hours({0: 10.0})}, name="a", stamp=NOON)
    store.record(evening, now=NOON + 7 * HOUR)
    store.record(noon, now=NOON + 8 * HOUR)
    assert values(store, published_by=NOON + HOUR) == {0: 10.0}, "a backtest does not see the noon"
    assert values(store, published_by=NOON - HOUR) == {}


def test_a_weaker_document_that_lacks_an_hour_takes_nothing_back(store: SeriesStore) -> None:
    covers = Window(DAY, DAY + 2 * HOUR)
    final = told({NP15: hours({0: 1.0, 1: 2.0})}, name="a", stamp=NOON, covers=covers)
    early = told(
        {NP15: hours({0: 1.5})}, name="b", stamp=NOON + HOUR, covers=covers, finality=Finality.PRELIMINARY
    )  # fmt: skip
    store.record(final, now=NOON)
    done = store.record(early, now=NOON + HOUR)
    assert (done.retracted, done.superseded) == (0, 1)
    assert len(store.read(Scope.everything().restrict(Selection((NP15,))))) == 3
    assert values(store) == {0: 1.0, 1: 2.0}


def test_instants_that_are_said_again_stay(store: SeriesStore) -> None:
    # A measured instant has no length, so nothing overlaps it: only its own key tells that it is held.
    moments = [(DAY + n * HOUR, DAY + n * HOUR, float(n)) for n in range(3)]
    store.record(told({NP15: moments}, name="a", stamp=NOON), now=NOON)
    again = store.record(told({NP15: moments}, name="b", stamp=NOON + HOUR), now=NOON + HOUR)
    assert (again.unchanged, again.written) == (3, 0)
    assert values(store) == {0: 0.0, 1: 1.0, 2: 2.0}


def test_an_instant_that_is_left_out_is_retracted(store: SeriesStore) -> None:
    moments = [(DAY + n * HOUR, DAY + n * HOUR, float(n)) for n in range(3)]
    store.record(told({NP15: moments}, name="a", stamp=NOON), now=NOON)
    fewer = told({NP15: [moments[0], moments[2]]}, name="b", stamp=NOON + HOUR)
    assert store.record(fewer, now=NOON + HOUR).retracted == 1
    assert values(store) == {0: 0.0, 1: None, 2: 2.0}


@pytest.mark.parametrize(
    ("values", "different", "places"),
    [
        ([], [], []),
        ([7, 7, 7], [7], [0, 0, 0]),
        ([5, 3, 5, 9], [3, 5, 9], [1, 0, 1, 2]),
        ([1_000_000_000, 4, 4], [4, 1_000_000_000], [1, 0, 0]),
    ],
)
def test_numbers_get_places_whether_they_lie_close_or_not(
    values: list[int], different: list[int], places: list[int]
) -> None:
    found, place = numbered(np.array(values, dtype=np.int32))
    assert (found, place.tolist()) == (different, places)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_where_the_store_stands_is_found_wherever_it_comes(place: int) -> None:
    # The server may answer the parts of a UNION ALL in any order.
    rows = np.zeros(3, dtype=binary.PACKED_OF_ONE)
    rows["source"] = [4, 5, 6]
    rows["source"][place] = -1
    rows["locator"][place] = 12
    rows["recorded_at"][place] = 3_000_000  # microseconds after the beginning of 2000
    others, last, lengths = binary.without_stand(rows)
    assert others["source"].tolist() == [code for code in (4, 5, 6) if code != 4 + place]
    assert (str(last), lengths) == ("2000-01-01T00:00:03.000000", 12)


def test_a_commit_amid_a_read_is_not_in_an_answer_as_of_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DuckDbSeriesStore(tmp_path / "series.duckdb")
    at = store.record(told({NP15: hours({0: 1.0})}, name="a", stamp=NOON), now=NOON).recorded_at
    select = store._select

    def late(*arguments: Any) -> Any:
        store.record(told({NP15: hours({0: 2.0})}, name="b", stamp=NOON + HOUR), now=NOON + HOUR)
        return select(*arguments)

    monkeypatch.setattr(store, "_select", late)
    rows = store.read(Scope.everything().restrict(Selection((NP15,), as_of=at)))
    assert rows.value.tolist() == [1.0]
    store.close()
