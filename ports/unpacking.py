"""Opening what operators serve, safely: zip members within limits, XML without entities, text, column building.

Markets use these in ``read``; every failure is a `DocumentDamaged`, `TooLarge` or `FeedFormatChanged`.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from lxml import etree

from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import DocumentDamaged, FeedFormatChanged, TooLarge
from carbon254.core.domain.observations import Column
from carbon254.core.domain.series import SeriesId

_ZIP_MAGIC = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_NO_MEMBER = re.compile(r"(?:.*/)?\.DS_Store|__MACOSX/.*")  # what a Mac adds to a zip
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
    NotImplementedError,
    ValueError,
)


class _Limited(io.RawIOBase):
    """A member's bytes, counted against the limit that all members share."""

    def __init__(self, raw: Any, unpacked: Unpacked) -> None:
        self._raw, self._unpacked = raw, unpacked

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._raw.read(len(buffer))
        except _DAMAGED as error:
            raise DocumentDamaged(
                f"{self._unpacked.name}: the zip cannot be unpacked ({error})."
            ) from None
        self._unpacked.count(len(data))
        buffer[: len(data)] = data
        return len(data)


class Unpacked:
    """The members of a zip document, or the one body of any other; unpacked sizes are limited in sum."""

    def __init__(self, document: Document, max_bytes: int) -> None:
        self.name, self._limit, self._seen = document.name, max_bytes, 0
        self._body = document.body
        self._zip: zipfile.ZipFile | None = None
        if is_zip(document.body):
            try:
                self._zip = zipfile.ZipFile(io.BytesIO(document.body))
            except _DAMAGED as error:
                raise DocumentDamaged(f"{document.name}: no whole zip ({error}).") from None

    @property
    def members(self) -> list[str]:
        """Names of the members in the order of the zip; the document's own name where it is no zip.

        Folders are no members, and neither is what a Mac adds to a zip.
        """
        if self._zip is None:
            return [self.name]
        names = [info.filename for info in self._zip.infolist() if not info.is_dir()]
        return [name for name in names if not _NO_MEMBER.fullmatch(name)]

    def count(self, size: int) -> None:
        """Count unpacked bytes. Raises `TooLarge` beyond the limit."""
        self._seen += size
        if self._seen > self._limit:
            raise TooLarge(
                f"{self.name}: unpacks to more than {self._limit} bytes; raise the dataset's limit."
            )

    def open(self, member: str) -> io.BufferedReader:
        """Open a member for streaming."""
        if self._zip is None:
            self.count(len(self._body))
            return io.BufferedReader(io.BytesIO(self._body))
        try:
            return io.BufferedReader(_Limited(self._zip.open(member), self), 1 << 20)
        except _DAMAGED as error:
            raise DocumentDamaged(
                f"{self.name}: member '{member}' cannot be opened ({error})."
            ) from None

    def read(self, member: str) -> bytes:
        """Unpack a whole member."""
        with self.open(member) as file:
            return file.read()


def is_zip(body: bytes) -> bool:
    """Whether the bytes begin as a zip does."""
    return body[:4] in (_ZIP_MAGIC, _EMPTY_ZIP)


def looks_like_html(body: bytes) -> bool:
    """Whether a body is an HTML page, whatever its status and media type said."""
    head = body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))


def refuse_html(document: Document) -> None:
    """Raise `DocumentDamaged` for an empty body or an HTML page served in place of data."""
    if not document.body.strip():
        raise DocumentDamaged(f"{document.name}: the document is empty.")
    if looks_like_html(document.body):
        raise DocumentDamaged(f"{document.name}: an HTML page was served in place of data.")


def parse_xml(body: bytes, name: str) -> etree._Element:
    """Parse XML with entities, DTDs, network and huge trees refused. Raises `DocumentDamaged`."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise DocumentDamaged(f"{name}: no whole XML ({error}).") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise DocumentDamaged(
            f"{name}: the XML declares entities or a document type, which we refuse."
        )
    return root


def local_name(element: Any) -> str:
    """An element's name without its namespace, which operators change from year to year."""
    return etree.QName(element).localname


def decode(body: bytes, name: str, encodings: Sequence[str] = ("utf-8-sig",)) -> str:
    """Decode text by the first encoding that fits. Raises `DocumentDamaged`."""
    for encoding in encodings:
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DocumentDamaged(f"{name}: the text is not {' or '.join(encodings)}.")


def need_columns(found: Iterable[str], wanted: Iterable[str], name: str) -> None:
    """Raise `FeedFormatChanged` that names the columns that are missing."""
    have = set(found)
    if absent := [column for column in wanted if column not in have]:
        raise FeedFormatChanged(
            f"{name}: column {', '.join(absent)} is missing; there are {', '.join(sorted(have))}."
        )


class SeriesTable:
    """Gives series their codes in the order of first use; hands `Reading` its ``series`` and ``units``."""

    def __init__(self) -> None:
        self._codes: dict[SeriesId, int] = {}
        self._units: list[str] = []

    def code(self, series: SeriesId, unit: str) -> int:
        """The code of a series. Raises `FeedFormatChanged` when it comes with two units."""
        place = self._codes.setdefault(series, len(self._codes))
        if place == len(self._units):
            self._units.append(unit)
        elif self._units[place] != unit:
            raise FeedFormatChanged(
                f"{series} comes in two units: {self._units[place]} and {unit}."
            )
        return place

    @property
    def series(self) -> tuple[SeriesId, ...]:
        return tuple(self._codes)

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(self._units)


def pack_locators(part: Any, row: Any, field: Any) -> Column:
    """`Locator.packed` for whole columns; scalars are repeated."""
    packed = np.left_shift(np.asarray(part, dtype=np.int64), 48)
    packed = packed | np.left_shift(np.asarray(row, dtype=np.int64), 16)
    return packed | np.asarray(field, dtype=np.int64)
