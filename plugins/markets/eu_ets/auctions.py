"""One row of the table: which auction it is, when it was held and how it ended.

A workbook without a Status, as all were until 2019, lists successful auctions only. Where it has no Country either, the
last word of an auction's name is whose allowances were sold, as in ``Auction 3. Period CAP2-EU``.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from attrs import frozen

from carbon254.core.domain.cards import DatasetCard
from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.time import local_instant, utc, zone
from carbon254.core.domain.vocabulary import Flag
from carbon254.plugins.markets.eu_ets.columns import Table
from carbon254.plugins.markets.eu_ets.moments import serial_of
from carbon254.plugins.markets.eu_ets.workbook import Cell, Workbook

BERLIN: Final = "Europe/Berlin"
_MILLISECONDS: Final = 86_400_000
_STATUS_SINCE: Final = 2020


@frozen
class Auction:
    """What identifies an auction, and where its row stands."""

    part: int
    row: int
    day: date
    held_at: datetime | None
    run: str
    platform: str
    flags: Flag

    @property
    def cancelled(self) -> bool:
        return bool(self.flags & Flag.CANCELLED)


def read_auction(
    number: int, cells: dict[int, Cell], table: Table, facts: DatasetCard, workbook: Workbook
) -> Auction | str:
    """The auction of a row, or why the row is not read. Raises `FeedFormatChanged`."""

    def word(title: str, text: Cell | None) -> str:
        known = facts.enums[title]
        if not isinstance(text, str) or text.strip() not in known:
            raise FeedFormatChanged(
                f"{workbook.name}: {title} {text!r} is not known; known are {', '.join(known)}."
            )
        return known[text.strip()]

    day, held_at = _when(cells, table, workbook)
    if not table.has_status and day.year >= _STATUS_SINCE:
        raise FeedFormatChanged(f"{workbook.name}: column Status is missing for {day}.")
    status = word("Status", cells.get(table.place["Status"])) if table.has_status else ""
    flags = Flag[status.upper()] if status else Flag(0)
    run = word("Contract", cells.get(table.place["Contract"]))
    if run in facts.rows_ignored:
        return run
    platform = word("Zone", _zone(cells, table))
    return Auction(workbook.part, number, day, held_at, run, platform, flags)


def _zone(cells: dict[int, Cell], table: Table) -> Cell | None:
    """Whose allowances are sold; where no column says it, the last word of the auction's name does."""
    if "Zone" in table.place:
        return cells.get(table.place["Zone"])
    name = cells.get(table.place["Auction Name"])
    last = re.split(r"[^A-Z]", name.strip())[-1] if isinstance(name, str) else name
    return "XI" if last == "NIR" else last


def _when(cells: dict[int, Cell], table: Table, workbook: Workbook) -> tuple[date, datetime | None]:
    """The auction's day and the instant of its clearing, which workbooks without a Status need not tell."""
    on = _serial("Date", cells, table, workbook)
    day = workbook.epoch + timedelta(days=int(on))
    if not table.has_status and cells.get(table.place.get("Time", -1), "") == "":
        return day, None
    at = _serial("Time", cells, table, workbook)
    held_at = _clock(workbook.epoch, at, day)
    if held_at.astimezone(zone(BERLIN)).date() != day or on % 1 not in (0, at % 1):
        raise FeedFormatChanged(
            f"{workbook.name}: the auction of {day} has a Time of another day, {held_at}."
        )
    return day, held_at


def _serial(title: str, cells: dict[int, Cell], table: Table, workbook: Workbook) -> float:
    said = cells.get(table.place[title])
    serial = serial_of(said, workbook.epoch) if isinstance(said, str) else said
    if serial is None or not (title == "Date") <= serial < 100_000:
        raise FeedFormatChanged(f"{workbook.name}: {title} {said!r} is no date of a spreadsheet.")
    return serial


def _clock(epoch: date, serial: float, day: date) -> datetime:
    """The instant of a Time, which has a date of its own; a bare time of day is one of the auction's day."""
    days, milliseconds = divmod(round(serial * _MILLISECONDS), _MILLISECONDS)
    on = epoch + timedelta(days) if days else day
    clock = (datetime.combine(on, time()) + timedelta(milliseconds=milliseconds)).time()
    return utc(local_instant(on, clock, BERLIN))
