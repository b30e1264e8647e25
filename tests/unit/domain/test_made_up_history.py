"""A long made-up history as one document: the values of `synthesise`, said to be made up."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from carbon254.core.domain.cards import read_card
from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import DocumentDamaged, InvalidRequest
from carbon254.core.domain.forecast_documents import locate_line, market_of
from carbon254.core.domain.made_up_history import (
    make_history,
    market_of_history,
    read_history,
)
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.synthetic import synthesise
from carbon254.core.domain.time import Window, day_window

CARD = read_card(Path(__file__).parents[3] / "plugins/markets/caiso/market.toml")
NP15 = SeriesId.parse("caiso/day_ahead/price/hub/TH_NP15_GEN-APND")
WIND = SeriesId.parse("caiso/forecast-dam/generation_wind/hub/TH_NP15_GEN-APND")
LONG = date(2026, 11, 1)
ZONE = "America/Los_Angeles"
WINDOW = Window(day_window(date(2026, 10, 31), ZONE).start, day_window(LONG, ZONE).end)


def test_the_values_are_those_that_the_market_would_write() -> None:
    made = read_history(make_history(CARD, NP15, "day_ahead_lmp", WINDOW))
    own = synthesise(CARD, "day_ahead_lmp", WINDOW)
    rows = own.code == own.series.index(NP15)
    assert len(made) == 49  # a day of 24 hours and one of 25
    assert made.value.tolist() == own.value[rows].tolist()
    assert made.interval_start.tolist() == own.interval_start[rows].tolist()
    assert made.units == ("USD/MWh",)
    assert np.isnat(made.issued_at).all()


def test_a_measure_that_no_document_holds_yet_is_made_up_too() -> None:
    made = read_history(make_history(CARD, WIND, "load", WINDOW))
    assert made.series == (WIND,)
    assert made.units == ("MW",)
    assert (made.value >= 0).all()
    assert made.issued_at[0] == np.datetime64(
        "2026-10-30T16:10"
    )  # ten past nine in California, the day before


def test_it_says_that_it_is_made_up_and_its_numbers_are_found() -> None:
    document = make_history(CARD, NP15, "day_ahead_lmp", WINDOW)
    assert b"SYNTHETIC" in document.body.split(b"\n")[0]
    assert market_of_history(document) == "caiso"
    assert market_of(document) is None
    made = read_history(document)
    line = locate_line(document, Locator.unpack(int(made.locator[7])))
    assert repr(float(made.value[7])).encode() in line


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"carbon254":"made_up_history"}\n',
        b'{"carbon254":"made_up_history","series":"a/b","unit":"MW"}\n[1]\n',
        b'{"carbon254":"made_up_history","series":"caiso/actual/load/area/X","unit":"MW"}\n',
        b'{"carbon254":"made_up_history","series":"caiso/actual/load/area/X","unit":"MW"}\n["2026-01-01",null]\n',
    ],
)
def test_a_damaged_one_is_refused(body: bytes) -> None:
    with pytest.raises(DocumentDamaged):
        read_history(Document("x", body))


def test_what_is_no_such_document_is_nobodys() -> None:
    assert market_of_history(Document("x", b"{}")) is None
    assert market_of_history(Document("x", b'{"carbon254":"made_up_history"')) is None
    with pytest.raises(InvalidRequest):
        make_history(
            CARD,
            NP15,
            "nowhere",
            Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)),
        )
