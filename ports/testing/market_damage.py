"""Documents as bad networks and bad servers hand them over."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Final

from attrs import evolve, frozen

from carbon254.core.domain.documents import Document
from carbon254.ports.unpacking import is_zip

HTML: Final = (
    b"<!DOCTYPE html>\n<html><head><title>Service temporarily unavailable</title></head>"
    b"<body><h1>Sorry</h1><p>Please try again later. Reference: 20250602.</p></body></html>\n"
)
_SEPARATORS: Final = (b",", b";", b"\t", b"|")
DAMAGED: Final = frozenset({"document_damaged"})
CHANGED: Final = frozenset({"document_damaged", "feed_format_changed"})
DOWN: Final = frozenset({"document_damaged", "feed_unavailable"})


@frozen
class Damage:
    """A damaged document, and the codes that may refuse it."""

    name: str
    document: Document
    codes: frozenset[str]
    may_pass: bool = False  # a market may declare that it cannot tell


def damages(document: Document) -> Iterator[Damage]:
    """Everything that can happen to a document on its way."""
    body = document.body
    yield Damage("an empty body", evolve(document, body=b""), DAMAGED)
    yield Damage("an HTML page under status 200", evolve(document, body=HTML), DOWN)
    yield Damage("a hole in the middle", evolve(document, body=with_hole(body)), CHANGED)
    yield Damage("the last third removed", evolve(document, body=cut(body)), CHANGED)
    if _is_lines(body):
        yield Damage(
            "cut at the end of a line",
            evolve(document, body=cut_at_line(body)),
            CHANGED,
            may_pass=True,
        )
    if is_zip(body) and (inner := _with_inner_cut(body)) is not None:
        yield Damage("a member of the zip cut", evolve(document, body=inner), CHANGED)


def with_hole(body: bytes) -> bytes:
    """Remove a bit of the middle, so that a whole document can be told from the rest."""
    middle = len(body) // 2
    if _is_binary(body):
        return body[:middle] + body[middle + 16 :]
    head = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if head in (b"{", b"["):
        return _without(body, b'"', middle)
    if head == b"<":
        return _without(body, b"<", middle)
    start, end = _line_with_fields(body, middle)
    quarter = (end - start) // 4
    return body[: start + quarter] + body[end - quarter :]


def cut(body: bytes) -> bytes:
    """Remove the last third; of text in lines, so that the last line is cut in its middle."""
    place = len(body) * 2 // 3
    if not _is_lines(body):
        return body[:place]
    start, end = _line_with_fields(body, place)
    return body[: start + (end - start) // 2]


def cut_at_line(body: bytes) -> bytes:
    """Remove the last third of the lines."""
    place = body.find(b"\n", len(body) * 2 // 3)
    return body[: place + 1] if place >= 0 else body[: len(body) * 2 // 3]


def _without(body: bytes, byte: bytes, near: int) -> bytes:
    place = body.rfind(byte, 0, near)
    return body[:place] + body[place + 1 :]


def _is_binary(body: bytes) -> bool:
    return b"\0" in body or is_zip(body)


def _is_lines(body: bytes) -> bool:
    return not _is_binary(body) and body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (
        b"{",
        b"[",
        b"<",
        b"",
    )


def _line_with_fields(body: bytes, near: int) -> tuple[int, int]:
    """Start and end of the line at a place, or of the next one with as many fields as lines there usually have."""
    lines = [(m.start(), m.end()) for m in re.finditer(rb"[^\r\n]+", body)]
    fields = [max(body[a:b].count(s) for s in _SEPARATORS) for a, b in lines]
    at = next((n for n, (_, end) in enumerate(lines) if end > near), len(lines) - 1)
    usual = max(fields[at:], key=fields[at:].count)
    return next((lines[n] for n in range(at, len(lines)) if fields[n] == usual), lines[at])


def _with_inner_cut(body: bytes) -> bytes | None:
    """The same zip with its largest member cut, as when the operator's own file was cut before it was packed."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(body)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        members = old.infolist()
        if not members:
            return None
        largest = max(members, key=lambda info: info.file_size)
        for info in members:
            content = old.read(info)
            new.writestr(
                zipfile.ZipInfo(info.filename), cut(content) if info is largest else content
            )
    return out.getvalue()
