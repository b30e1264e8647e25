"""The parts of an xlsx and how they name each other, as EEX, Excel and the usual libraries arrange them."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from carbon254.core.domain.errors import DocumentDamaged, FeedFormatChanged, InvalidRequest
from carbon254.core.domain.time import parse_instant
from carbon254.ports.unpacking import Unpacked, local_name, parse_xml

SHEET: Final = "Primary Market Auction"
_BOOK: Final = "xl/workbook.xml"
_MAKER: Final = "Apache POI"  # what EEX makes its workbooks with


def find_book(unpacked: Unpacked) -> str | None:
    """The member that lists the sheets, which the package's relations name; None where there is none."""
    if _BOOK in unpacked.members or "_rels/.rels" not in unpacked.members:
        return _BOOK if _BOOK in unpacked.members else None
    return next(iter(_related(unpacked, "", "officeDocument").values()), None)


def read_xml(unpacked: Unpacked, member: str) -> Any:
    """Unpack and parse a member. Raises `DocumentDamaged` where it is not there or no whole XML."""
    if member not in unpacked.members:
        raise DocumentDamaged(f"{unpacked.name}: no whole workbook, '{member}' is missing.")
    return parse_xml(unpacked.read(member), f"{unpacked.name}, {member}")


def has_sheet(book: Any) -> bool:
    """Whether a workbook has the sheet of auctions."""
    return any(sheet.get("name") == SHEET for sheet in book.iter("{*}sheet"))


def need_sheet(names: Iterable[str], document: str) -> None:
    """Raise `FeedFormatChanged` where none of a workbook's sheets is that of auctions."""
    if SHEET not in (names := list(names)):
        raise FeedFormatChanged(f"{document}: no sheet '{SHEET}'; there are {', '.join(names)}.")


def find_sheet(unpacked: Unpacked, path: str, book: Any) -> str:
    """The member that holds the sheet of auctions. Raises `FeedFormatChanged` where the workbook has no such sheet."""
    sheets = {sheet.get("name", ""): sheet for sheet in book.iter("{*}sheet")}
    need_sheet(sheets, unpacked.name)
    wanted = [value for key, value in sheets[SHEET].items() if key.endswith("}id")]
    for number, member in _related(unpacked, path, "worksheet").items():
        if [number] == wanted and member in unpacked.members:
            return member
    raise DocumentDamaged(f"{unpacked.name}: the sheet '{SHEET}' is named but not there.")


def read_strings(unpacked: Unpacked, path: str) -> tuple[str, ...]:
    """The texts that cells refer to by number; without the readings of Asian scripts, which stand beside them."""
    members = list(_related(unpacked, path, "sharedStrings").values())
    if not members or members[0] not in unpacked.members:
        return ()
    return tuple(text_of(item) for item in read_xml(unpacked, members[0]).iter("{*}si"))


def text_of(item: Any) -> str:
    """The text of a string item, whose parts may be formatted each on its own."""
    return "".join(
        part.text or "" for part in item.iter("{*}t") if local_name(part.getparent()) != "rPh"
    )


def counts_from_1904(book: Any) -> bool:
    """Whether serial numbers count from 1904-01-01."""
    return any(facts.get("date1904") in ("1", "true") for facts in book.iter("{*}workbookPr"))


def created(unpacked: Unpacked) -> datetime | None:
    """When EEX made the workbook, which it does anew after each auction; None where another program made it anew."""
    if "_rels/.rels" not in unpacked.members:
        return None
    for member in _related(unpacked, "", "core-properties").values():
        if member not in unpacked.members:
            continue
        facts = read_xml(unpacked, member)
        makers = [element.text for element in facts.iter("{*}creator")]
        made = [element.text or "" for element in facts.iter("{*}created")]
        if made and makers in ([], [_MAKER]):
            return _instant(made[0])
    return None


def _instant(text: str) -> datetime | None:
    try:
        return parse_instant(text)
    except InvalidRequest:
        return None


def _related(unpacked: Unpacked, part: str, kind: str) -> dict[str, str]:
    """Members that a part names by a relation of a kind, by the relation's id; part '' is the package itself."""
    folder, name = posixpath.split(part)
    relations = read_xml(unpacked, posixpath.join(folder, "_rels", f"{name}.rels"))
    return {
        relation.get("Id", ""): _member(folder, relation.get("Target", ""))
        for relation in relations.iter("{*}Relationship")
        if relation.get("Type", "").endswith(f"/{kind}")
    }


def _member(folder: str, target: str) -> str:
    return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
