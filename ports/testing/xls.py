"""Small ``.xls`` workbooks for tests of markets that read such: no well-kept package writes them.

An OLE container ([MS-CFB]) with one stream, and in it sheets of LABEL and NUMBER records ([MS-XLS] 2.4).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

Rows = Sequence[Sequence[object]]

_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's day 0 is in no zone
_DAY: Final = timedelta(days=1)
_FREE: Final = 0xFFFFFFFF
_END: Final = 0xFFFFFFFE
_SECTOR: Final = 512


def xls_book(sheets: Mapping[str, Rows]) -> bytes:
    """The bytes of a workbook: sheets by name, rows of texts, numbers, dates, moments and ``None``."""
    parts = [_sheet(rows) for rows in sheets.values()]
    head = _head()
    place = len(head) + sum(12 + len(name) for name in sheets) + 4
    for name, part in zip(sheets, parts, strict=True):
        head += _record(0x0085, struct.pack("<IHBB", place, 0, len(name), 0) + name.encode())
        place += len(part)
    return _container(head + _record(0x000A) + b"".join(parts))


def _head() -> bytes:
    """What stands before the list of sheets: code page, font and the formats of numbers and of dates."""
    font = struct.pack("<HHHHHBBBBBB", 200, 0, 8, 400, 0, 0, 0, 0, 0, 1, 0) + b"A"
    formats = (struct.pack("<HHHBBBBIIH", 0, f, 1, 0, 0, 0, 0, 0, 0, 0) for f in (0, 14))
    return (
        _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 1997, 0, 0))
        + _record(0x0042, struct.pack("<H", 1200))
        + _record(0x0031, font)
        + b"".join(_record(0x00E0, one) for one in formats)
    )


def _sheet(rows: Rows) -> bytes:
    cells = (
        _cell(number, column, value)
        for number, row in enumerate(rows)
        for column, value in enumerate(row)
        if value is not None
    )
    begin = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 1997, 0, 0))
    return begin + b"".join(cells) + _record(0x000A)


def _cell(row: int, column: int, value: object) -> bytes:
    if isinstance(value, str):
        wide = max(value, default="") > "\xff"
        text = value.encode("utf-16-le" if wide else "latin-1")
        return _record(0x0204, struct.pack("<HHHHB", row, column, 0, len(value), wide) + text)
    is_date = isinstance(value, date)
    number = _serial(value) if isinstance(value, date) else float(str(value))
    return _record(0x0203, struct.pack("<HHHd", row, column, int(is_date), number))


def _serial(value: date) -> float:
    moment = value if isinstance(value, datetime) else datetime(*value.timetuple()[:3])  # noqa: DTZ001
    return (moment - _EPOCH) / _DAY


def _record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _container(stream: bytes) -> bytes:
    """An OLE file with the one stream ``Workbook``, of at most 126 sectors (63 kB)."""
    stream = stream.ljust(8 * _SECTOR, b"\0")  # shorter ones would be kept elsewhere
    stream += b"\0" * (-len(stream) % _SECTOR)
    count = len(stream) // _SECTOR
    chain = [0xFFFFFFFD, _END, *range(3, count + 2), _END]
    table = struct.pack("<128I", *chain, *[_FREE] * (128 - len(chain)))
    directory = _entry("Root Entry", 5, 1, _END, 0) + _entry("Workbook", 2, _FREE, 2, len(stream))
    directory += _entry("", 0, _FREE, 0, 0) * 2
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16
    head += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, _END, 0, _END, 0)
    head += struct.pack("<109I", 0, *[_FREE] * 108)
    return head + table + directory + stream


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le")
    head = text.ljust(64, b"\0") + struct.pack("<H", len(text) + 2 if name else 0)
    links = struct.pack("<BBIII", kind, 1, _FREE, _FREE, child)
    return (head + links).ljust(116, b"\0") + struct.pack("<III", start, size, 0)
