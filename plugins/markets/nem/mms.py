"""AEMO's MMS report format: a CSV of several tables, in a zip, in a zip of zips, or bare.

The first field of a line says what it is: ``C`` comment (the first line states when the report was made, the last
one, ``C,"END OF REPORT",N``, counts all lines), ``I`` header of a table, ``D`` data row of the table above it. Data
rows of a document are its ``D`` lines. Columns are resolved by the names of the latest ``I`` line, never by place.
Stamps are ``YYYY/MM/DD HH:MM:SS`` in UTC+10 all year.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import IO, NoReturn

import numpy as np
from attrs import frozen

from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import DocumentDamaged, InvalidRequest
from carbon254.core.domain.time import utc
from carbon254.ports.unpacking import Unpacked, decode, is_zip, refuse_html

MARKET_TIME = timezone(timedelta(hours=10))
BLOCK = 32 * 2**20
_FOOTER = re.compile(rb'C,"?END OF REPORT"?,(\d+)\s*')
_TABLE = re.compile(rb"\nI,([^,\r\n]*),([^,\r\n]*),")
_BOM = b"\xef\xbb\xbf"


@frozen
class Leaf:
    """One MMS file of a document: its number in the order of the archive, its name and how to open it."""

    part: int
    name: str
    open: Callable[[], IO[bytes]]
    count: Callable[[int], None]  # counts bytes that the opener does not count itself


@frozen
class Header:
    """An ``I`` line: report, table, version and the names of all its fields, the first four included."""

    report: str
    table: str
    version: str
    columns: tuple[str, ...]


@frozen
class Segment:
    """Consecutive ``D`` lines under one header; ``line`` is the number of the first, counted from 0."""

    header: Header
    body: bytes
    line: int
    rows: int


def leaves(document: Document, limit: int) -> Iterator[Leaf]:
    """Yield the MMS files of a document, those of zips inside a zip too.

    ``limit`` bounds the unpacked bytes of all of them together. Raises `DocumentDamaged` and `TooLarge`.
    """
    refuse_html(document)
    outer, part = Unpacked(document, limit), 0
    for member in outer.members:
        if is_zip(document.body) and member.lower().endswith(".zip"):
            inner = Unpacked(Document(member, outer.read(member)), limit)
            for name in inner.members:
                yield Leaf(part, name, _opener(inner, name), outer.count)
                part += 1
        else:
            yield Leaf(part, member, _opener(outer, member), lambda size: None)
            part += 1
    if not part:
        raise DocumentDamaged(f"{document.name}: the zip holds no file.")


def _opener(unpacked: Unpacked, member: str) -> Callable[[], IO[bytes]]:
    return lambda: unpacked.open(member)


def whole_lines(leaf: Leaf, size: int = BLOCK) -> Iterator[bytes]:
    """Yield a file in blocks that end with a line; a last line without its end comes alone."""
    rest = b""
    with leaf.open() as file:
        while data := file.read(size):
            leaf.count(len(data))
            data = rest + data
            cut = data.rfind(b"\n") + 1
            rest = data[cut:]
            if cut:
                yield data[:cut]
    if rest:
        yield rest


class Scan:
    """Walks one MMS file and checks that it is whole; ``stamp`` is when the operator made it."""

    def __init__(self, leaf: Leaf, size: int = BLOCK) -> None:
        self._leaf, self._size = leaf, size
        self._header: Header | None = None
        self.headers: list[Header] = []
        self.stamp: datetime | None = None
        self.lines = 0
        self.footer: int | None = None
        self._ended = True

    def segments(self) -> Iterator[Segment]:
        """Yield the data rows by table; raises `DocumentDamaged` at the end where the footer is missing."""
        for block in whole_lines(self._leaf, self._size):
            yield from self._block(block)
        if self.footer is None:
            self._damaged("the line 'END OF REPORT' is missing, so the document is cut")
        # A count that lost digits is too small; one that is too large is of a copy from which rows were taken.
        if not self._ended and self.footer < self.lines:
            self._damaged("the last line is cut")

    def _block(self, block: bytes) -> Iterator[Segment]:
        if not self.lines and block.startswith(_BOM):
            block = block[len(_BOM) :]
        octets = np.frombuffer(block, dtype=np.uint8)
        starts = np.concatenate(([0], np.flatnonzero(octets == 0x0A) + 1))
        self._ended = starts[-1] == len(block)
        if not self._ended:
            starts = np.append(starts, len(block))
        count, done = len(starts) - 1, 0
        for line in np.flatnonzero(octets[starts[:-1]] != ord("D")).tolist():
            if line > done:
                yield self._segment(block, starts, done, line)
            self._structure(block[starts[line] : starts[line + 1]], self.lines + line)
            done = line + 1
        if count > done:
            if not self._ended:
                self._damaged("the line 'END OF REPORT' is missing, so the document is cut")
            yield self._segment(block, starts, done, count)
        self.lines += count

    def _segment(self, block: bytes, starts: np.ndarray, first: int, last: int) -> Segment:
        self._before_footer()
        if self._header is None:
            self._damaged("a data row stands before any table header")
        return Segment(
            self._header, block[starts[first] : starts[last]], self.lines + first, last - first
        )

    def _structure(self, line: bytes, number: int) -> None:
        self._before_footer()
        if number == 0 and not line.startswith(b"C,"):
            self._damaged("it does not begin as an MMS report does ('C,')")
        if found := _FOOTER.fullmatch(line):
            self.footer = int(found[1])
        elif number == 0:
            self.stamp = _stamp(line)
        elif line.startswith(b"I,"):
            self._header = self._parse_header(line)
            self.headers.append(self._header)
        elif not line.startswith(b"C,"):
            self._damaged(f"line {number + 1} is neither comment, header nor data")

    def _before_footer(self) -> None:
        if self.footer is not None:
            self._damaged("lines follow 'END OF REPORT'")

    def _parse_header(self, line: bytes) -> Header:
        try:
            fields = next(csv.reader([decode(line, self._leaf.name).rstrip("\r\n")]))
        except csv.Error as error:  # a line end within, or a field without end
            self._damaged(f"a table header cannot be read ({error})")
        if len(fields) < 5:
            self._damaged("a table header is cut")
        return Header(fields[1], fields[2], fields[3], tuple(fields))

    def _damaged(self, what: str) -> NoReturn:
        raise DocumentDamaged(f"{self._leaf.name}: {what}.")


def _stamp(line: bytes) -> datetime | None:
    """When the first comment line says the report was made, in UTC; None where it does not say."""
    fields = line.split(b",")
    try:
        text = b" ".join(fields[5:7]).decode("ascii")
        return utc(datetime.strptime(text, "%Y/%m/%d %H:%M:%S").replace(tzinfo=MARKET_TIME))
    except ValueError:
        return None


def tables_in(document: Document, limit: int, look: int = 16 * 2**20) -> Iterator[tuple[str, str]]:
    """Yield the names (report, table) of the tables in the first ``look`` bytes of each file of a document."""
    for leaf in leaves(document, limit):
        with leaf.open() as file:
            head = file.read(len(_BOM) + 2)
            if not head.removeprefix(_BOM).startswith(b"C,"):
                continue
            for report, table in _TABLE.findall(head + file.read(look)):
                yield report.decode("latin-1"), table.decode("latin-1")


def line_of(document: Document, limit: int, locator: Locator) -> bytes:
    """The line that a locator names, without its line end. Raises `InvalidRequest` where there is none."""
    for leaf in leaves(document, limit):
        if leaf.part == locator.part:
            return _line(document, leaf, locator.row)
    raise InvalidRequest(f"{document.name}: there is no part {locator.part}.")


def _line(document: Document, leaf: Leaf, row: int) -> bytes:
    with leaf.open() as file:
        for number, line in enumerate(file):
            if number == row:
                return line.rstrip(b"\r\n")
    raise InvalidRequest(f"{document.name}: there is no line {row} in {leaf.name}.")
