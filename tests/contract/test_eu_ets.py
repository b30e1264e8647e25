"""EEX's auction reports: the traps of the format, what is refused, and the way back to the bytes.

Workbooks are the market's samples, or samples whose XML is changed here; none is an operator's document.
"""

import io
import re
import warnings
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import attrs
import numpy as np
import openpyxl
import pytest

from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import (
    DocumentDamaged,
    FeedFormatChanged,
    InvalidRequest,
    TooLarge,
)
from carbon254.core.domain.observations import Reading, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.synthetic import sample_window, synthesise
from carbon254.core.domain.time import Window, day_window, parse_instant
from carbon254.core.domain.vocabulary import Flag, State
from carbon254.ports.testing.market_kit import Key, Row, load_market, rows_of, sample_document

MARKET = load_market("eu_ets")
SAMPLES = MARKET.card.path.parent / "samples" / "auctions"
SHEET, STRINGS, BOOK = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"


def sample(folder: str) -> Document:
    (path,) = (SAMPLES / folder).iterdir()
    return sample_document(path)


FIRST, LATER, ZONE = sample("2025-03-31"), sample("2025-10-27"), sample("2026-01-14")


def edited(document: Document, member: str, edit: Callable[[str], str | None]) -> Document:
    """The document with one member changed, or left out where the edit returns None."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(document.body)) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            text: str | None = old.read(info).decode()
            if info.filename == member:
                changed = edit(text or "")
                assert changed != text, "the edit changed nothing"
                text = changed
            if text is not None:
                new.writestr(zipfile.ZipInfo(info.filename), text)
    return attrs.evolve(document, body=out.getvalue())


def renamed(old: str, new: str, document: Document = FIRST) -> Document:
    """The document with one of its texts changed, such as a column's name."""
    return edited(document, STRINGS, lambda xml: xml.replace(f"<t>{old}</t>", f"<t>{new}</t>"))


def read(document: Document) -> Reading:
    reading = MARKET.read("auctions", document)
    assert isinstance(reading, Reading)
    return reading


def told(document: Document, series: str, day: str) -> Row:
    """What a document says of a series on an auction day."""
    start = int(
        instant64(day_window(date.fromisoformat(day), "Europe/Berlin").start).view(np.int64)
    )
    (row,) = (
        row
        for key, row in rows_of([read(document)]).items()
        if key.series == SeriesId.parse(f"eu_ets/{series}") and key.start == start
    )
    return row


def plain(document: Document) -> dict[Key, str]:
    """A reading without its locators, which may move, and with NaN comparable."""
    return {key: repr(row._replace(locator=0)) for key, row in rows_of([read(document)]).items()}


# ---------------------------------------------------------------- what a row means


def test_eua_and_euaa_of_one_platform_and_day_stay_apart() -> None:
    assert told(FIRST, "auction-eua/price/platform/DE", "2025-03-28").value == 70.4
    assert told(FIRST, "auction-euaa/price/platform/DE", "2025-03-28").value == 69.95


def test_a_cancelled_auction_has_no_price_an_offer_and_nothing_sold() -> None:
    def row(measure: str) -> Row:
        return told(FIRST, f"auction-eua/{measure}/platform/EU", "2025-03-27")

    for measure in ("price", "price-min", "price-max", "price-mean", "price-median", "revenue"):
        assert row(measure).state == State.NOT_APPLICABLE
        assert np.isnan(row(measure).value)
    assert (row("allowances_offered").value, row("allowances_sold").value) == (3_021_500.0, 0.0)
    assert row("allowances_bid").value == 2_961_070.0
    assert all(
        row(m).flags & Flag.CANCELLED
        for m in ("price", "allowances_offered", "allowances_sold", "bids")
    )


def test_an_empty_cell_of_a_successful_auction_is_missing_and_no_zero() -> None:
    row = told(ZONE, "auction-eua/price-min/platform/PL", "2026-01-14")
    assert row.state == State.MISSING
    assert np.isnan(row.value)


def test_zone_of_2026_is_country_of_before() -> None:
    def texts(document: Document) -> str:
        return zipfile.ZipFile(io.BytesIO(document.body)).read(STRINGS).decode()

    assert "<t>Zone</t>" in texts(ZONE)
    assert "<t>Country</t>" not in texts(ZONE)
    assert "<t>Country</t>" in texts(FIRST)
    assert plain(renamed("Country", "Zone")) == plain(FIRST)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Auction Price €/tCO2", "Auction Price EUR/tCO2"),
        ("Auction Price €/tCO2", " auction  price\n(€/tCO₂) "),
        ("Auction Volume tCO2", "Auction Volume"),
        ("Total Revenue €", "Total Revenue EUR"),
        ("Country", "COUNTRY"),
    ],
)
def test_columns_are_found_by_name_however_it_is_written(old: str, new: str) -> None:
    assert plain(renamed(old, new)) == plain(FIRST)
    assert read(renamed(old, new)).findings == ()


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("Auction Price €/tCO2", "Auction Price £/tCO2", "Auction Price"),
        ("Auction Price €/tCO2", "Auction Price €", "comes in '€'"),
        ("Total Revenue €", "Turnover €", "Total Revenue"),
        ("Country", "Land", "Zone"),
        ("Time", "Clock", "Time"),
        ("Average bid size", "Cover Ratio", "stands twice"),
    ],
)
def test_a_column_that_is_gone_or_has_another_unit_is_refused_by_name(
    old: str, new: str, named: str
) -> None:
    with pytest.raises(FeedFormatChanged, match=named):
        read(renamed(old, new))


def test_beneficiaries_come_and_go_and_an_added_column_is_a_finding() -> None:
    assert read(renamed("Austria\n(AT)", "Atlantis\n(QQ)")).findings == ()
    (finding,) = read(renamed("Austria\n(AT)", "Carbon Removal Share")).findings
    assert (finding.rule, "carbon removal share" in finding.message) == ("added_column", True)


@pytest.mark.parametrize(
    ("old", "new"), [("T3PA", "T4PA"), ("cancelled", "postponed"), ("XI", "UK"), ("DE", "de")]
)
def test_an_unknown_contract_status_or_platform_is_refused_by_name(old: str, new: str) -> None:
    with pytest.raises(FeedFormatChanged, match=f"'{new}' is not known"):
        read(renamed(old, new))


def test_two_auctions_of_one_contract_platform_and_day_are_refused() -> None:
    second = renamed(
        "EAA3", "T3PA"
    )  # the aviation auction of Germany becomes a second one of the day
    with pytest.raises(
        FeedFormatChanged, match="stands twice in the document with different value"
    ):
        read(second)


def test_times_are_berlins_in_winter_and_in_summer() -> None:
    published = {
        day: told(LATER, f"auction-eua/price/platform/{place}", day).published_at
        for place, day in (("DE", "2025-03-28"), ("EU", "2025-03-31"), ("EU", "2025-10-27"))
    }
    assert [
        datetime.fromtimestamp(at / 1e6, UTC).isoformat(timespec="milliseconds")
        for at in published.values()
    ] == [
        "2025-03-28T10:00:18.220+00:00",
        "2025-03-31T09:00:21.345+00:00",
        "2025-10-27T10:00:09.750+00:00",
    ]


@pytest.mark.parametrize(
    ("day", "hours"), [("2025-03-30", 23), ("2025-03-31", 24), ("2025-10-26", 25)]
)
def test_the_auction_day_has_as_many_hours_as_berlins_clocks_give_it(day: str, hours: int) -> None:
    moved = _on(date.fromisoformat(day))
    (document,) = MARKET.write("auctions", moved)
    reading = read(document)
    assert set((reading.interval_end - reading.interval_start).tolist()) == {timedelta(hours=hours)}
    assert plain(document).keys() == rows_of([moved]).keys()


def _on(day: date) -> Reading:
    """The sample's auctions of 2025-03-31, held on another day."""
    reading = read(FIRST)
    own = reading.take(reading.interval_start == instant64(parse_instant("2025-03-30T22:00Z")))
    span, count = day_window(day, "Europe/Berlin"), len(own)
    start, end = (np.full(count, instant64(at)) for at in (span.start, span.end))
    at = np.full(count, instant64(span.start + timedelta(hours=12)))
    return attrs.evolve(own, interval_start=start, interval_end=end, published_at=at, covers=None)


def test_a_bare_time_of_day_is_one_of_the_auctions_day() -> None:
    def bare(xml: str) -> str:
        serial = xml.split('<c r="C7" t="n" s="2"><v>')[1].split("</v>", maxsplit=1)[0]
        return xml.replace(serial, str(float(serial) % 1))

    series, day = "auction-eua/price/platform/EU", "2025-03-31"
    assert (
        told(edited(FIRST, SHEET, bare), series, day).published_at
        == told(FIRST, series, day).published_at
    )


def test_a_workbook_that_counts_from_1904_is_read_by_its_own_epoch() -> None:
    def later(xml: str) -> str:
        dates = re.compile(r'(<c r="[BC]\d+" t="n" s="\d"><v>)([\d.]+)')
        return dates.sub(lambda cell: f"{cell[1]}{float(cell[2]) - 1462}", xml)

    book = edited(FIRST, BOOK, lambda xml: xml.replace('date1904="false"', 'date1904="true"'))
    assert plain(edited(book, SHEET, later)).keys() == plain(FIRST).keys()


def test_a_later_workbook_has_a_later_stamp_and_covers_first_to_last_auction() -> None:
    first, later = read(FIRST), read(LATER)
    assert (first.document_stamp, later.document_stamp) == (
        datetime(2025, 3, 31, 9, 0, 31, tzinfo=UTC),
        datetime(2025, 10, 27, 10, 0, 19, tzinfo=UTC),
    )
    assert first.covers == Window(
        parse_instant("2025-03-24T23:00Z"), parse_instant("2025-03-31T22:00Z")
    )
    assert told(LATER, "auction-eua/price/platform/DE", "2025-03-28").value == 70.45  # was 70.40


def test_price_times_volume_is_revenue_and_bids_over_volume_the_cover() -> None:
    for document in (FIRST, LATER, ZONE):
        by_auction: dict[object, dict[str, float]] = {}
        for key, row in rows_of([read(document)]).items():
            one = by_auction.setdefault((key.series.run, key.series.location, key.start), {})
            one[key.series.measure] = row.value
        for one in by_auction.values():
            cover = one["allowances_bid"] / one["allowances_offered"]
            assert round(cover, 2) == one["cover_ratio"]
            assert (
                np.isnan(one["price"])
                or round(one["price"] * one["allowances_sold"], 2) == one["revenue"]
            )


def test_before_the_years_first_auction_there_is_a_table_without_rows() -> None:
    empty = edited(
        FIRST, SHEET, lambda xml: xml.split('<row r="7"')[0] + "</sheetData></worksheet>"
    )
    reading = read(empty)
    assert (len(reading), reading.rows_read, reading.covers) == (0, 0, None)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("member", "old", "new", "named"),
    [
        (SHEET, '<c r="G8" t="n"><v>69.95</v></c>', '<c r="G8" t="e"><v>#N/A</v></c>', "Auction Price '#N/A'"),
        (SHEET, "<v>69.95</v>", "<v>69,95</v>", "'69,95' is no number"),
        (SHEET, 'r="G8"', 'r=""', "where it stands"),
        (BOOK, "Primary Market Auction", "Spot", "no sheet 'Primary Market Auction'"),
        (SHEET, "<v>45743.0</v>", "<v>45740.0</v>", "of another day"),
        (SHEET, '<c r="G10"/>', '<c r="G10" t="n"><v>70.0</v></c>', "cancelled auction of 2025-03-27 has a"),
        (SHEET, '<v>45744.0</v>', '<v>-3.0</v>', "is no date"),
    ],
)  # fmt: skip
def test_what_no_auction_report_holds_is_a_changed_format(
    member: str, old: str, new: str, named: str
) -> None:
    with pytest.raises(FeedFormatChanged, match=named):
        read(edited(FIRST, member, lambda xml: xml.replace(old, new)))


@pytest.mark.parametrize("member", [BOOK, SHEET, "xl/_rels/workbook.xml.rels"])
def test_a_workbook_without_one_of_its_parts_is_damaged(member: str) -> None:
    with pytest.raises(DocumentDamaged):
        read(edited(FIRST, member, lambda xml: None))


def test_a_text_that_is_not_in_the_workbook_is_damage() -> None:
    with pytest.raises(DocumentDamaged, match="is not in the workbook"):
        read(edited(FIRST, STRINGS, lambda xml: xml.split("<si>")[0] + "</sst>"))


def test_a_workbook_that_unpacks_to_more_than_the_limit_is_too_large() -> None:
    small = attrs.evolve(MARKET.card.dataset("auctions"), max_unpacked_bytes=10_000)
    market = type(MARKET)(attrs.evolve(MARKET.card, datasets={"auctions": small}))  # type: ignore[call-arg]
    with pytest.raises(TooLarge):
        market.read("auctions", FIRST)


def test_entities_are_refused() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "c">]><worksheet'
    with pytest.raises(DocumentDamaged, match="entities"):
        read(edited(FIRST, SHEET, lambda xml: xml.replace("<worksheet", bomb, 1)))


# ---------------------------------------------------------------- the same cells, written by other programs


def _unplaced(xml: str) -> str:
    """Cells that do not say where they stand; the empty column A is then a cell too."""
    bare = re.sub(r'<c r="[A-Z]+\d+"', "<c", xml.split("<sheetData>")[1])
    rows = re.sub(r'<row r="(?:[6-9]|1\d)">', lambda row: f"{row[0]}<c/>", bare)
    return f"{xml.split('<sheetData>', maxsplit=1)[0]}<sheetData>{rows}"


def _prefixed(xml: str) -> str:
    return re.sub(r"<(/?)(\w)", r"<\1x:\2", xml).replace("xmlns=", "xmlns:x=")


def _as_iso(xml: str) -> str:
    """Dates as ISO 8601, cells of type d, as openpyxl and SheetJS write them on request."""

    def iso(cell: re.Match[str]) -> str:
        moment = datetime(1899, 12, 30) + timedelta(days=float(cell[2]))  # noqa: DTZ001 - a cell's
        return f'<c r="{cell[1]}" t="d"><v>{moment.isoformat(timespec="milliseconds")}Z</v></c>'

    return re.sub(r'<c r="([BC]\d+)" t="n" s="\d"><v>([\d.]+)</v></c>', iso, xml)


@pytest.mark.parametrize(
    ("member", "edit"),
    [
        (SHEET, lambda xml: re.sub(r'<c r="(\w+)"/>', r'<c r="\1"><v></v></c>', xml)),
        (SHEET, lambda xml: xml.replace("</f></c>", "</f><v/></c>")),
        (SHEET, lambda xml: xml.replace('<row r="8">', '<!-- a --><row r="8"><!-- b -->')),
        (SHEET, lambda xml: re.sub("<v>(.+?)</v>", "<v> \\1\n</v>", xml)),
        (SHEET, _unplaced),
        (SHEET, _prefixed),
        (SHEET, _as_iso),
        (BOOK, lambda xml: xml.replace('"', "'")),
        (STRINGS, lambda xml: xml.replace(
            "<t>Date</t>", '<r><t>Da</t></r><r><t>te</t></r><rPh sb="0" eb="2"><t>x</t></rPh>')),
    ],
    ids=[
        "empty values", "a formula's empty value", "comments", "space in values", "cells without places", "prefixes",
        "dates as ISO 8601", "single quotes", "text in parts",
    ],
)  # fmt: skip
def test_a_workbook_that_another_program_saved_says_the_same(
    member: str, edit: Callable[[str], str]
) -> None:
    again = edited(FIRST, member, edit)
    assert MARKET.recognise(again) == ("auctions",)
    assert plain(again) == plain(FIRST)


def test_the_sheets_may_be_listed_elsewhere() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(FIRST.body)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            body = old.read(name)
            if name == "_rels/.rels":
                body = body.replace(b'Target="xl/workbook.xml"', b'Target="/xl/book.xml"')
            new.writestr(name.replace("workbook.xml", "book.xml"), body)
    moved = attrs.evolve(FIRST, body=out.getvalue())
    assert MARKET.recognise(moved) == ("auctions",)
    assert plain(moved) == plain(FIRST)


@pytest.mark.parametrize(
    ("maker", "stamp"),
    [
        ("<dc:creator>Apache POI</dc:creator>", "2025-03-31T09:00:31+00:00"),
        ("<dc:creator>openpyxl</dc:creator>", "2025-03-31T09:00:21.345000+00:00"),
        ("<dc:creator/>", "2025-03-31T09:00:21.345000+00:00"),
    ],
)
def test_the_time_at_which_another_program_made_a_workbook_is_none_of_eexs(
    maker: str, stamp: str
) -> None:
    def made(xml: str) -> str:
        space = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
        return xml.replace("xmlns:cp", f"{space} xmlns:cp").replace("<dct", f"{maker}<dct", 1)

    found = read(edited(FIRST, "docProps/core.xml", made)).document_stamp
    assert found is not None
    assert found.isoformat() == stamp


def test_without_its_properties_a_workbook_has_the_stamp_of_its_newest_auction() -> None:
    for member in ("docProps/core.xml", "_rels/.rels"):
        found = read(edited(FIRST, member, lambda xml: None))
        assert found.document_stamp == datetime(2025, 3, 31, 9, 0, 21, 345_000, tzinfo=UTC)
        assert found.rows_read == 7


@pytest.mark.parametrize(
    "cell", ["<v>NaN</v>", "<v>1e999</v>", "<f>70-0.05</f>", "<f>70-0.05</f><v></v>"]
)
def test_a_price_that_is_no_number_or_was_never_worked_out_is_a_changed_format(cell: str) -> None:
    with pytest.raises(FeedFormatChanged, match="is no number"):
        read(edited(FIRST, SHEET, lambda xml: xml.replace("<v>69.95</v>", cell)))


def test_iso_dates_that_a_zone_has_moved_are_refused() -> None:
    """SheetJS writes midnight at UTC-5 as 05:00Z; Time is then five hours late."""

    def moved(xml: str) -> str:
        return _as_iso(xml).replace("T00:00:00.000Z", "T05:00:00.000Z")

    with pytest.raises(FeedFormatChanged, match="a Time of another day"):
        read(edited(FIRST, SHEET, moved))
    with pytest.raises(FeedFormatChanged, match="is no date of a spreadsheet"):
        read(edited(FIRST, SHEET, lambda xml: _as_iso(xml).replace("Z</v>", "+01:00</v>")))


@pytest.mark.parametrize("attribute", ['r:id="rId3" ', 'name="Primary Market Auction" r:id="rId3"'])
def test_a_sheet_that_leads_nowhere_is_refused(attribute: str) -> None:
    with pytest.raises((DocumentDamaged, FeedFormatChanged)):
        read(edited(FIRST, BOOK, lambda xml: xml.replace(attribute, "")))


# ---------------------------------------------------------------- there and back


def test_the_fragment_is_the_row_of_the_auction_byte_for_byte() -> None:
    row = told(FIRST, "auction-eua/price/platform/PL", "2025-03-26")
    fragment = MARKET.locate(FIRST, Locator.unpack(row.locator))
    assert fragment.startswith(b'<row r="12">')
    assert fragment.endswith(b"</row>")
    assert b'<c r="G12" t="n"><v>70.01</v></c>' in fragment
    assert fragment in zipfile.ZipFile(io.BytesIO(FIRST.body)).read(SHEET)
    assert Locator.unpack(row.locator).field == 6  # column G, A being 0


def test_a_made_up_year_goes_out_and_comes_back_in_a_workbook_a_year() -> None:
    window = sample_window(MARKET.card.dataset("auctions"), date(2025, 6, 30))
    reading = synthesise(MARKET.card, "auctions", window)
    documents = list(MARKET.write("auctions", reading))
    assert [document.name[-14:] for document in documents] == ["2024-data.xlsx", "2025-data.xlsx"]
    back: dict[Key, float] = {}
    for document in documents:
        back |= {key: row.value for key, row in rows_of([read(document)]).items()}
    assert back == {key: row.value for key, row in rows_of([reading]).items()}
    same_day = {
        (k.start, k.series.run)
        for k in back
        if k.series.measure == "price" and k.series.location == "DE"
    }
    assert {start for start, run in same_day if run == "auction-eua"} & {
        s for s, r in same_day if r == "auction-euaa"
    }


def test_another_reader_finds_the_table_at_b6_newest_first() -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Workbook contains no default style")
        (written,) = MARKET.write("auctions", read(FIRST))
        book = openpyxl.load_workbook(io.BytesIO(written.body))
    sheet = book["Primary Market Auction"]
    assert (sheet["A6"].value, sheet["B6"].value, sheet["C6"].value) == (None, "Date", "Time")
    days = [sheet[f"B{row}"].value.date() for row in (7, 8, 13)]
    assert days == [date(2025, 3, 31), date(2025, 3, 28), date(2025, 3, 25)]
    assert sheet["C7"].value == datetime(2025, 3, 31, 11, 0, 21, 345_000)  # noqa: DTZ001 - as the cell has it


def test_what_a_row_cannot_say_is_not_written() -> None:
    reading = read(FIRST)
    sold = np.array([one.measure == "allowances_sold" for one in reading.series])[reading.code]
    half = attrs.evolve(reading, value=np.where(sold, reading.value / 2, reading.value))
    with pytest.raises(InvalidRequest, match="allowances_sold"):
        list(MARKET.write("auctions", half))


def test_requests_ask_for_each_year_of_berlin_once() -> None:
    window = Window(
        parse_instant("2024-12-30T00:00Z"), parse_instant("2025-12-31T23:30Z")
    )  # 2026 in Berlin
    folder = "https://public.eex-group.com/eex/eua-auction-report/"
    assert [request.url for request in MARKET.requests("auctions", window)] == [
        f"{folder}emission-spot-primary-market-auction-report-{year}-data.xlsx"
        for year in (2024, 2025, 2026)
    ]


def test_requests_ask_for_the_xls_of_years_before_2020() -> None:
    window = Window(parse_instant("2019-12-30T00:00Z"), parse_instant("2020-01-02T00:00Z"))
    asked = [request.url.rpartition("/")[2] for request in MARKET.requests("auctions", window)]
    assert asked == [
        "emission-spot-primary-market-auction-report-2019-data.xls",
        "emission-spot-primary-market-auction-report-2020-data.xlsx",
    ]


def test_another_workbook_is_not_recognised() -> None:
    assert (
        MARKET.recognise(
            edited(FIRST, BOOK, lambda xml: xml.replace("Primary Market Auction", "Sheet1"))
        )
        == ()
    )
    assert MARKET.recognise(attrs.evolve(FIRST, name="download.bin", media_type="text/plain")) == (
        "auctions",
    )
    assert Path(FIRST.name).suffix == ".xlsx"
