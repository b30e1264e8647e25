"""The series stores against the contract of `SeriesStore`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from carbon254.adapters.duckdb.store import DuckDbSeriesStore
from carbon254.ports.testing.fakes.storage import MemorySeriesStore
from carbon254.ports.testing.storage import OrderSuite, SeriesStoreSuite


class TestMemory(SeriesStoreSuite, OrderSuite):
    @pytest.fixture
    def store(self) -> MemorySeriesStore:
        return MemorySeriesStore()

    @pytest.fixture
    def new_store(self) -> type[MemorySeriesStore]:
        return MemorySeriesStore


class TestDuckDb(SeriesStoreSuite, OrderSuite):
    orders = 5

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[DuckDbSeriesStore]:
        store = DuckDbSeriesStore(tmp_path / "series.duckdb")
        yield store
        store.close()

    @pytest.fixture
    def new_store(self, tmp_path: Path) -> Callable[[], DuckDbSeriesStore]:
        names = count()
        return lambda: DuckDbSeriesStore(tmp_path / f"series{next(names)}.duckdb")
