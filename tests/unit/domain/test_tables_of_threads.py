"""Tables of rows are made by many threads at once."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from carbon254.core.domain.observations import Reading
from carbon254.core.domain.series import SeriesId


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads take turns after a microsecond."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
def test_threads_may_make_tables_at_once() -> None:
    nothing = np.zeros(0)

    def make(thread: int) -> int:
        for number in range(1000):
            series = SeriesId("demo", "day_ahead", "price", "zone", f"{thread}-{number}")
            Reading((series,), ("EUR/MWh",), nothing, nothing, nothing, nothing)
        return thread

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(make, range(8))) == list(range(8))
