"""What every forecaster must do (`ForecasterSuite`), and made-up days to do it on (`made_up`)."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, ClassVar, Final

import attrs
import numpy as np
import pytest

from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Forecast, Horizon, MemberForecasts, Subject
from carbon254.core.domain.observations import Column
from carbon254.core.domain.schemas import build, json_schema, plain
from carbon254.core.domain.series import SeriesId
from carbon254.ports.matrix_reader import DayTable, MatrixReader, days_between
from carbon254.ports.models import Combiner, Forecaster
from carbon254.ports.testing.market_guard import offences

PRICE: Final = SeriesId.parse("entsoe/day_ahead-sdac/price/zone/X")
LOAD: Final = SeriesId.parse("entsoe/forecast-day_ahead/load/zone/X")
WIND: Final = SeriesId.parse("entsoe/forecast-day_ahead/generation_wind/zone/X")
ORDINARY, SHORT, LONG = date(2025, 6, 11), date(2025, 3, 30), date(2025, 10, 26)


def grid(minutes: int = 60) -> DayGrid:
    """Brussels' days."""
    return DayGrid("Europe/Brussels", timedelta(minutes=minutes))


def made_up(days: int, slots: int, seed: int = 1) -> dict[SeriesId, Column]:
    """Load, wind and a price that follows both, days × slots: EUR/MWh around 40, sometimes negative."""
    random = np.random.default_rng(seed)
    hour = np.arange(slots) * 24 / slots
    shape = 8 * np.exp(-(((hour - 9) / 3) ** 2)) + 12 * np.exp(-(((hour - 19) / 3) ** 2))
    weekend = np.where(np.arange(days) % 7 >= 5, 0.85, 1.0)[:, None]
    load = (50 + shape) * weekend + random.normal(0, 1.0, (days, slots))
    wind = 15 + 8 * np.repeat(random.normal(0, 1, (days, 1)), slots, axis=1)
    wind = np.maximum(wind + random.normal(0, 1.5, (days, slots)), 0)
    price = 1.4 * load - 1.6 * wind - 10 + random.normal(0, 2.0, (days, slots))
    return {PRICE: price, LOAD: 1000 * load, WIND: 1000 * wind}


def reader_of(
    day: date, days: int, minutes: int = 60, tables: Mapping[SeriesId, Column] | None = None
) -> MatrixReader:
    """A reader at noon before the day, over so many days before it; members are two poor copies of the price.

    ``tables`` reach to the delivery day itself; of the price that day is hidden.
    """
    shown = grid(minutes)
    values = dict(tables or made_up(days + 1, shown.slots))
    known = {one: DayTable(day - timedelta(days), found) for one, found in values.items()}
    truth = known[PRICE]
    known[PRICE] = truth.hide(day - timedelta(1))
    origin = shown.window(day - timedelta(1)).start + timedelta(hours=12)
    subject = Subject(target=PRICE, exogenous=(LOAD, WIND), grid=shown, unit="EUR/MWh")

    def said(first: date, last: date, lead: int) -> MemberForecasts:
        right = np.nan_to_num(truth.between(first, last), nan=40.0)
        noise = np.random.default_rng(first.toordinal()).normal(0, 3, right.shape)
        poor = np.array([right + noise, 0.9 * right + 5 - noise, np.full(right.shape, np.nan)])
        return MemberForecasts(("one", "two", "absent"), days_between(first, last), poor)

    return MatrixReader(subject, origin, day - timedelta(days), known, said)


class ForecasterSuite:
    """Subclass it and override ``model``; ``parameters`` may be lighter than the defaults."""

    parameters: ClassVar[Mapping[str, Any]] = {}
    days: ClassVar[int] = 90  # of history that is enough

    @pytest.fixture
    def model(self) -> Forecaster:
        """The model under test."""
        raise NotImplementedError

    def forecast(
        self, model: Forecaster, reader: MatrixReader, day: date, count: int = 1
    ) -> Forecast:
        """Fit and predict."""
        parameters = build(model.Parameters, self.parameters)
        state = model.fit(reader, reader.origin, parameters, 254)
        return model.predict(state, reader, Horizon(reader.subject.grid, day, count))

    def test_its_parameters_are_frozen_and_described(self, model: Forecaster) -> None:
        default = model.Parameters()
        schema = json_schema(model.Parameters)
        assert schema["type"] == "object"
        assert build(model.Parameters, plain(default)) == default
        assert set(plain(default)) == set(schema["properties"])
        with pytest.raises(InvalidRequest, match="no_such_key"):
            build(model.Parameters, {"no_such_key": 1})
        for name in schema["properties"]:
            with pytest.raises(attrs.exceptions.FrozenInstanceError):
                setattr(default, name, None)

    @pytest.mark.parametrize(("day", "hours"), [(ORDINARY, 24), (SHORT, 23), (LONG, 25)])
    def test_every_interval_of_the_day_has_a_number(
        self, model: Forecaster, day: date, hours: int
    ) -> None:
        made = self.forecast(model, reader_of(day, self.days), day)
        assert len(made.value) == hours
        assert np.isfinite(made.value).all()

    def test_half_hours_are_as_good_as_hours(self, model: Forecaster) -> None:
        made = self.forecast(model, reader_of(SHORT, self.days, 30), SHORT)
        assert len(made.value) == 46

    def test_the_same_gives_the_same_bits_in_any_order(self, model: Forecaster) -> None:
        reader = reader_of(ORDINARY, self.days)
        first = self.forecast(model, reader, ORDINARY)
        self.forecast(model, reader_of(LONG, self.days), LONG)
        again = self.forecast(model, reader, ORDINARY)
        assert first.value.tobytes() == again.value.tobytes()
        if first.quantiles is not None and again.quantiles is not None:
            assert first.quantiles.tobytes() == again.quantiles.tobytes()

    def test_its_state_travels(self, model: Forecaster) -> None:
        reader = reader_of(ORDINARY, self.days)
        parameters = build(model.Parameters, self.parameters)
        state = model.fit(reader, reader.origin, parameters, 254)
        there = pickle.loads(pickle.dumps(state))  # noqa: S301 - packed on the same line
        horizon = Horizon(reader.subject.grid, ORDINARY)
        one, other = (model.predict(s, reader, horizon) for s in (state, there))
        assert one.value.tobytes() == other.value.tobytes()

    def test_it_asks_no_clock_file_network_or_environment(self, model: Forecaster) -> None:
        reader = reader_of(ORDINARY, self.days)
        assert offences(lambda: self.forecast(model, reader, ORDINARY)) == ()

    def test_what_it_is_given_stays_as_it_was(self, model: Forecaster) -> None:
        reader = reader_of(ORDINARY, self.days)
        before = {one: found.values.copy() for one, found in reader.tables.items()}
        self.forecast(model, reader, ORDINARY)
        for one, values in before.items():
            np.testing.assert_array_equal(reader.tables[one].values, values)

    @pytest.mark.parametrize(
        "trouble",
        ["constant", "zero", "negative", "holes", "no exogenous day", "exogenous ends early", "young",
         "spike", "all missing"],
    )  # fmt: skip
    def test_bad_days_give_numbers_or_a_reason(self, model: Forecaster, trouble: str) -> None:
        tables = made_up(self.days + 1, 24)
        spoil(tables, trouble)
        reader = reader_of(ORDINARY, self.days, tables=tables)
        try:
            made = self.forecast(model, reader, ORDINARY)
        except InvalidRequest as refusal:
            assert len(str(refusal)) > 20, "it says what is lacking"
        else:
            assert np.isfinite(made.value).all()
            assert trouble != "all missing" or isinstance(model, Combiner)

    def test_a_combiner_names_its_members(self, model: Forecaster) -> None:
        if not isinstance(model, Combiner):
            return
        parameters = build(model.Parameters, self.parameters)
        assert model.members(parameters) or not model.memory(parameters)
        assert model.memory(parameters) >= 0


def spoil(tables: dict[SeriesId, Column], trouble: str) -> None:
    """Do one thing to made-up days that happens to real ones."""
    price, load, wind = tables[PRICE], tables[LOAD], tables[WIND]
    if trouble in ("constant", "zero"):
        price[:] = 40.0 if trouble == "constant" else 0.0
    elif trouble == "negative":
        price -= 500.0
    elif trouble == "holes":
        price[np.random.default_rng(3).random(price.shape) < 0.02] = np.nan
        price[-10] = np.nan
    elif trouble == "no exogenous day":
        load[-1] = wind[-1] = np.nan
    elif trouble == "exogenous ends early":
        wind[-30:] = np.nan
    elif trouble == "young":
        for values in (price, load, wind):
            values[:-4] = np.nan
    elif trouble == "spike":
        price[-5, 18] = 4000.0
    else:
        price[:] = np.nan
