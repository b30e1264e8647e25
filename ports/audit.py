"""The audit log: it only grows, what it says can be proved, and its heads are signed and published."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from attrs import field, frozen

from carbon254.core.domain.audit import AuditEntry, Kept
from carbon254.core.domain.merkle import TreeHead
from carbon254.core.domain.time import utc_or_none


@frozen
class AuditQuestion:
    """Which entries; every text that is given must be equal. ``newest`` turns the order round."""

    after: int | None = None  # only entries past this place, in the order asked for
    limit: int = 100
    newest: bool = False
    principal: str | None = None
    tenant: str | None = None
    call: str | None = None
    decision: str | None = None
    since: datetime | None = field(default=None, converter=utc_or_none)


class AuditLog(Protocol):
    """Keeps entries for ever. Threads may share it; what many append at once is committed together."""

    def append(self, entry: AuditEntry) -> int:
        """Write an entry and return its place once it is durable. Raises `AuditUnavailable`: then nothing is kept."""
        ...

    def follow(self, entry: AuditEntry) -> None:
        """Write an entry with the next commit, within a tenth of a second; nobody waits for it.

        Whoever reads this log sees it at once. While it cannot be written it is kept, and `append` refuses.
        """
        ...

    def entries(self, question: AuditQuestion) -> Sequence[Kept]:
        """Entries by place, oldest first unless asked otherwise. Raises `AuditUnavailable`."""
        ...

    def check(self) -> None:
        """Write something durably that changes nothing. Raises `AuditUnavailable` where that is not possible."""
        ...

    def close(self) -> None:
        """Give up the log."""
        ...


class AuditProofs(Protocol):
    """The log's tree and proofs over it, as RFC 9162 defines them."""

    def head(self) -> TreeHead:
        """How many entries there are, and the root of their tree."""
        ...

    def inclusion(self, index: int, size: int) -> Sequence[bytes]:
        """That the entry is among the first ``size``. Raises `NotFound` where there are not so many."""
        ...

    def consistency(self, first: int, second: int) -> Sequence[bytes]:
        """That the first ``second`` entries begin with the first ``first``. Raises `NotFound`."""
        ...


class Signer(Protocol):
    """Signs with a key of its own, whose public half can be shown."""

    def verifier(self) -> str:
        """The public half as text: ``name+hash+key``."""
        ...

    def sign(self, text: str) -> str:
        """The text as a signed note."""
        ...

    def read(self, note: str) -> str:
        """The text of a note that this key signed. Raises `DocumentDamaged` for any other."""
        ...


class CheckpointBook(Protocol):
    """Where signed heads are published, in order."""

    def add(self, note: str) -> None:
        """Publish a note, durably."""
        ...

    def all(self) -> Sequence[str]:
        """All notes, oldest first."""
        ...
