"""Gradient boosting: what its features may see, when trees are grown, and what happens without LightGBM."""

from __future__ import annotations

import sys
from datetime import date, timedelta

import numpy as np
import pytest
from attrs import evolve

from carbon254.adapters.plugins.models import ModelHost
from carbon254.core.domain.errors import InvalidRequest, PluginBroken
from carbon254.core.domain.forecasts import Horizon, ModelSpec
from carbon254.plugins.models.gbm.features import LONGEST, features
from carbon254.plugins.models.gbm.model import GbmParameters, GradientBoosting
from carbon254.ports.testing.models import LOAD, PRICE, WIND, made_up, reader_of

DAY = date(2025, 6, 11)
LIGHT = GbmParameters(rounds=10, window=60)
WEEKDAYS = np.arange(40) % 7


def gbm() -> GradientBoosting:
    return GradientBoosting(ModelHost().cards()["gbm"])


def tables() -> tuple[np.ndarray, list[np.ndarray]]:
    made = made_up(40, 24)
    return made[PRICE].copy(), [made[LOAD].copy(), made[WIND].copy()]


def test_a_days_own_price_is_not_among_its_features() -> None:
    prices, exogenous = tables()
    before = features(prices, exogenous, WEEKDAYS)
    prices[35:] += 1000.0
    after = features(prices, exogenous, WEEKDAYS)
    np.testing.assert_array_equal(after.values[:36], before.values[:36])
    np.testing.assert_array_equal(after.base[:36], before.base[:36])
    assert (after.values[36] != before.values[36]).any()


def test_the_days_own_exogenous_series_are() -> None:
    prices, exogenous = tables()
    before = features(prices, exogenous, WEEKDAYS).values[35]
    exogenous[0][35] += 7.0
    assert (features(prices, exogenous, WEEKDAYS).values[35] != before).any(axis=0).sum() > 5


def test_prices_are_counted_from_the_median_of_the_week() -> None:
    prices = np.repeat(np.array([9.0, 1, 2, 3, 4, 5, 600, 0, 8])[:, None], 24, axis=1)
    assert features(prices, [], np.arange(9) % 7).base[7].tolist() == [4.0] * 24
    # one day on, 9 has gone and 0 has come: 0 1 2 3 4 5 600
    assert features(prices, [], np.arange(9) % 7).base[8].tolist() == [3.0] * 24


def test_with_members_prices_are_counted_from_the_mean_of_those_that_say_something() -> None:
    prices, exogenous = tables()
    said = np.array([prices + 2, prices + 4, np.full_like(prices, np.nan)])
    np.testing.assert_allclose(features(prices, exogenous, WEEKDAYS, said).base, prices + 3)


def test_a_level_that_moves_moves_the_base_alone() -> None:
    prices, exogenous = tables()
    one, higher = (features(prices + up, exogenous, WEEKDAYS) for up in (0.0, 500.0))
    np.testing.assert_allclose(higher.base[LONGEST:], one.base[LONGEST:] + 500.0)
    changed = ~np.isclose(higher.values[LONGEST:], one.values[LONGEST:], atol=1e-6).all(axis=(0, 1))
    assert changed.sum() == 1  # the base is a feature too


def test_it_learns_what_repeating_cannot() -> None:
    made = made_up(182, 24)
    errors, naive = [], []
    for back in (1, 3, 6):
        reader = reader_of(DAY, 181 - back, tables={k: v[: 182 - back] for k, v in made.items()})
        state = gbm().fit(reader, reader.origin, GbmParameters(rounds=60), 1)
        said = gbm().predict(state, reader, Horizon(reader.subject.grid, DAY)).value
        actual = made[PRICE][181 - back]
        errors.append(np.abs(said - actual).mean())
        naive.append(np.abs(made[PRICE][181 - back - 7] - actual).mean())
    assert np.mean(errors) < 0.5 * np.mean(naive)


def test_trees_stand_between_the_days_on_which_they_are_grown() -> None:
    model, grown = gbm(), set()
    made = made_up(120, 24)
    for later in range(9):  # of nine days in a row, two or three weeks touch
        day = DAY + timedelta(later)
        reader = reader_of(day, 100 + later, tables={k: v[: 101 + later] for k, v in made.items()})
        grown.add(id(model.fit(reader, reader.origin, LIGHT, 1)))
    assert len(grown) in {2, 3}


def test_what_was_grown_before_changes_nothing() -> None:
    reader = reader_of(DAY, 90)
    horizon = Horizon(reader.subject.grid, DAY)
    used = gbm()
    for seed in range(6):  # more than are kept
        used.fit(reader, reader.origin, LIGHT, seed)
    said = [
        one.predict(one.fit(reader, reader.origin, LIGHT, 0), reader, horizon)
        for one in (used, gbm())
    ]
    assert said[0].value.tobytes() == said[1].value.tobytes()
    fifth = [
        one.predict(one.fit(reader, reader.origin, LIGHT, 5), reader, horizon)
        for one in (used, gbm())
    ]
    assert fifth[0].value.tobytes() == fifth[1].value.tobytes()
    assert fifth[0].value.tobytes() != said[0].value.tobytes()


def test_days_ahead_are_forecast_one_out_of_the_other() -> None:
    made = made_up(93, 24)
    known = {k: v if k != PRICE else v[:91] for k, v in made.items()}
    reader = reader_of(DAY, 90, tables=known)
    model = gbm()
    state = model.fit(reader, reader.origin, LIGHT, 1)
    three = model.predict(state, reader, Horizon(reader.subject.grid, DAY, 3)).value
    one = model.predict(state, reader, Horizon(reader.subject.grid, DAY)).value
    np.testing.assert_array_equal(three[:24], one)
    assert np.isfinite(three).all()
    assert np.abs(three[24:] - made[PRICE][91:].ravel()).mean() < 15


def test_an_exogenous_series_that_ends_early_is_named() -> None:
    made = made_up(91, 24)
    made[WIND][-1, 5] = np.nan
    reader = reader_of(DAY, 90, tables=made)
    model = gbm()
    with pytest.raises(InvalidRequest, match="generation_wind"):
        model.predict(
            model.fit(reader, reader.origin, LIGHT, 1), reader, Horizon(reader.subject.grid, DAY)
        )


def test_too_little_history_is_refused() -> None:
    reader = reader_of(DAY, 20)
    with pytest.raises(InvalidRequest, match="28 days"):
        gbm().fit(reader, reader.origin, LIGHT, 1)


def test_history_that_begins_after_trees_were_due_is_too_little() -> None:
    """With a pace of 13 they were last due twelve days before: ten known days begin after that."""
    reader = reader_of(DAY, 10)
    with pytest.raises(InvalidRequest, match="28 days"):
        gbm().fit(reader, reader.origin, evolve(LIGHT, pace=13), 1)


def test_without_lightgbm_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    reader = reader_of(DAY, 90)
    with pytest.raises(PluginBroken, match=r"carbon254\[gbm\]"):
        gbm().fit(reader, reader.origin, LIGHT, 1)


def test_it_asks_for_its_members_past_only_where_it_has_members() -> None:
    model = gbm()
    assert (model.members(LIGHT), model.memory(LIGHT)) == ((), 0)
    stacked = GbmParameters(members=(ModelSpec("naive"),), window=50, pace=7)
    assert model.members(stacked) == (ModelSpec("naive"),)
    assert model.memory(stacked) == 57
