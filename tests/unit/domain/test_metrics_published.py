"""The published accuracy of the open benchmark for day-ahead prices, worked out again from its files."""

import csv
from pathlib import Path

import numpy as np
import pytest
from attrs import frozen

from carbon254.core.domain.metrics import naive_by_similar_day, score_points
from carbon254.core.domain.metrics_quantiles import pinball
from carbon254.core.domain.significance import daily_differences, diebold_mariano, giacomini_white

pytestmark = pytest.mark.recorded


@frozen
class Published:
    days: np.ndarray
    price: np.ndarray
    dnn: np.ndarray
    lear: np.ndarray

    @property
    def day(self) -> np.ndarray:
        return np.repeat(self.days, 24)


@pytest.fixture(scope="module", params=["NP", "FR", "DE"])
def market(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def published(epf: Path, market: str) -> Published:
    path = epf / f"Forecasts_{market}_DNN_LEAR_ensembles.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))

    def column(name: str) -> np.ndarray:
        return np.array([float(row[name]) for row in rows])

    stamps = np.array([row[""][:10] for row in rows], dtype="datetime64[D]")
    return Published(
        stamps[::24], column("Real price"), column("DNN Ensemble"), column("LEAR Ensemble")
    )


# MAE, RMSE, sMAPE, rMAE and WAPE of the ensemble of LEAR models.
LEAR = {
    "NP": (1.738, 3.362, 0.0501, 0.549, 0.0476),
    "FR": (3.980, 10.676, 0.1157, 0.670, 0.1059),
    "DE": (3.609, 6.508, 0.1474, 0.448, 0.1118),
}
NAIVE = {"NP": 3.165, "FR": 5.958, "DE": 8.040}
DNN = {"NP": (1.683, 3.319), "FR": (3.866, 11.867), "DE": (3.413, 5.927)}


def test_errors_are_the_published_ones(market: str, published: Published) -> None:
    naive = naive_by_similar_day(published.days, published.price.reshape(-1, 24))
    naive[:7] = np.nan  # as published: no naive forecast in the first week
    scores = score_points(published.price, published.lear, naive=naive.ravel())
    mae, rmse, smape, rmae, wape = LEAR[market]
    assert scores.mae == pytest.approx(mae, abs=5e-4)
    assert scores.rmse == pytest.approx(rmse, abs=5e-4)
    assert scores.smape == pytest.approx(smape, abs=5e-5)
    assert scores.rmae == pytest.approx(rmae, abs=5e-4)
    assert scores.wape == pytest.approx(wape, abs=5e-5)
    other = score_points(published.price, published.dnn)
    assert (other.mae, other.rmse) == pytest.approx(DNN[market], abs=5e-4)


def test_the_naive_forecast_is_as_bad_as_published(
    epf: Path, market: str, published: Published
) -> None:
    with (epf / f"{market}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    price = np.array([float(row["Price" if market == "DE" else "OT"]) for row in rows])
    days = published.days[-1] - np.arange(len(rows) // 24)[::-1].astype("timedelta64[D]")
    naive = naive_by_similar_day(days, price.reshape(-1, 24))[-728:]
    scores = score_points(published.price, naive.ravel())
    assert scores.missing == 0
    assert scores.mae == pytest.approx(NAIVE[market], abs=5e-4)


def test_prices_of_zero_are_left_out_of_the_relative_error_and_counted(
    market: str, published: Published
) -> None:
    scores = score_points(published.price, published.lear)
    assert scores.mape_excluded == np.count_nonzero(published.price == 0)
    assert (scores.mape_excluded > 0) == (market == "DE")
    assert np.isfinite(scores.mape)


def test_the_networks_are_conditionally_better_by_the_published_p(
    market: str, published: Published
) -> None:
    differences = daily_differences(published.price, published.lear, published.dnn, published.day)
    assert len(differences) == 728
    if market == "NP":
        assert giacomini_white(differences).p_value == pytest.approx(0.0866358, abs=5e-8)
    assert diebold_mariano(differences).difference == pytest.approx(
        LEAR[market][0] - DNN[market][0], abs=1e-3
    )


def test_pinball_at_the_median_is_half_the_absolute_error(published: Published) -> None:
    half = pinball(published.price, published.lear[:, None], (0.5,))[0]
    assert 2 * half == pytest.approx(score_points(published.price, published.lear).mae)
