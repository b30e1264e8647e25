"""CAISO's traps, with documents made here: the contract itself is held by the conformance kit."""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from urllib.parse import urlsplit

import numpy as np
import pytest
from attrs import evolve

from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import (
    Carbon254Error,
    DocumentDamaged,
    FeedFormatChanged,
    FeedUnavailable,
    InvalidRequest,
    NotPublishedYet,
    TooLarge,
)
from carbon254.core.domain.observations import Reading, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, day_window, parse_instant
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.plugins.markets.caiso import oasis, readings
from carbon254.plugins.markets.caiso.feed import Feed
from carbon254.ports.markets import chunks
from carbon254.ports.testing.market_kit import load_market, rows_of

HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,OPR_DT,OPR_HR,OPR_INTERVAL,NODE_ID_XML,NODE_ID,NODE,"
    "MARKET_RUN_ID,LMP_TYPE,XML_DATA_ITEM,PNODE_RESMRID,GRP_TYPE,POS,MW,GROUP"
)
LOAD_HEADER = (
    "INTERVALSTARTTIME_GMT,INTERVALENDTIME_GMT,LOAD_TYPE,OPR_DT,OPR_HR,OPR_INTERVAL,MARKET_RUN_ID,"
    "TAC_AREA_NAME,LABEL,XML_DATA_ITEM,POS,MW,EXECUTION_TYPE,GROUP"
)
NAME = "20250604_20250604_PRC_LMP_DAM_20250603_13_05_00_v12"
NOON = datetime(2025, 6, 4, 19, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def feed() -> Feed:
    return load_market("caiso")


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}-00:00"


def line(
    value: object = 31.5,
    *,
    node: str = "TH_NP15_GEN-APND",
    part: str = "LMP",
    start: datetime = NOON,
    length: timedelta = HOUR,
    run: str = "DAM",
) -> str:
    span = f"{stamp(start)},{stamp(start + length)}"
    return f"{span},2025-06-04,13,0,{node},{node},{node},{run},{part},X,{node},ALL,0,{value},1"


def load_line(value: object, word: str, *, area: str = "CA ISO-TAC", start: datetime = NOON) -> str:
    span = f"{stamp(start)},{stamp(start + HOUR)}"
    return f"{span},0,2025-06-04,13,0,RTM,{area},Label,ITEM,0,{value},{word},1"


def text(*lines: str, header: str = HEADER) -> bytes:
    return "".join(f"{one}\n" for one in (header, *lines)).encode()


def zipped(*members: bytes, name: str = NAME, suffix: str = "csv") -> Document:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for n, member in enumerate(members):
            archive.writestr(f"{name}_{n}.{suffix}", member)
    return Document(f"{name}.zip", out.getvalue())


def read(feed: Feed, *lines: str, dataset: str = "day_ahead_lmp", header: str = HEADER) -> Reading:
    made = feed.read(dataset, zipped(text(*lines, header=header)))
    assert isinstance(made, Reading)
    return made


def error_xml(code: str, description: str = "said so", prefix: str = "m:") -> bytes:
    space = 'xmlns:m="http://www.caiso.com/soa/OASISReport_v1.xsd"'
    if not prefix:
        space = space.replace(":m=", "=")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<{prefix}OASISReport {space}><{prefix}ERROR>'
        f"<{prefix}ERR_CODE>{code}</{prefix}ERR_CODE><{prefix}ERR_DESC>{description}</{prefix}ERR_DESC>"
        f"</{prefix}ERROR></{prefix}OASISReport>"
    ).encode()


# ---------------------------------------------------------------- days and labels


@pytest.mark.parametrize(
    ("day", "hours"), [((2025, 11, 2), 25), ((2025, 3, 9), 23), ((2025, 6, 4), 24)]
)
def test_a_day_has_as_many_hours_as_the_clock_shows_and_all_are_written_and_read(
    feed: Feed, day: tuple[int, int, int], hours: int
) -> None:
    window = day_window(date(*day), "America/Los_Angeles")
    reading = prices(window, HOUR, "day_ahead")
    assert len(reading) == 5 * hours
    (document,) = feed.write("day_ahead_lmp", reading)
    again = feed.read("day_ahead_lmp", document)
    same(reading, [again])
    assert np.all(np.diff(again.interval_start[again.code == 0]) == np.timedelta64(HOUR))


def test_the_repeated_hour_is_written_as_hour_25_and_the_skipped_one_has_no_line(
    feed: Feed,
) -> None:
    for day, wanted in (
        ((2025, 11, 2), ["1", "2", "25", "3"]),
        ((2025, 3, 9), ["1", "2", "4", "5"]),
    ):
        window = day_window(date(*day), "America/Los_Angeles")
        (document,) = feed.write("day_ahead_lmp", prices(window, HOUR, "day_ahead"))
        rows = member(document).decode().splitlines()[1:]
        hours = [row.split(",")[3] for row in sorted(row for row in rows if ",LMP," in row)]
        assert hours[:4] == wanted


def test_local_columns_do_not_matter(feed: Feed) -> None:
    wrong = line(1.0).replace("2025-06-04,13,0", "1999-01-01,99,7")
    assert rows_of([read(feed, wrong)]) == rows_of([read(feed, line(1.0))])


def test_lines_in_no_order_are_read_as_if_in_order(feed: Feed) -> None:
    lines = [line(h, start=NOON + h * HOUR, part=p) for p in ("MCL", "LMP") for h in range(20)]
    rows, again = rows_of([read(feed, *lines)]), rows_of([read(feed, *lines[::-2], *lines[::2])])
    assert len(rows) == 40
    assert rows.keys() == again.keys()
    assert all(rows[key].value == again[key].value for key in rows)


def test_an_instant_without_offset_is_refused(feed: Feed) -> None:
    with pytest.raises(FeedFormatChanged, match="no UTC offset"):
        read(feed, line(1.0).replace("-00:00", ""))


def test_an_interval_that_ends_before_it_starts_is_refused(feed: Feed) -> None:
    with pytest.raises(FeedFormatChanged, match="does not end after"):
        read(feed, line(1.0, length=-HOUR))


# ---------------------------------------------------------------- numbers and states


@pytest.mark.parametrize("number", ["MW", "VALUE", "PRC"])
@pytest.mark.parametrize(
    ("dataset", "run"),
    [("day_ahead_lmp", "DAM"), ("fmm_lmp", "RTPD"), ("rtd_lmp", "RTM"), ("hasp_lmp", "HASP")],
)
def test_the_price_stands_under_any_of_its_three_names(
    feed: Feed, dataset: str, run: str, number: str
) -> None:
    header = HEADER.replace(",MW,", f",{number},")
    reading = read(feed, line(-7.25, run=run), dataset=dataset, header=header)
    assert reading.value.tolist() == [-7.25]
    assert [one.run for one in reading.series] == list(feed.card.datasets[dataset].runs)


def test_two_possible_price_columns_are_refused(feed: Feed) -> None:
    with pytest.raises(FeedFormatChanged, match="MW, VALUE"):
        read(feed, line(1.0) + ",2", header=HEADER + ",VALUE")


def test_zero_negative_and_empty_are_three_different_prices(feed: Feed) -> None:
    lines = [line(value, start=NOON + n * HOUR) for n, value in enumerate((0, -0.5, ""))]
    reading = read(feed, *lines)
    assert reading.value[:2].tolist() == [0.0, -0.5]
    assert np.isnan(reading.value[2])
    assert reading.state.tolist() == [State.OK, State.OK, State.MISSING]


@pytest.mark.parametrize("value", ["n/a", "NaN", "inf", "-Infinity", "1.2.3", "NULL"])
def test_a_text_in_place_of_a_price_is_refused(feed: Feed, value: str) -> None:
    with pytest.raises(FeedFormatChanged):
        read(feed, line(value))


@pytest.mark.parametrize(
    "value", ["0.1", "1e-05", "123456789.12345", ".12", "-0.00001", "2.675", "1e22"]
)
def test_values_are_the_nearest_float64_of_their_text(feed: Feed, value: str) -> None:
    assert read(feed, line(value)).value.tolist() == [float(value)]


def test_identical_lines_collapse_with_a_finding_and_conflicting_ones_are_refused(
    feed: Feed,
) -> None:
    reading = read(feed, line(1.0), line(1.0))
    assert (len(reading), reading.rows_read) == (1, 2)
    assert [(f.rule, f.count) for f in reading.findings] == [("duplicates", 1)]
    with pytest.raises(FeedFormatChanged, match="twice"):
        read(feed, line(1.0), line(2.0))


@pytest.mark.parametrize("count", [1, 3])
def test_the_last_line_need_not_end(feed: Feed, count: int) -> None:
    body = text(*(line(n, start=NOON + n * HOUR) for n in range(count)))
    assert len(feed.read("day_ahead_lmp", zipped(body[:-1]))) == count


# ---------------------------------------------------------------- parts


def test_each_part_is_its_own_measure(feed: Feed) -> None:
    parts = {"LMP": 10, "MCE": 7, "MCC": 1, "MCL": -1, "MGHG": 3}
    reading = read(feed, *(line(value, part=part) for part, value in parts.items()))
    found = {one.measure: value for one, value in zip(reading.series, reading.value, strict=True)}
    assert found == {
        "price": 10,
        "price_energy": 7,
        "price_congestion": 1,
        "price_loss": -1,
        "price_ghg": 3,
    }


def test_a_location_whose_parts_make_up_the_price_without_greenhouse_gas_has_none(
    feed: Feed,
) -> None:
    parts = {"LMP": 7, "MCE": 9, "MCC": -1.5, "MCL": -0.5}
    old = [
        line(v, part=p, node="OLD", start=NOON + h * HOUR) for p, v in parts.items() for h in (0, 1)
    ]
    new = [line(v, part=p, node="NEW") for p, v in {**parts, "MGHG": 0}.items()]
    bare = [line(1, node="BARE")]
    reading = read(feed, *old, *new, *bare)
    assert ghg_states(reading) == {("OLD", State.NOT_APPLICABLE), ("NEW", State.OK)}
    assert (len(reading), reading.rows_read) == (8 + 5 + 1 + 2, 8 + 5 + 1)


def test_a_part_that_the_document_leaves_out_is_not_said_to_be_none(feed: Feed) -> None:
    # Version 1 of the real-time reports has the price of an area outside the state, its greenhouse gas part not.
    parts = {"LMP": 7, "MCE": 9, "MCC": -1.5, "MCL": -0.5}
    within = [line(v, part=p, node="IN", run="RTM") for p, v in parts.items()]
    outside = [
        line(
            v - (4.25 if p == "LMP" and h else 0),
            part=p,
            node="OUT",
            start=NOON + h * HOUR,
            run="RTM",
        )
        for p, v in parts.items()
        for h in range(9)
    ]
    reading = read(feed, *within, *outside, dataset="rtd_lmp")
    assert ghg_states(reading) == {("IN", State.NOT_APPLICABLE)}
    assert reading.rows_read == len(within) + len(outside) == len(reading) - 1


@pytest.mark.parametrize(("off", "there"), [("0.00009", True), ("0.0002", False)])
def test_parts_may_differ_from_the_price_by_their_rounding(
    feed: Feed, off: str, *, there: bool
) -> None:
    parts = {"LMP": off, "MCE": 9, "MCC": -8, "MCL": -1}
    hours = range(24)
    lines = [line(v, part=p, start=NOON + h * HOUR) for p, v in parts.items() for h in hours]
    assert bool(ghg_states(read(feed, *lines))) is there


def ghg_states(reading: Reading) -> set[tuple[str, int]]:
    """The places that the reading has a greenhouse gas part of, with its states."""
    return {
        (reading.series[code].location, state)
        for code, state in zip(reading.code, reading.state.tolist(), strict=True)
        if reading.series[code].measure == "price_ghg"
    }


def test_parts_may_come_in_members_of_their_own(feed: Feed) -> None:
    members = [text(line(n, part=p)) for n, p in enumerate(("LMP", "MCC", "MCE", "MCL", "MGHG"))]
    document = zipped(*members)
    reading = feed.read("day_ahead_lmp", document)
    assert sorted(reading.value.tolist()) == [0, 1, 2, 3, 4]
    assert reading.rows_read == 5
    for n, packed in enumerate(reading.locator.tolist()):
        where = Locator.unpack(packed)
        assert where.part == reading.value[n]
        assert feed.locate(document, where) == members[where.part].splitlines()[1]


def test_one_locator_leads_to_one_line_byte_for_byte(feed: Feed) -> None:
    lines = [line(n, start=NOON + n * HOUR) for n in range(5)]
    for end in ("\n", "\r\n"):
        document = zipped(end.join((HEADER, *lines, "")).encode())
        reading = feed.read("day_ahead_lmp", document)
        for n, packed in enumerate(reading.locator.tolist()):
            assert Locator.unpack(packed) == Locator(0, n + 1, 14)
            assert feed.locate(document, Locator.unpack(packed)) == lines[n].encode()
    with pytest.raises(InvalidRequest, match="no line 99"):
        feed.locate(document, Locator(0, 99))
    with pytest.raises(InvalidRequest, match="member 7"):
        feed.locate(document, Locator(7, 1))


# ---------------------------------------------------------------- places


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("TH_NP15_GEN-APND", "hub"),
        ("TH_SP15_GEN-APND", "hub"),
        ("TH_ZP26_GEN-APND", "hub"),
        ("TH_NP26_GEN-APND", "aggregate"),
        ("TH_NP15", "node"),
        ("DLAP_SCE-APND", "zone"),
        ("DLAP_NEW-APND", "aggregate"),
        ("ELAP_MADEUP-APND", "aggregate"),
        ("MADEUP500_ITC", "interface"),
        ("MADEUP SP-TIE 5", "interface"),
        ("MADEUP_7_B1", "node"),
    ],
)
def test_hubs_and_zones_come_from_the_list_and_not_from_the_name(
    feed: Feed, code: str, kind: str
) -> None:
    (series,) = read(feed, line(node=code)).series
    assert series == SeriesId("caiso", "day_ahead", "price", kind, code)


def test_balancing_areas_outside_the_market_are_areas_too(feed: Feed) -> None:
    lines = [load_line(n, "ACTUAL", area=a) for n, a in enumerate(("CA ISO-TAC", "PACE", "AVA"))]
    reading = read(feed, *lines, dataset="load", header=LOAD_HEADER)
    assert {(one.kind, one.location) for one in reading.series} == {
        ("area", "CA ISO-TAC"),
        ("area", "PACE"),
        ("area", "AVA"),
    }


# ---------------------------------------------------------------- load


@pytest.mark.parametrize(
    ("word", "run", "issued"),
    [
        ("ACTUAL", "actual", None),
        ("DAM", "forecast-dam", datetime(2025, 6, 3, 16, 10, tzinfo=UTC)),
        ("2DA", "forecast-2da", datetime(2025, 6, 2, 16, 10, tzinfo=UTC)),
        ("7DA", "forecast-7da", datetime(2025, 5, 28, 16, 10, tzinfo=UTC)),
        ("RTPD", "forecast-rtpd", NOON - timedelta(minutes=22, seconds=30)),
        ("RTD", "forecast-rtd", NOON - timedelta(minutes=2, seconds=30)),
    ],
)
def test_the_execution_decides_the_run_and_the_rule_when_it_was_issued(
    feed: Feed, word: str, run: str, issued: datetime | None
) -> None:
    body = text(load_line(21000, word), header=LOAD_HEADER)
    reading = feed.read("load", Document("load.csv", body))
    assert reading.series == (SeriesId("caiso", run, "load", "area", "CA ISO-TAC"),)
    assert reading.issued_at[0] == instant64(issued) if issued else np.isnat(reading.issued_at[0])


def test_a_forecast_is_not_issued_after_the_reply_that_shows_it(feed: Feed) -> None:
    body = text(load_line(21000, "DAM"), header=LOAD_HEADER)
    reading = feed.read(
        "load", zipped(body, name="20250604_20250604_SLD_FCST_DAM_20250603_09_01_00_v1")
    )
    assert reading.issued_at[0] == instant64(datetime(2025, 6, 3, 16, 1, tzinfo=UTC))
    assert reading.document_stamp == datetime(2025, 6, 3, 16, 1, tzinfo=UTC)


# ---------------------------------------------------------------- drift


def test_an_added_column_is_a_finding(feed: Feed) -> None:
    reading = read(feed, line(1.0) + ",x", header=HEADER + ",NEW_FACT")
    assert [(f.rule, "NEW_FACT" in f.message) for f in reading.findings] == [("added_column", True)]
    assert len(reading) == 1


def test_columns_in_another_order_are_read_by_name(feed: Feed) -> None:
    header, row = HEADER.split(","), line(-3.5).split(",")
    turned = read(feed, ",".join(reversed(row)), header=",".join(reversed(header)))
    assert turned.value.tolist() == [-3.5]
    assert Locator.unpack(int(turned.locator[0])).field == 1


@pytest.mark.parametrize(
    "column", ["INTERVALENDTIME_GMT", "NODE", "LMP_TYPE", "MARKET_RUN_ID", "MW"]
)
def test_a_missing_or_renamed_column_is_named(feed: Feed, column: str) -> None:
    header = ",".join(c + "_NEW" if c == column else c for c in HEADER.split(","))
    with pytest.raises(FeedFormatChanged, match=column):
        read(feed, line(1.0), header=header)


@pytest.mark.parametrize(
    ("changed", "named"),
    [(line(part="MXX"), "MXX"), (line(run="RUC"), "RUC"), (line(node=""), "NODE")],
)
def test_an_unknown_category_is_named(feed: Feed, changed: str, named: str) -> None:
    with pytest.raises(FeedFormatChanged, match=named):
        read(feed, line(1.0), changed)


def test_an_unknown_execution_is_named(feed: Feed) -> None:
    with pytest.raises(FeedFormatChanged, match="RTX"):
        read(feed, load_line(1, "RTX"), dataset="load", header=LOAD_HEADER)


def test_a_document_of_another_run_is_refused(feed: Feed) -> None:
    with pytest.raises(FeedFormatChanged, match="RTM"):
        read(feed, line(run="RTM"))


# ---------------------------------------------------------------- damage and messages


def cases() -> Iterator[tuple[str, Document, type[Carbon254Error]]]:
    whole = zipped(text(*(line(n, start=NOON + n * HOUR) for n in range(200))))
    many = text(line(1.0), line(2.0, start=NOON + HOUR))
    policy = (
        b"<html><body><p>CAISO Acceptable Use Policy Violation. Please retry.</p></body></html>"
    )
    page = b"<html><body>Down for maintenance</body></html>"
    yield "empty", Document("a.zip", b""), DocumentDamaged
    yield "blank", Document("a.csv", b"  \n"), DocumentDamaged
    yield "cut zip", Document("a.zip", whole.body[:-40]), DocumentDamaged
    yield "start of zip", Document("a.zip", whole.body[:300]), DocumentDamaged
    spoiled = bytearray(whole.body)
    spoiled[len(spoiled) // 2] ^= 0xFF
    yield "spoiled zip", Document("a.zip", bytes(spoiled)), DocumentDamaged
    yield "zip without members", zipped(), DocumentDamaged
    yield "empty member", zipped(b""), DocumentDamaged
    yield "header only", zipped(text()), DocumentDamaged
    yield "cut header", zipped(HEADER[:60].encode()), DocumentDamaged
    yield "cut line", zipped(many[:-20]), DocumentDamaged
    yield "line with more fields", zipped(many + b"a,b\n"), DocumentDamaged
    yield "blank line", zipped(many.replace(b"1\n", b"1\n\n", 1)), FeedFormatChanged
    yield "no text", zipped(many.replace(b"TH_NP15", b"TH\xff\xfe15")), DocumentDamaged
    yield "another csv", zipped(b"a,b\n1,2\n"), DocumentDamaged
    yield "a line without end", zipped(many + b"9" * (3 * 2**20)), DocumentDamaged
    yield "page", Document("a.zip", page), DocumentDamaged
    yield "page in zip", zipped(page), DocumentDamaged
    yield "policy", Document("a.zip", policy), FeedUnavailable
    yield "policy in zip", zipped(policy), FeedUnavailable
    yield "no data", zipped(error_xml("1000"), suffix="xml"), NotPublishedYet
    yield "no data, no zip", Document("a.xml", error_xml("1000")), NotPublishedYet
    yield "no data, no prefix", zipped(error_xml("1000", prefix="")), NotPublishedYet
    for code in ("1001", "1002", "1004", "1005", "1011", "1014", "1016"):
        yield f"wrong question {code}", zipped(error_xml(code)), InvalidRequest
    for code in ("1003", "1006", "1007", "1008", "1009", "1010", "1012", "1013", "1015"):
        yield f"try again {code}", zipped(error_xml(code)), FeedUnavailable
    yield "other error", zipped(error_xml("1099")), FeedFormatChanged
    yield (
        "data as xml",
        zipped(b"<?xml version='1.0'?><OASISReport><A>1</A></OASISReport>"),
        FeedFormatChanged,
    )
    yield "much data as xml", zipped(b"<OASISReport>" + b"<A>1</A>" * 2**14), FeedFormatChanged
    yield "cut xml", zipped(error_xml("1000")[:-9]), DocumentDamaged
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'
    yield "entities", zipped(bomb), DocumentDamaged


@pytest.mark.parametrize(("document", "error"), [pytest.param(d, e, id=n) for n, d, e in cases()])
def test_what_is_no_document_is_refused_for_its_own_reason(
    feed: Feed, document: Document, error: type[Carbon254Error]
) -> None:
    with pytest.raises(Carbon254Error) as caught:
        list(chunks(feed.read("day_ahead_lmp", document)))
    assert type(caught.value) is error


def test_what_oasis_says_is_passed_on(feed: Feed) -> None:
    with pytest.raises(InvalidRequest, match="error 1004: at most 31 days"):
        feed.read("day_ahead_lmp", zipped(error_xml("1004", "at most 31 days")))


def test_a_zip_within_a_zip_is_told_by_its_name(feed: Feed) -> None:
    with pytest.raises(DocumentDamaged, match="a zip within the zip"):
        feed.read("day_ahead_lmp", zipped(zipped(text(line(1.0))).body, suffix="zip"))


def test_a_member_that_has_no_data_does_not_hide_those_that_have(feed: Feed) -> None:
    none, some = error_xml("1000"), text(line(4.5))
    for members, part in (((none, some), 1), ((some, none), 0)):
        reading = feed.read("day_ahead_lmp", zipped(*members))
        assert reading.value.tolist() == [4.5]
        assert Locator.unpack(int(reading.locator[0])).part == part
    with pytest.raises(NotPublishedYet):
        feed.read("day_ahead_lmp", zipped(none, none))
    with pytest.raises(FeedUnavailable):
        feed.read("day_ahead_lmp", zipped(some, error_xml("1015")))


def test_a_zip_bomb_is_refused(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped(text(line(1.0)) + b" " * 2**24)
    limit = vars(oasis)["Unpacked"]
    monkeypatch.setattr(oasis, "Unpacked", lambda document, _: limit(document, 2**20))
    with pytest.raises((TooLarge, DocumentDamaged)):
        feed.read("day_ahead_lmp", bomb)


# ---------------------------------------------------------------- recognising


@pytest.mark.parametrize(
    ("run", "dataset"),
    [("DAM", "day_ahead_lmp"), ("RTPD", "fmm_lmp"), ("RTM", "rtd_lmp"), ("HASP", "hasp_lmp")],
)
def test_documents_without_a_telling_name_are_recognised_by_their_rows(
    feed: Feed, run: str, dataset: str
) -> None:
    body = text(line(1.0, run=run))
    assert feed.recognise(Document("download", body)) == (dataset,)
    assert feed.recognise(zipped(body, name="download")) == (dataset,)


def test_damaged_documents_are_recognised_by_what_is_left(feed: Feed) -> None:
    whole = zipped(text(line(1.0)))
    assert feed.recognise(Document("download", whole.body[:120])) == ("day_ahead_lmp",)
    assert feed.recognise(Document(whole.name, b"")) == ("day_ahead_lmp",)
    assert feed.recognise(zipped(error_xml("1000"))) == ("day_ahead_lmp",)


def test_a_large_document_without_a_telling_name_is_recognised_too(feed: Feed) -> None:
    body = text(line(1.0)) + b"\n" * 2**26
    assert feed.recognise(Document("download.csv", body)) == ("day_ahead_lmp",)


@pytest.mark.parametrize(
    ("name", "dataset"),
    [
        ("20250604_20250604_DAM_LMP_GRP_N_N_v12_csv.zip", "day_ahead_lmp"),
        ("20250604_20250604_RTPD_LMP_GRP_01_N_v3_csv.zip", "fmm_lmp"),
        ("20250604_20250604_RTM_LMP_GRP_01_N_v3_csv.zip", "rtd_lmp"),
        ("20250604_20250604_HASP_LMP_GRP_N_N_v3_csv.zip", "hasp_lmp"),
    ],
)
def test_groups_of_reports_are_recognised_by_name_where_there_is_no_data_yet(
    feed: Feed, name: str, dataset: str
) -> None:
    assert feed.recognise(zipped(error_xml("1015"), name=name, suffix="xml")) == (dataset,)
    assert feed.recognise(Document(name, b"")) == (dataset,)


@pytest.mark.parametrize(
    "name",
    [
        "x_DAM_MPM_LMP_GRP_N_N_v1_csv.zip",
        "x_SLD_REN_FCST_DAM_v1.zip",
        "x_PRC_LMP_RUC_v1.zip",
        "ENE_SLRS_DAM.zip",
        "noise",
    ],
)
def test_other_reports_are_not_recognised(feed: Feed, name: str) -> None:
    assert feed.recognise(Document(name, b"PK\x03\x04noise")) == ()
    assert feed.recognise(Document(name, b"\x00\x01")) == ()


def test_prices_of_the_mitigation_runs_are_not_ours(feed: Feed) -> None:
    body = text(line(1.0, run="RTPD"))
    assert feed.recognise(zipped(body, name="20250604_20250604_PRC_MPM_RTM_LMP_RTPD_v1")) == ()


# ---------------------------------------------------------------- large documents


def test_a_large_document_comes_in_chunks_that_say_the_same(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"LMP": 3, "MCC": 1, "MCE": 4, "MCL": -2, "MGHG": 0}
    lines = [
        line(k * (n + h / 8), part=p, node=f"N{n}", start=NOON + h * HOUR)
        for p, k in parts.items()
        for n in range(30)
        for h in range(24)
        if p != "MGHG" or n % 2
    ]
    document = zipped(text(*lines))
    whole = feed.read("day_ahead_lmp", document)
    assert isinstance(whole, Reading)
    assert {state for _, state in ghg_states(whole)} == {State.OK, State.NOT_APPLICABLE}
    monkeypatch.setattr(readings, "CHUNK_ROWS", 500)
    monkeypatch.setattr(oasis, "BLOCK_BYTES", 2**15)
    made = list(chunks(feed.read("day_ahead_lmp", document)))
    assert len(made) > 3
    assert sorted(map(repr, rows_of(made).items())) == sorted(map(repr, rows_of([whole]).items()))
    assert sum(one.rows_read for one in made) == whole.rows_read == len(lines)
    assert {one.document_stamp for one in made} == {whole.document_stamp}


# ---------------------------------------------------------------- requests


def asked(feed: Feed, dataset: str, window: Window) -> list[dict[str, str]]:
    found = []
    for request in feed.requests(dataset, window):
        assert urlsplit(request.url).hostname in feed.card.hosts
        assert (request.role, request.method) == ("data", "GET")
        found.append(dict(request.params))
    return found


def test_a_day_of_prices_is_asked_from_local_midnight_to_midnight(feed: Feed) -> None:
    window = day_window(date(2025, 11, 2), "America/Los_Angeles")
    (question,) = asked(feed, "day_ahead_lmp", window)
    assert question == {
        "queryname": "PRC_LMP",
        "market_run_id": "DAM",
        "version": "12",
        "resultformat": "6",
        "startdatetime": "20251102T07:00-0000",
        "enddatetime": "20251103T08:00-0000",
        "node": "TH_NP15_GEN-APND,TH_SP15_GEN-APND,TH_ZP26_GEN-APND,DLAP_PGAE-APND,DLAP_SCE-APND,"
        "DLAP_SDGE-APND,DLAP_VEA-APND",
    }


@pytest.mark.parametrize(
    ("dataset", "query", "run"),
    [
        ("fmm_lmp", "PRC_RTPD_LMP", "RTPD"),
        ("rtd_lmp", "PRC_INTVL_LMP", "RTM"),
        ("hasp_lmp", "PRC_HASP_LMP", "HASP"),
    ],
)
def test_real_time_prices_have_reports_of_their_own(
    feed: Feed, dataset: str, query: str, run: str
) -> None:
    (question,) = asked(feed, dataset, Window(NOON, NOON + HOUR))
    assert (question["queryname"], question["market_run_id"]) == (query, run)
    assert question["startdatetime"] == "20250604T19:00-0000"
    assert question["enddatetime"] == "20250604T20:00-0000"


def test_load_is_asked_for_each_execution(feed: Feed) -> None:
    questions = asked(feed, "load", Window(NOON, NOON + HOUR))
    assert [(q["market_run_id"], q.get("execution_type")) for q in questions] == [
        ("ACTUAL", None),
        ("DAM", None),
        ("2DA", None),
        ("7DA", None),
        ("RTM", "RTPD"),
        ("RTM", "RTD"),
    ]
    assert {q["queryname"] for q in questions} == {"SLD_FCST"}


@pytest.mark.parametrize("start", ["2025-01-01T08:00Z", "2024-12-31T23:59:30Z"])
def test_no_question_touches_more_than_31_calendar_days_and_together_they_cover_the_window(
    feed: Feed, start: str
) -> None:
    window = Window(parse_instant(start), datetime(2026, 1, 1, 8, tzinfo=UTC))
    spans = []
    for question in asked(feed, "day_ahead_lmp", window):
        span = [
            datetime.strptime(question[edge], "%Y%m%dT%H:%M-0000").replace(tzinfo=UTC)
            for edge in ("startdatetime", "enddatetime")
        ]
        assert (span[1].date() - span[0].date()).days + 1 <= 31
        spans.append(span)
    assert spans[0][0] - window.start < timedelta(minutes=1)
    assert spans[-1][1] == window.end
    assert all(one[1] == other[0] for one, other in pairwise(spans))


def test_an_empty_window_asks_nothing(feed: Feed) -> None:
    assert asked(feed, "day_ahead_lmp", Window(NOON, NOON)) == []


def test_an_unknown_dataset_is_refused(feed: Feed) -> None:
    with pytest.raises(InvalidRequest, match="no dataset"):
        list(feed.requests("nothing", Window(NOON, NOON + HOUR)))


# ---------------------------------------------------------------- writing


def prices(window: Window, step: timedelta, run: str, *, ghg: bool = True) -> Reading:
    """Made-up prices of one hub whose parts add up; without a greenhouse gas part where none is asked for."""
    measures = ("price", "price_energy", "price_congestion", "price_loss", "price_ghg")
    count = int(window.length / step)
    start = instant64(window.start) + np.arange(count) * np.timedelta64(step)
    parts = [np.round(np.sin(np.arange(count) + k) * (40, 5, 0.5, 1)[k], 5) for k in range(4)]
    parts[3] = parts[3] if ghg else np.full(count, np.nan)
    values = [np.round(np.nansum(parts, axis=0), 5), *parts]
    states = np.where(np.isnan(values), State.NOT_APPLICABLE, State.OK)
    return Reading(
        tuple(SeriesId("caiso", run, m, "hub", "TH_NP15_GEN-APND") for m in measures),
        ("USD/MWh",) * 5,
        np.repeat(np.arange(5), count),
        np.tile(start, 5),
        np.tile(start + np.timedelta64(step), 5),
        np.concatenate(values),
        state=np.concatenate(states),
    )


def member(document: Document) -> bytes:
    with zipfile.ZipFile(io.BytesIO(document.body)) as archive:
        (name,) = archive.namelist()
        return archive.read(name)


def same(before: Reading, after: list[Reading]) -> None:
    found, again = rows_of([before]), rows_of(after)
    assert found.keys() == again.keys()
    for key, row in found.items():
        assert repr(row._replace(locator=0)) == repr(again[key]._replace(locator=0))


@pytest.mark.parametrize("ghg", [True, False])
@pytest.mark.parametrize(
    ("dataset", "run", "minutes"),
    [
        ("day_ahead_lmp", "day_ahead", 60),
        ("fmm_lmp", "real_time-fmm", 15),
        ("rtd_lmp", "real_time-rtd", 5),
        ("hasp_lmp", "real_time-hasp", 15),
    ],
)
@pytest.mark.parametrize("hours", [1, 31, 75])
@pytest.mark.parametrize("start", ["2025-11-01T20:00Z", "2025-03-08T20:00Z"])
def test_any_window_written_is_read_back(
    feed: Feed, dataset: str, run: str, minutes: int, start: str, hours: int, *, ghg: bool
) -> None:
    window = Window(parse_instant(start), parse_instant(start) + hours * HOUR)
    reading = prices(window, timedelta(minutes=minutes), run, ghg=ghg)
    documents = list(feed.write(dataset, reading))
    assert [feed.recognise(document) for document in documents] == [(dataset,)] * len(documents)
    same(reading, [feed.read(dataset, document) for document in documents])


def test_each_run_of_real_time_has_the_columns_of_its_report(feed: Feed) -> None:
    window = Window(NOON, NOON + HOUR)
    for dataset, run, number in (
        ("day_ahead_lmp", "day_ahead", "MW"),
        ("fmm_lmp", "real_time-fmm", "PRC"),
        ("rtd_lmp", "real_time-rtd", "VALUE"),
        ("hasp_lmp", "real_time-hasp", "MW"),
    ):
        step = feed.card.datasets[dataset].resolution[0].length
        (document,) = feed.write(dataset, prices(window, step, run))
        header = member(document).decode().splitlines()[0].split(",")
        assert {"MW", "PRC", "VALUE"} & set(header) == {number}
        assert set(header) <= set(feed.card.datasets[dataset].columns)


def test_forecasts_written_are_read_back_with_their_issue(feed: Feed) -> None:
    body = text(
        *(
            load_line(20000 + n, w)
            for n, w in enumerate(("ACTUAL", "DAM", "2DA", "7DA", "RTPD", "RTD"))
        ),
        header=LOAD_HEADER,
    )
    reading = feed.read("load", Document("load.csv", body))
    documents = list(feed.write("load", reading))
    assert len(documents) == 5  # both real-time executions come in one report
    same(reading, [feed.read("load", document) for document in documents])


def test_written_twice_the_bytes_are_the_same_and_the_name_keeps_the_stamp(feed: Feed) -> None:
    stamp = datetime(2025, 7, 1, 0, 30, 1, tzinfo=UTC)
    reading = evolve(read(feed, line(1.5)), document_stamp=stamp)
    once, twice = (list(feed.write("day_ahead_lmp", reading)) for _ in range(2))
    assert [(d.name, d.body) for d in once] == [(d.name, d.body) for d in twice]
    assert once[0].name == "20250604_20250604_PRC_LMP_DAM_20250630_17_30_01_v12.zip"
    assert feed.read("day_ahead_lmp", once[0]).document_stamp == stamp


def test_small_numbers_are_written_without_an_exponent(feed: Feed) -> None:
    (document,) = feed.write("day_ahead_lmp", read(feed, line("0.00001"), line("-20", part="MCL")))
    numbers = [row.split(",")[14] for row in member(document).decode().splitlines()[1:]]
    assert numbers == ["0.00001", "-20"]


def test_what_the_wire_has_no_mark_for_is_not_written(feed: Feed) -> None:
    whole = read(feed, line(1.5))
    code, start, end = whole.code, whole.interval_start, whole.interval_end
    for more in (
        {"flags": [int(Flag.UNDER_REVIEW)]},
        {"finality": [int(Finality.PRELIMINARY)]},
        {"state": [int(State.NOT_APPLICABLE)]},
    ):
        value = [np.nan if "state" in more else 1.5]
        reading = Reading(whole.series, whole.units, code, start, end, value, **more)
        with pytest.raises(InvalidRequest, match="no marks"):
            list(feed.write("day_ahead_lmp", reading))
    with pytest.raises(InvalidRequest, match="no place"):
        list(feed.write("rtd_lmp", whole))
    synthetic = Reading(
        whole.series, whole.units, code, start, end, [1.5], flags=[int(Flag.SYNTHETIC)]
    )
    assert len(list(feed.write("day_ahead_lmp", synthetic))) == 1
