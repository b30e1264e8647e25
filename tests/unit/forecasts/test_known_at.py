"""What was known at an origin; answers are counted by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from attrs import evolve

from carbon254.core.domain.backtests import Conditions, Target
from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import InvalidRequest, NotEntitled, NotFound
from carbon254.core.domain.forecasts import Subject
from carbon254.core.domain.observations import instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import Finality, State
from carbon254.core.usecases.known_at import AsOf, Knowledge

from .conftest import EVERYTHING, GRID, LOAD, PRICE, WIND, Desk, gate, published_at

DAY = date(2025, 6, 11)
BEFORE = DAY - timedelta(1)


def knowledge(desk: Desk, **more: object) -> Knowledge:
    target = Target(series=PRICE, exogenous=(LOAD, WIND))
    subject = desk.subjects.subject(target, DAY)
    return desk.subjects.knowledge(subject, Conditions(**more), EVERYTHING)


def row(
    desk: Desk, series: SeriesId, day: date, at: datetime | None = None, **more: object
) -> list[float]:
    """A day as it was known at its own gate, or at an instant."""
    reader = AsOf(knowledge(desk, **more)).reader(DAY, at or gate(DAY))
    return reader.days(series, day, day)[0].tolist()


def known(values: list[float]) -> int:
    return int(np.isfinite(values).sum())


def test_at_the_gate_the_day_itself_has_no_price_but_a_load_forecast(desk: Desk) -> None:
    desk.fill(date(2025, 6, 1), DAY)
    assert known(row(desk, PRICE, BEFORE)) == 24
    assert known(row(desk, PRICE, DAY)) == 0
    assert known(row(desk, LOAD, DAY)) == 24


def test_what_is_due_after_the_gate_is_not_known_at_the_gate(desk: Desk) -> None:
    """Wind is due at 18:00 the day before, six hours after the gate (Regulation (EU) 543/2013, Article 14)."""
    desk.fill(date(2025, 6, 1), DAY)
    assert known(row(desk, WIND, DAY)) == 0
    assert known(row(desk, WIND, BEFORE)) == 24
    six = gate(DAY) + timedelta(hours=6)
    assert known(row(desk, WIND, DAY, at=six)) == 24
    assert known(row(desk, WIND, DAY, at=six - timedelta(microseconds=1))) == 0


def test_unless_it_was_seen_earlier(desk: Desk) -> None:
    desk.fill(date(2025, 6, 1), BEFORE)
    starts = GRID.starts(DAY)
    seen = np.full(24, instant64(gate(DAY) - timedelta(hours=1)))
    desk.record(WIND, starts, np.arange(24.0), seen, issued=True)
    assert row(desk, WIND, DAY) == list(range(24))


def test_of_several_issues_the_latest_by_the_origin_counts(desk: Desk) -> None:
    desk.fill(date(2025, 6, 1), BEFORE)
    starts = GRID.starts(DAY)
    for hours, value in ((-3, 1.0), (-1, 2.0), (1, 3.0)):
        issued = np.full(24, instant64(gate(DAY) + timedelta(hours=hours)))
        desk.record(LOAD, starts, np.full(24, value), issued, issued=True)
    assert row(desk, LOAD, DAY) == [2.0] * 24
    assert row(desk, LOAD, DAY, at=gate(DAY) - timedelta(hours=2)) == [1.0] * 24
    assert row(desk, LOAD, DAY, at=gate(DAY) + timedelta(hours=2)) == [3.0] * 24


def test_a_revision_is_known_from_its_own_publication_on(desk: Desk) -> None:
    desk.fill(date(2025, 6, 1), DAY)
    start = "2025-06-09T22:00+00:00"  # midnight of the 10th in Brussels
    first = row(desk, PRICE, BEFORE)[0]
    desk.say(
        PRICE,
        start,
        999.0,
        gate(DAY) - timedelta(hours=1),
        finality=np.array([int(Finality.CORRECTED)]),
    )
    desk.say(
        PRICE,
        start,
        111.0,
        gate(DAY) + timedelta(hours=1),
        finality=np.array([int(Finality.CORRECTED)]),
    )
    assert row(desk, PRICE, BEFORE)[0] == 999.0
    assert row(desk, PRICE, BEFORE, at=gate(DAY) - timedelta(hours=2))[0] == first
    assert row(desk, PRICE, BEFORE, at=gate(DAY) + timedelta(hours=2))[0] == 111.0


def test_the_clock_of_what_was_recorded_live_is_our_own(desk: Desk) -> None:
    desk.fill(date(2025, 6, 1), BEFORE, at=gate(BEFORE) + timedelta(hours=2))
    starts = GRID.starts(DAY)
    early = published_at(starts, 10)
    late = gate(DAY) + timedelta(minutes=5)
    desk.record(LOAD, starts, np.arange(24.0), early, issued=True, at=late)
    assert known(row(desk, LOAD, DAY)) == 24  # it had been published
    live = datetime(2025, 1, 1, tzinfo=UTC)
    assert known(row(desk, LOAD, DAY, live_since=live)) == 0  # but we did not have it
    assert known(row(desk, LOAD, DAY, at=late, live_since=live)) == 24
    after = gate(DAY) + timedelta(seconds=1)
    assert known(row(desk, LOAD, DAY, live_since=after)) == 24  # not live yet at this origin


def test_a_gap_delays_everything(desk: Desk) -> None:
    desk.fill(date(2025, 6, 1), DAY)
    two, more = timedelta(hours=2), timedelta(hours=2, microseconds=1)
    assert known(row(desk, LOAD, DAY, gap=two)) == 24  # published at ten, two hours before the gate
    assert known(row(desk, LOAD, DAY, gap=more)) == 0


def test_a_sliding_window_hides_what_is_older(desk: Desk) -> None:
    desk.fill(date(2025, 6, 1), DAY)
    reader = AsOf(knowledge(desk, window=3)).reader(DAY, gate(DAY))
    days = reader.days(PRICE, date(2025, 6, 1), BEFORE)
    assert np.isfinite(days).all(axis=1).tolist() == [False] * 7 + [True] * 3
    assert reader.since == date(2025, 6, 8)
    whole = AsOf(knowledge(desk)).reader(DAY, gate(DAY))
    assert whole.since == date(2025, 6, 1)


def test_a_row_without_an_instant_of_publication_was_never_known(desk: Desk) -> None:
    starts = GRID.starts(BEFORE)
    desk.fill(date(2025, 6, 1), DAY - timedelta(2))
    desk.record(PRICE, starts, np.zeros(24), np.full(24, np.datetime64("NaT", "us")))
    assert known(row(desk, PRICE, BEFORE)) == 0


def test_a_number_that_is_missing_or_in_quarantine_is_none(desk: Desk) -> None:
    starts = GRID.starts(BEFORE)
    desk.fill(date(2025, 6, 1), DAY - timedelta(2))
    values, state = np.arange(24.0), np.zeros(24)
    values[3], state[3], state[4] = np.nan, int(State.MISSING), int(State.QUARANTINED)
    desk.record(PRICE, starts, values, published_at(starts, 13), state=state)
    assert np.flatnonzero(np.isnan(row(desk, PRICE, BEFORE))).tolist() == [3, 4]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2)])
def test_origins_may_come_in_any_order(desk: Desk, order: tuple[int, ...]) -> None:
    desk.fill(date(2025, 6, 1), date(2025, 6, 20))
    desk.say(PRICE, "2025-06-09T22:00+00:00", 5.0, gate(date(2025, 6, 13)), finality=np.array([3]))
    one = AsOf(knowledge(desk))
    days = [date(2025, 6, 11 + n) for n in range(4)]
    for n in order:
        fresh = AsOf(knowledge(desk)).reader(days[n], gate(days[n]))
        moved = one.reader(days[n], gate(days[n]))
        for series in (PRICE, LOAD, WIND):
            a, b = (r.days(series, date(2025, 6, 1), days[n]) for r in (fresh, moved))
            np.testing.assert_array_equal(a, b)


def test_a_reader_keeps_its_answers_when_the_next_one_is_made(desk: Desk) -> None:
    desk.fill(date(2025, 6, 1), date(2025, 6, 20))
    made = AsOf(knowledge(desk))
    first = made.reader(DAY, gate(DAY))
    before = first.days(PRICE, BEFORE, DAY).copy()
    made.reader(date(2025, 6, 15), gate(date(2025, 6, 15)))
    np.testing.assert_array_equal(first.days(PRICE, BEFORE, DAY), before)


def test_hours_and_quarters_meet_on_the_grid_of_the_delivery_day(desk: Desk) -> None:
    """Until the 9th hours, then quarters: quarters repeat the hours, hours average the quarters."""
    hours, quarters = DAY - timedelta(2), BEFORE
    starts = GRID.starts(hours)
    desk.record(PRICE, starts, 10.0 + np.arange(24), published_at(starts, 13))
    fine = DayGrid("Europe/Brussels", timedelta(minutes=15))
    small = fine.starts(quarters)
    desk.record(PRICE, small, np.arange(96.0), published_at(small, 13), minutes=15)
    for grid, first, second in (
        (fine, np.repeat(10.0 + np.arange(24), 4), np.arange(96.0)),
        (GRID, 10.0 + np.arange(24), 1.5 + 4 * np.arange(24)),
    ):
        subject = Subject(target=PRICE, grid=grid)
        rows = desk.subjects.knowledge(subject, Conditions(), EVERYTHING)
        days = AsOf(rows).reader(DAY, gate(DAY)).days(PRICE, hours, quarters)
        np.testing.assert_array_equal(days, np.array([first, second]))


def test_digests_tell_one_history_from_another_but_not_one_order_from_another(desk: Desk) -> None:
    desk.fill(date(2025, 6, 1), DAY)
    before = knowledge(desk).until([gate(DAY)])
    shuffled = np.random.default_rng(1).permutation(len(before.rows))
    assert evolve(before, rows=before.rows.take(shuffled)).digests() == before.digests()
    desk.say(
        PRICE, "2025-06-09T22:00+00:00", 5.0, gate(DAY) - timedelta(hours=1), finality=np.array([3])
    )
    after = knowledge(desk).until([gate(DAY)])
    assert after.digests()[str(PRICE)] != before.digests()[str(PRICE)]
    assert after.digests()[str(LOAD)] == before.digests()[str(LOAD)]


def test_what_may_not_be_seen_is_refused(desk: Desk) -> None:
    desk.fill(date(2025, 6, 1), DAY)
    hubs = Scope((SeriesPattern("*", "*", "*", "hub"),))
    subject = desk.subjects.subject(Target(series=PRICE), DAY)
    with pytest.raises(NotEntitled):
        desk.subjects.knowledge(subject, Conditions(), hubs)


@pytest.mark.parametrize(
    ("series", "error", "says"),
    [
        ("nowhere/day_ahead/price/zone/X", NotFound, "nowhere"),
        ("entsoe/real_time/price/zone/X", InvalidRequest, "no dataset"),
        ("entsoe/day_ahead-local/price/zone/10YCH-SWISSGRIDZ", InvalidRequest, "gate closure"),
    ],
)
def test_a_target_that_cannot_be_forecast_is_told(
    desk: Desk, series: str, error: type[Exception], says: str
) -> None:
    target = Target(series=SeriesId.parse(series))

    def both() -> None:
        desk.subjects.subject(target, DAY)
        desk.subjects.gate(target, Conditions())

    with pytest.raises(error, match=says):
        both()


def test_a_series_that_is_not_stored_is_not_found(desk: Desk) -> None:
    desk.fill(date(2025, 6, 1), DAY)
    other = SeriesId.parse("entsoe/day_ahead-sdac/price/zone/10YNL----------L")
    subject = desk.subjects.subject(Target(series=other), DAY)
    with pytest.raises(NotFound, match="10YNL"):
        desk.subjects.knowledge(subject, Conditions(), EVERYTHING)


def test_a_reader_answers_for_its_own_series_only(desk: Desk) -> None:
    desk.fill(date(2025, 6, 1), DAY)
    reader = AsOf(knowledge(desk)).reader(DAY, gate(DAY))
    with pytest.raises(InvalidRequest, match="none of the series"):
        reader.days(SeriesId.parse("entsoe/actual/load/zone/X"), BEFORE, BEFORE)
    with pytest.raises(InvalidRequest, match="combiner"):
        reader.members(BEFORE, BEFORE)
    assert not reader.days(PRICE, BEFORE, BEFORE).flags.writeable
