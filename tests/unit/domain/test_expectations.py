"""Expected answers are typed by hand in UTC: Brussels is UTC+1 in winter and UTC+2 in summer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.expectations import (
    DerivedStates,
    derive_states,
    expected_intervals,
    publication_times,
)
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import State

Cards = Callable[..., MarketCard]
ZONE = SeriesId("demo", "day_ahead", "price", "zone", "X")
HOURLY = """
class = "grid"
day_zone = "Europe/Brussels"
due = "D-1 14:00"
resolution = [{ length = "PT1H" }]
"""
COUPLED = """
class = "grid"
day_zone = "Europe/Brussels"
due = "D-1 14:00"
final_after = "P2D"
resolution = [
    { length = "PT30M", locations = ["SEM"] },
    { length = "PT1H", to = 2025-10-01 },
    { length = "PT15M", from = 2025-10-01 },
]
"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def between(start: str, end: str) -> Window:
    return Window(at(start), at(end))


def instants(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[us]")


def minutes(column: np.ndarray) -> list[str]:
    return column.astype("datetime64[m]").astype(str).tolist()


def answer(
    card: MarketCard,
    window: Window,
    now: str,
    starts: np.ndarray | None = None,
    ends: np.ndarray | None = None,
    states: list[State] | None = None,
    issued: np.ndarray | None = None,
    series: SeriesId = ZONE,
) -> DerivedStates:
    none = instants()
    starts = none if starts is None else starts
    return derive_states(
        card,
        series,
        window,
        at(now),
        starts=starts,
        ends=none if ends is None else ends,
        states=np.array([State.OK] * len(starts) if states is None else states, dtype=np.uint8),
        issued=issued,
    )


def told(result: DerivedStates) -> list[tuple[str, str, str, int]]:
    return [
        (str(start)[5:16], str(end)[5:16], State(state).word, row)
        for start, end, state, row in zip(
            result.interval_start,
            result.interval_end,
            result.state.tolist(),
            result.row.tolist(),
            strict=True,
        )
    ]


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [
        ("2025-03-29T23:00", "2025-03-30T22:00", 23),
        ("2025-10-24T22:00", "2025-10-25T22:00", 24),
        ("2025-10-25T22:00", "2025-10-26T23:00", 25),
    ],
)
def test_a_day_has_as_many_hours_as_it_lasts(
    card_of: Cards, start: str, end: str, count: int
) -> None:
    starts, ends = expected_intervals(card_of(HOURLY), ZONE, between(start, end))
    assert len(starts) == count
    assert starts[0] == np.datetime64(start)
    assert ends[-1] == np.datetime64(end)
    assert np.array_equal(starts[1:], ends[:-1])


def test_resolution_changes_on_the_first_of_october_by_brussels_days(card_of: Cards) -> None:
    starts, ends = expected_intervals(
        card_of(COUPLED), ZONE, between("2025-09-30T20:00", "2025-09-30T23:00")
    )
    assert minutes(starts) == [
        "2025-09-30T20:00",
        "2025-09-30T21:00",
        "2025-09-30T22:00",
        "2025-09-30T22:15",
        "2025-09-30T22:30",
        "2025-09-30T22:45",
    ]
    assert ends[1] == np.datetime64("2025-09-30T22:00")


def test_resolution_of_one_place_is_its_own(card_of: Cards) -> None:
    sem = SeriesId("demo", "day_ahead", "price", "zone", "SEM")
    starts, _ = expected_intervals(
        card_of(COUPLED), sem, between("2025-09-30T22:00", "2025-10-01T22:00")
    )
    assert len(starts) == 48


def test_a_window_takes_the_intervals_that_start_in_it(card_of: Cards) -> None:
    starts, _ = expected_intervals(
        card_of(HOURLY), ZONE, between("2025-01-01T10:30", "2025-01-01T12:00")
    )
    assert minutes(starts) == ["2025-01-01T11:00"]


def test_an_empty_window_expects_nothing(card_of: Cards) -> None:
    window = between("2025-01-01T10:00", "2025-01-01T10:00")
    assert len(expected_intervals(card_of(HOURLY), ZONE, window)[0]) == 0
    assert len(answer(card_of(HOURLY), window, "2025-01-02T00:00")) == 0


def test_a_place_is_expected_from_its_first_to_before_its_last_day(card_of: Cards) -> None:
    places = """
    [[location]]
    kind = "zone"
    code = "X"
    from = 2025-01-02
    to = 2025-01-03
    """
    window = between("2025-01-01T00:00", "2025-01-05T00:00")
    starts, ends = expected_intervals(card_of(HOURLY, places=places), ZONE, window)
    assert (starts[0], ends[-1]) == (
        np.datetime64("2025-01-01T23:00"),
        np.datetime64("2025-01-02T23:00"),
    )
    assert len(starts) == 24


def test_a_place_that_is_not_expected_has_no_gaps(card_of: Cards) -> None:
    places = '[[location]]\nkind = "zone"\ncode = "X"\nexpected = false'
    window = between("2025-01-01T00:00", "2025-01-05T00:00")
    assert len(expected_intervals(card_of(HOURLY, places=places), ZONE, window)[0]) == 0


def test_a_place_with_a_day_of_its_own_is_asked_by_that_day(card_of: Cards) -> None:
    places = (
        '[[location]]\nkind = "zone"\ncode = "X"\nday_zone = "Europe/Dublin"\nfrom = 2025-01-02'
    )
    starts, _ = expected_intervals(
        card_of(HOURLY, places=places), ZONE, between("2025-01-01T20:00", "2025-01-02T02:00")
    )
    assert minutes(starts) == ["2025-01-02T00:00", "2025-01-02T01:00"]


def test_a_run_is_expected_on_the_days_its_nature_is_declared_for(card_of: Cards) -> None:
    run = (
        '[runs.day_ahead]\ntitle = "From May"\nnature = [{ word = "settles", from = 2025-05-01 }]\n'
    )
    starts, _ = expected_intervals(
        card_of(HOURLY, run=run), ZONE, between("2025-04-29T00:00", "2025-05-01T00:00")
    )
    assert minutes(starts) == ["2025-04-30T22:00", "2025-04-30T23:00"]


def test_a_series_no_dataset_feeds_has_rows_and_no_gaps(card_of: Cards) -> None:
    hub = SeriesId("demo", "day_ahead", "price", "hub", "X")
    result = answer(
        card_of(HOURLY),
        between("2025-01-01T00:00", "2025-01-02T00:00"),
        "2025-02-01T00:00",
        instants("2025-01-01T05:00"),
        instants("2025-01-01T06:00"),
        series=hub,
    )
    assert told(result) == [("01-01T05:00", "01-01T06:00", "ok", 0)]


def test_a_dataset_without_resolution_has_no_gaps(card_of: Cards) -> None:
    card = card_of('class = "grid"\nday_zone = "Europe/Brussels"\ndue = "D-1 14:00"')
    assert (
        len(answer(card, between("2025-01-01T00:00", "2025-01-02T00:00"), "2025-02-01T00:00")) == 0
    )


def test_a_day_that_its_resolution_does_not_divide_is_refused(card_of: Cards) -> None:
    card = card_of(HOURLY.replace("Europe/Brussels", "Australia/Lord_Howe"))
    with pytest.raises(InvalidRequest, match="no multiple of PT1H"):
        expected_intervals(card, ZONE, between("2025-04-05T14:00", "2025-04-06T10:00"))


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("2025-09-30T11:59:59", "pending"),  # due on 30 September at 14:00 in Brussels, UTC+2
        ("2025-09-30T12:00", "late"),
        ("2025-10-02T11:59:59", "late"),
        ("2025-10-02T12:00", "missing"),
    ],
)
def test_a_gap_is_pending_then_late_then_missing(card_of: Cards, now: str, state: str) -> None:
    window = between("2025-09-30T22:00", "2025-09-30T22:30")
    assert told(answer(card_of(COUPLED), window, now)) == [
        ("09-30T22:00", "09-30T22:15", state, -1),
        ("09-30T22:15", "09-30T22:30", state, -1),
    ]


def test_without_final_after_a_gap_stays_late(card_of: Cards) -> None:
    window = between("2025-01-01T00:00", "2025-01-01T01:00")
    assert told(answer(card_of(HOURLY), window, "2035-01-01T00:00"))[0][2] == "late"


def test_stored_states_are_answers_and_no_gaps(card_of: Cards) -> None:
    starts = instants("2025-01-01T02:00", "2025-01-01T00:00", "2025-01-01T03:00")
    states = [State.MISSING, State.OK, State.QUARANTINED]
    window = between("2025-01-01T00:00", "2025-01-01T04:00")
    result = answer(
        card_of(HOURLY), window, "2025-01-01T00:00", starts, starts + np.timedelta64(1, "h"), states
    )
    assert told(result) == [
        ("01-01T00:00", "01-01T01:00", "ok", 1),
        ("01-01T01:00", "01-01T02:00", "late", -1),
        ("01-01T02:00", "01-01T03:00", "missing", 0),
        ("01-01T03:00", "01-01T04:00", "quarantined", 2),
    ]
    assert result.gaps.tolist() == [False, True, False, False]


def test_a_row_of_another_length_leaves_only_the_rest_open(card_of: Cards) -> None:
    window = between("2025-01-01T00:00", "2025-01-01T02:00")
    starts, ends = (
        instants("2025-01-01T00:15", "2025-01-01T01:00"),
        instants("2025-01-01T00:30", "2025-01-01T02:00"),
    )
    assert told(answer(card_of(HOURLY), window, "2025-01-02T00:00", starts, ends)) == [
        ("01-01T00:00", "01-01T00:15", "late", -1),
        ("01-01T00:15", "01-01T00:30", "ok", 0),
        ("01-01T00:30", "01-01T01:00", "late", -1),
        ("01-01T01:00", "01-01T02:00", "ok", 1),
    ]


def test_a_row_from_before_the_window_covers_what_it_reaches(card_of: Cards) -> None:
    window = between("2025-10-01T00:30", "2025-10-01T01:15")
    starts, ends = instants("2025-10-01T00:00"), instants("2025-10-01T01:00")
    assert told(answer(card_of(COUPLED), window, "2025-10-01T02:00", starts, ends)) == [
        ("10-01T01:00", "10-01T01:15", "late", -1)
    ]


def test_hours_of_a_clock_change_day_are_all_answered(card_of: Cards) -> None:
    starts = np.arange("2025-10-25T22:00", "2025-10-26T23:00", 60, dtype="datetime64[m]").astype(
        "datetime64[us]"
    )
    keep = starts != np.datetime64("2025-10-26T01:00")  # the second 02:00–03:00 in Brussels
    window = between("2025-10-25T22:00", "2025-10-26T23:00")
    card = card_of(HOURLY)
    result = answer(
        card, window, "2025-11-01T00:00", starts[keep], starts[keep] + np.timedelta64(1, "h")
    )
    assert len(result) == 25
    assert told(result)[3] == ("10-26T01:00", "10-26T02:00", "late", -1)
    assert result.gaps.sum() == 1


IRREGULAR = """
class = "irregular"
day_zone = "Europe/Brussels"
due = "end+PT5M"
max_gap = "PT30M"
final_after = "PT2H"
"""


def test_irregular_gaps_are_longer_than_the_largest_gap(card_of: Cards) -> None:
    starts = instants("2025-01-01T00:10", "2025-01-01T00:40", "2025-01-01T01:20")
    window = between("2025-01-01T00:00", "2025-01-01T01:30")
    assert told(answer(card_of(IRREGULAR), window, "2025-01-01T01:30", starts, starts)) == [
        ("01-01T00:10", "01-01T00:10", "ok", 0),
        ("01-01T00:40", "01-01T00:40", "ok", 1),
        ("01-01T00:40", "01-01T01:20", "late", -1),
        ("01-01T01:20", "01-01T01:20", "ok", 2),
    ]


def test_an_irregular_gap_is_cut_where_its_answer_changes(card_of: Cards) -> None:
    starts, ends = instants("2025-01-01T00:00"), instants("2025-01-01T01:00")
    window = between("2025-01-01T00:00", "2025-01-01T06:00")
    # Cuts end at 01:30, 02:00, …; the cut that ends at 01:30 was due 01:35 and missing from 03:35.
    assert told(answer(card_of(IRREGULAR), window, "2025-01-01T04:00", starts, ends)) == [
        ("01-01T00:00", "01-01T01:00", "ok", 0),
        ("01-01T01:00", "01-01T01:30", "missing", -1),
        ("01-01T01:30", "01-01T03:30", "late", -1),
        ("01-01T03:30", "01-01T06:00", "pending", -1),
    ]


def test_an_irregular_series_told_at_its_start_owes_nothing_before_the_largest_gap(
    card_of: Cards,
) -> None:
    card = card_of(IRREGULAR.replace("end+PT5M", "start"))
    window = between("2025-01-01T00:00", "2025-01-01T00:40")
    assert told(answer(card, window, "2025-01-01T00:29")) == [
        ("01-01T00:00", "01-01T00:40", "pending", -1)
    ]
    assert told(answer(card, window, "2025-01-01T00:30"))[0] == (
        "01-01T00:00",
        "01-01T00:30",
        "late",
        -1,
    )


def test_an_irregular_place_has_gaps_only_on_its_days(card_of: Cards) -> None:
    places = '[[location]]\nkind = "zone"\ncode = "X"\nfrom = 2025-01-02\nto = 2025-01-04'
    window = between("2025-01-01T00:00", "2025-01-09T00:00")
    assert told(answer(card_of(IRREGULAR, places=places), window, "2025-02-01T00:00")) == [
        ("01-01T23:00", "01-03T23:00", "missing", -1)
    ]


def test_events_have_no_gaps(card_of: Cards) -> None:
    card = card_of(
        'class = "events"\nday_zone = "Europe/Berlin"\ndue = "D 11:05"\nresolution = [{ length = "P1D" }]'
    )
    assert (
        len(answer(card, between("2025-01-01T00:00", "2025-02-01T00:00"), "2025-03-01T00:00")) == 0
    )


VINTAGES = """
class = "vintages"
day_zone = "UTC"
due = "issued+PT10M"
final_after = "P1D"
resolution = [{ length = "PT1H" }]
"""


def test_each_issue_answers_for_its_own_holes(card_of: Cards) -> None:
    hour = np.timedelta64(1, "h")
    starts = instants(
        "2025-01-01T06:00", "2025-01-01T08:00", "2025-01-01T07:00", "2025-01-01T08:00"
    )
    issued = instants(
        "2025-01-01T05:00", "2025-01-01T05:00", "2025-01-01T06:00", "2025-01-01T06:00"
    )
    window = between("2025-01-01T06:00", "2025-01-01T10:00")
    result = answer(
        card_of(VINTAGES), window, "2025-01-01T06:05", starts, starts + hour, None, issued
    )
    assert [(*told(result)[n], str(result.issued_at[n])[11:16]) for n in range(len(result))] == [
        ("01-01T06:00", "01-01T07:00", "ok", 0, "05:00"),
        ("01-01T07:00", "01-01T08:00", "late", -1, "05:00"),
        ("01-01T07:00", "01-01T08:00", "ok", 2, "06:00"),
        ("01-01T08:00", "01-01T09:00", "ok", 1, "05:00"),
        ("01-01T08:00", "01-01T09:00", "ok", 3, "06:00"),
        (
            "01-01T09:00",
            "01-01T10:00",
            "pending",
            -1,
            "",
        ),  # no issue reaches it: NaT, counted from its start
    ]


def due_of(card: MarketCard, *starts: str, **options: object) -> list[str]:
    begin = instants(*starts)
    result = publication_times(
        card.dataset("prices"), begin, begin + np.timedelta64(1, "h"), **options
    )  # type: ignore[arg-type]
    return [str(instant)[:16] for instant in result]


def test_rules_of_days_are_due_once_for_each_operating_day(card_of: Cards) -> None:
    starts = ("2025-03-29T22:00", "2025-03-29T23:00", "2025-03-30T21:00", "2025-03-30T22:00")
    assert due_of(card_of(HOURLY), *starts) == [
        "2025-03-28T13:00",  # still 29 March in Brussels
        "2025-03-29T13:00",
        "2025-03-29T13:00",
        "2025-03-30T12:00",  # 31 March, told on the day of the change, UTC+2
    ]


def test_rules_of_edges_and_issues_count_from_them(card_of: Cards) -> None:
    card = card_of(HOURLY)
    assert due_of(card, "2025-01-01T00:00", rule=Rule.parse("end+PT10M")) == ["2025-01-01T01:10"]
    assert due_of(card, "2025-01-01T00:00", rule=Rule.parse("start-PT10M")) == ["2024-12-31T23:50"]
    issued = instants("2025-01-01T03:00", "NaT")
    both = due_of(
        card, "2025-01-01T05:00", "2025-01-01T06:00", rule=Rule.parse("issued+PT5M"), issued=issued
    )
    assert both == ["2025-01-01T03:05", "2025-01-01T06:05"]


def test_business_days_skip_the_weekend_and_a_trading_day_starts_at_four(card_of: Cards) -> None:
    card = card_of(HOURLY + "day_start = 04:00:00\n")
    # Friday 3 January 2025 from 04:00 in Brussels; 03:00 on Saturday still belongs to it.
    starts = ("2025-01-03T02:00", "2025-01-03T03:00", "2025-01-04T02:00", "2025-01-04T03:00")
    assert due_of(card, *starts, rule=Rule.parse("BD+1 17:00")) == [
        "2025-01-03T16:00",
        "2025-01-06T16:00",
        "2025-01-06T16:00",
        "2025-01-06T16:00",
    ]


def test_no_rows_are_due_never(card_of: Cards) -> None:
    assert due_of(card_of(HOURLY)) == []


def test_a_year_of_due_instants_equals_the_rule_row_by_row(card_of: Cards) -> None:
    """Every hundredth row of hours and quarter-hours."""
    card, rule = card_of(COUPLED), Rule.parse("D-1 14:00")
    starts, ends = expected_intervals(card, ZONE, between("2025-01-01T00:00", "2026-01-01T00:00"))
    due = publication_times(card.dataset("prices"), starts, ends)
    for n in range(0, len(starts), 100):
        start = starts[n].item().replace(tzinfo=UTC)
        assert due[n].item().replace(tzinfo=UTC) == rule.at(
            start, start + timedelta(hours=1), day_zone="Europe/Brussels"
        )
