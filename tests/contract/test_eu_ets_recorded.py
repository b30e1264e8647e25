"""EEX's own workbooks of 2020, 2023 and 2024 against an independent reading of them: every row, every number."""

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from carbon254.core.domain.documents import Document
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.vocabulary import Flag, State
from carbon254.ports.testing.market_checks_rows import round_trip
from carbon254.ports.testing.market_kit import Kit, Row, load_market, rows_of, sample_document

pytestmark = pytest.mark.recorded

MARKET = load_market("eu_ets")
YEARS = {2020: 218, 2023: 223, 2024: 221}  # auctions, counted in the expectations
RUNS = {"T3PA": "auction-eua", "EAA3": "auction-euaa"}
COLUMNS = {
    "Auction Price €/tCO2": "price",
    "Minimum Bid €/tCO2": "price-min",
    "Maximum Bid €/tCO2": "price-max",
    "Mean €/tCO2": "price-mean",
    "Median €/tCO2": "price-median",
    "Auction Volume tCO2": "allowances_offered",
    "Total Amount of Bids": "allowances_bid",
    "Number of bids submitted": "bids",
    "Number of successful bids": "bids-successful",
    "Cover Ratio": "cover_ratio",
    "Total Number of Bidders": "bidders",
    "Number of Successful Bidders": "bidders-successful",
    "Total Revenue €": "revenue",
}
Auction = tuple[str, str, date]


def document(recorded: Path, year: int) -> Document:
    return sample_document(
        recorded / "eu_ets" / f"emission-spot-primary-market-auction-report-{year}-data.xlsx"
    )


def auctions(recorded: Path, year: int) -> dict[Auction, dict[str, Row]]:
    """Our reading by contract's run, platform and day in Berlin."""
    reading = MARKET.read("auctions", document(recorded, year))
    assert isinstance(reading, Reading)
    found: dict[Auction, dict[str, Row]] = {}
    for key, row in rows_of([reading]).items():
        start, end = (
            datetime.fromtimestamp(at / 1e6, ZoneInfo("Europe/Berlin"))
            for at in (key.start, key.end)
        )
        assert (start.hour, end.hour, end.date() - start.date()) == (0, 0, timedelta(1))
        found.setdefault((key.series.run, key.series.location, start.date()), {})[
            key.series.measure
        ] = row
    return found


def expectations(recorded: Path, year: int) -> dict[Auction, dict[str, str]]:
    path = recorded / "expected" / "eu" / f"eex_auctions_{year}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    found = {
        (RUNS[line["Contract"]], line["Country"], date.fromisoformat(line["Date"][:10])): line
        for line in lines
    }
    assert len(found) == len(lines) == YEARS[year]
    return found


@pytest.mark.parametrize("year", YEARS)
def test_every_number_of_every_auction_is_the_one_expected(recorded: Path, year: int) -> None:
    ours, theirs = auctions(recorded, year), expectations(recorded, year)
    assert ours.keys() == theirs.keys()
    compared = 0
    for auction, line in theirs.items():
        for column, measure in COLUMNS.items():
            row, text = ours[auction][measure], line[column]
            if text:
                assert (row.value, row.state) == (float(text), State.OK), (auction, measure)
            else:
                assert (np.isnan(row.value), row.state) == (True, State.NOT_APPLICABLE), (
                    auction,
                    measure,
                )
            compared += 1
    assert compared == YEARS[year] * 13


@pytest.mark.parametrize("year", YEARS)
def test_every_clearing_time_is_the_one_expected_to_the_millisecond(
    recorded: Path, year: int
) -> None:
    ours = auctions(recorded, year)
    for auction, line in expectations(recorded, year).items():
        local = datetime.fromisoformat(line["Time"]).replace(tzinfo=ZoneInfo("Europe/Berlin"))
        published = {row.published_at for row in ours[auction].values()}
        assert published == {round(local.timestamp() * 1000) * 1000}, auction


@pytest.mark.parametrize("year", YEARS)
def test_what_was_sold_is_what_was_offered_save_in_the_cancelled_auction(
    recorded: Path, year: int
) -> None:
    ours, cancelled = auctions(recorded, year), 0
    for auction, line in expectations(recorded, year).items():
        status = line["Status"]
        cancelled += status == "cancelled"
        sold = ours[auction]["allowances_sold"]
        assert sold.value == (0.0 if status == "cancelled" else float(line["Auction Volume tCO2"]))
        assert all(
            bool(row.flags & Flag.CANCELLED) == (status == "cancelled")
            for row in ours[auction].values()
        )
    assert cancelled == (year == 2020)


@pytest.mark.parametrize("year", YEARS)
def test_the_markets_own_relations_hold(recorded: Path, year: int) -> None:
    successful = 0
    for auction, row in auctions(recorded, year).items():
        if row["price"].state == State.OK:
            successful += 1
            assert (
                round(row["price"].value * row["allowances_offered"].value, 2)
                == row["revenue"].value
            ), auction
        cover = row["allowances_bid"].value / row["allowances_offered"].value
        assert abs(cover - row["cover_ratio"].value) <= 0.005 + 1e-9, auction
    assert successful == YEARS[year] - (year == 2020)


@pytest.mark.parametrize("year", YEARS)
def test_the_workbook_was_made_seconds_after_its_newest_auction(recorded: Path, year: int) -> None:
    """What shows that the column Time is Berlin's clock: the file's own stamp is in UTC."""
    reading = MARKET.read("auctions", document(recorded, year))
    assert isinstance(reading, Reading)
    newest = datetime.fromtimestamp(int(reading.published_at.max().view(np.int64)) / 1e6, UTC)
    assert reading.document_stamp is not None
    assert timedelta(0) < reading.document_stamp - newest < timedelta(seconds=30)
    assert reading.findings == ()


def test_eua_and_euaa_are_apart_on_the_eight_days_of_2020_that_had_both(recorded: Path) -> None:
    days: dict[date, set[str]] = {}
    for run, _, day in auctions(recorded, 2020):
        days.setdefault(day, set()).add(run)
    assert sum(len(runs) == 2 for runs in days.values()) == 8


@pytest.mark.parametrize("year", YEARS)
def test_a_recorded_year_written_and_read_again_is_the_same(recorded: Path, year: int) -> None:
    reading = MARKET.read("auctions", document(recorded, year))
    assert isinstance(reading, Reading)
    assert list(round_trip(Kit(MARKET), "auctions", reading, made_up=False)) == []
