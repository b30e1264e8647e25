"""The xlsx of EEX: finding the sheet, its cells and the bytes of its rows.

The sheet's XML is read as it is: a locator must lead back to bytes, and no library hands those out. Excel's serial
numbers count days from 1899-12-30, or from 1904-01-01 where the workbook says so.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from attrs import frozen

from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import DocumentDamaged, FeedFormatChanged, InvalidRequest
from carbon254.core.domain.time import parse_instant
from carbon254.ports.unpacking import Unpacked, is_zip, local_name, parse_xml, refuse_html

SHEET: Final = "Primary Market Auction"
BOOK: Final = "xl/workbook.xml"
_RELATIONS, _STRINGS, _CORE = (
    "xl/_rels/workbook.xml.rels",
    "xl/sharedStrings.xml",
    "docProps/core.xml",
)
_ROW: Final = re.compile(
    rb"<(?:\w+:)?row\b[^>]*/>|<(?:\w+:)?row\b[^>]*>.*?</(?:\w+:)?row>", re.DOTALL
)
_CELL: Final = re.compile(r"([A-Z]+)\d+")

Cell = str | float


@frozen
class Workbook:
    """The auction sheet of a workbook. ``part`` is the sheet's place among the members of the zip."""

    name: str
    part: int
    sheet: bytes
    strings: tuple[str, ...]
    epoch: date
    created: datetime | None


def open_workbook(document: Document, limit: int) -> Workbook:
    """Unpack a workbook, at most ``limit`` bytes of it.

    Raises `DocumentDamaged` for what is no whole workbook, `FeedFormatChanged` where the sheet is not in it.
    """
    refuse_html(document)
    if not is_zip(document.body):
        raise DocumentDamaged(f"{document.name}: no xlsx workbook.")
    unpacked = Unpacked(document, limit)
    book = _xml(unpacked, BOOK)
    member = _sheet_member(unpacked, book)
    strings = _strings(unpacked) if _STRINGS in unpacked.members else ()
    return Workbook(
        document.name,
        unpacked.members.index(member),
        unpacked.read(member),
        strings,
        date(1904, 1, 1) if _counts_from_1904(book) else date(1899, 12, 30),
        _created(unpacked),
    )


def _xml(unpacked: Unpacked, member: str) -> Any:
    if member not in unpacked.members:
        raise DocumentDamaged(f"{unpacked.name}: no whole workbook, '{member}' is missing.")
    return parse_xml(unpacked.read(member), f"{unpacked.name}, {member}")


def _sheet_member(unpacked: Unpacked, book: Any) -> str:
    sheets = {sheet.get("name"): sheet for sheet in book.iter("{*}sheet")}
    if SHEET not in sheets:
        raise FeedFormatChanged(
            f"{unpacked.name}: no sheet '{SHEET}'; there are {', '.join(sheets)}."
        )
    wanted = next(value for key, value in sheets[SHEET].items() if key.endswith("}id"))
    relations = _xml(unpacked, _RELATIONS)
    for relation in relations.iter("{*}Relationship"):
        if relation.get("Id") == wanted:
            member = posixpath.normpath(posixpath.join("/xl", relation.get("Target"))).lstrip("/")
            if member in unpacked.members:
                return member
    raise DocumentDamaged(f"{unpacked.name}: the sheet '{SHEET}' is named but not there.")


def _strings(unpacked: Unpacked) -> tuple[str, ...]:
    root = _xml(unpacked, _STRINGS)
    return tuple(
        "".join(part.text or "" for part in item.iter("{*}t")) for item in root.iter("{*}si")
    )


def _counts_from_1904(book: Any) -> bool:
    return any(facts.get("date1904") in ("1", "true") for facts in book.iter("{*}workbookPr"))


def _created(unpacked: Unpacked) -> datetime | None:
    """When the workbook was made: EEX makes it anew after each auction."""
    if _CORE not in unpacked.members:
        return None
    for element in _xml(unpacked, _CORE).iter("{*}created"):
        try:
            return parse_instant(element.text or "")
        except InvalidRequest:
            return None
    return None


def rows(workbook: Workbook) -> Iterator[tuple[int, dict[int, Cell]]]:
    """The cells of each row by column, A being 0; rows are counted from 0 as they stand in the sheet.

    Text is text, also the empty one; numbers are numbers; cells without a value are left out.
    """
    root = parse_xml(workbook.sheet, f"{workbook.name}, sheet")
    for number, row in enumerate(root.iter("{*}row")):
        yield number, dict(_cells(workbook, row))


def _cells(workbook: Workbook, row: Any) -> Iterator[tuple[int, Cell]]:
    for element in row:
        if local_name(element) != "c":
            continue
        value = _value(workbook, element)
        place = _CELL.fullmatch(element.get("r") or "")
        if place is None:
            raise FeedFormatChanged(f"{workbook.name}: a cell does not say where it stands.")
        if value is not None:
            yield _column(place[1]), value


def _value(workbook: Workbook, element: Any) -> Cell | None:
    kind, text = element.get("t", "n"), element.findtext("{*}v")
    if kind == "inlineStr":
        return "".join(part.text or "" for part in element.iter("{*}t"))
    if text is None:
        return None
    if kind == "s":
        try:
            return workbook.strings[int(text)]
        except (ValueError, IndexError):
            raise DocumentDamaged(f"{workbook.name}: text {text} is not in the workbook.") from None
    if kind == "str":
        return str(text)
    try:
        return float(text) if kind == "n" else str(text)
    except ValueError:
        raise FeedFormatChanged(f"{workbook.name}: '{text}' is no number.") from None


def _column(letters: str) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - ord("A") + 1
    return place - 1


def row_bytes(workbook: Workbook, number: int) -> bytes:
    """The XML of a row, byte for byte. Raises `DocumentDamaged` where there is none of that number."""
    for place, found in enumerate(_ROW.finditer(workbook.sheet)):
        if place == number:
            return found[0]
    raise DocumentDamaged(f"{workbook.name}: the sheet has no row {number}.")
