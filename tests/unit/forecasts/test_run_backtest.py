"""Backtests over stored history: what they say, what they leave open, and that they go on where they stopped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from carbon254.core.domain.backtests import AskedModel
from carbon254.core.domain.errors import (
    Conflict,
    Interrupted,
    InvalidRequest,
    NotFound,
    PluginBroken,
)
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import PublishedBasis
from carbon254.core.usecases.score_forecasts import scores
from carbon254.ports.testing.fakes.compute import SerialExecutor
from carbon254.ports.testing.fakes.models import Average, Repeat, Stumble

from .conftest import EVERYTHING, GRID, LOAD, PRICE, WIND, Desk, gate, plan, published_at

FIRST, LAST = date(2025, 3, 1), date(2025, 4, 10)
START, END = date(2025, 3, 20), date(2025, 4, 5)
SHORT = date(2025, 3, 30)


def model(name: str = "repeat", label: str = "", **parameters: object) -> AskedModel:
    return AskedModel(model=name, parameters=parameters, label=label)


def days_of(desk: Desk, first: date, last: date) -> np.ndarray:
    """The price of the days as it is stored, days × slots."""
    rows = desk.rows()
    own = rows.take(rows.code == rows.series.index(PRICE))
    return GRID.matrix(own.interval_start, own.value, first, last)


def test_each_day_is_forecast_from_what_was_known_at_its_gate(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    (table,) = desk.backtest.run(plan(START, END), EVERYTHING).tables
    day = date(2025, 3, 25)
    own = table.take(table.days == np.datetime64(day))
    assert own.value.tolist() == days_of(desk, day - timedelta(1), day)[0].tolist()
    assert own.actual.tolist() == days_of(desk, day, day)[0].tolist()
    assert {str(one) for one in own.origin} == {"2025-03-24T11:00:00.000000"}  # noon in Brussels
    assert len(table) == 17 * 24 - 1


def test_days_of_23_and_25_hours_have_as_many_forecasts(desk: Desk) -> None:
    desk.fill(date(2024, 10, 1), date(2024, 11, 1))
    long = date(2024, 10, 27)
    (table,) = desk.backtest.run(plan(long, long), EVERYTHING).tables
    row = days_of(desk, long - timedelta(1), long)[0]
    assert table.value.tolist() == [row[0], row[1], row[2], row[2], *row[3:]]
    assert len(set(table.interval_start.tolist())) == 25
    desk.fill(FIRST, LAST)
    (table,) = desk.backtest.run(plan(SHORT, SHORT), EVERYTHING).tables
    row = days_of(desk, SHORT - timedelta(1), SHORT)[0]
    assert table.value.tolist() == [row[0], row[1], *row[3:]]


def test_a_horizon_may_be_several_days(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    (table,) = desk.backtest.run(plan(START, START, model(lag=7), days=3), EVERYTHING).tables
    assert len(table) == 72
    assert table.value[:24].tolist() == days_of(desk, date(2025, 3, 13), LAST)[0].tolist()
    assert table.value[48:].tolist() == days_of(desk, date(2025, 3, 15), LAST)[0].tolist()


def test_a_stride_leaves_days_out(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    (table,) = desk.backtest.run(plan(START, END, stride=7), EVERYTHING).tables
    assert np.unique(table.days).tolist() == [START, date(2025, 3, 27), date(2025, 4, 3)]


def test_errors_are_set_against_the_similar_day_even_where_it_was_not_forecast(desk: Desk) -> None:
    """Prices rise by one an hour: of a Thursday the day before is off by 24, the week before by 168."""
    starts = GRID.starts(FIRST, LAST)
    desk.record(PRICE, starts, np.arange(len(starts), dtype=float), published_at(starts, 13))
    asked = plan(START, END, model(label="one", lag=1), model(label="seven", lag=7), stride=7)
    done = desk.backtest.run(asked, EVERYTHING)
    first = [table.take(table.days == np.datetime64(START)) for table in done.tables]
    assert [row["rmae"] for row in scores(first[0])] == [1.0, 7.0]
    kept = desk.backtest.result(done.execution.id).tables[0]
    np.testing.assert_equal(scores(kept), scores(done.tables[0]))


def test_an_origin_may_be_asked_for(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    asked = plan(START, START, origin="D-1 14:00")  # the auction's result of the day is out by then
    (table,) = desk.backtest.run(asked, EVERYTHING).tables
    assert {str(one)[:16] for one in table.origin} == {"2025-03-19T13:00"}


def test_a_model_that_fails_on_a_day_leaves_a_gap_on_that_day_alone(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    bad = [date(2025, 3, 22).isoformat(), SHORT.isoformat()]
    ways = {
        "refuse": "invalid_request",
        "crash": "plugin_broken",
        "nan": "plugin_broken",
        "short": "plugin_broken",
    }
    models = [model("stumble", how, days=bad, how=how) for how in ways]
    done = desk.backtest.run(plan(START, END, *models, model(label="whole")), EVERYTHING)
    (table,) = done.tables
    (facts,) = done.execution.facts["subjects"]
    assert [(gap["model"], gap["day"], gap["code"]) for gap in facts["gaps"]] == [
        (how, day, code) for how, code in ways.items() for day in bad
    ]
    assert "ZeroDivisionError" in next(g["message"] for g in facts["gaps"] if g["model"] == "crash")
    whole = table.of("whole")
    assert len(np.unique(whole.days)) == 17
    for how in ways:
        own = table.of(how)
        assert len(np.unique(own.days)) == 15
        same = np.isin(whole.interval_start, own.interval_start)
        assert own.value.tolist() == whole.value[same].tolist()


def test_too_little_history_is_a_gap_until_there_is_enough(desk: Desk) -> None:
    desk.fill(date(2025, 3, 22), LAST)
    done = desk.backtest.run(plan(START, END, model(lag=2)), EVERYTHING)
    gaps = done.execution.facts["subjects"][0]["gaps"]
    assert [gap["day"] for gap in gaps] == ["2025-03-20", "2025-03-21", "2025-03-22", "2025-03-23"]
    assert all("too little history" in gap["message"] for gap in gaps)


def test_an_exogenous_series_that_ends_early_does_not_stop_the_others(desk: Desk) -> None:
    desk.fill(FIRST, date(2025, 3, 25))
    starts = GRID.starts(date(2025, 3, 26), LAST)
    desk.record(PRICE, starts, np.ones(len(starts)), published_at(starts, 13))
    done = desk.backtest.run(plan(START, END, exogenous=(LOAD, WIND)), EVERYTHING)
    assert done.execution.facts["subjects"][0]["gaps"] == []


# ------------------------------------------------------------ combiners


def test_members_are_run_before_those_that_combine_them(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    asked = plan(START, END, model("average", lags=[1, 7], memory=0))
    (table,) = desk.backtest.run(asked, EVERYTHING).tables
    day = date(2025, 3, 25)
    own = table.take(table.days == np.datetime64(day))
    known = days_of(desk, FIRST, LAST)
    at = (day - FIRST).days
    assert np.allclose(own.value, (known[at - 1] + known[at - 7]) / 2)


def test_why_a_member_was_silent_is_told(desk: Desk) -> None:
    """Of a week before there is nothing until the 22nd: the average goes on with the day before alone."""
    desk.fill(date(2025, 3, 15), LAST)
    done = desk.backtest.run(plan(START, END, model("average", lags=[1, 7], memory=0)), EVERYTHING)
    (facts,) = done.execution.facts["subjects"]
    assert facts["gaps"] == []
    assert facts["silent"] == [
        {
            "model": "lag 7",
            "code": "invalid_request",
            "days": 2,
            "first": "2025-03-20",
            "message": "too little history: 2025-03-13 is not known.",
        }
    ]


def test_a_combiner_learns_from_the_errors_its_members_had_made_by_then(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    asked = plan(START, START, model("average", lags=[7], memory=2))
    (table,) = desk.backtest.run(asked, EVERYTHING).tables
    known, at = days_of(desk, FIRST, LAST), (START - FIRST).days
    errors = [known[at - n - 7] - known[at - n] for n in (2, 1)]
    assert np.allclose(table.value, known[at - 7] - np.mean(errors, axis=0))


def test_a_combiner_of_several_days_is_told_what_members_said_at_that_distance(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    asked = plan(START, START, model("average", lags=[7], memory=0), days=2)
    (table,) = desk.backtest.run(asked, EVERYTHING).tables
    known, at = days_of(desk, FIRST, LAST), (START - FIRST).days
    assert np.allclose(table.value, known[at - 7 : at - 5].ravel())


def test_one_that_is_its_own_member_is_refused(make_desk: Callable[..., Desk]) -> None:
    class Loop(Average):
        def members(self, parameters: object) -> object:  # type: ignore[override]
            return (model("average").spec,)

    desk = make_desk(Loop())
    desk.fill(FIRST, LAST)
    with pytest.raises(InvalidRequest, match="member of itself"):
        desk.backtest.run(plan(START, END, model("average")), EVERYTHING)


# ------------------------------------------------------------ refits and blocks


class Fitted(Repeat):
    """Forecasts the ordinal of the day for which it was fitted."""

    def fit(self, reader: object, origin: datetime, parameters: object, seed: int) -> float:  # type: ignore[override]
        return float((GRID.day_of(origin) + timedelta(1)).toordinal())

    def predict(self, state: float, reader: object, horizon: object) -> object:  # type: ignore[override]
        from carbon254.core.domain.forecasts import Forecast

        return Forecast(horizon, np.full(len(horizon), state))  # type: ignore[arg-type]


def test_a_model_is_fitted_anew_every_so_many_days_whatever_day_one_begins(
    make_desk: Callable[..., Desk],
) -> None:
    desk = make_desk(Fitted())
    desk.fill(FIRST, LAST)
    fitted = {}
    for start in (START, START + timedelta(2)):
        (table,) = desk.backtest.run(plan(start, END, refit=5), EVERYTHING).tables
        days, place = np.unique(table.days, return_index=True)
        fitted[start] = dict(zip(days.tolist(), table.value[place].tolist(), strict=True))
    for day, state in fitted[START].items():
        assert state == day.toordinal() - day.toordinal() % 5
        assert fitted[START + timedelta(2)].get(day, state) == state


class Moody(Fitted):
    """Cannot be fitted for one day, for a reason that nobody foresaw."""

    def fit(self, reader: object, origin: datetime, parameters: object, seed: int) -> float:
        state = super().fit(reader, origin, parameters, seed)
        if state == BAD.toordinal():
            raise LookupError("this is a test")
        return state


BAD = date.fromordinal(START.toordinal() - START.toordinal() % 5 + 5)  # on which a fit is due


def test_a_fit_that_fails_costs_its_own_day_alone(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(Moody())
    desk.fill(FIRST, LAST)
    done = desk.backtest.run(plan(START, END, refit=5), EVERYTHING)
    gaps = done.execution.facts["subjects"][0]["gaps"]
    assert [(gap["day"], gap["code"]) for gap in gaps] == [(BAD.isoformat(), "plugin_broken")]


def test_what_is_said_of_a_day_does_not_depend_on_the_days_beside_it(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    asked = [model(noise=3.0), model("average", memory=3)]
    (long,) = desk.backtest.run(plan(START, END, *asked), EVERYTHING).tables
    desk.log.__init__()  # type: ignore[misc]  # nothing is kept
    day = date(2025, 4, 1)
    (short,) = desk.backtest.run(plan(day, day, *asked), EVERYTHING).tables
    for name in long.models:
        own = long.of(name)
        assert own.value[own.days == np.datetime64(day)].tobytes() == short.of(name).value.tobytes()


# ------------------------------------------------------------ kept, resumed, read again


def test_a_finished_backtest_is_read_again_bit_for_bit(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    done = desk.backtest.run(plan(START, END, model(band=True), model("average")), EVERYTHING)
    again = desk.backtest.result(done.execution.id)
    assert again.execution == done.execution
    (one,), (other,) = done.tables, again.tables
    assert (one.models, one.levels, one.grid, one.unit) == (
        other.models,
        other.levels,
        other.grid,
        other.unit,
    )
    for name in (
        "model",
        "origin",
        "interval_start",
        "interval_end",
        "value",
        "actual",
        "quantiles",
    ):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.mase_scale == other.mase_scale
    with pytest.raises(Conflict, match="is done"):
        desk.backtest.work(done.execution.id, EVERYTHING)


class Counting(Repeat):
    """Counts its fits, and may be told to end everything at one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.fits, self.end_at = 0, 0

    def fit(self, *arguments: object) -> object:  # type: ignore[override]
        self.fits += 1
        if self.fits == self.end_at:
            raise KeyboardInterrupt
        return super().fit(*arguments)  # type: ignore[arg-type]


def test_an_interrupted_backtest_goes_on_where_it_stopped(make_desk: Callable[..., Desk]) -> None:
    counting = Counting()
    desk = make_desk(counting)
    desk.fill(date(2025, 1, 1), date(2025, 6, 1))
    asked = plan(date(2025, 2, 1), date(2025, 5, 31))
    counting.end_at = 70
    execution = desk.backtest.submit(asked, EVERYTHING)
    with pytest.raises(KeyboardInterrupt):
        desk.backtest.work(execution.id, EVERYTHING)
    stopped = desk.log.execution(execution.id)
    assert stopped.state == "running"
    assert 28 <= stopped.done < 70
    with pytest.raises(Conflict, match=f"running: {stopped.done} of 120 are done"):
        desk.backtest.result(execution.id)
    desk.workers.close()  # its process has ended
    with pytest.raises(Conflict, match="resume"):
        desk.backtest.result(execution.id)
    counting.end_at = counting.fits = 0
    done = desk.backtest.work(execution.id, EVERYTHING)
    assert counting.fits == 120 - stopped.done
    assert (done.execution.state, done.execution.done) == ("done", 120)
    fresh = make_desk(Repeat())
    fresh.fill(date(2025, 1, 1), date(2025, 6, 1))
    other = fresh.backtest.run(asked, EVERYTHING)
    assert done.tables[0].value.tobytes() == other.tables[0].value.tobytes()


def test_what_was_done_before_is_not_done_again_unless_something_changed(
    make_desk: Callable[..., Desk],
) -> None:
    counting = Counting()
    desk = make_desk(counting)
    desk.fill(FIRST, LAST)
    for parameters, fits in (({}, 17), ({}, 0), ({"scale": 2.0}, 17), ({}, 0)):
        counting.fits = 0
        desk.backtest.run(plan(START, END, model(**parameters)), EVERYTHING)
        assert counting.fits == fits
    counting.fits = 0
    desk.backtest.run(plan(START, END, seed=3), EVERYTHING)
    assert counting.fits == 17
    counting.fits = 0
    desk.say(PRICE, "2025-03-24T05:00+00:00", 5.0, gate(date(2025, 4, 1)), finality=np.array([3]))
    desk.backtest.run(plan(START, END), EVERYTHING)
    assert 0 < counting.fits <= 17


def test_a_part_that_has_rotted_is_made_again(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    one = desk.backtest.run(plan(START, END), EVERYTHING)
    for digest in list(desk.archive.bodies):
        desk.archive.bodies[digest] = b"rotten"
    other = desk.backtest.run(plan(START, END), EVERYTHING)
    assert one.tables[0].value.tobytes() == other.tables[0].value.tobytes()


def test_progress_is_told_and_kept(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    told: list[tuple[int, int]] = []
    done = desk.backtest.run(
        plan(START, END, model(), model("average", lags=[1], memory=2)),
        EVERYTHING,
        lambda *numbers: told.append(numbers),
    )
    assert told[-1] == (
        17 + 17 + 2,
        17 + 17 + 2,
    )  # repeat of lag 1 is asked for, and a member of the other
    assert done.execution.done == done.execution.total == 36


def test_a_backtest_that_cannot_be_done_is_refused_before_it_begins(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    for wrong, error, says in (
        (plan(START, END, model("nobody")), NotFound, "nobody"),
        (plan(START, END, model(lag=0)), InvalidRequest, "lag"),
        (plan(START, END, model(wrong=1)), InvalidRequest, "wrong"),
        (plan(START, END, exogenous=(PRICE,)), InvalidRequest, "twice"),
        (plan(START, END, exogenous=(SeriesId.parse("entsoe/actual/load/zone/X"),)), NotFound, "X"),
    ):
        with pytest.raises(error, match=says):
            desk.backtest.submit(wrong, EVERYTHING)
    assert desk.log.executions() == []
    with pytest.raises(NotFound):
        desk.backtest.work("nothing", EVERYTHING)
    with pytest.raises(InvalidRequest, match="ends"):
        plan(END, START)
    with pytest.raises(InvalidRequest, match="labels"):
        plan(START, END, model(lag=1), model(lag=2))


def test_one_that_fails_says_so_and_may_be_tried_again(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    execution = desk.backtest.submit(plan(START, END), EVERYTHING)
    put, desk.archive.put = desk.archive.put, _full  # type: ignore[method-assign]
    with pytest.raises(PluginBroken):
        desk.backtest.work(execution.id, EVERYTHING)
    failed = desk.log.execution(execution.id)
    assert (failed.state, failed.code) == ("failed", "plugin_broken")
    desk.archive.put = put  # type: ignore[method-assign]
    assert desk.backtest.work(execution.id, EVERYTHING).execution.state == "done"


def _full(body: bytes) -> str:
    raise PluginBroken("this is a test")


# ------------------------------------------------------------ what a reader must know to believe it


def test_actuals_are_the_first_or_the_last_word(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    start = "2025-03-24T23:00+00:00"
    first = days_of(desk, date(2025, 3, 25), date(2025, 3, 25))[0, 0]
    later = datetime(2025, 5, 1, tzinfo=UTC)
    desk.say(PRICE, start, 500.0, later, finality=np.array([3]))
    for actuals, value in (("final", 500.0), ("first", first)):
        done = desk.backtest.run(plan(START, END, actuals=actuals), EVERYTHING)
        (table,) = done.tables
        at = table.interval_start == np.datetime64("2025-03-24T23:00")
        assert table.actual[at].tolist() == [value]
        assert done.execution.facts["actuals"] == actuals


def test_shares_of_rules_and_of_later_revisions_are_told(desk: Desk) -> None:
    starts = GRID.starts(date(2025, 3, 18), date(2025, 3, 20))
    when = published_at(starts, 13)
    desk.record(PRICE, starts[:48], np.arange(48.0), when[:48], basis=PublishedBasis.RULE)
    desk.record(PRICE, starts[48:], np.arange(24.0), when[48:], basis=PublishedBasis.CLAIM)
    for hour in range(18):
        start = f"2025-03-18T{hour + 1:02d}:00+00:00"
        when = gate(date(2025, 5, 1))
        desk.say(PRICE, start, -1.0, when, finality=np.array([3]), basis=PublishedBasis.OBSERVED)
    done = desk.backtest.run(plan(date(2025, 3, 21), date(2025, 3, 21)), EVERYTHING)
    (facts,) = done.execution.facts["subjects"]
    assert facts["rows"] == 72  # the corrections came later
    assert facts["rule_share"] == pytest.approx(48 / 72)
    assert facts["revised_share"] == pytest.approx(18 / 72)
    assert facts["unscored"] == 24  # the day itself never came


def test_a_made_up_history_gives_a_made_up_backtest(desk: Desk) -> None:
    desk.fill(FIRST, LAST, synthetic=True)
    assert desk.backtest.run(plan(START, START), EVERYTHING).synthetic


def test_notes_of_the_calibration_are_kept(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    done = desk.backtest.run(plan(START, END, model("average")), EVERYTHING)
    notes = done.execution.facts["subjects"][0]["notes"]["average"]["bias"]
    assert set(notes) == {"first", "last", "mean"}


def test_a_change_of_resolution_parts_the_table_and_is_bridged(desk: Desk) -> None:
    """The German auction went from hours to quarters for delivery on 2025-10-01."""
    first, change, last = date(2025, 9, 1), date(2025, 10, 1), date(2025, 10, 5)
    hours = GRID.starts(first, change - timedelta(1))
    desk.record(PRICE, hours, np.arange(len(hours), dtype=float), published_at(hours, 13))
    fine = desk.subjects.subject(plan(change, change).targets[0], change).grid
    assert fine.slots == 96
    quarters = fine.starts(change, last)
    desk.record(
        PRICE,
        quarters,
        -np.arange(len(quarters), dtype=float),
        published_at(quarters, 13),
        minutes=15,
    )
    done = desk.backtest.run(plan(date(2025, 9, 29), date(2025, 10, 2)), EVERYTHING)
    assert [table.grid.slots for table in done.tables] == [24, 96]
    before, after = done.tables
    assert np.unique(before.days).tolist() == [date(2025, 9, 29), date(2025, 9, 30)]
    assert (
        after.value[:96].tolist() == np.repeat(np.arange(len(hours) - 24, len(hours)), 4).tolist()
    )
    assert after.value[96:].tolist() == (-np.arange(96.0)).tolist()
    assert len(desk.backtest.result(done.execution.id).tables) == 2


def test_several_markets_at_once(desk: Desk) -> None:
    from attrs import evolve

    from carbon254.core.domain.backtests import Target

    desk.fill(FIRST, LAST)
    other = SeriesId.parse("entsoe/day_ahead-sdac/price/zone/10YNL----------L")
    starts = GRID.starts(FIRST, LAST)
    desk.record(other, starts, np.arange(len(starts), dtype=float), published_at(starts, 13))
    asked = evolve(plan(START, END), targets=(Target(series=PRICE), Target(series=other)))
    done = desk.backtest.run(asked, EVERYTHING)
    assert [table.series for table in done.tables] == [PRICE, other]
    assert done.execution.done == done.execution.total == 34


def test_the_fakes_are_what_they_say() -> None:
    assert {one.card.id for one in (Repeat(), Average(), Stumble())} == {
        "repeat",
        "average",
        "stumble",
    }


def test_work_that_is_given_up_is_told_as_interrupted_and_goes_on(desk: Desk) -> None:
    desk.fill(FIRST, LAST)
    execution = desk.backtest.submit(plan(START, END), EVERYTHING)
    desk.executor.close()  # as a process does that is told to end
    with pytest.raises(Interrupted):
        desk.backtest.work(execution.id, EVERYTHING)
    told = desk.log.execution(execution.id)
    assert (told.state, told.code) == ("failed", "interrupted")
    assert f"backtest resume {execution.id}" in told.message
    desk.executor = SerialExecutor()
    assert desk.backtest.work(execution.id, EVERYTHING).execution.state == "done"


def test_what_nobody_foresaw_stands_in_the_record_without_its_words(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.fill(FIRST, LAST)
    execution = desk.backtest.submit(plan(START, END), EVERYTHING)

    def crash(*_: object) -> None:
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(type(desk.archive), "put", crash)
    with pytest.raises(ZeroDivisionError):
        desk.backtest.work(execution.id, EVERYTHING)
    failed = desk.log.execution(execution.id)
    assert (failed.state, failed.code) == ("failed", "internal")
    assert "inside" not in failed.message
