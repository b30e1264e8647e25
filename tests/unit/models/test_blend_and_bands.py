"""Blend, bands and a LEAR that adapts as combiners: who is heard, who is not, and what the answer is made of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from attrs import evolve

from carbon254.adapters.plugins.models import ModelHost
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Forecast, Horizon, MemberForecasts, ModelSpec
from carbon254.core.domain.schemas import build
from carbon254.plugins.models.bands.adapting import adapt
from carbon254.plugins.models.bands.model import BandsParameters
from carbon254.plugins.models.blend.model import BlendParameters
from carbon254.plugins.models.lear.model import LearParameters
from carbon254.ports.matrix_reader import MatrixReader, days_between
from carbon254.ports.testing.models import PRICE, made_up, reader_of

DAY, SHORT, LONG = date(2025, 6, 11), date(2025, 3, 30), date(2025, 10, 26)
DAYS = 200
ACTUAL = made_up(DAYS + 1, 24)[PRICE]
Members = list[np.ndarray]


def noise(seed: int, size: float) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, size, ACTUAL.shape)


def said_by(day: date, members: Members) -> Callable[[date, date, int], MemberForecasts]:
    """Members whose matrices end on the day; before their first row nothing is known."""

    def said(first: date, last: date, lead: int) -> MemberForecasts:
        rows = [DAYS + (one - day).days for one in days_between(first, last)]
        found = np.full((len(members), len(rows), 24), np.nan)
        for place, row in enumerate(rows):
            if 0 <= row <= DAYS:
                found[:, place] = [one[row] for one in members]
        names = tuple(f"m{n}" for n in range(len(members)))
        return MemberForecasts(names, days_between(first, last), found)

    return said


def reader(members: Members, day: date = DAY) -> MatrixReader:
    return evolve(reader_of(day, DAYS), said=said_by(day, members))


def run(model: str, parameters: object, members: Members, day: date = DAY) -> Forecast:
    return run_on(reader(members, day), model, parameters, day)


def run_on(asked: MatrixReader, model: str, parameters: object, day: date = DAY) -> Forecast:
    one = ModelHost().model(model)
    horizon = Horizon(asked.subject.grid, day)
    return one.predict(one.fit(asked, asked.origin, parameters, 1), asked, horizon)


def blend(members: Members, **parameters: Any) -> Forecast:
    return run("blend", BlendParameters(**parameters), members)


def bands(members: Members, day: date = DAY, **parameters: object) -> Forecast:
    return run("bands", BandsParameters(**parameters), members, day)


def test_the_blend_is_the_mean_by_the_weights_that_it_reports() -> None:
    members = [ACTUAL + noise(1, 2), ACTUAL + noise(2, 4)]
    made = blend(members)
    weights = [made.notes["weight m0"], made.notes["weight m1"]]
    assert sum(weights) == pytest.approx(1.0)
    assert weights[0] > weights[1]
    np.testing.assert_allclose(made.value, np.tensordot(weights, [m[-1] for m in members], 1))


def test_without_a_window_weights_are_equal() -> None:
    members = [ACTUAL + noise(1, 2), ACTUAL + noise(2, 9)]
    np.testing.assert_allclose(
        blend(members, window=0).value, (members[0][-1] + members[1][-1]) / 2
    )


def test_who_says_nothing_of_the_day_has_no_weight() -> None:
    members = [ACTUAL + noise(1, 2), ACTUAL + noise(2, 2)]
    members[1][-1] = np.nan
    made = blend(members)
    assert made.notes["weight m1"] == 0.0
    np.testing.assert_allclose(made.value, members[0][-1])


def test_who_has_no_past_keeps_an_equal_share() -> None:
    members = [ACTUAL + noise(1, 1), ACTUAL + noise(2, 9), ACTUAL + noise(3, 1)]
    members[2][:-1] = np.nan
    made = blend(members)
    assert made.notes["weight m2"] == pytest.approx(1 / 3)
    assert sum(made.notes[f"weight m{n}"] for n in range(3)) == pytest.approx(1.0)
    assert made.notes["weight m0"] > 0.5


def test_a_slot_that_one_lacks_is_the_others() -> None:
    members = [ACTUAL + noise(1, 2), ACTUAL + noise(2, 2)]
    members[0][-1, 5] = np.nan
    assert blend(members).value[5] == pytest.approx(members[1][-1, 5])


def test_weights_are_made_of_the_window_alone() -> None:
    members = [ACTUAL + noise(1, 2), ACTUAL + noise(2, 2)]
    before = blend(members, window=28).value
    for one in members:
        one[: DAYS - 28] += noise(3, 50)[: DAYS - 28]
    np.testing.assert_array_equal(blend(members, window=28).value, before)


def test_who_is_bounded_is_not_heard_where_the_others_go_beyond_what_was_paid() -> None:
    """The limit by hand: 0.99 of 200 days × 24 prices in order, 99 % of the way from the first to the last."""
    paid = np.sort(ACTUAL[:DAYS].ravel())
    place = 0.99 * (len(paid) - 1)
    low = int(place)
    limit = paid[low] + (place - low) * (paid[low + 1] - paid[low])
    free, bound = ACTUAL + noise(1, 2), ACTUAL + noise(2, 2)
    free[-1] = np.minimum(free[-1], limit - 1.0)
    free[-1, 5:8] = limit - 0.01, limit + 0.01, limit + 500.0
    members = [free, bound]
    without, made = blend(members, bounded=()), blend(members, bounded=("m1",))
    beyond = [6, 7]
    np.testing.assert_allclose(made.value[beyond], free[-1, beyond], rtol=1e-12)
    rest = np.delete(np.arange(24), beyond)
    np.testing.assert_array_equal(made.value[rest], without.value[rest])
    assert made.notes["slots beyond m1"] == 2.0
    assert "slots beyond m0" not in made.notes
    assert made.notes["weight m1"] == without.notes["weight m1"] > 0.0
    assert blend(members, bounded=("m1",), within=1.0).value[6] == without.value[6]


def test_who_is_bounded_is_heard_where_nobody_else_says_anything() -> None:
    high = ACTUAL + 1000.0
    alone = blend([high + noise(1, 2)], bounded=("m0",))
    both = blend([high + noise(1, 2), high + noise(2, 2)], bounded=("m0", "m1"))
    assert not [note for made in (alone, both) for note in made.notes if "beyond" in note]
    silent = [high + noise(1, 2), high + noise(2, 2)]
    silent[1][-1, 3] = np.nan
    assert blend(silent, bounded=("m0",)).value[3] == pytest.approx(silent[0][-1, 3])
    assert blend(silent, bounded=("m0",)).notes["slots beyond m0"] == 23.0


def test_a_month_of_prices_tells_nothing_of_what_is_beyond() -> None:
    members = [ACTUAL + 1000.0 + noise(1, 2), ACTUAL + 1000.0 + noise(2, 2)]
    for known, slots in ((27, 0.0), (28, 24.0)):
        asked = evolve(reader(members), since=DAY - timedelta(known))
        made = run_on(asked, "blend", BlendParameters(bounded=("m1",)))
        assert made.notes.get("slots beyond m1", 0.0) == slots


def test_a_blend_of_nobody_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no member"):
        blend([np.full_like(ACTUAL, np.nan)])


def test_its_default_members_can_be_built_and_name_no_market() -> None:
    model = ModelHost().model("blend")
    default = BlendParameters()
    for spec in model.members(default):
        build(ModelHost().model(spec.model).Parameters, spec.parameters)
    assert [spec.name for spec in model.members(default)] == [
        "lear ensemble",
        "gbm",
        "gbm on others",
        "kernel",
    ]


def test_bands_stand_around_the_first_member() -> None:
    members = [ACTUAL + noise(1, 2), ACTUAL + noise(2, 4)]
    made = bands(members)
    assert made.quantiles is not None
    np.testing.assert_array_equal(made.value, members[0][-1])
    assert made.quantiles.shape == (19, 24)
    inside = (made.quantiles[0] < ACTUAL[-1]) & (ACTUAL[-1] < made.quantiles[-1])
    assert 17 <= inside.sum() <= 24


def test_without_the_regression_they_are_the_adaptive_ones() -> None:
    members = [ACTUAL + noise(1, 2), ACTUAL + noise(2, 4)]
    made = bands(members, regression=0.0, levels=(0.1, 0.9), window=90, rate=0.02)
    errors = (ACTUAL - members[0])[DAYS - 90 : DAYS]
    expected = members[0][-1] + adapt(errors, (0.1, 0.9), 0.02, 7.0).offsets
    assert made.quantiles is not None
    np.testing.assert_allclose(made.quantiles, expected)


def test_the_regression_alone_finds_a_member_that_is_right_and_biased() -> None:
    members = [ACTUAL + noise(1, 5), 0.5 * ACTUAL - 7 + noise(2, 1e-3)]
    made = bands(members, regression=1.0, levels=(0.05, 0.95))
    assert made.quantiles is not None
    assert (np.abs(made.quantiles - ACTUAL[-1]) < 0.05).all()


def test_a_member_that_was_silent_on_some_days_takes_no_part_in_them() -> None:
    members = [ACTUAL + noise(1, 2), ACTUAL + noise(2, 4)]
    whole = bands(members).quantiles
    members[1][DAYS - 60 : DAYS - 50] = np.nan
    holed = bands(members).quantiles
    assert whole is not None
    assert holed is not None
    assert 0 < np.abs(holed - whole).mean() < 0.2


@pytest.mark.parametrize(("day", "hours"), [(SHORT, 23), (LONG, 25)])
def test_quantiles_of_a_clock_change_have_its_hours(day: date, hours: int) -> None:
    made = bands([ACTUAL + noise(1, 2)], day)
    assert made.quantiles is not None
    assert made.quantiles.shape == (19, hours)


def test_bands_around_nobody_and_without_a_past_are_refused() -> None:
    silent = ACTUAL + noise(1, 2)
    silent[-1] = np.nan
    with pytest.raises(InvalidRequest, match="says nothing"):
        bands([silent])
    young = ACTUAL + noise(1, 2)
    young[:-30] = np.nan
    with pytest.raises(InvalidRequest, match="too little history"):
        bands([young])


def test_levels_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="ascend"):
        build(BandsParameters, {"levels": [0.9, 0.1]})


def test_bands_adapt_to_errors_that_grew() -> None:
    calm, wild = ACTUAL + noise(1, 2), ACTUAL + noise(1, 2)
    wild[DAYS - 20 : DAYS] += 4 * noise(2, 2)[DAYS - 20 : DAYS]
    narrow, wide = bands([calm]), bands([wild])
    assert narrow.quantiles is not None
    assert wide.quantiles is not None
    assert np.ptp(wide.quantiles, axis=0).mean() > 2 * np.ptp(narrow.quantiles, axis=0).mean()
    assert wide.notes["volatility"] > 2 * narrow.notes["volatility"]


def test_a_day_further_ahead_is_calibrated_on_errors_as_far_ahead() -> None:
    asked = reader([ACTUAL + noise(1, 2)])
    leads: list[tuple[int, date]] = []

    def said(first: date, last: date, lead: int) -> MemberForecasts:
        leads.append((lead, last))
        count = (last - first).days + 1
        return MemberForecasts(("m0",), days_between(first, last), np.full((1, count, 24), 40.0))

    model = ModelHost().model("bands")
    asked = evolve(asked, said=said)
    model.predict(
        BandsParameters(members=(ModelSpec("naive"),)), asked, Horizon(asked.subject.grid, DAY, 2)
    )
    yesterday, tomorrow = DAY - timedelta(1), DAY + timedelta(1)
    assert leads == [(0, DAY), (0, yesterday), (1, tomorrow), (1, yesterday)]


def adapting(members: Members, day: date = DAY, **parameters: object) -> Forecast:
    return run("lear", LearParameters(adapts=(0.5, 1.0, 2.0), **parameters), members, day)


@pytest.mark.parametrize("best", [0, 1, 2])
def test_a_lear_that_adapts_takes_the_penalty_that_erred_least_lately(best: int) -> None:
    sizes = [1.0 if n == best else 3.0 for n in range(3)]
    members = [ACTUAL + noise(n, size) for n, size in enumerate(sizes)]
    made = adapting(members, memory=28)
    np.testing.assert_array_equal(made.value, members[best][-1])
    assert made.notes["penalty times"] == (0.5, 1.0, 2.0)[best]
    past = np.abs(members[best] - ACTUAL)[DAYS - 28 : DAYS]
    assert made.notes[f"error at penalty times {(0.5, 1, 2)[best]:g}"] == pytest.approx(past.mean())


def test_a_lear_that_adapts_forgets_errors_before_its_memory() -> None:
    one, other = ACTUAL + noise(1, 1), ACTUAL + noise(2, 1)
    one[: DAYS - 28] += 50.0
    other[DAYS - 28 : DAYS] += 2.0
    members = [one, ACTUAL + noise(3, 20), other]
    np.testing.assert_array_equal(adapting(members, memory=28).value, one[-1])
    np.testing.assert_array_equal(adapting(members, memory=91).value, other[-1])


def test_a_lear_that_adapts_keeps_its_penalty_without_a_past_and_steps_over_who_is_silent() -> None:
    young = [ACTUAL + n for n in range(3)]
    for one in young:
        one[: DAYS - 6] = np.nan
    made = adapting(young)
    np.testing.assert_array_equal(made.value, young[1][-1])
    assert made.notes == {"penalty times": 1.0}
    silent = [ACTUAL + noise(n, n + 1) for n in range(3)]
    silent[0][-1] = np.nan
    np.testing.assert_array_equal(adapting(silent).value, silent[1][-1])
    with pytest.raises(InvalidRequest, match="says nothing"):
        adapting([np.full_like(ACTUAL, np.nan)] * 3)


@pytest.mark.parametrize(("day", "hours"), [(SHORT, 23), (LONG, 25)])
def test_a_lear_that_adapts_has_the_hours_of_a_clock_change(day: date, hours: int) -> None:
    assert adapting([ACTUAL] * 3, day).value.shape == (hours,)


def test_the_members_of_a_lear_that_adapts_are_itself_at_each_penalty() -> None:
    parameters = LearParameters(windows=(56,), penalty=3.0, adapts=(0.5, 2.0))
    model = ModelHost().model("lear")
    members = model.members(parameters)  # type: ignore[attr-defined]
    built = [build(LearParameters, one.parameters) for one in members]
    assert [(one.windows, one.penalty, one.adapts) for one in built] == [
        ((56,), 1.5, ()),
        ((56,), 6.0, ()),
    ]
    assert not model.members(LearParameters())  # type: ignore[attr-defined]
