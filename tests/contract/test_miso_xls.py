"""MISO's BIFF report of load by region: the committed sample, the layout of 2026, and what happens to bad ones."""

import struct
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from carbon254.core.domain.cards import read_card
from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import (
    DocumentDamaged,
    FeedFormatChanged,
    InvalidRequest,
    SettingsInvalid,
)
from carbon254.core.domain.series import SeriesId
from carbon254.plugins.markets.miso.feed import Feed
from carbon254.ports.testing.xls import xls_book

pytest.importorskip("xlrd", reason="the extra 'xls' is not installed")

MISO = Path(__file__).resolve().parents[2] / "plugins" / "markets" / "miso"
SAMPLE = MISO / "samples" / "load_daily" / "20251103_df_al.xls"
PLACES = ("LRZ1", "LRZ2_7", "LRZ3_5", "LRZ4", "LRZ6", "LRZ8_9_10", "MISO")
HEADER = ["Market Day", "HourEnding"] + [
    f"{p} {w} (MWh)" for p in PLACES for w in ("MTLF", "ActualLoad")
]


def workbook(rows: list[list[object]]) -> bytes:
    """An .xls whose first sheet holds rows of text, numbers, dates and None."""
    return xls_book({"Sheet1": rows})


def day_rows(day: date, *, actual: bool) -> list[list[object]]:
    """Made-up load: the area's number times a thousand, and the hour; actual load is a quarter MWh more."""
    rows: list[list[object]] = []
    for hour in range(1, 25):
        row: list[object] = [day, hour]
        for number, _ in enumerate(PLACES, 1):
            forecast = 1000 * number + hour
            row += [forecast, forecast + 0.25 if actual else None]
        rows.append(row)
    return rows


def sample_rows() -> list[list[object]]:
    rows: list[list[object]] = [
        ["FORECASTED AND "],
        ["ACTUAL LOAD REPORT"],
        ["Published Date:", date(2025, 11, 3)],
        ["Reporting Period:", date(2025, 11, 2), "through", date(2025, 11, 3)],
        HEADER,
        ["November 02, 2025"],
        *day_rows(date(2025, 11, 2), actual=True),
        HEADER,
        ["November 03, 2025"],
        *day_rows(date(2025, 11, 3), actual=False),
        ["Made-up numbers in MISO's format."],
    ]
    rows[7 + 9][3] = None  # hour ending 11 of LRZ1 has no actual load: missing
    return rows


def wide_rows() -> list[list[object]]:
    """The layout since 2026-04-27: two more banner rows, blank columns between the others."""

    def spread(row: list[object]) -> list[object]:
        return [value for one in row for value in (one, None)] if len(row) > 4 else row

    return [["MISO"], [None], *(spread(row) for row in sample_rows())]


@pytest.fixture(scope="module")
def feed() -> Feed:
    return Feed(read_card(MISO / "market.toml"))


def document(rows: list[list[object]]) -> Document:
    return Document("20251103_df_al.xls", workbook(rows), "application/vnd.ms-excel")


# ---------------------------------------------------------------- tests


def test_the_committed_sample_is_what_this_file_makes() -> None:
    assert SAMPLE.read_bytes() == workbook(sample_rows())


def test_an_hour_that_ended_before_publication_without_actual_load_is_missing(feed: Feed) -> None:
    reading = feed.read("load_daily", document(sample_rows()))
    assert reading.rows_read == 48
    assert (
        len(reading) == 7 * 24 * 2 + 7 * 24
    )  # both on the first day, the forecast alone on the second
    blank = np.flatnonzero(np.isnan(reading.value))
    assert [str(reading.series[reading.code[row]]) for row in blank] == [
        "miso/actual/load_energy/area/LRZ1"
    ]
    assert reading.interval_start[blank[0]] == np.datetime64("2025-11-02T15:00")


def test_the_layout_of_2026_reads_the_same(feed: Feed) -> None:
    before = feed.read("load_daily", document(sample_rows()))
    after = feed.read("load_daily", document(wide_rows()))
    assert after.series == before.series
    for name in ("interval_start", "value", "issued_at", "code"):
        np.testing.assert_array_equal(after.column(name), before.column(name))


def test_a_locator_leads_to_the_record_of_the_cell(feed: Feed) -> None:
    made = document(sample_rows())
    reading = feed.read("load_daily", made)
    for row in range(0, len(reading), 7):
        if np.isnan(reading.value[row]):
            continue
        fragment = feed.locate(made, Locator.unpack(int(reading.locator[row])))
        assert fragment in made.body
        assert struct.unpack_from("<d", fragment, 10)[0] == reading.value[row]


def test_the_forecast_is_issued_on_the_published_date_and_stamps_the_document(feed: Feed) -> None:
    reading = feed.read("load_daily", document(sample_rows()))
    series = SeriesId.parse("miso/forecast-mtlf/load_energy/system/MISO")
    rows = reading.code == reading.series.index(series)
    assert set(reading.issued_at[rows]) == {np.datetime64("2025-11-03T05:00:00", "us")}
    assert reading.document_stamp == datetime(2025, 11, 3, 5, tzinfo=UTC)
    assert reading.covers is None  # a later vintage must not retract this one


def changed(row: int, column: int, value: object) -> list[list[object]]:
    rows = sample_rows()
    rows[row] = [*rows[row]]
    rows[row][column] = value
    return rows


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(changed(4, 3, "LRZ1 Actual (MWh)"), id="a column renamed"),
        pytest.param(changed(4, 2, "LRZ5 MTLF (MWh)"), id="an unknown area"),
        pytest.param(changed(4, 2, "LRZ1 MTLF (GWh)"), id="another unit"),
        pytest.param(changed(6, 1, 25), id="an hour 25"),
        pytest.param(changed(6, 1, None), id="no hour"),
        pytest.param(changed(6, 2, "n/a"), id="text for a number"),
        pytest.param(changed(6, 0, "2025-11-02"), id="a day as text"),
        pytest.param(changed(2, 1, "soon"), id="no published date"),
    ],
)
def test_a_changed_sheet_is_refused(feed: Feed, rows: list[list[object]]) -> None:
    with pytest.raises(FeedFormatChanged):
        feed.read("load_daily", document(rows))


def test_an_added_column_is_a_finding(feed: Feed) -> None:
    rows = sample_rows()
    rows[4] = [*rows[4], "Remark"]
    assert [found.rule for found in feed.read("load_daily", document(rows)).findings] == [
        "added_column"
    ]


@pytest.mark.parametrize("size", [0, 8, 511, 512, 1024, 1536, 4096, 9000, 512 * 20, 512 * 26])
def test_a_cut_workbook_is_damaged(feed: Feed, size: int) -> None:
    body = workbook(sample_rows())
    assert size < len(body)
    with pytest.raises(DocumentDamaged):
        feed.read("load_daily", Document("20251103_df_al.xls", body[:size]))


@pytest.mark.parametrize("place", range(600, 13_000, 1777))
def test_a_workbook_with_a_hole_is_damaged(feed: Feed, place: int) -> None:
    body = workbook(sample_rows())
    with pytest.raises(DocumentDamaged):
        feed.read("load_daily", Document("20251103_df_al.xls", body[:place] + body[place + 16 :]))


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(["Market Day", "HourEnding", "North ActualLoad (MWh)"], id="load by region"),
        pytest.param(["MarketDay", "HourEnding", "LRZ1", "ActualLoad (MWh)"], id="a year of load"),
    ],
)
def test_other_reports_of_actual_load_are_not_taken_for_this_one(
    feed: Feed, header: list[object]
) -> None:
    assert feed.recognise(document([["Published Date:", date(2025, 11, 3)], header])) == ()
    assert feed.recognise(document(sample_rows())) == ("load_daily",)
    assert feed.recognise(document(wide_rows())) == ("load_daily",)


def test_a_workbook_without_hours_is_damaged(feed: Feed) -> None:
    with pytest.raises(DocumentDamaged):
        feed.read("load_daily", document(sample_rows()[:6]))


def test_without_xlrd_the_message_says_what_to_install(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xlrd", None)
    with pytest.raises(SettingsInvalid, match=r"pip install carbon254\[xls\]"):
        feed.read("load_daily", document(sample_rows()))


def test_nothing_is_printed(feed: Feed, capsys: pytest.CaptureFixture[str]) -> None:
    feed.read("load_daily", document(sample_rows()))
    assert capsys.readouterr() == ("", "")


def test_it_is_not_written(feed: Feed) -> None:
    with pytest.raises(InvalidRequest):
        feed.write("load_daily", feed.read("load_daily", document(sample_rows())))
