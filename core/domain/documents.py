"""What a market serves and what we ask it for: documents, requests, receipts, locators."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from attrs import field, frozen

from carbon254.core.domain.time import utc

Role = Literal["data", "index", "login"]


def _frozen_map(value: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(value))


def _lower_keys(value: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({name.lower(): text for name, text in value.items()})


@frozen
class Document:
    """Bytes as served, with what came beside them: some markets state issue or version only in the name.

    ``headers`` has lower-case names; ``fetched_at`` is when we asked, in UTC, where we did.
    """

    name: str
    body: bytes = field(repr=lambda body: f"<{len(body)} bytes>")
    media_type: str = "application/octet-stream"
    headers: Mapping[str, str] = field(factory=dict, converter=_lower_keys)
    url: str = ""
    fetched_at: datetime | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the body in hex: the document's address in the archive."""
        return hashlib.sha256(self.body).hexdigest()


@frozen
class Request:
    """One fetch that a market's ``requests`` asks the host to do.

    Only ``data`` is archived and read; an ``index`` is archived; a ``login`` never is. ``credentials`` names
    settings whose values the host puts in: ``{"securityToken": "token"}`` sets a query parameter
    ``securityToken`` from the credential ``token``; the receipt keeps the name, never the value. With
    ``credentials_in="header"`` they become headers instead.
    """

    url: str
    role: Role = "data"
    method: Literal["GET", "POST"] = "GET"
    params: Mapping[str, str] = field(factory=dict, converter=_frozen_map)
    headers: Mapping[str, str] = field(factory=dict, converter=_frozen_map)
    body: bytes = b""
    credentials: Mapping[str, str] = field(factory=dict, converter=_frozen_map)
    credentials_in: Literal["query", "header"] = "query"
    name: str | None = None  # what to call the document; else the server's or the URL's last part

    @property
    def key(self) -> str:
        """The request as text without any credential: what consecutive receipts are compared by."""
        query = "&".join(f"{name}={value}" for name, value in sorted(self.params.items()))
        digest = "#" + hashlib.sha256(self.body).hexdigest()[:16] if self.body else ""
        return f"{self.method} {self.url}?{query}{digest}"


@frozen(order=True)
class Locator:
    """Where in a document a number stands; the meaning of the three parts belongs to the market's dataset.

    Usually: part = member of the archive or table, row = line or record, field = column. Packs into one int64.
    """

    part: int = field(default=0)
    row: int = field(default=0)
    field: int = field(default=0)

    def __attrs_post_init__(self) -> None:
        if not (0 <= self.part < 1 << 15 and 0 <= self.row < 1 << 32 and 0 <= self.field < 1 << 16):
            raise ValueError(f"{self} does not fit: part < 2^15, row < 2^32, field < 2^16.")

    @property
    def packed(self) -> int:
        """The locator as one integer, as `Reading` columns carry it."""
        return self.part << 48 | self.row << 16 | self.field

    @classmethod
    def unpack(cls, packed: int) -> Locator:
        """Read what `packed` wrote."""
        return cls(packed >> 48, packed >> 16 & 0xFFFFFFFF, packed & 0xFFFF)


def _utc(value: datetime) -> datetime:
    return utc(value)


@frozen
class Receipt:
    """That a document was obtained: when, by which request, with which digest; written before it is read."""

    market: str
    dataset: str  # "" when the document was handed in and only its content tells
    request: str  # Request.key, or "file:NAME" for a document from a folder
    digest: str
    name: str
    media_type: str
    headers: Mapping[str, str] = field(converter=_lower_keys)
    url: str = ""
    role: Role = "data"
    archived_at: datetime = field(converter=_utc, kw_only=True)
    observed: bool = field(default=False, kw_only=True)  # we were polling when it appeared

    @property
    def id(self) -> str:
        """A stable id of this receipt."""
        text = f"{self.market}|{self.dataset}|{self.request}|{self.digest}|{self.archived_at.isoformat()}"
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def document(self, body: bytes) -> Document:
        """The document of this receipt, with its body from the archive."""
        return Document(self.name, body, self.media_type, self.headers, self.url, self.archived_at)


def receipt_for(
    document: Document, *, market: str, dataset: str, request: str, **more: Any
) -> Receipt:
    """Make the receipt of a document; ``more`` goes to `Receipt` (``archived_at`` at least)."""
    return Receipt(
        market, dataset, request, document.digest, document.name, document.media_type,
        document.headers, document.url, **more,
    )  # fmt: skip
