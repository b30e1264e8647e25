"""What MISO's servers say in place of data: a missing blob, an error under status 200, a page of HTML."""

from __future__ import annotations

import json
from typing import Any

from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import (
    DocumentDamaged,
    FeedFormatChanged,
    FeedUnavailable,
    NotPublishedYet,
)
from carbon254.ports.unpacking import decode, refuse_html

_NOT_THERE = (b"BlobNotFound", b"ResourceNotFound")


def refuse_answers(document: Document) -> None:
    """Raise for a body that is no report: `NotPublishedYet`, `FeedUnavailable` or `DocumentDamaged`.

    Reports that are not there (yet, or no longer) are answered by Azure's XML with the code BlobNotFound.
    """
    refuse_html(document)
    head = document.body[:2048].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<"):
        if any(code in head for code in _NOT_THERE):
            raise NotPublishedYet(f"{document.name}: MISO has no such report (BlobNotFound).")
        if b"<Error" in head:
            raise FeedUnavailable(
                f"{document.name}: MISO's server answers with an error; try again."
            )
        raise DocumentDamaged(f"{document.name}: XML was served in place of a report.")


def parse_object(document: Document, keys: tuple[str, ...]) -> dict[str, Any]:
    """Parse a display's JSON object and see that it has the keys.

    Raises `NotPublishedYet` for ``{"error": "no data"}``, which MISO serves under status 200, `FeedUnavailable`
    for other errors in that form, `DocumentDamaged` for text that is no JSON, `FeedFormatChanged` for a missing key.
    """
    refuse_answers(document)
    try:
        found = json.loads(decode(document.body, document.name))
    except ValueError as error:
        raise DocumentDamaged(f"{document.name}: no whole JSON ({error}).") from None
    if not isinstance(found, dict):
        raise FeedFormatChanged(
            f"{document.name}: a JSON object was expected, not {type(found).__name__}."
        )
    _refuse_errors(found, document.name)
    need_keys(found, keys, document.name)
    return found


def _refuse_errors(found: dict[str, Any], name: str) -> None:
    if "error" in found:
        if "no data" in str(found["error"]).lower():
            raise NotPublishedYet(f"{name}: MISO says: {found['error']}.")
        raise FeedUnavailable(f"{name}: MISO says: {found['error']}; try again.")
    if "statusCode" in found:
        raise FeedUnavailable(
            f"{name}: MISO says: {found.get('message', found['statusCode'])}; try again."
        )


def need_keys(found: object, keys: tuple[str, ...], name: str) -> None:
    """Raise `FeedFormatChanged` that names what an object lacks."""
    if not isinstance(found, dict):
        raise FeedFormatChanged(
            f"{name}: a JSON object with {', '.join(keys)} was expected, not {found!r:.60}."
        )
    if absent := [key for key in keys if key not in found]:
        raise FeedFormatChanged(
            f"{name}: key {', '.join(absent)} is missing; there are {', '.join(sorted(found))}."
        )
