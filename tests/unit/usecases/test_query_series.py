"""Questions that cannot be answered are refused with a stable code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from carbon254.core.domain.documents import Document
from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.errors import InvalidRequest, NotEntitled, NotFound
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, parse_day, parse_instant
from carbon254.core.domain.vocabulary import Flag, State
from carbon254.core.usecases.query_series import Question

Make = Callable[..., Document]
ZONE = SeriesId.parse("toy/day_ahead/price/zone/DE")
EVERYTHING = Scope.everything()
DAY = Window(datetime(2025, 6, 4, 22, tzinfo=UTC), datetime(2025, 6, 5, 22, tzinfo=UTC))


def test_every_interval_is_answered_with_a_value_or_a_reason(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0, "2025-06-05T11": None}))
    (answer,) = world.query.run(Question((ZONE,), window=DAY), EVERYTHING)
    assert len(answer) == 24
    assert (answer.count(State.OK), answer.count(State.MISSING), answer.count(State.LATE)) == (
        1,
        1,
        22,
    )


def test_a_history_tells_every_revision_and_why_the_rest_is_not_there(
    world: Any, document: Make
) -> None:
    world.run(document({"2025-06-05T10": 1.0}))
    world.run(document({"2025-06-05T10": 2.0}, name="again.txt"))
    question = Question((ZONE,), window=DAY, include_history=True)
    (answer,) = world.query.run(question, EVERYTHING)
    told = answer.value[answer.state == State.OK].tolist()
    assert (told, answer.count(State.LATE), len(answer)) == ([1.0, 2.0], 23, 25)
    assert answer.interval_start.tolist() == sorted(answer.interval_start.tolist())
    rows = answer.batch >= 0
    assert (answer.state[rows] == State.OK).all()
    assert (answer.state[~rows] == State.LATE).all()


@pytest.mark.parametrize("clock", ["as_of", "published_by"])
def test_a_naive_time_is_refused(world: Any, document: Make, clock: str) -> None:
    world.run(document({"2025-06-05T10": 1.0}))
    naive = datetime(2025, 6, 5, 12)  # noqa: DTZ001 - that is the point
    with pytest.raises(InvalidRequest, match="no UTC offset"):
        world.query.run(Question((ZONE,), **{clock: naive}), EVERYTHING)
    with pytest.raises(InvalidRequest, match="no UTC offset"):
        Selection((ZONE,), **{clock: naive})


def test_a_window_of_naive_times_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="no UTC offset"):
        Window(datetime(2025, 6, 5), datetime(2025, 6, 6))  # noqa: DTZ001 - that is the point


def test_a_window_turned_round_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"ends .* before it starts"):
        Window(DAY.end, DAY.start)


@pytest.mark.parametrize("year", [1, 1899, 2201, 9999])
def test_a_year_too_large_or_small_is_refused(year: int) -> None:
    with pytest.raises(InvalidRequest, match="years 1900 to 2200"):
        Window(datetime(year, 12, 31, 23, tzinfo=UTC), datetime(year, 12, 31, 23, tzinfo=UTC))


@pytest.mark.parametrize(
    "text", ["10000-01-01T00:00Z", "20250-06-05T00:00Z", "2025-06-05T10:00", "yesterday", ""]
)
def test_text_that_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_instant(text)


@pytest.mark.parametrize("text", ["9999-01-01", "2025-02-30", "5 June"])
def test_text_that_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_day(text)


def test_an_unknown_series_is_not_found(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0}))
    with pytest.raises(NotFound, match="ATLANTIS"):
        world.query.run(
            Question((SeriesId.parse("toy/day_ahead/price/zone/ATLANTIS"),)), EVERYTHING
        )


def test_a_series_that_the_card_promises_is_answered_before_its_first_document(world: Any) -> None:
    (answer,) = world.query.run(Question((ZONE,), window=DAY), EVERYTHING)
    assert answer.count(State.LATE) == 24
    assert answer.unit == "EUR/MWh"


@pytest.mark.parametrize(
    "text",
    ["toy/day_ahead/price/zone", "toy/day_ahead/price_of_fish/zone/DE", "toy/day_ahead/generation_peat2/zone/DE",
     "toy/day_ahead/price/galaxy/DE", "toy/noon/price/zone/DE", "toy/day_ahead/price/zone/=2"],
)  # fmt: skip
def test_text_that_names_no_series_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        SeriesId.parse(text)


def test_a_question_without_series_is_refused(world: Any) -> None:
    with pytest.raises(InvalidRequest, match="at least one series"):
        world.query.run(Question(), EVERYTHING)


def test_an_instant_after_the_last_commit_is_refused(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0}))
    with pytest.raises(InvalidRequest, match="last commit"):
        world.query.run(Question((ZONE,), as_of=datetime(2025, 6, 6, 13, tzinfo=UTC)), EVERYTHING)


def test_a_series_outside_the_scope_is_refused_whether_it_exists_or_not(
    world: Any, document: Make
) -> None:
    world.run(document({"2025-06-05T10": 1.0}))
    scope = Scope((SeriesPattern("other"),))
    for location in ("DE", "ATLANTIS"):
        with pytest.raises(NotEntitled):
            world.query.run(
                Question((SeriesId.parse(f"toy/day_ahead/price/zone/{location}"),)), scope
            )
    assert world.query.run(Question(patterns=(SeriesPattern("toy"),)), scope) == []


def test_an_answer_of_a_synthetic_store_says_so(world: Any, document: Make) -> None:
    world.run(document({"2025-06-05T10": 1.0}), synthetic=True)
    (answer,) = world.query.run(Question((ZONE,)), EVERYTHING)
    assert answer.synthetic
    assert answer.flags[0] & Flag.SYNTHETIC
