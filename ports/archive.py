"""The archive of documents and the journal of receipts: what everything else can be rebuilt from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Protocol

from attrs import frozen

from carbon254.core.domain.documents import Receipt


class DocumentArchive(Protocol):
    """Content-addressed documents: the same bytes are kept once, for ever."""

    def put(self, body: bytes) -> str:
        """Keep the bytes durably and return their SHA-256 in hex. Raises `DiskFull`, `StoreUnavailable`."""
        ...

    def get(self, digest: str) -> bytes:
        """Return the bytes of a digest, verified. Raises `NotFound`, `DocumentDamaged` when they rotted."""
        ...

    def has(self, digest: str) -> bool:
        """Whether the archive holds the digest."""
        ...


@frozen
class CommitMark:
    """That the rows of a batch were about to be committed at an instant; the last mark of a batch counts."""

    receipt: str
    dataset: str
    parser_version: str
    recorded_at: datetime
    synthetic: bool = False


class Journal(Protocol):
    """The durable, append-only list of receipts and commit marks, in the order of writing.

    It is kept beside the archive, not in the series store, so that a lost store is rebuilt with its clocks.
    """

    def receipt(self, receipt: Receipt) -> Receipt:
        """Write a receipt durably; a digest equal to the last of the same request returns that earlier receipt."""
        ...

    def mark(self, mark: CommitMark) -> None:
        """Write a commit mark durably, before the commit."""
        ...

    def entries(self) -> Iterator[Receipt | CommitMark]:
        """All entries in the order of writing; a half-written last one, from a crash, is left out."""
        ...

    def receipts(self) -> Mapping[str, Receipt]:
        """Receipts by id."""
        ...
