"""No look-ahead: whatever is altered of what became known after an origin, its forecast is the same bit for bit.

A model that cheats on purpose shows that the test can fail.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbon254.adapters.plugins.models import ModelHost
from carbon254.core.domain.backtests import AskedModel
from carbon254.core.domain.entitlements import Permitted, Selection
from carbon254.core.domain.observations import Column, Observations, instant64
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.vocabulary import State
from carbon254.ports.testing.fakes.models import Cheat, Repeat
from carbon254.ports.testing.fakes.storage import MemorySeriesStore

from .conftest import EVERYTHING, GRID, LOAD, PRICE, WIND, Desk, gate, plan

FIRST, LAST = date(2025, 3, 10), date(2025, 4, 6)
DAY = date(2025, 3, 31)  # the day before has 23 hours
MODELS = (
    AskedModel(model="repeat", parameters={"lag": 2, "band": True, "noise": 1.0}),
    AskedModel(model="average", parameters={"lags": [1, 2], "memory": 5}),
)


class Altered(MemorySeriesStore):
    """A store whose rows are altered where a mask says so, on the way out."""

    def __init__(
        self,
        inner: MemorySeriesStore,
        which: Callable[[Observations], Column],
        by: float = 1000.0,
    ) -> None:
        super().__init__()
        self._inner, self._which, self._by = inner, which, by

    def read(self, question: Permitted[Selection]) -> Observations:
        rows = self._inner.read(question)
        return altered(rows, self._which(rows), self._by)

    def find(self, question: Permitted[Selection]) -> object:  # type: ignore[override]
        return self._inner.find(question)

    def last_recorded(self) -> datetime | None:
        return self._inner.last_recorded()


def altered(rows: Observations, which: Column, by: float) -> Observations:
    """The rows with other numbers, one in three of them missing, where the mask says so."""
    value, state = rows.value.copy(), rows.state.copy()
    value[which] += by
    gone = np.flatnonzero(which)[::3]
    value[gone], state[gone] = np.nan, int(State.MISSING)
    return evolve(rows, value=value, state=state)


def forecasts(desk: Desk, *models: AskedModel, **more: object) -> dict[str, bytes]:
    """What each model says of the day, as bytes."""
    asked = {"exogenous": (LOAD, WIND), **more}
    (table,) = desk.backtest.run(
        plan(DAY, DAY, *(models or MODELS), **asked),
        EVERYTHING,  # type: ignore[arg-type]
    ).tables
    return {
        name: table.of(name).value.tobytes() + table.of(name).quantiles.tobytes()
        for name in table.models
    }


def filled(desk: Desk) -> Desk:
    """History with revisions: each day at six in the evening three hours of the last days are corrected."""
    desk.fill(FIRST, LAST, at=datetime(2025, 3, 1, tzinfo=UTC))
    for n in range(10):
        day = DAY - timedelta(5 - n)
        for back in (1, 2, 6):
            start = GRID.window(day - timedelta(back)).start + timedelta(hours=3 + n)
            moment = gate(day) + timedelta(hours=6)
            desk.say(PRICE, start.isoformat(), 300.0 + n, moment, finality=np.array([3]), at=moment)
    return desk


def after(clock: str, origin: datetime) -> Callable[[Observations], Column]:
    """Rows that became known after the origin, on a clock."""
    return lambda rows: ~(rows.column(clock) <= instant64(origin))


@pytest.mark.parametrize(
    ("clock", "live_since"),
    [("published_at", None), ("recorded_at", datetime(2025, 1, 1, tzinfo=UTC))],
)
def test_what_became_known_later_changes_nothing(
    make_desk: Callable[..., Desk], clock: str, live_since: datetime | None
) -> None:
    desk = filled(make_desk())
    before = forecasts(desk, live_since=live_since)
    desk.log.__init__()  # type: ignore[misc]  # nothing is kept
    changed = after(clock, gate(DAY))(desk.rows()).sum()
    desk.store = Altered(desk.store, after(clock, gate(DAY)))
    assert changed > 10
    assert forecasts(desk, live_since=live_since) == before


def test_what_was_known_changes_what_is_said(make_desk: Callable[..., Desk]) -> None:
    """The counterpart: the test would see it."""
    desk = filled(make_desk())
    before = forecasts(desk)
    desk.log.__init__()  # type: ignore[misc]
    late = after("published_at", gate(DAY) - timedelta(days=3))
    desk.store = Altered(desk.store, late)
    assert all(forecasts(desk)[name] != said for name, said in before.items())


def test_the_clocks_are_not_mistaken_for_one_another(make_desk: Callable[..., Desk]) -> None:
    """All was recorded on one day; on our own clock that is when it became known."""
    desk = make_desk()
    recorded = datetime(2025, 6, 1, tzinfo=UTC)
    desk.fill(FIRST, LAST, at=recorded)
    model = MODELS[0]
    before = forecasts(desk, model)
    desk.log.__init__()  # type: ignore[misc]
    desk.store = Altered(desk.store, lambda rows: np.ones(len(rows), dtype=bool))
    assert forecasts(desk, model) != before
    done = desk.backtest.run(
        plan(DAY, DAY, model, live_since=datetime(2025, 1, 1, tzinfo=UTC)), EVERYTHING
    )
    (gap,) = done.execution.facts["subjects"][0]["gaps"]
    assert "too little history" in gap["message"]


def test_a_model_that_cheats_is_caught(make_desk: Callable[..., Desk]) -> None:
    desks: list[Desk] = []

    def peek(day: date) -> Column:
        rows = desks[0].rows()
        own = rows.take(rows.code == rows.series.index(PRICE))
        return GRID.matrix(own.interval_start, own.value, day, day)[0]

    desk = filled(make_desk(Cheat(peek)))
    desks.append(desk)
    before = forecasts(desk, AskedModel(model="cheat"))
    desk.log.__init__()  # type: ignore[misc]
    desk.store = Altered(desk.store, after("published_at", gate(DAY)))
    assert forecasts(desk, AskedModel(model="cheat")) != before


def test_a_refit_reads_as_of_its_own_origin(make_desk: Callable[..., Desk]) -> None:
    """A state of an earlier day knows nothing of what came between."""

    class Mean(Repeat):
        def fit(self, reader: object, origin: datetime, parameters: object, seed: int) -> float:  # type: ignore[override]
            days = reader.days(PRICE, FIRST, LAST)  # type: ignore[attr-defined]
            return float(np.nanmean(days))

        def predict(self, state: float, reader: object, horizon: object) -> object:  # type: ignore[override]
            from carbon254.core.domain.forecasts import Forecast

            return Forecast(horizon, np.full(len(horizon), state))  # type: ignore[arg-type]

    desk = filled(make_desk(Mean()))
    refit = next(n for n in range(3, 8) if DAY.toordinal() % n >= 2)
    before = forecasts(desk, AskedModel(model="repeat"), refit=refit)
    desk.log.__init__()  # type: ignore[misc]
    fitted = DAY - timedelta(DAY.toordinal() % refit)
    desk.store = Altered(desk.store, after("published_at", gate(fitted)))
    assert forecasts(desk, AskedModel(model="repeat"), refit=refit) == before
    assert forecasts(desk, AskedModel(model="repeat"), refit=1) != before


@pytest.fixture(scope="module")
def history() -> list[MemorySeriesStore]:
    """The store of `filled`, once it was filled."""
    return []


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 2**31),
    share=st.floats(0.05, 1.0),
    day=st.integers(1, 3),
    clock=st.times(),
    by=st.floats(-5000, 5000),
)
def test_no_alteration_of_later_rows_is_seen(
    make_desk: Callable[..., Desk],
    history: list[MemorySeriesStore],
    seed: int,
    share: float,
    day: int,
    clock: time,
    by: float,
) -> None:
    """Any rows, any origin, any change."""
    rule = f"D-{day} {clock:%H:%M}"
    origin = Rule.parse(rule).on(DAY, "Europe/Brussels")
    desk = make_desk()
    if not history:
        history.append(filled(desk).store)
    desk.store = history[0]
    before = forecasts(desk, origin=rule)
    desk.log.__init__()  # type: ignore[misc]

    def which(rows: Observations) -> Column:
        chosen: Column = np.random.default_rng(seed).random(len(rows)) < share
        return chosen & after("published_at", origin)(rows)

    desk.store = Altered(history[0], which, by)
    assert forecasts(desk, origin=rule) == before


SHIPPED = (
    AskedModel(model="naive"),
    AskedModel(model="lear", parameters={"windows": [28]}),
    AskedModel(
        model="lear",
        parameters={"windows": [28], "adapts": [1, 2], "memory": 7},
        label="lear that adapts",
    ),
    AskedModel(model="kernel"),
    AskedModel(model="gbm", parameters={"rounds": 10}),
    AskedModel(
        model="blend",
        parameters={
            "members": [{"model": "naive"}, {"model": "lear", "parameters": {"windows": [28]}}],
            "window": 21,
        },
    ),
    AskedModel(
        model="bands",
        parameters={"members": [{"model": "naive"}], "window": 42, "levels": [0.1, 0.5, 0.9]},
    ),
)


def test_the_models_that_ship_do_not_look_ahead(make_desk: Callable[..., Desk]) -> None:
    host = ModelHost()
    desk = make_desk(*(host.model(name) for name in {one.model for one in SHIPPED}))
    desk.fill(DAY - timedelta(80), LAST, at=datetime(2025, 1, 1, tzinfo=UTC))
    exogenous = (LOAD,)  # wind comes after the gate
    before = forecasts(desk, *SHIPPED, exogenous=exogenous)
    assert all(before.values()), "none of them left a gap"
    desk.log.__init__()  # type: ignore[misc]
    desk.store = Altered(desk.store, after("published_at", gate(DAY)))
    assert forecasts(desk, *SHIPPED, exogenous=exogenous) == before
    desk.log.__init__()  # type: ignore[misc]
    desk.store = Altered(desk.store, after("published_at", gate(DAY) - timedelta(days=3)))
    changed = forecasts(desk, *SHIPPED, exogenous=exogenous)
    assert all(changed[name] != said for name, said in before.items())
