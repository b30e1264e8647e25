"""Checking the audit log, entry by entry, against its own tree and against the heads that were published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from attrs import field, frozen

from carbon254.core.domain.audit import Kept
from carbon254.core.domain.audit_walk import Trouble, Walk
from carbon254.core.domain.checkpoints import read_checkpoint
from carbon254.core.domain.errors import DocumentDamaged
from carbon254.core.domain.merkle import TreeHead
from carbon254.ports.audit import AuditLog, AuditQuestion, CheckpointBook, Signer

_AT_ONCE: Final = 1000


@frozen
class Verified:
    """The outcome of a check."""

    head: TreeHead
    checkpoints: int
    covered: int  # entries that the last checkpoint that holds speaks for
    troubles: tuple[Trouble, ...] = field(converter=tuple[Trouble, ...])

    @property
    def whole(self) -> bool:
        """Whether everything is as it was written."""
        return not self.troubles


@frozen
class VerifyAudit:
    """The use case behind ``carbon254 audit verify``."""

    audit: AuditLog
    book: CheckpointBook
    signer: Signer

    def run(
        self, elsewhere: Iterable[str] = (), on_entry: Callable[[], object] = lambda: None
    ) -> Verified:
        """Check every entry, and every checkpoint of the book and of ``elsewhere`` (notes kept outside the folder).

        Raises `AuditUnavailable` where the log cannot be read.
        """
        forged, heads = self._heads([*self.book.all(), *elsewhere])
        walk = Walk({head.size: head.root for head in heads})
        for kept in self._stored():
            walk.take(kept)
            on_entry()
        walk.end()
        return Verified(walk.head, len(heads), walk.covered, [*forged, *walk.troubles])

    def _stored(self) -> Iterator[Kept]:
        after: int | None = None
        while page := self.audit.entries(AuditQuestion(after=after, limit=_AT_ONCE)):
            yield from page
            after = page[-1].index

    def _heads(self, notes: Sequence[str]) -> tuple[list[Trouble], list[TreeHead]]:
        heads, forged = dict[TreeHead, None](), list[Trouble]()
        for number, note in enumerate(notes, start=1):
            try:
                heads[read_checkpoint(self.signer.read(note))] = None
            except DocumentDamaged as error:
                forged.append(Trouble("forged", None, None, f"checkpoint {number}: {error}"))
        return forged, sorted(heads, key=lambda head: head.size)
