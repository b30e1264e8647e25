"""An audit log in memory that hashes everything anew whenever it is asked, a signer, and a book of checkpoints."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Sequence

from attrs import evolve

from carbon254.core.domain.audit import AuditEntry, Kept, encode
from carbon254.core.domain.errors import AuditUnavailable, DocumentDamaged, NotFound
from carbon254.core.domain.merkle import (
    EMPTY,
    TreeHead,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
)
from carbon254.ports.audit import AuditQuestion


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """The root over leaves' hashes as RFC 6962, 2.1 defines it, in the same words."""
    if len(leaves) < 2:
        return leaves[0] if leaves else EMPTY
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(tree_hash(leaves[:half]), tree_hash(leaves[half:]))


class MemoryAuditLog:
    """Keeps entries in a list, which tests may spoil; ``full`` makes it refuse to write."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []
        self.full = False
        self._late: list[AuditEntry] = []
        self._guard = threading.RLock()

    def append(self, entry: AuditEntry) -> int:
        with self._guard:
            self.check()
            self._catch_up()
            return self._keep(entry)

    def follow(self, entry: AuditEntry) -> None:
        with self._guard:
            self._late.append(entry)
            self._catch_up()

    def _catch_up(self) -> None:
        if not self.full:
            late, self._late = self._late, []
            for entry in late:
                self._keep(entry)

    def _keep(self, entry: AuditEntry) -> int:
        body = encode(entry)
        leaves = [*(one.leaf for one in self.kept), leaf_hash(body)]
        self.kept.append(Kept(len(self.kept), body, leaves[-1], tree_hash(leaves)))
        return len(leaves) - 1

    def entries(self, question: AuditQuestion) -> Sequence[Kept]:
        found = [one for one in self.kept if _fits(one, question)]
        return (found[::-1] if question.newest else found)[: question.limit]

    def head(self) -> TreeHead:
        return TreeHead(len(self.kept), self.kept[-1].root if self.kept else EMPTY)

    def check(self) -> None:
        if self.full:
            raise AuditUnavailable("the audit log cannot be written: no space is left.")

    def inclusion(self, index: int, size: int) -> Sequence[bytes]:
        return inclusion_proof(index, self._checked(size), self._node)

    def consistency(self, first: int, second: int) -> Sequence[bytes]:
        return consistency_proof(first, self._checked(second), self._node)

    def _checked(self, size: int) -> int:
        if size > len(self.kept):
            raise NotFound(f"there are {len(self.kept)} entries, not {size}.")
        return size

    def _node(self, level: int, place: int) -> bytes:
        return tree_hash([one.leaf for one in self.kept[place << level : (place + 1) << level]])

    def close(self) -> None:
        """Nothing to give up."""


def _fits(kept: Kept, question: AuditQuestion) -> bool:
    entry = kept.entry
    decision = entry.decision.id if entry.decision else None
    past = question.after is None or (
        kept.index < question.after if question.newest else kept.index > question.after
    )
    pairs = (
        (question.principal, entry.principal),
        (question.tenant, entry.tenant),
        (question.call, entry.call),
        (question.decision, decision),
    )
    recent = question.since is None or entry.at >= question.since
    return past and recent and all(wanted in (None, found) for wanted, found in pairs)


class MacSigner:
    """Signs with a secret that checks, too: right for a test, worthless to anybody else."""

    def __init__(self, secret: bytes = b"made up") -> None:
        self._secret = secret

    def verifier(self) -> str:
        name = hashlib.sha256(self._secret).hexdigest()
        return f"fake+{name[:8]}+{name}"

    def sign(self, text: str) -> str:
        return f"{text}\n— fake {self._mac(text)}\n"

    def read(self, note: str) -> str:
        text, found, rest = note.rpartition("\n— fake ")
        if not found or rest != f"{self._mac(text)}\n":
            raise DocumentDamaged("a note is not signed by fake, or was altered since.")
        return text

    def _mac(self, text: str) -> str:
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()


class MemoryCheckpoints:
    """Keeps notes in a list."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def add(self, note: str) -> None:
        self.notes.append(note)

    def all(self) -> Sequence[str]:
        return list(self.notes)


def spoilt(kept: Kept, text: bytes, other: bytes) -> Kept:
    """An entry whose text somebody changed without its hash; the text must occur."""
    assert text in kept.body
    return evolve(kept, body=kept.body.replace(text, other))
