"""The naive forecasts, by hand."""

from datetime import date, timedelta

import numpy as np
import pytest

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Horizon
from carbon254.plugins.models.naive.model import Naive, NaiveParameters
from carbon254.ports.testing.fakes.models import card
from carbon254.ports.testing.models import PRICE, made_up, reader_of

MONDAY = date(2025, 6, 9)


def said(day: date, parameters: NaiveParameters, count: int = 1, gap: date | None = None) -> list:
    """Each day's price is the number of its day in the month, so that a forecast tells whom it repeats."""
    tables = made_up(41, 24)
    for place in range(41):
        tables[PRICE][place] = (day - timedelta(40 - place)).toordinal()
    if gap is not None:
        tables[PRICE][40 - (day - gap).days, 5] = np.nan
    reader = reader_of(day, 40, tables=tables)
    model = Naive(card("naive"))
    state = model.fit(reader, reader.origin, parameters, 1)
    made = model.predict(state, reader, Horizon(reader.subject.grid, day, count))
    return [date.fromordinal(int(one)) for one in made.value[::24]]


@pytest.mark.parametrize("place", range(7))
def test_tuesday_to_friday_repeat_yesterday_and_the_others_last_week(place: int) -> None:
    day = MONDAY + timedelta(place)
    back = 1 if place in (1, 2, 3, 4) else 7
    assert said(day, NaiveParameters()) == [day - timedelta(back)]


def test_a_season_is_always_as_long() -> None:
    parameters = NaiveParameters(rule="seasonal", season=2)
    assert said(MONDAY, parameters) == [MONDAY - timedelta(2)]


def test_what_is_not_known_is_looked_for_a_week_earlier() -> None:
    tuesday = MONDAY + timedelta(1)
    assert said(tuesday, NaiveParameters(), gap=MONDAY) == [MONDAY - timedelta(7)]
    assert said(tuesday, NaiveParameters(), count=2) == [MONDAY, tuesday - timedelta(7)]


def test_without_history_there_is_a_reason() -> None:
    tables = made_up(41, 24)
    tables[PRICE][:] = np.nan
    reader = reader_of(MONDAY, 40, tables=tables)
    model = Naive(card("naive"))
    with pytest.raises(InvalidRequest, match="7 days before 2025-06-09"):
        model.predict(NaiveParameters(), reader, Horizon(reader.subject.grid, MONDAY))
