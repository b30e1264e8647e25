"""Writing workbooks as EEX makes them: one sheet, headings above, the table from B6, newest auction first.

Only what is read is filled in: averages are empty, beneficiaries' revenues are empty text, as they are in the rows of
auctions that they had no part in. An auction without a time of its own was published when it was due.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from attrs import define, field

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Reading, from_instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import operating_day, zone
from carbon254.core.domain.vocabulary import Flag, State
from carbon254.plugins.markets.eu_ets.auctions import BERLIN
from carbon254.plugins.markets.eu_ets.columns import NUMBERS
from carbon254.plugins.markets.eu_ets.layout import Cells, headers, workbook
from carbon254.plugins.markets.eu_ets.table import DATASET

MEDIA_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's day 0 is in no zone
_MADE_AFTER: Final = timedelta(seconds=10)
_NAMES: Final = {"auction-eua": "Auction 4. Period {}", "auction-euaa": "EUAA Auction {}"}
_PARTY: Final = {"EU": "CAP3 EU", "DE": "DE", "PL": "CAP3 PL", "XI": "CAP3 NIR"}


def file_name(year: int, ending: str = ".xlsx") -> str:
    """The name of a year's workbook."""
    return f"emission-spot-primary-market-auction-report-{year}-data{ending}"


@define
class _Auction:
    """One row of the table: the numbers that there are."""

    run: str
    platform: str
    day: date
    held_at: datetime
    cancelled: bool = False
    numbers: dict[str, float] = field(factory=dict)


def write(card: MarketCard, reading: Reading) -> Iterator[Document]:
    """Workbooks that hold the reading, by year. Raises `InvalidRequest` for what no row of theirs can say."""
    years: dict[int, list[_Auction]] = {}
    for auction in _auctions(card, reading):
        years.setdefault(auction.day.year, []).append(auction)
    for year in sorted(years):
        newest_first = sorted(
            years[year], key=lambda a: (a.day, a.held_at, a.run, a.platform), reverse=True
        )
        cells = [_cells(card, auction, year) for auction in newest_first]
        made = max(auction.held_at for auction in newest_first) + _MADE_AFTER
        if reading.document_stamp is not None and len(years) == 1:
            made = reading.document_stamp
        yield Document(file_name(year), workbook(year, cells, made), MEDIA_TYPE)


def _auctions(card: MarketCard, reading: Reading) -> Iterator[_Auction]:
    found: dict[tuple[str, str, date], _Auction] = {}
    for row in range(len(reading)):
        series = reading.series[reading.code[row]]
        start = from_instant64(reading.interval_start[row])
        assert start is not None  # a reading has no interval without a start
        day = operating_day(start, BERLIN)
        held_at = from_instant64(reading.published_at[row]) or card.dataset(DATASET).due.on(
            day, BERLIN
        )
        auction = found.setdefault(
            (series.run, series.location, day), _Auction(series.run, series.location, day, held_at)
        )
        auction.cancelled |= bool(reading.flags[row] & Flag.CANCELLED)
        if reading.state[row] == State.OK:
            auction.numbers[series.measure] = float(reading.value[row])
    for auction in found.values():
        _check_sold(card, auction)
        yield auction


def _check_sold(card: MarketCard, auction: _Auction) -> None:
    offered = auction.numbers.get("allowances_offered")
    sold = auction.numbers.pop("allowances_sold", None)
    if sold is not None and sold != (0.0 if auction.cancelled else offered):
        series = SeriesId(card.id, auction.run, "allowances_sold", "platform", auction.platform)
        raise InvalidRequest(
            f"{series} on {auction.day} is {sold}: all that is offered is sold, or the auction cancelled."
        )


def _cells(card: MarketCard, auction: _Auction, year: int) -> Cells:
    enums = card.dataset(DATASET).enums
    contract = next(wire for wire, run in enums["Contract"].items() if run == auction.run)
    known: Cells = {
        "Date": float((auction.day - _EPOCH.date()).days),
        "Time": _serial(auction.held_at),
        "Auction Name": _NAMES[auction.run].format(_PARTY.get(auction.platform, auction.platform)),
        "Contract": contract,
        "Status": "cancelled" if auction.cancelled else "successful",
        "Zone": auction.platform,
    }
    known |= {column.title: auction.numbers.get(column.measure) for column in NUMBERS}
    return {
        title: known.get(title, "" if title.endswith(")") else None) for title, _ in headers(year)
    }


def _serial(instant: datetime) -> float:
    """An instant as a spreadsheet's number of days on Berlin's clock."""
    local = instant.astimezone(UTC).astimezone(zone(BERLIN)).replace(tzinfo=None)
    return (local - _EPOCH) / timedelta(days=1)
