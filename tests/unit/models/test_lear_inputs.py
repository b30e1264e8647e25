"""What goes into LEAR: the transform, the regressors and gaps, by hand."""

from datetime import date, timedelta

import numpy as np
import pytest

from carbon254.core.domain.arcsinh import MedianArcsinh
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Horizon
from carbon254.core.domain.regressors import Lags, filled, regressors
from carbon254.plugins.models.lear.estimating import estimate
from carbon254.plugins.models.lear.model import Lear, LearParameters
from carbon254.ports.matrix_reader import MatrixReader
from carbon254.ports.testing.fakes.models import card
from carbon254.ports.testing.models import LOAD, ORDINARY, PRICE, WIND, made_up, reader_of

NAN = np.nan


def test_the_transform_by_hand() -> None:
    """1, 2, 4, 8, 100: median 4, deviations 3, 2, 0, 4, 96 with median 3, so a spread of 3 × 1.4826."""
    made = MedianArcsinh.of(np.array([[1.0], [2.0], [4.0], [8.0], [100.0]]))
    assert made.median == pytest.approx([4.0])
    assert made.spread == pytest.approx([4.447807])
    assert made.apply(np.array([4.0])) == pytest.approx([0.0])
    assert made.apply(np.array([8.0])) == pytest.approx([0.80836], abs=1e-5)
    back = made.undo(made.apply(np.array([[-500.0], [0.0], [3000.0]])))
    assert back.ravel() == pytest.approx([-500.0, 0.0, 3000.0])


def test_a_bend_leaves_ordinary_prices_on_a_line() -> None:
    """Median 4, spread 4.447807, bend 3: (8 − 4)/13.34342 = 0.29977, and 3 arcsinh of that 3 ln 1.343735 = 0.88637."""
    made = MedianArcsinh.of(np.array([[1.0], [2.0], [4.0], [8.0], [100.0]]), bend=3.0)
    assert made.apply(np.array([8.0])) == pytest.approx([0.88637], abs=1e-5)
    line = MedianArcsinh.of(np.array([[1.0], [2.0], [4.0], [8.0], [100.0]]), bend=1e6)
    assert line.apply(np.array([3000.0])) == pytest.approx([2996 / 4.447807], abs=1e-3)
    back = made.undo(made.apply(np.array([[-500.0], [0.0], [3000.0]])))
    assert back.ravel() == pytest.approx([-500.0, 0.0, 3000.0])


def test_a_column_that_mostly_stands_still_is_spread_by_its_mean_deviation() -> None:
    """The sun at dawn: four zeros and a five have a mean deviation of 1."""
    made = MedianArcsinh.of(np.array([[0.0, 7.0]] * 4 + [[5.0, 7.0]]))
    assert made.spread == pytest.approx([np.sqrt(np.pi / 2), 1.0])


def test_regressors_stand_by_lag_and_slot() -> None:
    """Two slots, day n with prices 10n, 10n + 1 and a load of 100n, 100n + 1."""
    days = np.arange(9)
    prices, load = (np.stack([k * days, k * days + 1], axis=1).astype(float) for k in (10, 100))
    numbers, dummies = regressors(prices, [load], (days + 2) % 7, Lags())
    assert numbers.shape == (2, 2 * (4 + 3))
    assert numbers[0].tolist() == [
        60, 61, 50, 51, 40, 41, 0, 1,  # prices of 1, 2, 3 and 7 days before day 7
        700, 701, 600, 601, 0, 1,  # load of the day, of 1 and of 7 days before
    ]  # fmt: skip
    assert dummies.tolist() == [[0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0]]


def test_without_exogenous_series_there_are_only_prices() -> None:
    numbers, _ = regressors(np.ones((9, 24)), [], np.zeros(9), Lags((1, 2), (0,)))
    assert numbers.shape == (7, 48)


def test_short_gaps_are_filled_and_long_ones_are_not() -> None:
    values = np.array([[NAN, 1.0, NAN, 3.0], [NAN, NAN, 6.0, 7.0], [8.0, NAN, NAN, NAN]])
    found = filled(values, 1)
    assert found.ravel().tolist()[1:4] == [1.0, 2.0, 3.0]
    assert np.isnan(found.ravel()[[0, 4, 5, 9, 10, 11]]).all()
    assert filled(values, 2)[1].tolist() == [4.0, 5.0, 6.0, 7.0]
    assert np.isnan(values[0, 2]), "what is given stays as it is"


def test_a_forecast_stays_near_what_the_window_has_seen() -> None:
    """A load far beyond any that was seen: the way back is exponential, a little past the largest is the end."""
    random = np.random.default_rng(5)
    load = random.normal(0, 1, (200, 3))
    prices = 40 + 15 * load[:, :2] + random.normal(0, 0.5, (200, 2))
    made = estimate(load, np.zeros((200, 7)), prices, beyond=0.5)
    beyond = made.predict(np.full(3, 1e9), np.zeros(7))
    highest = made.outputs.undo(made.outputs.apply(prices).max(axis=0) + 0.5)
    np.testing.assert_allclose(beyond, highest)


def test_without_a_bend_a_line_is_followed_to_where_no_price_has_been() -> None:
    """Prices of 10 and 20 a unit of load, and a load twice as far out as any that was seen."""
    load = np.random.default_rng(5).normal(0, 1, (200, 1))
    made = estimate(load, np.zeros((200, 7)), load * [10.0, 20.0], penalty=1e-9, beyond=9, bend=1e6)
    far = 2 * np.abs(load).max()
    assert made.predict(np.array([far]), np.zeros(7)) == pytest.approx([10 * far, 20 * far])


def test_how_far_a_bent_forecast_may_go_is_counted_on_the_scale_of_arcsinh() -> None:
    """A quarter past the highest price u, counted in three robust standard deviations: sinh(arcsinh(u) + ¼)."""
    load = np.random.default_rng(5).normal(0, 1, (200, 1))
    made = estimate(load, np.zeros((200, 7)), 10 * load, penalty=1e-9, bend=3.0)
    middle = np.median(10 * load)
    three = 3 * 1.482602 * np.median(np.abs(10 * load - middle))
    highest = (10 * load.max() - middle) / three
    limit = middle + three * np.sinh(np.arcsinh(highest) + 0.25)
    assert made.predict(np.full(1, 1e9), np.zeros(7)) == pytest.approx([limit], rel=1e-5)


@pytest.fixture
def lear() -> Lear:
    return Lear(card("lear"))


def test_a_window_longer_than_history_takes_what_there_is(lear: Lear) -> None:
    reader = reader_of(ORDINARY, 90)
    state = lear.fit(reader, reader.origin, LearParameters(), 1)
    assert [(window, one.rows) for window, one in state.estimates] == [
        (56, 49),
        (84, 77),
        (1092, 83),
    ]


def test_windows_cut_to_the_same_days_are_one(lear: Lear) -> None:
    reader = reader_of(ORDINARY, 90)
    one = lear.fit(reader, reader.origin, LearParameters(windows=(364,)), 1)
    four = lear.fit(reader, reader.origin, LearParameters(windows=(364, 728, 1092, 1456)), 1)
    horizon = Horizon(reader.subject.grid, ORDINARY)
    assert (
        lear.predict(one, reader, horizon).value == lear.predict(four, reader, horizon).value
    ).all()


def test_an_ensemble_is_the_mean_of_its_windows(lear: Lear) -> None:
    reader = reader_of(ORDINARY, 120)
    horizon = Horizon(reader.subject.grid, ORDINARY)
    short, long, both = (
        lear.predict(
            lear.fit(reader, reader.origin, LearParameters(windows=windows), 1), reader, horizon
        ).value
        for windows in ((56,), (112,), (56, 112))
    )
    np.testing.assert_allclose(both, (short + long) / 2)


def test_days_that_are_not_known_yet_are_forecast_on_the_way(lear: Lear) -> None:
    """Without yesterday's price a forecast is what it would be if the forecast of yesterday had come true."""
    yesterday = ORDINARY - timedelta(1)
    tables = made_up(101, 24)
    tables[PRICE][-2] = NAN
    reader = reader_of(ORDINARY, 100, tables=tables)
    state = lear.fit(reader, reader.origin, LearParameters(windows=(56,)), 1)

    def said(known: MatrixReader, day: date) -> np.ndarray:
        return lear.predict(state, known, Horizon(reader.subject.grid, day)).value

    tables[PRICE][-2] = said(reader, yesterday)
    come_true = reader_of(ORDINARY, 100, tables=tables)
    np.testing.assert_allclose(said(reader, ORDINARY), said(come_true, ORDINARY))


def test_quarters_of_an_hour(lear: Lear) -> None:
    reader = reader_of(ORDINARY, 60, 15)
    state = lear.fit(reader, reader.origin, LearParameters(windows=(42,)), 1)
    made = lear.predict(state, reader, Horizon(reader.subject.grid, ORDINARY))
    assert len(made.value) == 96
    assert np.isfinite(made.value).all()


@pytest.mark.parametrize("series", [LOAD, WIND])
def test_an_exogenous_series_that_ends_early_is_named(lear: Lear, series: object) -> None:
    tables = made_up(91, 24)
    tables[series][-1] = NAN
    reader = reader_of(ORDINARY, 90, tables=tables)
    state = lear.fit(reader, reader.origin, LearParameters(windows=(56,)), 1)
    with pytest.raises(InvalidRequest, match=f"{series} is not known for all of 2025-06-11"):
        lear.predict(state, reader, Horizon(reader.subject.grid, ORDINARY))


def test_too_little_history_says_how_much_is_needed(lear: Lear) -> None:
    reader = reader_of(ORDINARY, 20)
    with pytest.raises(InvalidRequest, match="LEAR needs 14 and 7 days before them"):
        lear.fit(reader, reader.origin, LearParameters(), 1)


def test_a_constant_price_is_forecast(lear: Lear) -> None:
    tables = made_up(91, 24)
    tables[PRICE][:] = 12.5
    reader = reader_of(ORDINARY, 90, tables=tables)
    state = lear.fit(reader, reader.origin, LearParameters(windows=(56,)), 1)
    made = lear.predict(state, reader, Horizon(reader.subject.grid, ORDINARY))
    assert (made.value == 12.5).all()


def test_the_report_says_how_each_window_was_calibrated(lear: Lear) -> None:
    reader = reader_of(ORDINARY, 90)
    state = lear.fit(reader, reader.origin, LearParameters(windows=(56, 84)), 1)
    notes = lear.predict(state, reader, Horizon(reader.subject.grid, ORDINARY)).notes
    assert set(notes) == {
        f"{what} {window}" for what in ("penalty", "regressors", "days") for window in (56, 84)
    }
    assert notes["days 56"] == 49.0


def test_windows_and_lags_that_make_no_sense_are_refused() -> None:
    for wrong in (
        {"windows": ()},
        {"windows": (7,)},
        {"price_lags": (0,)},
        {"penalty": 0.0},
        {"beyond": -1.0},
    ):
        with pytest.raises(ValueError, match=r"\W"):
            LearParameters(**wrong)
