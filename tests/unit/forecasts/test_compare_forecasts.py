"""Kept and imported forecasts beside what came, where resolutions and clocks change."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from attrs import evolve

from carbon254.core.domain.backtests import Conditions
from carbon254.core.domain.errors import InvalidRequest, NotFound
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.usecases.compare_forecasts import merged
from carbon254.core.usecases.run_forecast import ForecastRequest
from carbon254.core.usecases.score_forecasts import scores

from .conftest import EVERYTHING, GRID, PRICE, Desk, published_at

CHANGE = date(2025, 10, 1)  # the German auction went from hours to quarters
BEFORE, LONG = CHANGE - timedelta(1), date(2025, 10, 26)


@pytest.fixture
def changed(desk: Desk) -> Desk:
    """Hours that are 10 until the change, then quarters that are 20; and a forecast of both days made before it."""
    hours = GRID.starts(date(2025, 9, 1), BEFORE)
    desk.record(PRICE, hours, np.full(len(hours), 10.0), published_at(hours, 13))
    quarters = desk.subjects.grid(PRICE, CHANGE).starts(CHANGE, LONG)
    desk.record(
        PRICE, quarters, np.full(len(quarters), 20.0), published_at(quarters, 13), minutes=15
    )
    request = ForecastRequest(
        series=PRICE,
        model="repeat",
        configuration="kept",
        day=BEFORE,
        conditions=Conditions(days=2),
    )
    desk.forecast.run(request, EVERYTHING)
    return desk


def span(first: date, last: date) -> Window:
    return GRID.window(first, last)


def test_hours_are_scored_on_the_quarters_that_came(changed: Desk) -> None:
    found = merged(changed.comparison.stored(PRICE, ["kept"], span(BEFORE, CHANGE), EVERYTHING))
    assert [(one.grid.slots, len(one)) for one in found] == [(24, 24), (96, 96)]
    rows = [scores(one)[0] for one in found]
    assert [row["mae"] for row in rows] == [0.0, 10.0]
    assert [row["scored"] for row in rows] == [24, 96]
    assert set(found[1].origin.tolist()) == set(found[0].origin.tolist())


def test_the_first_day_is_that_of_the_markets_clock(changed: Desk) -> None:
    """In Brussels the day of the change begins on the evening before, in UTC."""
    (table,) = merged(changed.comparison.stored(PRICE, ["kept"], span(CHANGE, CHANGE), EVERYTHING))
    assert table.grid.slots == 96


def test_a_day_of_25_hours_out_of_a_file_is_scored_on_a_hundred_quarters(changed: Desk) -> None:
    starts = changed.subjects.grid(PRICE, LONG).starts(LONG)
    text = "start,theirs\n" + "".join(f"{start}Z,21\n" for start in starts)
    (found,) = changed.comparison.imported("f.csv", text.encode(), PRICE, EVERYTHING)
    assert found[0] == "f.csv"
    (row,) = scores(found[1])
    assert (row["scored"], row["mae"], row["bias"]) == (100, 1.0, 1.0)
    assert found[1].unit == "EUR/MWh"


def test_starts_without_an_offset_or_off_the_grid_are_set_beside_nothing(changed: Desk) -> None:
    text = "start,theirs\n2025-10-02T00:00,21\n2025-10-02T00:15,21\n"
    with pytest.raises(InvalidRequest, match="offset"):
        changed.comparison.imported("f.csv", text.encode(), PRICE, EVERYTHING)
    text = "start,theirs\n2025-10-02T00:07Z,21\n2025-10-02T00:22Z,21\n"
    (found,) = changed.comparison.imported("f.csv", text.encode(), PRICE, EVERYTHING)
    assert scores(found[1])[0]["scored"] == 0


def test_a_configuration_that_said_nothing_is_told(changed: Desk) -> None:
    with pytest.raises(NotFound, match="said nothing"):
        changed.comparison.stored(PRICE, ["kept"], span(LONG, LONG), EVERYTHING)
    other = evolve(PRICE, market="nowhere")
    assert isinstance(other, SeriesId)
    with pytest.raises(NotFound, match="nowhere"):
        changed.comparison.stored(other, ["kept"], span(LONG, LONG), EVERYTHING)
