"""Signing the audit log's head and publishing it, so that what was written cannot be unsaid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from carbon254.core.domain.checkpoints import checkpoint_text, read_checkpoint
from carbon254.core.domain.errors import DocumentDamaged
from carbon254.core.domain.events import AuditCheckpointed
from carbon254.core.domain.merkle import TreeHead
from carbon254.ports.audit import AuditProofs, CheckpointBook, Signer
from carbon254.ports.clock import Clock


@frozen
class PublishCheckpoint:
    """The use case behind ``carbon254 audit checkpoint``; also run on a schedule and when a platform closes."""

    audit: AuditProofs
    book: CheckpointBook
    signer: Signer
    clock: Clock
    announce: Callable[[Mapping[str, Any]], None]

    def run(self) -> str | None:
        """Publish a signed note of the log's head; None where the last one says the same, or the log is empty.

        Raises `AuditUnavailable`, `DiskFull`, `StoreUnavailable`.
        """
        head = self.audit.head()
        if head.size == 0 or self._last() == head:
            return None
        note = self.signer.sign(checkpoint_text(head))
        self.book.add(note)
        event = AuditCheckpointed(head.size, head.root.hex(), note, self.clock.now())
        self.announce(event.facts())
        return note

    def _last(self) -> TreeHead | None:
        """The head of the last note; None for one that another key signed."""
        notes = self.book.all()
        try:
            return read_checkpoint(self.signer.read(notes[-1])) if notes else None
        except DocumentDamaged:
            return None
