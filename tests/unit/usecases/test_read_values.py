"""Values as something is made of them: money at each day's rate, pages, sizes. Expected by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from carbon254.core.domain.blocks import Block
from carbon254.core.domain.documents import Document
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import (
    ConversionUnavailable,
    InvalidRequest,
    NotEntitled,
    NotFound,
    TooLarge,
)
from carbon254.core.domain.rates import DayRates
from carbon254.core.domain.resampling import Step
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.usecases.capture_prices import CapturePrices
from carbon254.core.usecases.describe_series import DescribeSeries
from carbon254.core.usecases.find_locations import FindLocations, shows
from carbon254.core.usecases.find_series import FindSeries
from carbon254.core.usecases.query_series import Question
from carbon254.core.usecases.read_values import Ask, ReadValues

Make = Callable[..., Document]
ZONE = SeriesId.parse("toy/day_ahead/price/zone/DE")
EVERYTHING = Scope.everything()
RATES = DayRates(
    "ECB", "EUR", "USD", {date(2025, 3, 30): Fraction("1.25"), date(2025, 3, 31): Fraction(2)}
)


def read(world: Any) -> ReadValues:
    find = FindSeries(world.store, world.query)
    capture = CapturePrices(world.query, world.catalogue)
    return ReadValues(world.query, find, world.catalogue, capture, {"ECB": RATES})


def ask(start: str, hours: int, **more: Any) -> Ask:
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    window = Window(begin, begin + timedelta(hours=hours))
    return Ask(Question((ZONE,), window=window, **more.pop("question", {})), **more)


def spring(document: Make, hours: int = 47) -> Document:
    """30 March 2025 has 23 hours in Berlin: 10 each; 31 March has 24: 20 each."""
    first = datetime(2025, 3, 29, 23, tzinfo=UTC)
    values = {
        f"{first + timedelta(hours=n):%Y-%m-%dT%H}": 10.0 if n < 23 else 20.0 for n in range(hours)
    }
    return document(values)


def test_money_is_converted_at_the_rate_of_its_own_day_before_it_is_averaged(
    world: Any, document: Make
) -> None:
    world.run(spring(document))
    asked = ask("2025-03-29T23:00", 47, currency="USD", fx="ECB")
    (values,) = read(world).run(asked, EVERYTHING, limit=100).values
    assert values.columns["value"].tolist() == [12.5] * 23 + [40.0] * 24
    assert (values.unit, values.done["conversion"]) == (
        "USD/MWh",
        {"from": "EUR/MWh", "to": "USD/MWh", "source": "ECB", "rates": {"2025-03-30": "5/4", "2025-03-31": "2"}},
    )  # fmt: skip
    daily = ask("2025-03-29T23:00", 47, currency="USD", fx="ECB", resample=Step.parse("P1D"))
    (days,) = read(world).run(daily, EVERYTHING, limit=100).values
    assert days.columns["value"].tolist() == [12.5, 40.0]
    assert days.columns["hours"].tolist() == [23.0, 24.0]


def test_a_gap_needs_no_rate(world: Any, document: Make) -> None:
    world.run(spring(document, hours=23))
    asked = ask(
        "2025-03-29T23:00", 71, currency="USD", fx="ECB"
    )  # no rate for 1 April, and no price
    (values,) = read(world).run(asked, EVERYTHING, limit=100).values
    assert values.columns["value"].tolist()[:23] == [12.5] * 23
    assert not values.columns["stored"][23:].any()


@pytest.mark.parametrize(
    "more",
    [{"currency": "USD"}, {"currency": "USD", "fx": "Fed"}, {"currency": "GBP", "fx": "ECB"}],
)
def test_without_its_source_and_rate_no_money_is_converted(
    world: Any, document: Make, more: dict[str, str]
) -> None:
    world.run(spring(document))
    with pytest.raises(ConversionUnavailable):
        read(world).run(ask("2025-03-29T23:00", 47, **more), EVERYTHING, limit=10)


def test_pages_end_at_the_limit_and_go_on_from_their_last_row(world: Any, document: Make) -> None:
    world.run(spring(document))
    asked, found, after = ask("2025-03-29T23:00", 47), [], None
    while True:
        page = read(world).run(asked, EVERYTHING, limit=20, after=after)
        found.append(sum(len(one) for one in page.values))
        after = page.next
        if after is None:
            break
    assert found == [20, 20, 7]


def test_a_block_takes_the_days_of_the_market(world: Any, document: Make) -> None:
    world.run(spring(document))
    asked = ask("2025-03-29T23:00", 47, block=Block.parse("peak_eex"))
    (values,) = read(world).run(asked, EVERYTHING, limit=10).values
    # Sunday has no peak; Monday's 12 hours are 20
    assert values.columns["hours_expected"].tolist() == [0.0, 12.0]
    assert values.columns["value"].tolist()[1] == 20.0


@pytest.mark.parametrize(
    "more",
    [
        {"as_": "energy"}, {"capture": "generation_solar", "as_": "power", "resample": Step.parse("P1D")},
        {"resample": Step.parse("P1D"), "question": {"include_history": True}}, {"day_zone": "Mars/Base"},
        {"block": Block.parse("base"), "resample": Step.parse("PT1H")},
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(world: Any, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        read(world).run(ask("2025-06-05T00:00", 48, **more), EVERYTHING, limit=10)


def test_a_window_of_too_many_intervals_is_refused_before_it_is_read(world: Any) -> None:
    with pytest.raises(TooLarge, match="ask for less"):
        read(world).run(ask("1950-01-01T00:00", 24 * 365 * 150), EVERYTHING, limit=10)


def test_a_volume_outside_the_scope_is_refused(world: Any, document: Make) -> None:
    world.run(spring(document))
    other = "toy/real_time/price/zone/DE"
    scope = Scope((SeriesPattern("toy", "day_ahead"),))
    with pytest.raises(NotEntitled):
        read(world).run(ask("2025-03-29T23:00", 23, capture=other), scope, limit=10)
    with pytest.raises(ConversionUnavailable, match="no volume"):
        read(world).run(ask("2025-03-29T23:00", 23, capture=other), EVERYTHING, limit=10)


# ---------------------------------------------------------------- cards and places


def test_the_card_of_a_series(world: Any, document: Make) -> None:
    world.run(spring(document))
    describe = DescribeSeries(FindSeries(world.store, world.query), world.catalogue)
    card = describe.run(ZONE, EVERYTHING)
    assert (card.name, card.unit, card.basis) == ("Germany", "EUR/MWh", "clearing")
    assert (card.due, card.gate_closure) == ("D-1 14:00", None)
    assert [one.length for one in card.resolution] == [timedelta(hours=1)]
    assert [one.word for one in card.nature] == ["settles"]
    assert card.days
    assert (card.days.zone, card.days.day_start, card.days.label_marks) == (
        "Europe/Berlin",
        "00:00",
        "start",
    )
    assert card.coverage
    assert (card.coverage.rows, card.coverage.first) == (47, datetime(2025, 3, 29, 23, tzinfo=UTC))
    assert describe.run(ZONE, EVERYTHING, as_of=datetime(2025, 1, 1, tzinfo=UTC)).coverage is None
    with pytest.raises(NotEntitled):
        describe.run(ZONE, Scope())
    with pytest.raises(NotFound):
        describe.run(SeriesId.parse("toy/day_ahead/price/zone/ATLANTIS"), EVERYTHING)


@pytest.mark.parametrize(
    ("allow", "deny", "shown"),
    [
        (["toy"], [], True), (["toy/*/*/zone"], [], True), (["toy/*/*/hub"], [], False), (["caiso"], [], False),
        (["toy/day_ahead/price/zone/DE"], [], True), (["toy/*/*/zone/FR"], [], False), ([], [], False),
        (["toy"], ["toy/*/*/zone"], False), (["toy"], ["toy/day_ahead/*/zone"], True),
        (["toy/day_ahead"], ["toy/day_ahead/*/zone/DE"], False), (["toy/day_ahead"], ["toy/*/*/*/DE"], False),
        (["toy/day_ahead", "toy/real_time"], ["toy/day_ahead/*/zone/DE"], True),
    ],
)  # fmt: skip
def test_a_place_is_shown_when_any_series_there_is(
    world: Any, allow: list[str], deny: list[str], shown: bool
) -> None:
    scope = Scope(
        [SeriesPattern.parse(one) for one in allow], [SeriesPattern.parse(one) for one in deny]
    )
    assert shows(scope, "toy", "zone", "DE") is shown
    found = FindLocations(world.records, world.catalogue).run(scope)
    assert [one.place.code for one in found] == (["DE"] if shown else [])
