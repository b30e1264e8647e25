"""Limits, duplicates, spikes and parts that add up, on small tables with answers by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon254.core.domain.cards import AddsUp, MarketCard
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Batch, Observations
from carbon254.core.domain.quality import Verdict, check_duplicates, check_limits
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.spikes import SpikeRule, check_spikes, robust_scores
from carbon254.core.domain.totals import check_adds_up
from carbon254.core.domain.vocabulary import State

BATCH = Batch("demo", "prices", "r", "d", "1", "x.csv", datetime(2025, 1, 1, tzinfo=UTC))
HOUR = np.timedelta64(1, "h")
PRICE = SeriesId("demo", "day_ahead", "price", "zone", "X")
OTHER = SeriesId("demo", "day_ahead", "price", "zone", "Y")


def table(
    series: list[SeriesId], rows: list[tuple[int, str, float]], **columns: object
) -> Observations:
    """Rows of one hour: series number, start, value."""
    starts = np.array([start for _, start, _ in rows], dtype="datetime64[us]")
    ends = columns.pop("interval_end", starts + HOUR)
    return Observations(
        series,
        ["EUR/MWh"] * len(series),
        (BATCH,),
        [code for code, _, _ in rows],
        starts,
        ends,
        [value for _, _, value in rows],
        **columns,
    )


# ---------------------------------------------------------------- limits

LIMITED = """
[runs.day_ahead]
title = "Day ahead"
nature = [{ word = "settles" }]
limits = [{ floor = -500.0, cap = 3000.0, to = 2022-05-11 }, { floor = -500.0, cap = 4000.0, from = 2022-05-11 }]
"""
HOURLY = """
class = "grid"
day_zone = "Europe/Brussels"
due = "D-1 14:00"
resolution = [{ length = "PT1H" }]
"""


def test_limits_are_those_of_the_delivery_day(card_of: Callable[..., MarketCard]) -> None:
    rows = [
        (0, "2022-05-10T21:00", 3000.01),  # 10 May, 23:00 in Brussels
        (0, "2022-05-10T22:00", 3000.01),  # 11 May, 00:00
        (0, "2022-05-10T23:00", 4000.0),
        (0, "2022-05-11T00:00", 4000.01),
        (1, "2022-05-10T20:00", -500.0),
        (1, "2022-05-10T21:00", -500.01),
    ]
    verdict = check_limits(card_of(HOURLY, run=LIMITED), table([PRICE, OTHER], rows))
    assert verdict.rows.tolist() == [0, 3, 5]
    assert [(one.series, one.count, one.severity) for one in verdict.findings] == [
        (PRICE, 2, "warning"),
        (OTHER, 1, "warning"),
    ]
    assert "3000.01 at 2022-05-10T21:00" in verdict.findings[0].message
    assert verdict.findings[0].interval_start == datetime(2022, 5, 10, 21, tzinfo=UTC)


def test_limits_are_of_the_settling_price_alone(card_of: Callable[..., MarketCard]) -> None:
    card = card_of(HOURLY.replace("class", 'unit = "EUR/MWh"\nclass'), run=LIMITED)
    original = SeriesId("demo", "day_ahead", "price-original", "zone", "X")
    elsewhere = SeriesId("demo", "day_ahead", "price", "node", "N")  # no dataset feeds it
    rows = [(0, "2025-01-01T00:00", 9999.0), (1, "2025-01-01T00:00", 9999.0)]
    assert check_limits(card, table([original, elsewhere], rows)).rows.tolist() == []


def test_without_limits_and_without_values_nothing_is_outside(
    card_of: Callable[..., MarketCard],
) -> None:
    rows = [(0, "2025-01-01T00:00", 1e9)]
    assert check_limits(card_of(HOURLY), table([PRICE], rows)).rows.tolist() == []
    quarantined = table([PRICE], rows, state=[State.QUARANTINED])
    assert check_limits(card_of(HOURLY, run=LIMITED), quarantined).rows.tolist() == []
    assert check_limits(card_of(HOURLY, run=LIMITED), Observations.empty()).findings == ()


# ---------------------------------------------------------------- duplicates


def test_identical_and_conflicting_rows_are_told_apart() -> None:
    rows = [
        (0, "2025-01-01T01:00", 5.0),
        (0, "2025-01-01T00:00", 7.0),
        (0, "2025-01-01T01:00", 5.0),
        (0, "2025-01-01T00:00", 8.0),
        (1, "2025-01-01T00:00", 7.0),
    ]
    verdict = check_duplicates(table([PRICE, OTHER], rows))
    assert verdict.rows.tolist() == [2, 3]
    assert [(one.severity, one.series, one.count) for one in verdict.findings] == [
        ("warning", PRICE, 1),
        ("error", PRICE, 1),
    ]


def test_revisions_and_vintages_are_no_duplicates() -> None:
    rows = [(0, "2025-01-01T00:00", 7.0), (0, "2025-01-01T00:00", 8.0)]
    instants = np.array(["2025-01-02", "2025-01-03"], dtype="datetime64[us]")
    assert check_duplicates(table([PRICE], rows, recorded_at=instants)).rows.tolist() == []
    assert check_duplicates(table([PRICE], rows, issued_at=instants)).rows.tolist() == []
    assert check_duplicates(table([PRICE], rows[:1])).rows.tolist() == []
    assert check_duplicates(Observations.empty()).rows.tolist() == []


def test_overlapping_intervals_are_found() -> None:
    rows = [
        (0, "2025-01-01T00:00", 1.0),
        (0, "2025-01-01T00:30", 2.0),
        (1, "2025-01-01T00:30", 2.0),
    ]
    verdict = check_duplicates(table([PRICE, OTHER], rows))
    assert (verdict.rows.tolist(), [one.rule for one in verdict.findings]) == ([1], ["overlaps"])


# ---------------------------------------------------------------- spikes

RULE = SpikeRule(threshold=5.0, days=10, least=5, floor=1.0)


def days(values: list[float], hour: int = 12, first: date = date(2025, 6, 1)) -> Observations:
    starts = [f"{first + timedelta(n)}T{hour:02}:00" for n in range(len(values))]
    return table([PRICE], [(0, start, value) for start, value in zip(starts, values, strict=True)])


def test_a_spike_is_far_from_the_days_before_in_robust_deviations() -> None:
    # The ten days before have the median 50 and the MAD 2: deviations 2 2 2 2 2 2 2 0 0 1
    history = [48.0, 52.0, 48.0, 52.0, 48.0, 52.0, 48.0, 50.0, 50.0, 51.0]
    scores = robust_scores(days([*history, 80.0]), "UTC", RULE)
    assert scores[-1] == pytest.approx(30 / (1.4826 * 2))
    assert check_spikes(days([*history, 80.0]), "UTC", RULE).rows.tolist() == [10]
    assert check_spikes(days([*history, 64.0]), "UTC", RULE).rows.tolist() == []
    verdict = check_spikes(days([*history, -80.0]), "UTC", RULE)
    assert verdict.rows.tolist() == [10]
    assert "-80 at 2025-06-11T12:00" in verdict.findings[0].message


def test_a_price_that_stood_still_alarms_by_the_floor() -> None:
    still = [30.0] * 10
    assert robust_scores(days([*still, 30.01]), "UTC", RULE)[-1] == pytest.approx(0.01)
    assert check_spikes(days([*still, 35.01]), "UTC", RULE).rows.tolist() == [10]


def test_without_enough_history_nothing_is_judged() -> None:
    scores = robust_scores(days([1.0, 2.0, 3.0, 4.0, 5.0, 999.0]), "UTC", RULE)
    assert np.isnan(scores[:5]).all()
    assert scores[5] > 5


def test_history_is_of_the_same_local_time() -> None:
    """Noon in Brussels over the change of 30 March 2025: 11:00 UTC, then 10:00."""
    night = [(0, f"2025-03-{24 + n}T23:00", 900.0) for n in range(6)]
    noon = [(0, f"2025-03-{24 + n}T{11 if n < 6 else 10}:00", 50.0) for n in range(7)]
    both = table([PRICE], [*night, *noon])
    scores = robust_scores(both, "Europe/Brussels", RULE)
    assert scores[-1] == 0
    assert np.isnan(robust_scores(both, "UTC", RULE)[-1])  # at 10:00 UTC nothing was before


def test_an_hour_that_comes_twice_is_judged_twice_and_remembered_once() -> None:
    before = [(0, f"2025-10-{16 + n}T00:00", 40.0) for n in range(10)]  # 02:00 in Brussels
    rows = [
        *before,
        (0, "2025-10-26T00:00", 40.0),
        (0, "2025-10-26T01:00", 70.0),
        (0, "2025-10-27T01:00", 40.0),
    ]
    scores = robust_scores(table([PRICE], rows), "Europe/Brussels", RULE)
    assert scores[-3:].tolist() == [0, 30, 0]
    only_yesterday = SpikeRule(threshold=5.0, days=1, least=1, floor=1.0)
    scores = robust_scores(table([PRICE], rows), "Europe/Brussels", only_yesterday)
    assert scores[-1] == 0  # from the first of the two, 40, and not from 70


def test_rows_before_since_are_history_only() -> None:
    values = [30.0] * 10 + [99.0, 30.0, 99.0]
    verdict = check_spikes(days(values), "UTC", RULE, since=datetime(2025, 6, 12, tzinfo=UTC))
    assert verdict.rows.tolist() == [12]


def test_gaps_and_forecasts_have_no_score() -> None:
    some = days([30.0] * 10 + [99.0])
    forecast = table(
        [PRICE],
        [(0, "2025-06-11T12:00", 99.0)],
        issued_at=np.array(["2025-06-01"], "datetime64[us]"),
    )
    assert np.isnan(robust_scores(forecast, "UTC", RULE)).all()
    assert np.isnan(robust_scores(some, "UTC", RULE, since=datetime(2026, 1, 1, tzinfo=UTC))).all()
    assert len(robust_scores(Observations.empty(), "UTC", RULE)) == 0


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 1), st.floats(-500, 4000)),
        min_size=1,
        max_size=60,
    )
)
def test_scores_equal_a_plain_count(rows: list[tuple[int, int, float]]) -> None:
    by_day = {(day, code): value for day, code, value in rows}
    keys = sorted(by_day)
    some = table(
        [PRICE, OTHER],
        [
            (code, f"{date(2025, 1, 1) + timedelta(day)}T05:00", by_day[day, code])
            for day, code in keys
        ],
    )
    for (day, code), score in zip(keys, robust_scores(some, "UTC", RULE).tolist(), strict=True):
        before = [by_day[d, code] for d in range(day - RULE.days, day) if (d, code) in by_day]
        if len(before) < RULE.least:
            assert np.isnan(score)
            continue
        middle = median(before)
        scale = max(1.4826 * median(abs(value - middle) for value in before), RULE.floor)
        assert score == pytest.approx((by_day[day, code] - middle) / scale, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    "wrong", [{"floor": 0.0}, {"threshold": -1.0}, {"least": 11}, {"least": 0}]
)
def test_a_spike_rule_is_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidRequest):
        SpikeRule(**{"threshold": 5.0, "days": 10, "least": 5, "floor": 1.0, **wrong})  # type: ignore[arg-type]


# ---------------------------------------------------------------- parts and totals

LMP = AddsUp(
    total="price",
    parts=("price_energy", "price_congestion", "price_loss", "price_ghg"),
    tolerance=0.01,
    optional=("price_ghg",),
)


def lmp(place: str, *measures: str) -> list[SeriesId]:
    return [SeriesId("demo", "day_ahead", measure, "node", place) for measure in measures]


FOUR = ("price", "price_energy", "price_congestion", "price_loss")


def test_parts_add_up_within_the_tolerance() -> None:
    series = [*lmp("A", *FOUR), *lmp("B", *FOUR)]
    start = "2025-01-01T00:00"
    values = [20.0, 25.0, -4.0, -1.01, 20.0, 25.0, -4.0, -1.02]  # off by 0.01 and by 0.02
    some = table(series, [(code, start, value) for code, value in enumerate(values)])
    verdict = check_adds_up(some, [LMP])
    assert verdict.rows.tolist() == [4]
    assert [(one.series, one.rule) for one in verdict.findings] == [(series[4], "adds_up")]


def test_an_optional_part_counts_where_it_is() -> None:
    series = lmp("A", *FOUR, "price_ghg")
    rows = [
        (code, "2025-01-01T00:00", value) for code, value in enumerate([30.0, 20.0, 1.0, 2.0, 7.0])
    ]
    rows += [(code, "2025-01-01T01:00", value) for code, value in enumerate([30.0, 20.0, 1.0, 2.0])]
    assert check_adds_up(table(series, rows), [LMP]).rows.tolist() == [5]


def test_a_part_that_does_not_apply_is_nothing_and_one_that_is_not_there_is_told() -> None:
    series = lmp("A", *FOUR)
    nothing = float("nan")
    rows = [
        (code, "2025-01-01T00:00", value) for code, value in enumerate([30.0, 20.0, 10.0, nothing])
    ]
    some = table(series, rows, state=[State.OK] * 3 + [State.NOT_APPLICABLE])
    assert check_adds_up(some, [LMP]).findings == ()
    verdict = check_adds_up(table(series, rows, state=[State.OK] * 3 + [State.MISSING]), [LMP])
    assert (verdict.rows.tolist(), len(verdict.findings)) == ([], 1)
    assert "a part that is not there" in verdict.findings[0].message
    assert len(check_adds_up(table(series, rows[:3]), [LMP]).findings) == 1


def test_a_total_that_is_not_there_is_not_compared() -> None:
    series = lmp("A", *FOUR)
    rows = [(code, "2025-01-01T00:00", 1.0) for code in (1, 2, 3)]
    assert check_adds_up(table(series, rows), [LMP]).findings == ()
    assert check_adds_up(table([PRICE], [(0, "2025-01-01T00:00", 1.0)]), []).findings == ()
    assert check_adds_up(Observations.empty(), [LMP]).findings == ()


def test_vintages_add_up_each_for_itself() -> None:
    series = lmp("A", "price", "price_energy")
    rule = AddsUp(total="price", parts=("price_energy",), tolerance=0.0)
    rows = [(0, "2025-01-01T00:00", 1.0), (0, "2025-01-01T00:00", 2.0)]
    rows += [(1, "2025-01-01T00:00", 2.0), (1, "2025-01-01T00:00", 1.0)]
    first, second = "2024-12-30", "2024-12-31"
    aligned = np.array([first, second, second, first], dtype="datetime64[us]")
    crossed = np.array([first, second, first, second], dtype="datetime64[us]")
    assert check_adds_up(table(series, rows, issued_at=aligned), [rule]).rows.tolist() == []
    assert check_adds_up(table(series, rows, issued_at=crossed), [rule]).rows.tolist() == [0, 1]


def test_verdicts_join_with_each_row_once() -> None:
    joined = Verdict.join([Verdict(np.array([3, 1])), Verdict(np.array([1, 2]))])
    assert joined.rows.tolist() == [1, 2, 3]
    assert Verdict.join([]).rows.tolist() == []
