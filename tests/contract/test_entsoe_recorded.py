"""The platform's own documents, row for row against an independent reading of them.

The expectations were made by another library's parser, driven time series by time series. They know nothing of runs,
flags, finality and issue instants: those are held against values typed by hand from the documents.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import FeedFormatChanged, NotPublishedYet
from carbon254.core.domain.observations import Reading, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import parse_instant
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.ports.markets import Market
from carbon254.ports.testing.market_kit import load_market

pytestmark = pytest.mark.recorded

NL, FR, BE, AT, CZ, DE_LU = (
    "10YNL----------L",
    "10YFR-RTE------C",
    "10YBE----------2",
    "10YAT-APG------L",
    "10YCZ-CEPS-----N",
    "10Y1001A1001A82H",
)
TENNET = "10YDE-EON------1"
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
FUELS = {
    "Biomass": "biomass",
    "Fossil Brown coal/Lignite": "lignite",
    "Fossil Gas": "gas",
    "Fossil Hard coal": "coal",
    "Fossil Oil": "oil",
    "Geothermal": "geothermal",
    "Hydro Pumped Storage": "hydro_pumped",
    "Hydro Run-of-river and pondage": "hydro_river",
    "Hydro Water Reservoir": "hydro_reservoir",
    "Nuclear": "nuclear",
    "Other": "other",
    "Other renewable": "other_renewable",
    "Solar": "solar",
    "Waste": "waste",
    "Wind Offshore": "wind_offshore",
    "Wind Onshore": "wind_onshore",
}
SIDES = {"Actual Aggregated": "generation", "Actual Consumption": "consumption"}

Rows = dict[tuple[str, datetime, datetime], float]


@pytest.fixture(scope="module")
def market() -> Market:
    return load_market("entsoe")


@pytest.fixture(scope="module")
def folder(recorded: Path) -> Path:
    return recorded / "entsoe"


def document(folder: Path, name: str) -> Document:
    return Document(name, (folder / name).read_bytes(), "text/xml")


def read(market: Market, folder: Path, name: str) -> tuple[str, Reading]:
    """Read a document as the one dataset it is recognised as."""
    served = document(folder, name)
    (dataset,) = market.recognise(served)
    reading = market.read(dataset, served)
    assert isinstance(reading, Reading)
    return dataset, reading


def rows(reading: Reading) -> Rows:
    """All rows of a reading; a row that is missing would carry NaN and so fail to compare."""
    start, end = (column.tolist() for column in (reading.interval_start, reading.interval_end))
    return {
        (str(reading.series[code]), a, b): value
        for code, a, b, value in zip(
            reading.code.tolist(), start, end, reading.value.tolist(), strict=True
        )
    }


def expected(folder: Path, name: str) -> Iterator[dict[str, str]]:
    path = folder.parent / "expected" / "eu" / f"{Path(name).stem}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def begin(row: dict[str, str]) -> datetime:
    return parse_instant(row["start_utc"]).replace(tzinfo=None)


def compare(reading: Reading, wanted: Rows, count: int) -> None:
    assert len(wanted) == count
    assert rows(reading) == wanted


# ---------------------------------------------------------------- against the independent reading


@pytest.mark.parametrize(
    ("name", "zone", "count"),
    [
        ("A44_DA_NL_20240902_PT60M.xml", NL, 24),
        ("A44_DA_BE_20241008_PT60M.xml", BE, 24),
        ("A44_DA_AT_20240728_PT60M_seq1.xml", AT, 24),
        ("A44_DA_DELU_20241006_07_dual_sequence.xml", DE_LU, 240),
        ("A44_DA_DELU_20260202_03_PT15M_dual_sequence.xml", DE_LU, 384),
    ],
)
def test_every_day_ahead_price_with_its_auction(
    market: Market, folder: Path, name: str, zone: str, count: int
) -> None:
    runs = {"1": "day_ahead-sdac", "2": "day_ahead-exaa", "": "day_ahead-sdac"}
    wanted = {
        (
            f"entsoe/{runs[row['sequence']]}/price/zone/{zone}",
            begin(row),
            begin(row) + timedelta(minutes=int(row["resolution"].removesuffix("min"))),
        ): float(row["price"])
        for row in expected(folder, name)
    }
    dataset, reading = read(market, folder, name)
    assert dataset == "day_ahead_prices"
    assert set(reading.units) == {"EUR/MWh"}
    compare(reading, wanted, count)


@pytest.mark.parametrize(
    ("name", "dataset", "column", "series", "step", "count"),
    [
        ("A65_A16_load_NL_20240902_PT15M.xml", "load", "Actual Load", f"actual/load/zone/{NL}", QUARTER, 96),
        ("A65_A16_load_CZ_20230303_20230306_PT60M.xml", "load", "Actual Load", f"actual/load/zone/{CZ}", HOUR, 72),
        ("A01curve_2017_de_load.xml", "load", "Actual Load", f"actual/load/area/{TENNET}", QUARTER, 16),
        (
            "A65_A01_loadforecast_NL_20240902_PT15M.xml",
            "load_forecast",
            "Forecasted Load",
            f"forecast-day_ahead/load/zone/{NL}",
            QUARTER,
            96,
        ),
        (
            "A71_A01_genforecast_NL_20240902.xml",
            "generation_forecast",
            "value",
            f"forecast-day_ahead/generation/zone/{NL}",
            QUARTER,
            96,
        ),
        (
            "A11_flows_DE_to_NL_20240902_PT15M.xml",
            "flows",
            "value",
            f"actual/flow/border/{DE_LU}=3E{NL}",
            QUARTER,
            96,
        ),
    ],
)  # fmt: skip
def test_every_quantity_of_one_series(
    market: Market, folder: Path, name: str, dataset: str, column: str, series: str, step: timedelta,
    count: int,
) -> None:  # fmt: skip
    wanted = {
        (f"entsoe/{series}", begin(row), begin(row) + step): float(row[column])
        for row in expected(folder, name)
    }
    found, reading = read(market, folder, name)
    assert found == dataset
    assert set(reading.units) == {"MW"}
    compare(reading, wanted, count)


@pytest.mark.parametrize(
    ("name", "place", "step", "count"),
    [
        ("A75_A16_gen_NL_20240902_PT15M.xml", f"zone/{NL}", QUARTER, 20 * 96),
        # Pumped storage generates in 8 hours and pumps in the other 16: what is absent is no number.
        ("A75_A16_gen_FR_20240615_PT60M.xml", f"zone/{FR}", HOUR, 11 * 24 + 24),
        ("A01curve_2017_de_gen.xml", f"area/{TENNET}", QUARTER, 17 * 6),
    ],
)
def test_every_quantity_by_fuel_and_side(
    market: Market, folder: Path, name: str, place: str, step: timedelta, count: int
) -> None:
    wanted: Rows = {}
    for row in expected(folder, name):
        for column, text in row.items():
            if column != "start_utc" and text:
                fuel, side = column.split("|")
                series = f"entsoe/actual/{SIDES[side]}_{FUELS[fuel]}/{place}"
                wanted[series, begin(row), begin(row) + step] = float(text)
    dataset, reading = read(market, folder, name)
    assert dataset == "generation"
    compare(reading, wanted, count)


def test_every_wind_and_solar_forecast(market: Market, folder: Path) -> None:
    name = "A69_A01_windsolar_NL_20240902_PT15M.xml"
    wanted = {
        (
            f"entsoe/forecast-day_ahead/generation_{FUELS[column]}/zone/{NL}",
            begin(row),
            begin(row) + QUARTER,
        ): float(text)
        for row in expected(folder, name)
        for column, text in row.items()
        if column != "start_utc"
    }
    dataset, reading = read(market, folder, name)
    assert dataset == "wind_solar_forecast"
    compare(reading, wanted, 3 * 96)


def test_every_imbalance_price_of_the_zip(market: Market, folder: Path) -> None:
    name = "A85_imbalance_AT_20240101_20240105.zip"
    wanted = {
        (f"entsoe/balancing/price-{column.lower()}/zone/{AT}", begin(row), begin(row) + QUARTER): float(text)
        for row in expected(folder, name)
        for column, text in row.items()
        if column != "start_utc"
    }  # fmt: skip
    dataset, reading = read(market, folder, name)
    assert dataset == "imbalance_prices"
    assert set(reading.units) == {"EUR/MWh"}
    compare(reading, wanted, 2 * 384)


def test_every_net_position_once_its_auction_is_named(market: Market, folder: Path) -> None:
    """The kept document is of contract A07 without a sequence: which intraday auction it is cannot be told."""
    name = "A25_net_positions.xml"
    served = document(folder, name)
    assert market.recognise(served) == ("net_positions",)
    with pytest.raises(FeedFormatChanged, match="sequence None"):
        market.read("net_positions", served)
    named = served.body.replace(b">A07<", b">A01<")
    reading = market.read("net_positions", Document(name, named))
    assert isinstance(reading, Reading)
    wanted = {
        (f"entsoe/day_ahead-sdac/net_position/zone/{BE}", begin(row), begin(row) + QUARTER): float(row["value"])
        for row in expected(folder, name)
    }  # fmt: skip
    compare(reading, wanted, 96)


# ---------------------------------------------------------------- what the independent reading does not know


def test_there_is_no_document_that_is_not_compared(market: Market, folder: Path) -> None:
    recognised = {
        path.name: market.recognise(document(folder, path.name))
        for path in sorted(folder.iterdir())
        if path.name != "SOURCE.txt"
    }
    assert [name for name, found in recognised.items() if len(found) != 1] == ["ACK_nodata_999.xml"]
    assert len(recognised) == 18


def test_no_data_is_told_from_damage(market: Market, folder: Path) -> None:
    with pytest.raises(NotPublishedYet, match="No matching data found"):
        market.read("load", document(folder, "ACK_nodata_999.xml"))


POINTS = {
    "A01curve_2017_de_gen.xml": 102,
    "A01curve_2017_de_load.xml": 16,
    "A11_flows_DE_to_NL_20240902_PT15M.xml": 76,
    "A44_DA_AT_20240728_PT60M_seq1.xml": 24,
    "A44_DA_BE_20241008_PT60M.xml": 24,
    "A44_DA_DELU_20241006_07_dual_sequence.xml": 237,
    "A44_DA_DELU_20260202_03_PT15M_dual_sequence.xml": 383,
    "A44_DA_NL_20240902_PT60M.xml": 24,
    "A65_A01_loadforecast_NL_20240902_PT15M.xml": 96,
    "A65_A16_load_CZ_20230303_20230306_PT60M.xml": 72,
    "A65_A16_load_NL_20240902_PT15M.xml": 96,
    "A69_A01_windsolar_NL_20240902_PT15M.xml": 243,
    "A71_A01_genforecast_NL_20240902.xml": 96,
    "A75_A16_gen_FR_20240615_PT60M.xml": 235,
    "A75_A16_gen_NL_20240902_PT15M.xml": 1380,
    "A85_imbalance_AT_20240101_20240105.zip": 762,
}


@pytest.mark.parametrize("name", POINTS)
def test_points_balance_and_fill_what_is_flagged(market: Market, folder: Path, name: str) -> None:
    """Points as counted in the text of the documents; every row more than a point repeats one (A03)."""
    _, reading = read(market, folder, name)
    assert reading.rows_read == POINTS[name]
    assert not reading.rows_ignored
    filled = (reading.flags & int(Flag.BLOCK_FILLED)) != 0
    assert filled.sum() == len(reading) - POINTS[name]
    assert (reading.state == State.OK).all()


@pytest.mark.parametrize("name", POINTS)
def test_locators_lead_to_the_point_of_each_number(market: Market, folder: Path, name: str) -> None:
    served = document(folder, name)
    _, reading = read(market, folder, name)
    for packed, value in list(zip(reading.locator.tolist(), reading.value.tolist(), strict=True))[::7]:  # fmt: skip
        point = market.locate(served, Locator.unpack(packed))
        assert point.startswith(b"<Point>")
        assert point.endswith(b"</Point>")
        text = point.split(b"quantity>")[1] if b"quantity>" in point else point.split(b"amount>")[1]
        assert float(text.split(b"<")[0]) == value


@pytest.mark.parametrize(
    ("name", "finality", "rank", "stamp"),
    [
        ("A85_imbalance_AT_20240101_20240105.zip", Finality.FINAL, 1, "2026-05-07T13:27:08Z"),
        (
            "A69_A01_windsolar_NL_20240902_PT15M.xml",
            Finality.FINAL,
            3,
            "2026-05-07T13:03:23Z",
        ),
        ("A44_DA_NL_20240902_PT60M.xml", Finality.FINAL, 1, None),
        (
            "A65_A16_load_NL_20240902_PT15M.xml",
            Finality.PRELIMINARY,
            1,
            "2026-05-07T10:12:20Z",
        ),
    ],
)
def test_status_revision_and_reply_stamp_typed_by_hand(
    market: Market, folder: Path, name: str, finality: Finality, rank: int, stamp: str | None
) -> None:
    _, reading = read(market, folder, name)
    assert set(reading.finality.tolist()) == {int(finality)}
    assert set(reading.source_rank.tolist()) == {rank}
    assert np.isnat(reading.published_at).all()  # createdDateTime is the time of our question
    if stamp:
        assert reading.document_stamp == parse_instant(stamp)


@pytest.mark.parametrize(
    ("name", "issued"),
    [
        ("A65_A01_loadforecast_NL_20240902_PT15M.xml", "2024-09-01T08:00Z"),
        ("A69_A01_windsolar_NL_20240902_PT15M.xml", "2024-09-01T16:00Z"),
        ("A71_A01_genforecast_NL_20240902.xml", "2024-09-01T16:00Z"),
    ],
)
def test_issue_instants_typed_by_hand(market: Market, folder: Path, name: str, issued: str) -> None:
    _, reading = read(market, folder, name)
    assert (reading.issued_at == instant64(parse_instant(issued))).all()


def test_the_hole_between_two_periods_is_no_number(market: Market, folder: Path) -> None:
    _, reading = read(market, folder, "A75_A16_gen_FR_20240615_PT60M.xml")
    pumped = SeriesId.parse(f"entsoe/actual/generation_hydro_pumped/zone/{FR}")
    hours = reading.interval_start[reading.code == reading.series.index(pumped)].tolist()
    assert [f"{hour:%H}" for hour in hours] == ["22", "23", "00", "17", "18", "19", "20", "21"]
    assert [finding.rule for finding in reading.findings] == ["absent"]


def test_what_was_read_can_be_written_and_read_again(market: Market, folder: Path) -> None:
    for name in POINTS:
        dataset, reading = read(market, folder, name)
        (written,) = market.write(dataset, reading)
        again = market.read(dataset, written)
        assert isinstance(again, Reading)
        assert rows(again) == rows(reading)
        assert (
            again.rows_read == reading.rows_read
        )  # as many points: the same positions are left out
        for column in ("flags", "finality", "source_rank", "issued_at"):
            both = [sorted(r.column(column).view().tolist(), key=repr) for r in (again, reading)]
            assert both[0] == both[1]
