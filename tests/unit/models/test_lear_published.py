"""LEAR against the published forecasts of the open benchmark, on a few days of its test period."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from carbon254.core.domain.forecasts import Horizon
from carbon254.core.usecases.benchmark_epf import TEST_DAYS
from carbon254.core.usecases.epf_files import GRID, EpfHistory, read_history, read_published
from carbon254.plugins.models.lear.model import Lear, LearParameters
from carbon254.ports.matrix_reader import DayTable, MatrixReader
from carbon254.ports.testing.fakes.models import card

pytestmark = pytest.mark.recorded

PLACES = (0, 555)  # days of the test period


@pytest.fixture(scope="module", params=["NP", "FR", "DE"])
def market(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def history(epf: Path, market: str) -> EpfHistory:
    return read_history(market, (epf / f"{market}.csv").read_bytes())


def test_long_windows_say_what_was_published(epf: Path, history: EpfHistory) -> None:
    """The target of the benchmark: 0.06 EUR/MWh apart on average over two years, for each window."""
    body = (epf / f"Forecasts_{history.market}_DNN_LEAR_ensembles.csv").read_bytes()
    published = read_published(history, body)
    model, test = Lear(card("lear")), history.days(TEST_DAYS)
    subject = history.knowledge().subject
    for window in (1092, 1456):
        theirs, apart = published.of(f"LEAR {window}"), []
        for place in PLACES:
            day = test[place]
            before = day - timedelta(1)
            tables = [DayTable(history.first, one) for one in history.exogenous]
            prices = DayTable(history.first, history.prices).hide(before)
            known = dict(zip(subject.series, (prices, *tables), strict=True))
            origin = GRID.window(before).start + timedelta(hours=12)
            reader = MatrixReader(subject, origin, history.first, known)
            state = model.fit(reader, origin, LearParameters(windows=(window,)), 1)
            said = model.predict(state, reader, Horizon(GRID, day)).value
            published_day = theirs.value[theirs.days == np.datetime64(day)]
            apart.append(np.abs(said - published_day).mean())
        assert np.mean(apart) < 0.06, window
