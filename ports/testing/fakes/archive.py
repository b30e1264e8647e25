"""Archive and journal in memory."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping

from carbon254.core.domain.documents import Receipt
from carbon254.core.domain.errors import DocumentDamaged, NotFound
from carbon254.ports.archive import CommitMark


class MemoryArchive:
    """Documents by digest, for as long as the object lives; ``bodies`` may be tampered with by tests."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    def put(self, body: bytes) -> str:
        """Keep the bytes and return their SHA-256 in hex."""
        digest = hashlib.sha256(body).hexdigest()
        self.bodies[digest] = bytes(body)
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes. Raises `NotFound`, `DocumentDamaged` when they were tampered with."""
        if digest not in self.bodies:
            raise NotFound(f"The archive holds no document {digest[:80]}.")
        body = self.bodies[digest]
        if hashlib.sha256(body).hexdigest() != digest:
            raise DocumentDamaged(f"The archive's copy of {digest} rotted.")
        return body

    def has(self, digest: str) -> bool:
        """Whether the archive holds the digest."""
        return digest in self.bodies


class MemoryJournal:
    """Receipts and marks in a list, for as long as the object lives."""

    def __init__(self) -> None:
        self._entries: list[Receipt | CommitMark] = []
        self._last: dict[tuple[str, str, str], Receipt] = {}
        self._lock = threading.Lock()

    def receipt(self, receipt: Receipt) -> Receipt:
        """Add a receipt, or return the last one of the same request when its digest is the same."""
        asked = (receipt.market, receipt.dataset, receipt.request)
        with self._lock:
            last = self._last.get(asked)
            if last is not None and last.digest == receipt.digest:
                return last
            self._last[asked] = receipt
            self._entries.append(receipt)
            return receipt

    def mark(self, mark: CommitMark) -> None:
        """Add a commit mark."""
        with self._lock:
            self._entries.append(mark)

    def entries(self) -> Iterator[Receipt | CommitMark]:
        """All entries in the order of writing."""
        return iter(self._entries.copy())

    def receipts(self) -> Mapping[str, Receipt]:
        """Receipts by id."""
        return {entry.id: entry for entry in self.entries() if isinstance(entry, Receipt)}
