"""A series keeps its unit for life, also where the document that changes it is of another year."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from carbon254.adapters.duckdb.store import DuckDbSeriesStore
from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.ports.storage import SeriesStore
from carbon254.ports.testing.fakes.storage import MemorySeriesStore
from carbon254.ports.testing.storage import NOON, NP15, hours, told, values

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
