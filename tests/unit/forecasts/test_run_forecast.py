"""Live forecasts: kept as vintages, with all that replays them, and traced like any other number."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from carbon254.core.domain.backtests import AskedModel, Conditions
from carbon254.core.domain.documents import Document
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import (
    Conflict,
    DocumentDamaged,
    InvalidRequest,
    NotEntitled,
    NotFound,
    PluginBroken,
)
from carbon254.core.domain.forecast_documents import read_forecast
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import Flag, PublishedBasis
from carbon254.core.usecases.query_series import Question, SeriesAnswer
from carbon254.core.usecases.run_forecast import ForecastRequest
from carbon254.ports.testing.fakes.storage import MemorySeriesStore

from .conftest import EVERYTHING, GRID, LOAD, PRICE, ZONE, Desk, gate, lines, plan

FIRST, TODAY = date(2025, 6, 1), date(2025, 6, 20)
TOMORROW = TODAY + timedelta(1)
MADE = SeriesId.parse(f"entsoe/forecast-repeat/price/zone/{ZONE}")


def request(**more: object) -> ForecastRequest:
    return ForecastRequest(**({"series": PRICE, "model": "repeat"} | more))  # type: ignore[arg-type]


def at(desk: Desk, moment: datetime) -> Desk:
    """The desk at an instant."""
    desk.clock.move(moment - desk.clock.now())
    return desk


@pytest.fixture
def early(desk: Desk) -> Desk:
    """At nine in the morning in Brussels, before tomorrow's gate; all was recorded the day before."""
    at(desk, gate(TODAY))
    desk.fill(FIRST, TODAY)
    return at(desk, gate(TOMORROW) - timedelta(hours=3))


def ask(desk: Desk, series: SeriesId = MADE, day: date = TOMORROW, **more: object) -> SeriesAnswer:
    window = GRID.window(day)
    (answer,) = desk.query.run(
        Question((series,), window=Window(window.start, window.end), **more),  # type: ignore[arg-type]
        EVERYTHING,
    )
    return answer


def test_it_is_kept_as_observations_of_its_own_run_issued_at_its_origin(early: Desk) -> None:
    made = early.forecast.run(request(), EVERYTHING)
    assert made.series == (MADE,)
    assert made.origin == early.clock.now()
    assert made.forecast.horizon.first == TOMORROW
    answer = ask(early)
    assert answer.unit == "EUR/MWh"
    assert answer.value.tolist() == made.forecast.value.tolist()
    now = np.datetime64(made.origin.replace(tzinfo=None), "us")
    assert set(answer.issued_at.tolist()) == set(answer.published_at.tolist()) == {now.item()}
    assert set(answer.published_basis.tolist()) == {int(PublishedBasis.CLAIM)}


def test_quantiles_are_measures_of_non_exceedance(early: Desk) -> None:
    made = early.forecast.run(request(parameters={"band": True}, configuration="band"), EVERYTHING)
    assert [one.measure for one in made.series] == ["price", "price-p05", "price-p50", "price-p95"]
    low = ask(early, SeriesId.parse(f"entsoe/forecast-band/price-p05/zone/{ZONE}"))
    assert np.allclose(low.value, made.forecast.value - 9)


def test_the_day_is_the_first_whose_gate_is_open(early: Desk) -> None:
    at(early, gate(TOMORROW) + timedelta(minutes=1))
    early.fill(TOMORROW, TOMORROW, at=early.clock.now())  # the result is out
    made = early.forecast.run(request(), EVERYTHING)
    assert made.forecast.horizon.first == TOMORROW + timedelta(1)


def test_of_a_day_whose_gate_has_closed_the_origin_is_the_gate(early: Desk) -> None:
    made = early.forecast.run(request(day=date(2025, 6, 15)), EVERYTHING)
    assert made.origin == gate(date(2025, 6, 15))
    answer = ask(early, day=date(2025, 6, 15))
    assert set(answer.issued_at.tolist()) == {made.origin.replace(tzinfo=None)}
    assert (answer.recorded_at > answer.issued_at).all(), "when we said it is not hidden"


def test_live_what_we_had_recorded_counts(early: Desk) -> None:
    """Published yesterday, but taken in only after the forecast: it was not known."""
    first = early.forecast.run(request(), EVERYTHING)
    later = gate(TOMORROW) - timedelta(hours=2)
    start = (GRID.window(TODAY).start).isoformat()
    early.say(PRICE, start, 999.0, gate(TODAY), finality=np.array([3]), at=later)
    at(early, later - timedelta(hours=1) + timedelta(microseconds=1))
    assert early.forecast.replay(first.execution.result, EVERYTHING)
    at(early, later + timedelta(minutes=1))
    second = early.forecast.run(request(), EVERYTHING)
    assert first.forecast.value[0] != 999.0
    assert second.forecast.value[0] == 999.0


def test_live_all_that_is_recorded_counts_though_its_clock_runs_ahead(desk: Desk) -> None:
    """Instants of recording grow strictly: of documents taken in at once the later lie ahead of the clock."""
    at(desk, gate(TOMORROW) - timedelta(hours=3))
    desk.fill(FIRST, TODAY - timedelta(1))
    desk.fill(TODAY, TODAY)
    last = desk.store.last_recorded()
    made = desk.forecast.run(request(), EVERYTHING)
    assert last is not None
    assert made.origin == last > desk.clock.now()
    assert desk.forecast.replay(made.execution.result, EVERYTHING)


def test_every_vintage_is_kept_and_asked_for_in_four_ways(early: Desk) -> None:
    """Two forecasts of one day: at the gate of the day before it, and in the morning before its own."""
    at(early, gate(TODAY))
    old = early.forecast.run(request(conditions=Conditions(days=2), day=TODAY), EVERYTHING)
    at(early, gate(TOMORROW) - timedelta(hours=2))
    early.say(
        PRICE, GRID.window(TODAY).start.isoformat(), 77.0, gate(TODAY), finality=np.array([3])
    )
    new = early.forecast.run(request(), EVERYTHING)
    latest = ask(early)
    assert latest.value.tolist() == new.forecast.value.tolist()
    assert latest.value[0] == 77.0
    before = old.origin + timedelta(minutes=5)
    for clock in ("as_of", "published_by"):
        instant = ask(early, **{clock: before})
        assert instant.value.tolist() == old.forecast.value[24:].tolist()
    # The second was issued at 08:00 UTC: a day ahead of what starts from ten in the morning on, in Brussels.
    relative = ask(early, lead=timedelta(days=1))
    assert relative.value[:10].tolist() == old.forecast.value[24:34].tolist()
    assert relative.value[10:].tolist() == new.forecast.value[10:].tolist()
    assert ask(early, lead=timedelta(hours=1)).value.tolist() == latest.value.tolist()
    every = ask(early, vintages=True)
    assert len(every) == 48
    assert len(set(every.issued_at.tolist())) == 2


def test_a_number_leads_to_the_execution_that_made_it(early: Desk) -> None:
    made = early.forecast.run(request(parameters={"noise": 1.0}, configuration="noisy"), EVERYTHING)
    start = GRID.window(TOMORROW).start + timedelta(hours=5)
    found = early.trace.run(made.series[0], start, EVERYTHING)
    assert found.same
    assert repr(float(made.forecast.value[5])).encode() in found.fragment
    assert b"T03:00:00Z" in found.fragment  # five in the morning in Brussels
    head = lines(early.archive.get(found.batch.digest))[0]
    assert (head["model"], head["version"], head["parameters"]) == ("repeat", "1", {"noise": 1.0})
    assert (head["seed"], head["configuration"], head["day"]) == (254, "noisy", "2025-06-21")
    assert set(head["inputs"]) == {str(PRICE)}
    assert early.log.execution(made.execution.id).result == found.batch.digest
    assert made.execution.facts.items() >= head.items()
    assert made.execution.facts["request"]["model"] == "repeat"


def test_it_replays_bit_for_bit_and_a_changed_document_does_not(early: Desk) -> None:
    made = early.forecast.run(
        request(model="average", exogenous=(LOAD,), parameters={"memory": 4}), EVERYTHING
    )
    early.say(
        PRICE, GRID.window(TODAY).start.isoformat(), -500.0, gate(TODAY), finality=np.array([3])
    )
    early.log._parts.clear()
    assert early.forecast.replay(made.execution.result, EVERYTHING)
    body = early.archive.get(made.execution.result)
    value = repr(float(made.forecast.value[0])).encode()
    other = early.archive.put(body.replace(value, b"1" + value, 1))
    assert not early.forecast.replay(other, EVERYTHING)
    with pytest.raises(NotFound):
        early.forecast.replay("0" * 64, EVERYTHING)
    with pytest.raises(DocumentDamaged):
        early.forecast.replay(early.archive.put(b"no forecast"), EVERYTHING)


def test_a_combiner_is_told_what_its_members_would_have_said_at_the_gates_before(
    early: Desk,
) -> None:
    live = early.forecast.run(request(model="average", parameters={"memory": 3}), EVERYTHING)
    done = early.backtest.run(
        plan(TOMORROW, TOMORROW, AskedModel(model="average", parameters={"memory": 3})), EVERYTHING
    )
    assert live.forecast.value.tolist() == done.tables[0].value.tolist()


def test_why_a_member_said_nothing_is_told(early: Desk) -> None:
    asked = request(model="average", parameters={"lags": [1, 300], "memory": 0})
    made = early.forecast.run(asked, EVERYTHING)
    assert str(made.forecast.notes["lag 300"]).startswith("invalid_request: too little history")
    assert made.execution.facts["notes"]["lag 300"] == made.forecast.notes["lag 300"]
    assert "lag 1" not in made.forecast.notes


def test_a_lost_store_is_rebuilt_with_its_forecasts(early: Desk) -> None:
    made = early.forecast.run(request(), EVERYTHING)
    before = ask(early)
    early.store = MemorySeriesStore()
    early.reread.rebuild()
    again = ask(early)
    assert again.value.tolist() == made.forecast.value.tolist()
    assert again.recorded_at.tolist() == before.recorded_at.tolist()


def test_a_second_reading_of_all_documents_changes_nothing(early: Desk) -> None:
    early.forecast.run(request(), EVERYTHING)
    before = len(early.rows())
    assert [one.status for one in early.reread.market("entsoe")] == ["unchanged"]
    assert len(early.rows()) == before


def test_out_of_made_up_numbers_comes_a_made_up_forecast(desk: Desk) -> None:
    desk.ingest.claim(synthetic=True)
    at(desk, gate(TODAY))
    desk.fill(FIRST, TODAY, synthetic=True)
    at(desk, gate(TOMORROW) - timedelta(hours=3))
    made = desk.forecast.run(request(), EVERYTHING)
    assert made.synthetic
    answer = ask(desk)
    assert answer.synthetic
    assert all(flags & Flag.SYNTHETIC for flags in answer.flags.tolist())


def test_a_configuration_stands_for_one_model_and_its_parameters(early: Desk) -> None:
    early.forecast.run(request(configuration="mine", parameters={"lag": 2}), EVERYTHING)
    early.forecast.run(request(configuration="mine", parameters={"lag": 2}), EVERYTHING)
    early.forecast.run(
        request(configuration="mine", parameters={"lag": 2, "noise": 0.0}), EVERYTHING
    )
    with pytest.raises(Conflict, match="another configuration"):
        early.forecast.run(request(configuration="mine", parameters={"lag": 3}), EVERYTHING)
    with pytest.raises(Conflict):
        early.forecast.run(request(configuration="mine", model="average"), EVERYTHING)
    made = early.forecast.run(request(parameters={"lag": 3}), EVERYTHING)
    assert made.execution.configuration.startswith("repeat_")


@pytest.mark.parametrize("name", ["Mine", "a-b", "a/b", "ä", "a b"])
def test_a_configuration_is_a_token(early: Desk, name: str) -> None:
    with pytest.raises(InvalidRequest, match="a-z"):
        early.forecast.run(request(configuration=name), EVERYTHING)


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"model": "nobody"}, NotFound, "nobody"),
        ({"parameters": {"lag": 0}}, InvalidRequest, "lag"),
        ({"parameters": {"lags": 1}}, InvalidRequest, "lags"),
        ({"parameters": {"lag": 60}}, InvalidRequest, "too little history"),
        ({"series": SeriesId.parse("entsoe/day_ahead-sdac/price/zone/X")}, NotFound, "X"),
        ({"series": SeriesId.parse("other/day_ahead/price/zone/X")}, NotFound, "other"),
        ({"exogenous": (PRICE,)}, InvalidRequest, "twice"),
        ({"conditions": Conditions(origin="D-90 12:00")}, InvalidRequest, "always closed"),
        ({"model": "stumble", "parameters": {"days": ["2025-06-21"]}}, PluginBroken, "Zero"),
        ({"model": "stumble", "parameters": {"days": ["2025-06-21"], "how": "nan"}}, PluginBroken, "finite"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told_and_nothing_is_kept(
    early: Desk, asked: dict[str, object], error: type[Exception], says: str
) -> None:
    before = len(early.rows())
    with pytest.raises(error, match=says):
        early.forecast.run(request(**asked), EVERYTHING)
    assert len(early.rows()) == before


@pytest.mark.parametrize(
    "wrong",
    [{"origin": "issued"}, {"origin": "noon"}, {"refit": 0}, {"window": 0}, {"gap": timedelta(-1)}, {"days": 0},
     {"origin": "D+1 00:00"}],
)  # fmt: skip
def test_conditions_that_cannot_be_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises((InvalidRequest, ValueError)):
        Conditions(**wrong)  # type: ignore[arg-type]


def test_one_that_failed_is_in_the_log(early: Desk) -> None:
    with pytest.raises(PluginBroken):
        early.forecast.run(
            request(model="stumble", parameters={"days": ["2025-06-21"]}, configuration="bad"), EVERYTHING
        )  # fmt: skip
    (failed,) = early.log.executions("forecast", "bad")
    assert (failed.state, failed.code) == ("failed", "plugin_broken")
    assert failed.facts["target"] == str(PRICE)
    early.forecast.run(request(configuration="bad"), EVERYTHING)  # a failure binds nobody


def test_what_may_not_be_seen_is_not_forecast(early: Desk) -> None:
    hubs = Scope((SeriesPattern("*", "*", "*", "hub"),))
    with pytest.raises(NotEntitled):
        early.forecast.run(request(), hubs)


@pytest.mark.parametrize(
    "body",
    [
        b'{"carbon254":"forecast"',
        b'{"carbon254":"forecast","format":1}\n',
        b'{"carbon254":"forecast","format":1,"unit":"EUR/MWh","origin":"2025-06-20T09:00:00Z","series":[]}\n',
        b'{"carbon254":"forecast","format":1,"unit":"x","origin":"2025-06-20T09:00Z","series":["a/b/c/d/e"]}\n[1]\n',
    ],
)
def test_a_damaged_document_is_refused(body: bytes) -> None:
    with pytest.raises((DocumentDamaged, InvalidRequest)):
        read_forecast(Document("x.ndjson", body))


def test_a_clock_at_utc_midnight_changes_no_local_day(desk: Desk) -> None:
    """Half past eleven at night UTC on the 19th is the 20th in Brussels."""
    at(desk, gate(TODAY))
    desk.fill(FIRST, TODAY)
    at(desk, datetime(2025, 6, 19, 23, 30, tzinfo=UTC))
    made = desk.forecast.run(request(), EVERYTHING)
    assert made.forecast.horizon.first == TOMORROW
