"""What OASIS serves, opened: a zip of CSV members, a CSV alone, an XML message or an HTML page under status 200.

Format: CAISO, Interface Specification for OASIS; ``resultformat=6`` asks for CSV, errors come as XML all the same.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final, NoReturn

import pyarrow as pa
from attrs import frozen
from pyarrow import csv

from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import (
    Carbon254Error,
    DocumentDamaged,
    FeedFormatChanged,
    FeedUnavailable,
    InvalidRequest,
    NotPublishedYet,
)
from carbon254.core.domain.time import utc, zone
from carbon254.ports.unpacking import (
    Unpacked,
    decode,
    is_zip,
    local_name,
    looks_like_html,
    parse_xml,
    refuse_html,
)

ZONE: Final = "America/Los_Angeles"
BLOCK_BYTES: Final = 2 * 2**20  # larger blocks cost page faults and memory, smaller ones calls
_HEAD_BYTES: Final = 2**16
_POLICY: Final = b"acceptable use policy violation"
_STAMP = re.compile(r"_(\d{4})(\d\d)(\d\d)_(\d\d)_(\d\d)_(\d\d)_v\d+")
# Arrow's own list holds "NA" and "NaN" too, which are no numbers of the format.
_NULLS: Final = [""]


@frozen
class Member:
    """A CSV member whose header has been read; ``file`` stands at the first data row."""

    part: int
    name: str  # document and member, for messages
    header: tuple[str, ...]
    file: io.BufferedReader


def members(document: Document, max_unpacked_bytes: int) -> Iterator[Member]:
    """Open the CSV members of a document, one after the other; those that say that they have no data are passed over.

    Raises `FeedUnavailable` when OASIS says to slow down, `NotPublishedYet` when no member has data,
    `InvalidRequest` when it says that the question was wrong, `DocumentDamaged` for what is no such document.
    """
    _refuse_policy(document.body, document.name)
    refuse_html(document)
    unpacked = Unpacked(document, max_unpacked_bytes)
    if not unpacked.members:
        raise DocumentDamaged(f"{document.name}: the zip has no member.")
    without: list[NotPublishedYet] = []
    for part, name in enumerate(unpacked.members):
        shown = f"{document.name}, {name}" if is_zip(document.body) else document.name
        with unpacked.open(name) as file:
            try:
                header = _header(file, shown)
            except NotPublishedYet as said:
                without.append(said)
                continue
            yield Member(part, shown, header, file)
    if len(without) == len(unpacked.members):
        raise without[0]


def _header(file: io.BufferedReader, name: str) -> tuple[str, ...]:
    start = file.peek(1)
    if is_zip(start):
        raise DocumentDamaged(f"{name}: a zip within the zip; unpack the outer one first.")
    if start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        _refuse_markup(file.read(_HEAD_BYTES), name)
    line = file.readline(_HEAD_BYTES)
    if not line.strip():
        raise DocumentDamaged(f"{name}: there is no header.")
    if not line.endswith(b"\n"):
        raise DocumentDamaged(f"{name}: the document ends within its header.")
    return tuple(column.strip() for column in decode(line, name).split(","))


def _refuse_policy(body: bytes, name: str) -> None:
    if _POLICY in body[:4096].lower():
        raise FeedUnavailable(
            f"{name}: OASIS says that it is asked too often; ask again after 5 seconds."
        )


def _refuse_markup(body: bytes, name: str) -> NoReturn:
    """Say what OASIS says in XML; other XML, as any that is long, is data in a format that was not asked for."""
    _refuse_policy(body, name)
    if looks_like_html(body):
        raise DocumentDamaged(f"{name}: an HTML page was served in place of data.")
    found = parse_xml(body, name).iter("{*}*") if len(body) < _HEAD_BYTES else ()
    said = {local_name(e): (e.text or "").strip() for e in found}
    code, text = said.get("ERR_CODE"), said.get("ERR_DESC", "no description")
    if code is None:
        raise FeedFormatChanged(
            f"{name}: XML data where CSV was expected; ask with resultformat=6."
        )
    raise _ERRORS.get(code, FeedFormatChanged)(f"{name}: OASIS answers with error {code}: {text}")


# Interface Specification for OASIS, section "Errors"; any other code is new.
_ERRORS: Final[Mapping[str, type[Carbon254Error]]] = {
    "1000": NotPublishedYet,  # no data for the selection
    # 1001: parameters of another report, 1002: no date, 1004: more than 31 days, 1005: no such report,
    # 1011: an empty question, 1014: a start before what is kept, 1016: no such group
    **dict.fromkeys(("1001", "1002", "1004", "1005", "1011", "1014", "1016"), InvalidRequest),
    # 1003: the answer took too long, 1015: the group's zip is still being made; the others: OASIS failed within
    **dict.fromkeys(
        ("1003", "1006", "1007", "1008", "1009", "1010", "1012", "1013", "1015"), FeedUnavailable
    ),
}


def batches(member: Member, columns: Mapping[str, Any]) -> Iterator[Any]:
    """Read the named columns of a member as Arrow record batches of bounded size; texts may not be UTF-8.

    Raises `DocumentDamaged` for rows that are cut, `FeedFormatChanged` for a number that is none.
    """
    if not member.file.peek(1):
        raise DocumentDamaged(f"{member.name}: there is a header and no row.")
    # A blank line is not skipped: it would shift the line numbers that locators carry. As a row of empty fields it
    # is refused, since the category of a row is never empty.
    parsing = csv.ParseOptions(ignore_empty_lines=False)
    # Whoever takes a text out of a dictionary decodes it once; Arrow would check it in every row.
    converting = csv.ConvertOptions(
        include_columns=list(columns), column_types=columns, null_values=_NULLS, check_utf8=False
    )
    for block in _blocks(member.file, member.name):
        reading = csv.ReadOptions(
            use_threads=False, block_size=len(block), column_names=member.header
        )
        try:
            table = csv.read_csv(pa.BufferReader(block), reading, parsing, converting)
        except pa.ArrowInvalid as error:
            raise _refusal(member.name, str(error).splitlines()[0]) from None
        yield from table.to_batches()


def _blocks(file: io.BufferedReader, name: str) -> Iterator[memoryview]:
    """Whole lines, some megabytes at a time, in one buffer: a block is gone when the next is asked for.

    Arrow's own streaming reader would read 32 blocks ahead, in a thread.
    """
    buffer = bytearray(BLOCK_BYTES)
    kept = 0
    while count := file.readinto(memoryview(buffer)[kept:]):
        filled = kept + count
        end = buffer.rfind(b"\n", 0, filled) + 1
        if end:
            yield memoryview(buffer)[:end]
        kept = filled - end
        buffer[:kept] = buffer[end:filled]
        if kept == len(buffer):
            raise DocumentDamaged(f"{name}: a line is longer than {kept} bytes.")
    if kept:
        yield memoryview(buffer)[:kept]


def _refusal(name: str, message: str) -> Carbon254Error:
    changed = "conversion error to double" in message
    return (FeedFormatChanged if changed else DocumentDamaged)(f"{name}: {message}")


def reply_stamp(names: Iterable[str]) -> datetime | None:
    """When OASIS made its reply, from the first name that says so; None where none does.

    The names carry Pacific time: a recorded reply says 2016-05-20T00:07:07Z inside and 20160519_17_07_07 in its
    member's name. It orders replies; it is no time of publication.
    """
    for name in names:
        if found := _STAMP.search(name):
            try:
                year, month, day, hour, minute, second = map(int, found.groups())
                # No offset is given: in the repeated hour of autumn the first one is taken.
                return utc(datetime(year, month, day, hour, minute, second, tzinfo=zone(ZONE)))
            except ValueError:
                continue
    return None


def names_of(document: Document) -> list[str]:
    """The document's name and those of its members, also where the zip is cut and only its start is left."""
    if not is_zip(document.body):
        return [document.name]
    try:
        return [document.name, *Unpacked(document, 0).members]
    except DocumentDamaged:
        length = int.from_bytes(document.body[26:28], "little")
        return [document.name, document.body[30 : 30 + length].decode("utf-8", "replace")]


def line(document: Document, locator: Locator, max_unpacked_bytes: int) -> bytes:
    """A line of a member without its line end, byte for byte; line 0 is the header.

    Raises `InvalidRequest` when the document has no such line.
    """
    unpacked = Unpacked(document, max_unpacked_bytes)
    if locator.part < len(unpacked.members):
        with unpacked.open(unpacked.members[locator.part]) as file:
            for found in islice(file, locator.row, locator.row + 1):
                return found.rstrip(b"\r\n")
    raise InvalidRequest(f"{document.name} has no line {locator.row} in member {locator.part}.")
