"""Reading the table of auctions. A data row is one auction: a row of the sheet below the head of the table.

All numbers of a row are published at its Time, Berlin's clock. The interval is the auction day in Berlin. An empty
cell is ``missing``; in a cancelled auction it is ``not_applicable``, and what was sold is 0. Allowances sold stand in
no column: they are the volume of a successful auction (flag ``derived``); where a workbook has no Status, of one with
a price. Two auctions of one contract, platform and day that differ are refused: it has not happened, and nothing in
the identity of a number would tell them apart.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Final

import numpy as np
from attrs import define, evolve, field

from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.observations import NAT, Finding, Reading, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, day_window
from carbon254.core.domain.vocabulary import Flag, State
from carbon254.plugins.markets.eu_ets.auctions import BERLIN, Auction, read_auction
from carbon254.plugins.markets.eu_ets.books import open_workbooks
from carbon254.plugins.markets.eu_ets.columns import NUMBERS, Column, Table, find_columns, is_header
from carbon254.plugins.markets.eu_ets.workbook import Cell, Workbook
from carbon254.ports.unpacking import SeriesTable, pack_locators

DATASET: Final = "auctions"
_PRICES: Final = ("price", "revenue")
_SOLD: Final = "allowances_sold"


def read(card: MarketCard, document: Document) -> Reading:
    """Read a yearly workbook, newest auction first, or an archive of them. Errors as in the market protocol."""
    facts = card.dataset(DATASET)
    made = _Made(card)
    for workbook in open_workbooks(document, facts.max_unpacked_bytes):
        _read(made, facts, workbook)
    return made.reading()


def _read(made: _Made, facts: DatasetCard, workbook: Workbook) -> None:
    lines = workbook.rows()
    head = next((cells for _, cells in lines if is_header(cells)), None)
    if head is None:
        raise FeedFormatChanged(f"{workbook.name}: no row has the columns Date and Contract.")
    table = find_columns(head, workbook.name)
    made.begin(workbook, table)
    for number, cells in lines:
        if any(cell != "" for cell in cells.values()):
            auction = read_auction(number, cells, table, facts, workbook)
            if isinstance(auction, str):
                made.ignored[auction] += 1
            else:
                made.add(auction, cells, table, workbook.name)


@define
class _Made:
    """Collects the numbers of all auctions."""

    card: MarketCard
    findings: list[Finding] = field(factory=list)
    auctions: list[Auction] = field(factory=list)
    stamps: list[datetime] = field(factory=list)
    ignored: Counter[str] = field(factory=Counter)
    series: SeriesTable = field(factory=SeriesTable)
    numbers: list[tuple[int, int, float, State, Flag, int]] = field(
        factory=list
    )  # code, auction, value, …, column

    def begin(self, workbook: Workbook, table: Table) -> None:
        """Note what a workbook says of itself."""
        self.findings.extend(table.findings)
        if workbook.created is not None:
            self.stamps.append(workbook.created)

    def add(self, auction: Auction, cells: dict[int, Cell], table: Table, name: str) -> None:
        """Add the numbers of one auction, of the columns that there are."""
        self.auctions.append(auction)
        for column in NUMBERS:
            if (place := table.place.get(column.title)) is None:
                continue
            value = _value(column, cells.get(place), name)
            if auction.cancelled and column.measure in _PRICES and value is not None:
                raise FeedFormatChanged(
                    f"{name}: the cancelled auction of {auction.day} has a {column.title}."
                )
            self._number(auction, column, value, place)
            if column.measure == "allowances_offered":
                known = table.has_status or cells.get(table.place["Auction Price"], "") != ""
                sold = 0.0 if auction.cancelled else value if known else None
                self._number(auction, evolve(column, measure=_SOLD), sold, place)

    def _number(self, auction: Auction, column: Column, value: float | None, place: int) -> None:
        series = SeriesId(self.card.id, auction.run, column.measure, "platform", auction.platform)
        code = self.series.code(series, column.unit)
        absent = State.NOT_APPLICABLE if auction.cancelled else State.MISSING
        state = State.OK if value is not None else absent
        flags = auction.flags | (Flag.DERIVED if column.measure == _SOLD else Flag(0))
        number = np.nan if value is None else value
        self.numbers.append((code, len(self.auctions) - 1, number, state, flags, place))

    def reading(self) -> Reading:
        """All numbers; none before the year's first auction."""
        code, of, value, state, flags, column = (
            np.array(one)
            for one in (zip(*self.numbers, strict=True) if self.numbers else ((),) * 6)
        )
        of = of.astype(np.int64)
        spans = [day_window(auction.day, BERLIN) for auction in self.auctions]
        return Reading(
            self.series.series,
            self.series.units,
            code,
            np.array([instant64(span.start) for span in spans], dtype="datetime64[us]")[of],
            np.array([instant64(span.end) for span in spans], dtype="datetime64[us]")[of],
            value,
            locator=pack_locators(
                np.array([auction.part for auction in self.auctions], np.int64)[of],
                np.array([auction.row for auction in self.auctions], np.int64)[of],
                column,
            ),
            state=state,
            flags=flags,
            published_at=np.array(
                [instant64(a.held_at) if a.held_at else NAT for a in self.auctions],
                dtype="datetime64[us]",
            )[of],
            document_stamp=self._stamp(),
            covers=Window(min(s.start for s in spans), max(s.end for s in spans))
            if spans
            else None,
            rows_read=len(self.auctions),
            rows_ignored=dict(self.ignored),
            findings=self.findings,
        )

    def _stamp(self) -> datetime | None:
        """When the workbook was made, or else its newest auction; of an archive, the latest."""
        held = (auction.held_at for auction in self.auctions if auction.held_at is not None)
        return max(self.stamps or held, default=None)


def _value(column: Column, cell: Cell | None, name: str) -> float | None:
    if cell is None or cell == "":
        return None
    if not isinstance(cell, float):
        raise FeedFormatChanged(f"{name}: {column.title} {cell!r} is no number.")
    return cell
