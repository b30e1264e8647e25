"""CAISO's recorded documents, read in place, against independent readings of the same bytes."""

import csv
import io
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import DocumentDamaged
from carbon254.core.domain.observations import Reading, from_instant64
from carbon254.core.domain.vocabulary import State
from carbon254.plugins.markets.caiso.feed import Feed
from carbon254.ports.testing.market_kit import load_market, rows_of

pytestmark = pytest.mark.recorded

PRICES = "20200101_20200101_PRC_LMP_DAM_20200630_22_50_44_v1.cut.zip"
ACTUAL = "SLD_FCST_ACTUAL_20251102.cut.csv"
SEVEN_DAYS = "20250219_20250227_SLD_FCST_7DA_20250221_01_09_58_v1.zip"
DATASETS = {PRICES: "day_ahead_lmp", ACTUAL: "load", SEVEN_DAYS: "load"}
OTHERS = (
    "20250204_20250211_SLD_REN_FCST_DAM_20250214_04_52_10_v1.zip",
    "20160519_20160520_ENE_SLRS_DAM_xml.zip",
    "20171104_DailyRenewablesWatch.txt",
    "20171105_DailyRenewablesWatch.txt",
    "outlook_20260311_rtm_forecast_7day.csv",
    "SOURCE.txt",
)
PACIFIC = ZoneInfo("America/Los_Angeles")


@pytest.fixture(scope="module")
def feed() -> Feed:
    return load_market("caiso")


def document(recorded: Path, name: str) -> Document:
    return Document(name, (recorded / "caiso" / name).read_bytes())


def read(feed: Feed, recorded: Path, name: str) -> Reading:
    made = feed.read(DATASETS[name], document(recorded, name))
    assert isinstance(made, Reading)
    return made


def lines(recorded: Path, name: str) -> list[dict[str, str]]:
    """The document's rows as Python's own csv module reads them."""
    body = (recorded / "caiso" / name).read_bytes()
    if name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            (member,) = archive.namelist()
            body = archive.read(member)
    return list(csv.DictReader(io.StringIO(body.decode())))


def table(reading: Reading) -> dict[tuple[str, str, datetime, datetime], tuple[float, int]]:
    """Value and state by measure, location, start and end."""
    found = {}
    for n, code in enumerate(reading.code):
        one = reading.series[code]
        span = (
            from_instant64(reading.interval_start[n]),
            from_instant64(reading.interval_end[n]),
        )
        found[one.measure, one.location, *span] = (float(reading.value[n]), int(reading.state[n]))
    return found


def test_day_ahead_prices_equal_the_independent_reading_row_for_row(
    feed: Feed, recorded: Path
) -> None:
    measures = {
        "price": "LMP",
        "price_energy": "Energy",
        "price_congestion": "Congestion",
        "price_loss": "Loss",
    }
    kinds = {"Trading Hub": "hub", "AP Node": "aggregate"}
    reading = read(feed, recorded, PRICES)
    ours = {key: value for key, (value, state) in table(reading).items() if state == State.OK}
    kind_of = {one.location: one.kind for one in reading.series}
    with (recorded / "expected" / "na" / "caiso.csv").open(newline="") as file:
        expected = list(csv.DictReader(file))
    assert len(expected) == 96
    for row in expected:
        span = [datetime.fromisoformat(row[name]) for name in ("Interval Start", "Interval End")]
        assert row["Market"] == "DAY_AHEAD_HOURLY"
        assert kind_of[row["Location"]] == kinds[row["Location Type"]]
        for measure, column in measures.items():
            value = ours.pop((measure, row["Location"], *span))
            assert round(value, 5) == round(float(row[column]), 5), (row, measure)
    assert not ours
    assert {one.run for one in reading.series} == {"day_ahead"}
    assert set(reading.units) == {"USD/MWh"}


def test_before_it_began_the_greenhouse_gas_part_is_not_applicable(
    feed: Feed, recorded: Path
) -> None:
    found = table(read(feed, recorded, PRICES))
    ghg = {key[1:]: state for key, (_, state) in found.items() if key[0] == "price_ghg"}
    assert set(ghg) == {key[1:] for key in found if key[0] == "price"}
    assert set(ghg.values()) == {State.NOT_APPLICABLE}


@pytest.mark.parametrize("name", [ACTUAL, SEVEN_DAYS])
def test_load_equals_what_a_plain_csv_reader_says_row_for_row_without_independent_oracle(
    feed: Feed, recorded: Path, name: str
) -> None:
    expected = {}
    for row in lines(recorded, name):
        span = [datetime.fromisoformat(row[f"INTERVAL{edge}TIME_GMT"]) for edge in ("START", "END")]
        expected["load", row["TAC_AREA_NAME"], *span] = (float(row["MW"]), int(State.OK))
    reading = read(feed, recorded, name)
    assert table(reading) == expected
    assert len(reading) == reading.rows_read == len(lines(recorded, name))
    assert {one.kind for one in reading.series} == {"area"}
    assert set(reading.units) == {"MW"}


def test_the_repeated_hour_numbered_25_lies_between_hours_2_and_3(
    feed: Feed, recorded: Path
) -> None:
    by_hour = {
        (row["TAC_AREA_NAME"], row["OPR_HR"]): float(row["MW"]) for row in lines(recorded, ACTUAL)
    }
    reading = read(feed, recorded, ACTUAL)
    for code, one in enumerate(reading.series):
        rows = reading.code == code
        starts = [
            from_instant64(start).astimezone(PACIFIC) for start in reading.interval_start[rows]
        ]
        assert [(start.hour, start.fold) for start in starts] == [(0, 0), (1, 0), (1, 1), (2, 0)]
        said = [by_hour[one.location, hour] for hour in ("1", "2", "25", "3")]
        assert reading.value[rows].tolist() == said
    assert {one.run for one in reading.series} == {"actual"}


def test_seven_day_forecasts_are_issued_at_0910_seven_days_before(
    feed: Feed, recorded: Path
) -> None:
    reading = read(feed, recorded, SEVEN_DAYS)
    assert {one.run for one in reading.series} == {"forecast-7da"}
    days = {
        datetime.fromisoformat(row["INTERVALSTARTTIME_GMT"]): datetime.fromisoformat(row["OPR_DT"])
        for row in lines(recorded, SEVEN_DAYS)
    }
    for start, issued in zip(reading.interval_start, reading.issued_at, strict=True):
        local = days[from_instant64(start)] - timedelta(days=7) + timedelta(hours=9, minutes=10)
        assert from_instant64(issued) == local.replace(tzinfo=PACIFIC)
    assert len(days) == 192


def test_the_stamp_in_the_name_is_pacific_time_and_orders_replies(
    feed: Feed, recorded: Path
) -> None:
    assert read(feed, recorded, PRICES).document_stamp == datetime(
        2020, 6, 30, 22, 50, 44, tzinfo=PACIFIC
    )
    assert np.isnat(read(feed, recorded, PRICES).published_at).all()
    assert read(feed, recorded, ACTUAL).document_stamp is None


@pytest.mark.parametrize("name", DATASETS)
def test_every_line_is_read_and_every_number_found_in_its_line(
    feed: Feed, recorded: Path, name: str
) -> None:
    reading, served = read(feed, recorded, name), document(recorded, name)
    assert reading.rows_read == len(lines(recorded, name))
    assert not reading.rows_ignored
    assert not reading.findings
    for n in range(0, len(reading), 1 + len(reading) // 300):
        fragment = feed.locate(served, Locator.unpack(int(reading.locator[n]))).decode().split(",")
        assert reading.series[reading.code[n]].location in fragment
        if reading.state[n] == State.OK:
            assert (
                float(fragment[Locator.unpack(int(reading.locator[n])).field]) == reading.value[n]
            )


@pytest.mark.parametrize("name", DATASETS)
def test_written_and_read_again_the_numbers_are_the_same(
    feed: Feed, recorded: Path, name: str
) -> None:
    reading, dataset = read(feed, recorded, name), DATASETS[name]
    again = [feed.read(dataset, made) for made in feed.write(dataset, reading)]
    before, after = rows_of([reading]), rows_of(again)
    assert before.keys() == after.keys()
    for key, row in before.items():
        assert repr(row._replace(locator=0)) == repr(after[key]._replace(locator=0))


@pytest.mark.parametrize("name", DATASETS)
def test_own_documents_are_recognised(feed: Feed, recorded: Path, name: str) -> None:
    served = document(recorded, name)
    assert feed.recognise(served) == (DATASETS[name],)
    assert feed.recognise(Document("unnamed", served.body)) == (DATASETS[name],)


@pytest.mark.parametrize("name", OTHERS)
def test_other_reports_of_the_operator_are_not_ours(feed: Feed, recorded: Path, name: str) -> None:
    assert feed.recognise(document(recorded, name)) == ()


@pytest.mark.parametrize("name", DATASETS)
def test_a_cut_document_is_damaged(feed: Feed, recorded: Path, name: str) -> None:
    body = document(recorded, name).body
    with pytest.raises(DocumentDamaged):
        feed.read(DATASETS[name], Document(name, body[: len(body) * 2 // 3]))
