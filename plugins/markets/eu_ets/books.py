"""Documents as workbooks: one of a year, or EEX's archive of past years, a zip of the workbooks as they were served."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import Carbon254Error, DocumentDamaged
from carbon254.plugins.markets.eu_ets.package import SHEET, find_book, has_sheet, read_xml
from carbon254.plugins.markets.eu_ets.workbook import Workbook, Xlsx, open_workbook
from carbon254.ports.biff import is_xls
from carbon254.ports.unpacking import Unpacked, is_zip


def holds_auctions(document: Document, limit: int) -> bool:
    """Whether a document is a workbook that has the sheet of auctions."""
    if is_xls(document.body):
        return any(SHEET.encode(code) in document.body for code in ("latin-1", "utf-16-le"))
    if not is_zip(document.body):
        return False
    try:
        if (archive := _archive(document, limit)) is not None:
            books = filter(_is_book, archive.members)
            return any(holds_auctions(Document(one, archive.read(one)), limit) for one in books)
        unpacked = Unpacked(document, limit)
        path = find_book(unpacked)
        return path is not None and has_sheet(read_xml(unpacked, path))
    except Carbon254Error:
        return False


def open_workbooks(document: Document, limit: int) -> Iterator[Workbook]:
    """The workbook that a document is, or those of EEX's archive of past years; errors as of `open_workbook`."""
    archive = _archive(document, limit)
    if archive is None:
        yield open_workbook(document, limit)
        return
    for part, member in enumerate(archive.members):
        if _is_book(member):
            yield _open_member(archive, part, limit)


def open_part(document: Document, part: int, limit: int) -> Workbook:
    """The workbook that holds a part of a document: the member of that number, or else the document itself."""
    archive = _archive(document, limit)
    return open_workbook(document, limit) if archive is None else _open_member(archive, part, limit)


def _archive(document: Document, limit: int) -> Unpacked | None:
    """A document as a zip that holds workbooks, where it is no workbook itself."""
    if not is_zip(document.body):
        return None
    unpacked = Unpacked(document, limit)
    if any(member in unpacked.members for member in ("[Content_Types].xml", "_rels/.rels")):
        return None
    return unpacked if any(_is_book(member) for member in unpacked.members) else None


def _is_book(member: str) -> bool:
    """Whether a member is a workbook by its name, and none of what systems put beside files."""
    name = member.rpartition("/")[2].lower()
    return name.endswith((".xls", ".xlsx")) and not name.startswith(("._", "~$"))


def _open_member(archive: Unpacked, part: int, limit: int) -> Workbook:
    if part >= len(archive.members):
        raise DocumentDamaged(f"{archive.name}: the archive has no member {part}.")
    member = archive.members[part]
    name = f"{archive.name}, {member}"
    workbook = open_workbook(Document(name, archive.read(member)), limit)
    if isinstance(workbook, Xlsx):  # a zip of its own
        archive.count(len(workbook.sheet))
    return evolve(workbook, part=part)
