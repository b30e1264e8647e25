"""Reading the table of auctions. A data row is one auction: a row of the sheet below the head of the table.

All numbers of a row are published at its Time, Berlin's clock. The interval is the auction day in Berlin. An empty
cell is ``missing``; in a cancelled auction it is ``not_applicable``, and what was sold is 0. Allowances sold stand in
no column: they are the volume of a successful auction (flag ``derived``). Two auctions of one contract, platform and
day that differ are refused: it has not happened, and nothing in the identity of a number would tell them apart.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

import numpy as np
from attrs import define, evolve, field, frozen

from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.observations import Reading, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, day_window, local_instant, utc, zone
from carbon254.core.domain.vocabulary import Flag, State
from carbon254.plugins.markets.eu_ets.columns import NUMBERS, Column, Table, find_columns, is_header
from carbon254.plugins.markets.eu_ets.workbook import Cell, Workbook, open_workbook, rows
from carbon254.ports.unpacking import SeriesTable, pack_locators

DATASET: Final = "auctions"
BERLIN: Final = "Europe/Berlin"
_MILLISECONDS: Final = 86_400_000
_PRICES: Final = ("price", "revenue")
_SOLD: Final = "allowances_sold"


@frozen
class Auction:
    """What identifies an auction, and where its row stands."""

    row: int
    day: date
    held_at: datetime
    run: str
    platform: str
    flags: Flag

    @property
    def cancelled(self) -> bool:
        return bool(self.flags & Flag.CANCELLED)


def read(card: MarketCard, document: Document) -> Reading:
    """Read a yearly workbook, newest auction first. Errors as in the market protocol."""
    facts = card.dataset(DATASET)
    workbook = open_workbook(document, facts.max_unpacked_bytes)
    lines = iter(rows(workbook))
    head = next((cells for _, cells in lines if is_header(cells)), None)
    if head is None:
        raise FeedFormatChanged(
            f"{document.name}: no row has the columns Date, Time, Contract and Status."
        )
    table = find_columns(head, document.name)
    made = _Made(card, workbook, table)
    for number, cells in lines:
        if any(cell != "" for cell in cells.values()):
            made.add(_auction(number, cells, table, facts, workbook), cells)
    return made.reading()


def _auction(
    number: int, cells: dict[int, Cell], table: Table, facts: DatasetCard, workbook: Workbook
) -> Auction:
    def word(title: str) -> str:
        text = cells.get(table.place[title])
        known = facts.enums[title]
        if not isinstance(text, str) or text not in known:
            raise FeedFormatChanged(
                f"{workbook.name}: {title} {text!r} is not known; known are {', '.join(known)}."
            )
        return known[text]

    day = workbook.epoch + timedelta(days=int(_serial("Date", cells, table, workbook)))
    held_at = _clock(workbook.epoch, _serial("Time", cells, table, workbook), day)
    if held_at.astimezone(zone(BERLIN)).date() != day:
        raise FeedFormatChanged(
            f"{workbook.name}: the auction of {day} has a Time of another day, {held_at}."
        )
    status = word("Status")
    flags = Flag[status.upper()] if status else Flag(0)
    return Auction(number, day, held_at, word("Contract"), word("Zone"), flags)


def _serial(title: str, cells: dict[int, Cell], table: Table, workbook: Workbook) -> float:
    serial = cells.get(table.place[title])
    if not isinstance(serial, float) or not 0 <= serial < 100_000:
        raise FeedFormatChanged(f"{workbook.name}: {title} {serial!r} is no date of a spreadsheet.")
    return serial


def _clock(epoch: date, serial: float, day: date) -> datetime:
    """The instant of a Time, which has a date of its own; a bare time of day is one of the auction's day."""
    days, milliseconds = divmod(round(serial * _MILLISECONDS), _MILLISECONDS)
    on = epoch + timedelta(days) if days else day
    clock = (datetime.combine(on, time()) + timedelta(milliseconds=milliseconds)).time()
    return utc(local_instant(on, clock, BERLIN))


@define
class _Made:
    """Collects the numbers of all auctions."""

    card: MarketCard
    workbook: Workbook
    table: Table
    auctions: list[Auction] = field(factory=list)
    series: SeriesTable = field(factory=SeriesTable)
    numbers: list[tuple[int, int, float, State, Flag, int]] = field(
        factory=list
    )  # code, auction, value, …, column

    def add(self, auction: Auction, cells: dict[int, Cell]) -> None:
        """Add the numbers of one auction."""
        self.auctions.append(auction)
        for column in NUMBERS:
            value = self._value(column, cells.get(self.table.place[column.title]))
            if auction.cancelled and column.measure in _PRICES and value is not None:
                raise FeedFormatChanged(
                    f"{self.workbook.name}: the cancelled auction of {auction.day} has a {column.title}."
                )
            self._number(auction, column, value)
            if column.measure == "allowances_offered":
                self._number(
                    auction, evolve(column, measure=_SOLD), 0.0 if auction.cancelled else value
                )

    def _value(self, column: Column, cell: Cell | None) -> float | None:
        if cell is None or cell == "":
            return None
        if not isinstance(cell, float):
            raise FeedFormatChanged(f"{self.workbook.name}: {column.title} {cell!r} is no number.")
        return cell

    def _number(self, auction: Auction, column: Column, value: float | None) -> None:
        series = SeriesId(self.card.id, auction.run, column.measure, "platform", auction.platform)
        code, place = self.series.code(series, column.unit), self.table.place[column.title]
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
                self.workbook.part, np.array([a.row for a in self.auctions], np.int64)[of], column
            ),
            state=state,
            flags=flags,
            published_at=np.array(
                [instant64(a.held_at) for a in self.auctions], dtype="datetime64[us]"
            )[of],
            document_stamp=self._stamp(),
            covers=Window(min(s.start for s in spans), max(s.end for s in spans))
            if spans
            else None,
            rows_read=len(self.auctions),
            findings=self.table.findings,
        )

    def _stamp(self) -> datetime | None:
        """When the workbook was made, or else its newest auction."""
        return self.workbook.created or max(
            (auction.held_at for auction in self.auctions), default=None
        )
