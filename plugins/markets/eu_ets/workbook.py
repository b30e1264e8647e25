"""The workbooks of EEX, .xlsx since 2020 and .xls before: finding the sheet, its cells and the bytes of its rows.

The XML of an xlsx is read as it is: a locator must lead back to bytes, and no library hands those out. Serial numbers
count days from 1899-12-30, or from 1904-01-01 where the workbook says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from attrs import frozen

from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import DocumentDamaged, FeedFormatChanged
from carbon254.plugins.markets.eu_ets.moments import serial_of
from carbon254.plugins.markets.eu_ets.package import (
    SHEET,
    counts_from_1904,
    created,
    find_book,
    find_sheet,
    need_sheet,
    read_strings,
    read_xml,
    text_of,
)
from carbon254.ports.biff import BLANK, DATE, NUMBER, TEXT, cell_record, is_xls, open_xls
from carbon254.ports.unpacking import Unpacked, is_zip, parse_xml, refuse_html

_ROW: Final = re.compile(
    rb"<(?:\w+:)?row\b[^>]*/>|<(?:\w+:)?row\b[^>]*>.*?</(?:\w+:)?row>", re.DOTALL
)
_CELL: Final = re.compile(r"([A-Z]+)\d+")
_AS_IT_IS: Final = (TEXT, NUMBER, DATE)

Cell = str | float


@frozen
class Xlsx:
    """The auction sheet of an .xlsx. ``part`` is the sheet's place among the members of the zip."""

    name: str
    part: int
    sheet: bytes
    strings: tuple[str, ...]
    epoch: date
    created: datetime | None

    def rows(self) -> Iterator[tuple[int, dict[int, Cell]]]:
        """The cells of each row by column, A being 0; rows are counted from 0 as they stand in the sheet.

        Text is text, also the empty one; numbers are numbers, and so are dates; cells without a value are left out.
        """
        root = parse_xml(self.sheet, f"{self.name}, sheet")
        for number, row in enumerate(root.iter("{*}row")):
            yield number, dict(_cells(self, row))

    def fragment(self, row: int, column: int) -> bytes:
        """The XML of a row, byte for byte. Raises `DocumentDamaged` where there is none of that number."""
        for place, found in enumerate(_ROW.finditer(self.sheet)):
            if place == row:
                return found[0]
        raise DocumentDamaged(f"{self.name}: the sheet has no row {row}.")


@frozen
class Xls:
    """The auction sheet of an .xls: xlrd's book, and the place of the sheet in it."""

    document: Document
    book: Any
    sheet: int
    part: int = 0

    @property
    def name(self) -> str:
        return self.document.name

    @property
    def epoch(self) -> date:
        return _epoch(self.book.datemode)

    @property
    def created(self) -> datetime | None:
        """Unknown: xlrd does not tell."""
        return None

    def rows(self) -> Iterator[tuple[int, dict[int, Cell]]]:
        """As `Xlsx.rows`."""
        for number, row in enumerate(self.book.sheet_by_index(self.sheet).get_rows()):
            yield (
                number,
                {
                    column: cell.value if cell.ctype in _AS_IT_IS else f"{cell!r}"
                    for column, cell in enumerate(row)
                    if cell.ctype not in BLANK
                },
            )

    def fragment(self, row: int, column: int) -> bytes:
        """The record of a cell, or of the first in its row; see `cell_record`."""
        return cell_record(self.document, self.sheet, row, column)


Workbook = Xlsx | Xls


def open_workbook(document: Document, limit: int) -> Workbook:
    """Unpack a workbook, at most ``limit`` bytes of it.

    Raises `DocumentDamaged` for what is no whole workbook, `FeedFormatChanged` where the sheet is not in it and
    `SettingsInvalid` for an .xls without xlrd.
    """
    refuse_html(document)
    if is_xls(document.body):
        book = open_xls(document)
        need_sheet(book.sheet_names(), document.name)
        return Xls(document, book, book.sheet_names().index(SHEET))
    if not is_zip(document.body):
        raise DocumentDamaged(f"{document.name}: no xlsx workbook.")
    unpacked = Unpacked(document, limit)
    path = find_book(unpacked)
    if path is None:
        raise DocumentDamaged(f"{document.name}: no whole workbook, nothing lists its sheets.")
    book = read_xml(unpacked, path)
    member = find_sheet(unpacked, path, book)
    return Xlsx(
        document.name,
        unpacked.members.index(member),
        unpacked.read(member),
        read_strings(unpacked, path),
        _epoch(counts_from_1904(book)),
        created(unpacked),
    )


def _epoch(from_1904: bool | int) -> date:
    return date(1904, 1, 1) if from_1904 else date(1899, 12, 30)


def _cells(workbook: Xlsx, row: Any) -> Iterator[tuple[int, Cell]]:
    column = -1
    for element in row.iterchildren("{*}c"):
        column = _place(workbook, element, column + 1)
        value = _value(workbook, element)
        if value is not None:
            yield column, value


def _place(workbook: Xlsx, element: Any, following: int) -> int:
    """The column of a cell; one that does not say where it stands follows the one before it."""
    said = element.get("r")
    place = _CELL.fullmatch(said) if said is not None else None
    if said is not None and place is None:
        raise FeedFormatChanged(f"{workbook.name}: cell '{said}' does not say where it stands.")
    return _column(place[1]) if place else following


def _value(workbook: Xlsx, element: Any) -> Cell | None:
    kind, text = element.get("t", "n"), element.findtext("{*}v")
    if kind == "inlineStr":
        return text_of(element)
    if text is None or (text == "" and kind in ("n", "d")):
        formula = element.findtext(
            "{*}f"
        )  # its value is unknown until a spreadsheet has worked it out
        return f"={formula}" if formula else None
    if kind == "s":
        try:
            return workbook.strings[int(text)]
        except (ValueError, IndexError):
            raise DocumentDamaged(f"{workbook.name}: text {text} is not in the workbook.") from None
    if kind == "d":  # SheetJS puts a Z there, which the format knows nothing of
        serial = serial_of(text.removesuffix("Z"), workbook.epoch)
        return str(text) if serial is None else serial
    if kind != "n":
        return str(text)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FeedFormatChanged(f"{workbook.name}: '{text}' is no number.")
    return number


def _column(letters: str) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1
