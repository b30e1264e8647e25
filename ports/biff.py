"""Workbooks in BIFF (``.xls``), as spreadsheets wrote them until 2007: read with the optional package xlrd.

What xlrd does not tell, the bytes that a cell stands in, is found in the records of the workbook's stream
([MS-XLS], *Excel Binary File Format*, 2.4).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any, Final

from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import DocumentDamaged, NotFound, SettingsInvalid

BLANK: Final = (0, 6)  # xlrd's types of cells
TEXT: Final = 1
NUMBER: Final = 2
DATE: Final = 3

_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SECTOR: Final = 512
_BEGIN: Final = 0x0809
_END: Final = 0x000A
_SHEET: Final = 0x0085
_MULRK: Final = 0x00BD
_CELLS: Final = (
    0x0006,  # FORMULA
    _MULRK,
    0x00D6,  # RSTRING
    0x00FD,  # LABELSST
    0x0203,  # NUMBER
    0x0204,  # LABEL
    0x0205,  # BOOLERR
    0x027E,  # RK
)


def is_xls(body: bytes) -> bool:
    """Whether the bytes begin as an OLE container does, which an ``.xls`` is."""
    return body.startswith(_MAGIC)


def open_xls(document: Document) -> Any:
    """The workbook, as xlrd's ``Book``.

    Raises `DocumentDamaged` for what is no whole workbook, `SettingsInvalid` where xlrd is not installed.
    """
    if not is_xls(document.body):
        raise DocumentDamaged(f"{document.name}: this is no .xls (BIFF) document.")
    if len(document.body) % _SECTOR:
        raise DocumentDamaged(f"{document.name}: cut: the .xls is no whole number of sectors.")
    try:
        import xlrd
        from xlrd.biffh import XLRDError
        from xlrd.compdoc import CompDocError
    except ImportError:
        raise SettingsInvalid(
            f"{document.name}: an .xls needs the package xlrd: pip install carbon254[xls]."
        ) from None
    try:
        book = xlrd.open_workbook(file_contents=document.body, logfile=io.StringIO())
        book.sheet_by_index(0)
    except (
        XLRDError, CompDocError, struct.error, LookupError, ValueError, AssertionError, TypeError,
    ) as error:  # fmt: skip
        raise DocumentDamaged(f"{document.name}: the .xls cannot be opened ({error}).") from None
    return book


def cell_record(document: Document, sheet: int, row: int, column: int) -> bytes:
    """The record that holds a cell, with its four bytes of head; sheets, rows and columns count from 0.

    The document is one that `open_xls` opens. For a cell that holds nothing, the first record of its row. Raises
    `NotFound` where the row holds nothing.
    """
    from xlrd.compdoc import CompDoc

    container = CompDoc(document.body, logfile=io.StringIO())
    named = [container.locate_named_stream(name) for name in ("Workbook", "Book")]  # 8.0, 5.0
    memory, base, size = next(one for one in named if one[0] is not None)
    stream = bytes(memory or b"")[base : base + size]
    begins = [
        struct.unpack_from("<I", stream, at + 4)[0]
        for kind, at, _ in _records(stream, 0)
        if kind == _SHEET
    ]
    first = b""
    for kind, at, length in _records(stream, begins[sheet]) if sheet < len(begins) else ():
        if kind not in _CELLS or struct.unpack_from("<H", stream, at + 4)[0] != row:
            continue
        record = stream[at : at + 4 + length]
        begin = struct.unpack_from("<H", record, 6)[0]
        end = struct.unpack_from("<H", record, length + 2)[0] if kind == _MULRK else begin
        if begin <= column <= end:
            return record
        first = first or record
    if not first:
        raise NotFound(f"{document.name}: there is nothing in row {row} of sheet {sheet}.")
    return first


def _records(stream: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Kind, place and length of each record of the substream that begins there, without those nested in it."""
    depth = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        depth += (kind == _BEGIN) - (kind == _END)
        if depth <= 0:
            return
        if depth == 1:
            yield kind, at, length
        at += 4 + length
