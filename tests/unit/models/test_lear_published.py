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


def apart(epf: Path, history: EpfHistory, window: int, criterion: str) -> np.ndarray:
    """How far our forecasts are from the published ones, days × hours."""
    body = (epf / f"Forecasts_{history.market}_DNN_LEAR_ensembles.csv").read_bytes()
    theirs = read_published(history, body).of(f"LEAR {window}")
    model, test = Lear(card("lear")), history.days(TEST_DAYS)
    subject = history.knowledge().subject
    found = []
    for place in PLACES:
        day = test[place]
        before = day - timedelta(1)
        tables = [DayTable(history.first, one) for one in history.exogenous]
        prices = DayTable(history.first, history.prices).hide(before)
        known = dict(zip(subject.series, (prices, *tables), strict=True))
        origin = GRID.window(before).start + timedelta(hours=12)
        reader = MatrixReader(subject, origin, history.first, known)
        parameters = LearParameters(windows=(window,), criterion=criterion)
        state = model.fit(reader, origin, parameters, 1)
        said = model.predict(state, reader, Horizon(GRID, day)).value
        found.append(np.abs(said - theirs.value[theirs.days == np.datetime64(day)]))
    return np.array(found)


@pytest.mark.parametrize("window", [1092, 1456])
def test_long_windows_say_what_was_published(epf: Path, history: EpfHistory, window: int) -> None:
    """The target of the benchmark: 0.06 EUR/MWh apart on average over two years, for each window."""
    assert apart(epf, history, window, "published").mean() < 0.06


@pytest.mark.parametrize("window", [56, 84])
def test_short_windows_say_what_was_published(epf: Path, history: EpfHistory, window: int) -> None:
    """To the digits of the file for most hours; rarely the reference's rounding took another step of the path."""
    published = apart(epf, history, window, "published")
    assert np.median(published) < 0.01
    assert published.mean() < 0.06
    assert apart(epf, history, window, "exact").mean() > 0.3
