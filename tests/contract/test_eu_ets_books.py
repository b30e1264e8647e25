"""EEX's workbooks of other years, saved again by usual libraries, and in the archive of past years.

The layouts are those of the years' reports; every auction in them is made up.
"""

import io
import struct
import sys
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import DocumentDamaged, FeedFormatChanged, SettingsInvalid
from carbon254.core.domain.observations import Reading, from_instant64
from carbon254.core.domain.vocabulary import Flag, State
from carbon254.ports.testing.market_kit import load_market, rows_of, sample_document
from carbon254.ports.testing.xls import xls_book

MARKET = load_market("eu_ets")
SAMPLES = MARKET.card.path.parent / "samples" / "auctions"
(FIRST,) = (sample_document(path) for path in (SAMPLES / "2025-03-31").iterdir())
SHEET = "Primary Market Auction"

_BIDS = ("Total Amount of Bids", "Number of bids submitted", "Number of successful bids")
TO_2015 = (
    "Date", "Auction Time", "Auction Name", "Contract", "Auction Price €/tCO2", "Minimal Price €/tCO2",
    "Maximal Price €/tCO2", "Mean €/tCO2", "Median €/tCO2", "Auction Volume", *_BIDS, "Cover Ratio",
    "Total Number of Bidders", "Number of Succesful  Bidders", "Total Revenue €", "Country", "Auction Details",
)  # fmt: skip
OF_2016 = (
    "Date", "Time", "Auction Name", "Contract", "Auction Price EUR/tCO2", "Minimum Bid EUR/tCO2",
    "Maximum Bid EUR/tCO2", "Mean Price EUR/tCO2", "Median Price EUR/tCO2", "Auction Volume (tCO2)", *_BIDS,
    "Cover Ratio", "Total Number of Bidders", "Number of Successful Bidders", "Total Revenue EUR", "Country",
    "Certificate", "Auction Details",
)  # fmt: skip
OF_2019 = (
    "Date", "Time", "Auction Name", "Contract", "Auction Price €/tCO2", "Minimum Bid €/tCO2", "Maximum Bid €/tCO2",
    "Mean €/tCO2", "Median €/tCO2", "Auction Volume tCO2", *_BIDS, "Average bid size", "Cover Ratio",
    "Total Number of Bidders", "Number of Successful Bidders", "Total Revenue €", "Country", "Austria\n(AT)",
)  # fmt: skip
VALUES = {
    "auction price": 7.25, "minim": 6.5, "maxim": 9.0, "mean": 7.5, "median": 7.4, "auction volume": 3_000_000,
    "total amount": 7_500_000, "number of bids": 61, "number of successful bids": 22, "cover": 2.5,
    "total number": 17, "number of successful bidders": 12, "number of succesful ": 12, "total revenue": 21_750_000,
}  # fmt: skip
READ = {
    "price": 7.25, "price-min": 6.5, "price-max": 9.0, "price-mean": 7.5, "price-median": 7.4,
    "allowances_offered": 3e6, "allowances_sold": 3e6, "allowances_bid": 7.5e6, "bids": 61, "bids-successful": 22,
    "cover_ratio": 2.5, "bidders": 17, "bidders-successful": 12, "revenue": 21_750_000,
}  # fmt: skip


def auction(columns: Sequence[str], at: datetime, **other: object) -> list[object]:
    """A row of the table: day and time of an auction of Germany, the values above, and what is given by name."""
    words: dict[str, object] = {
        "date": datetime(at.year, at.month, at.day),  # noqa: DTZ001 - a cell is in no zone
        "time": at,
        "auction time": at,
        "auction name": "Auction 3. Period DE",
        "contract": "T3PA",
        "country": "DE",
    }
    words |= {name.replace("_", " "): value for name, value in other.items()}
    return [words.get(name.lower(), _value(name.lower())) for name in columns]


def _value(name: str) -> object:
    said = [value for start, value in VALUES.items() if name.startswith(start)]
    return said[-1] if said else None


def book(columns: Sequence[str], *rows: list[object], above: int = 2) -> Document:
    """A workbook whose table begins in column B below some headings."""
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = SHEET
    for _ in range(above):
        sheet.append([None, "EEX Emissions market / Primary Market Auction"])
    for row in (columns, *rows):
        sheet.append([None, *row])
    return Document("report.xlsx", _saved(made))


def _saved(made: Any) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def read(document: Document) -> Reading:
    assert MARKET.recognise(document) == ("auctions",)
    reading = MARKET.read("auctions", document)
    assert isinstance(reading, Reading)
    return reading


def values(reading: Reading, series: str = "auction-eua/{}/platform/DE") -> dict[str, float]:
    """The values of one auction's measures, of readings that hold one auction of the series' place."""
    rows = rows_of([reading])
    return {
        key.series.measure: row.value
        for key, row in rows.items()
        if str(key.series) == f"eu_ets/{series.format(key.series.measure)}"
    }


def same(first: Reading, second: Reading) -> bool:
    def told(reading: Reading) -> Mapping[object, str]:
        return {key: repr(row._replace(locator=0)) for key, row in rows_of([reading]).items()}

    return told(first) == told(second)


def clock(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 11, 0, 20)  # noqa: DTZ001 - what the cell shows


# ---------------------------------------------------------------- years


@pytest.mark.parametrize(
    ("columns", "year", "above"), [(TO_2015, 2012, 2), (OF_2016, 2016, 2), (OF_2019, 2019, 5)]
)
def test_earlier_layouts_are_read_by_the_names_of_their_columns(
    columns: Sequence[str], year: int, above: int
) -> None:
    reading = read(book(columns, auction(columns, clock(year, 12, 4)), above=above))
    assert values(reading) == READ
    assert from_instant64(reading.published_at[0]) == datetime(year, 12, 4, 10, 0, 20, tzinfo=UTC)
    assert from_instant64(reading.interval_start[0]) == datetime(year, 12, 3, 23, tzinfo=UTC)
    assert reading.findings == ()


def test_allowances_of_the_second_period_are_counted_and_not_read() -> None:
    at = clock(2012, 10, 30)
    rows = (
        auction(TO_2015, at, contract="T2PA"),
        auction(TO_2015, at, contract="EAA2"),
        auction(TO_2015, at),
    )
    reading = read(book(TO_2015, *rows))
    assert (reading.rows_read, dict(reading.rows_ignored)) == (1, {"second_period": 2})
    assert set(reading.rows_ignored) <= set(MARKET.card.dataset("auctions").rows_ignored)
    assert values(reading) == READ


@pytest.mark.parametrize(
    ("name", "platform"),
    [
        ("Auction 3. Period CAP2-EU", "EU"),
        ("Auction 3. Period DE", "DE"),
        ("Auction 3. Period CAP2 PL ", "PL"),
    ],
)
def test_without_a_country_the_name_of_an_auction_says_its_zone(name: str, platform: str) -> None:
    columns = [column for column in OF_2019 if column != "Country"]
    reading = read(book(columns, auction(columns, clock(2018, 7, 3), auction_name=name)))
    assert values(reading, f"auction-eua/{{}}/platform/{platform}") == READ


def test_a_name_that_says_no_zone_is_refused() -> None:
    columns = [column for column in OF_2019 if column != "Country"]
    with pytest.raises(FeedFormatChanged, match="Zone '' is not known"):
        read(book(columns, auction(columns, clock(2018, 7, 3), auction_name="Auction 3. Period")))


def test_a_column_that_came_later_may_be_missing_but_none_that_may_be_renamed() -> None:
    columns = [column for column in TO_2015 if not column.startswith("Median")]
    row = auction(columns, clock(2013, 5, 7))
    reading = read(book(columns, row))
    assert values(reading) == {name: one for name, one in READ.items() if name != "price-median"}
    (finding,) = reading.findings
    assert (finding.rule, "Median" in finding.message) == ("missing_column", True)
    with pytest.raises(FeedFormatChanged, match="Median is missing; left are auction details, mid"):
        read(book([*columns, "Middle €/tCO2"], [*row, 7.4]))


def test_space_around_a_word_is_no_other_word() -> None:
    row = auction(OF_2019, clock(2019, 7, 3), contract="T3PA ", country=" DE")
    assert values(read(book(OF_2019, row))) == READ


@pytest.mark.parametrize("gone", ["Auction Price €/tCO2", "Auction Volume tCO2"])
def test_no_layout_does_without_price_and_volume(gone: str) -> None:
    columns = [column for column in OF_2019 if column != gone]
    with pytest.raises(FeedFormatChanged, match="is missing"):
        read(book(columns, auction(columns, clock(2019, 7, 3))))


def test_since_2020_every_workbook_has_a_status() -> None:
    with pytest.raises(FeedFormatChanged, match="column Status is missing for 2020-07-03"):
        read(book(OF_2019, auction(OF_2019, clock(2020, 7, 3)), above=5))


def test_without_status_and_price_nobody_knows_what_was_sold() -> None:
    bare = auction(OF_2019, clock(2019, 7, 3))
    bare[OF_2019.index("Auction Price €/tCO2")] = None
    rows = {key.series.measure: row for key, row in rows_of([read(book(OF_2019, bare))]).items()}
    for measure in ("price", "allowances_sold"):
        assert rows[measure].state == State.MISSING
        assert not rows[measure].flags & Flag.CANCELLED
    assert rows["allowances_offered"].value == 3_000_000


@pytest.mark.parametrize(
    ("day", "time"),
    [
        ("03.07.2019", "11:00:20"),
        ("2019-07-03", "2019-07-03 11:00:20"),
        ("2019-07-03 00:00:00", "11:00:20.000"),
    ],
)
def test_dates_and_times_as_text_are_read_where_they_say_which_is_the_month(
    day: str, time: str
) -> None:
    row = auction(OF_2019, clock(2019, 7, 3))
    said = book(OF_2019, auction(OF_2019, clock(2019, 7, 3), date=day, time=time))
    assert same(read(said), read(book(OF_2019, row)))


@pytest.mark.parametrize("day", ["07/03/2019", "3 July", "11:00", "", "2019-07-03T00:00:00Z"])
def test_other_texts_are_no_dates(day: str) -> None:
    with pytest.raises(FeedFormatChanged, match="is no date of a spreadsheet"):
        read(book(OF_2019, auction(OF_2019, clock(2019, 7, 3), date=day)))


def test_an_early_auction_without_a_time_claims_no_publication() -> None:
    reading = read(book(OF_2019, auction(OF_2019, clock(2019, 7, 3), time=None)))
    assert values(reading) == READ
    assert np.isnat(reading.published_at).all()
    assert reading.document_stamp is None


# ---------------------------------------------------------------- saved again


def _openpyxl(*, iso: bool) -> bytes:
    made = openpyxl.load_workbook(io.BytesIO(FIRST.body))
    made.iso_dates = iso
    return _saved(made)


def _write_only() -> bytes:
    made = openpyxl.Workbook(write_only=True)
    sheet = made.create_sheet(SHEET)
    for row in openpyxl.load_workbook(io.BytesIO(FIRST.body)).active.iter_rows(values_only=True):
        sheet.append(row)
    return _saved(made)


def _pandas(header: int | None) -> bytes:
    out = io.BytesIO()
    frame = pd.read_excel(io.BytesIO(FIRST.body), header=header)
    frame.to_excel(out, sheet_name=SHEET, header=header is not None, index=False)
    return out.getvalue()


@pytest.mark.parametrize(
    "save",
    [
        lambda: _openpyxl(iso=False),
        lambda: _openpyxl(iso=True),
        _write_only,
        lambda: _pandas(None),
        lambda: _pandas(5),
    ],
    ids=["openpyxl", "openpyxl ISO dates", "openpyxl write-only", "pandas", "pandas header"],
)
def test_a_workbook_that_a_library_saved_again_says_the_same(save: Any) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Workbook contains no default style")
        again = Document("again.xlsx", save())
    assert same(read(again), read(FIRST))


# ---------------------------------------------------------------- packing


def archive(members: Mapping[str, bytes]) -> Document:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, body in members.items():
            file.writestr(name, body)
    return Document(
        "emission-spot-primary-market-auction-report-2012-2025-data.zip", out.getvalue()
    )


OF_2018 = [list(OF_2019), auction(OF_2019, clock(2018, 7, 4))]
XLS = xls_book({"Notes": [["made up"]], SHEET: [[], *([None, *row] for row in OF_2018)]})
OLD = book(OF_2019, auction(OF_2019, clock(2019, 7, 3)), above=5)
ARCHIVE = archive(
    {
        "reports/report-2018-data.xls": XLS,
        "reports/report-2019-data.xlsx": OLD.body,
        "__MACOSX/reports/._report-2019-data.xlsx": b"what a system puts beside files",
        "reports/report-2025-data.XLSX": FIRST.body,
    }
)


def test_the_archive_of_past_years_is_read_book_by_book() -> None:
    reading, first = read(ARCHIVE), read(FIRST)
    assert reading.rows_read == 1 + 1 + first.rows_read
    rows = rows_of([reading])
    assert {key: row._replace(locator=0) for key, row in rows.items()}.keys() == {
        *rows_of([read(Document("report-2018-data.xls", XLS))]),
        *rows_of([read(OLD)]),
        *rows_of([first]),
    }
    assert reading.document_stamp == datetime(2025, 3, 31, 9, 0, 31, tzinfo=UTC)
    assert not reading.findings


def test_a_number_of_the_archive_leads_back_to_its_row() -> None:
    (price,) = (
        row.locator
        for key, row in rows_of([read(ARCHIVE)]).items()
        if str(key.series) == "eu_ets/auction-eua/price/platform/PL"
    )
    assert Locator.unpack(price).part == 2  # what a system puts beside files is no member
    fragment = MARKET.locate(ARCHIVE, Locator.unpack(price))
    assert b'<c r="G12" t="n"><v>70.01</v></c>' in fragment


def test_an_archive_with_a_damaged_workbook_is_refused_by_name() -> None:
    damaged = archive({"report-2025-data.xlsx": FIRST.body, "report-2024-data.xlsx": b"cut"})
    with pytest.raises(DocumentDamaged, match=r"report-2024-data\.xlsx: no xlsx workbook"):
        read(damaged)


def test_a_zip_of_other_workbooks_is_not_recognised(tmp_path: Path) -> None:
    other = openpyxl.Workbook()
    other.save(tmp_path / "other.xlsx")
    body = (tmp_path / "other.xlsx").read_bytes()
    assert MARKET.recognise(archive({"a.xlsx": body, "b.xlsx": b"none"})) == ()
    assert MARKET.recognise(archive({"a.csv": b"Date,Contract"})) == ()


def test_an_xls_reads_as_the_xlsx_of_the_same_cells() -> None:
    saved_again = book(*OF_2018, above=1)
    reading = read(Document("report-2018-data.xls", XLS))
    assert same(reading, read(saved_again))
    assert values(reading) == READ
    assert from_instant64(reading.published_at[0]) == datetime(2018, 7, 4, 9, 0, 20, tzinfo=UTC)


def test_a_number_of_an_xls_leads_back_to_its_record() -> None:
    for document in (Document("report-2018-data.xls", XLS), ARCHIVE):
        reading = read(document)
        rows = np.flatnonzero(reading.interval_start < np.datetime64("2019-01-01"))
        assert len(rows) == len(READ)
        for row in rows:
            record = MARKET.locate(document, Locator.unpack(int(reading.locator[row])))
            assert record in XLS
            assert struct.unpack_from("<d", record, 10)[0] == reading.value[row]


def test_an_xls_without_the_sheet_or_cut_short_is_refused() -> None:
    other = Document("other.xls", xls_book({"Overview": OF_2018}))
    assert MARKET.recognise(other) == ()
    with pytest.raises(FeedFormatChanged, match="there are Overview"):
        MARKET.read("auctions", other)
    with pytest.raises(DocumentDamaged, match="cut"):
        read(Document("report-2018-data.xls", XLS[:-100]))


def test_without_xlrd_an_xls_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xlrd", None)
    for document in (Document("report-2018-data.xls", XLS), ARCHIVE):
        with pytest.raises(SettingsInvalid, match=r"report-2018-data\.xls.*carbon254\[xls\]"):
            read(document)
