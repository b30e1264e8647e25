"""Opening what the platform serves: data, an acknowledgement in its place, or a page that says to wait."""

from __future__ import annotations

import re

from lxml import etree

from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import (
    FeedFormatChanged,
    FeedUnavailable,
    InvalidRequest,
    NotPublishedYet,
)
from carbon254.ports.unpacking import local_name, parse_xml, refuse_html

ROOTS = ("Publication_MarketDocument", "GL_MarketDocument", "Balancing_MarketDocument")
_SLOW_DOWN = re.compile(
    rb"too many requests|max(imum)? allowed requests|rate limit|(service|temporarily) unavailable"
    rb"|bad gateway|gateway time-?out|internal server error",
    re.IGNORECASE,
)
_WAIT = re.compile(
    r"too many|max(imum)? allowed requests|try again|temporar|unavailable|security ?token"
    r"|authentication|unauthori[sz]ed",
    re.IGNORECASE,
)
# The platform uses reason 999 for errors in the question as well; only their text tells them from "no data".
_ASK_OTHERWISE = re.compile(
    r"exceeds? (the )?allowed|not valid|invalid|does not exist|dependency tables|mandatory|missing parameter",
    re.IGNORECASE,
)


def refuse_pages(document: Document) -> None:
    """Raise `FeedUnavailable` for a page that says to wait, `DocumentDamaged` for any other page or nothing."""
    head = document.body[:2048]
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml") and _SLOW_DOWN.search(head):
        raise FeedUnavailable(
            f"{document.name}: the platform asks to slow down or is away for a while."
        )
    refuse_html(document)


def open_root(body: bytes, name: str) -> etree._Element:
    """Parse XML down to a root that holds data. Raises what an acknowledgement in its place means."""
    root = parse_xml(body, name)
    kind = local_name(root)
    if kind == "Acknowledgement_MarketDocument":
        raise _acknowledged(root, name)
    if kind not in ROOTS:
        raise FeedFormatChanged(f"{name}: '{kind}' is no document of the platform that we know.")
    return root


def _acknowledged(
    root: etree._Element, name: str
) -> NotPublishedYet | InvalidRequest | FeedUnavailable:
    """The error that an acknowledgement stands for: no data yet, a wrong question, or try again."""
    code = (root.findtext(".//{*}Reason/{*}code") or "").strip()
    text = (root.findtext(".//{*}Reason/{*}text") or "").strip()
    said = f"{name}: the platform answers {code}: {text[:300]}"
    if "no matching data" in text.lower():
        return NotPublishedYet(said)
    if _WAIT.search(text):
        return FeedUnavailable(said)
    if _ASK_OTHERWISE.search(text):
        return InvalidRequest(said)
    return NotPublishedYet(said) if code == "999" else FeedUnavailable(said)
