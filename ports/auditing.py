"""What the audit logs of all databases share: entries of many threads in one commit, and the tree over them.

A database keeps each entry with its leaf's hash and the root up to it, and of the tree's other nodes every eighth
level: any node is then a fold of at most 128 hashes that lie side by side.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from attrs import define

from carbon254.core.domain.audit import AuditEntry, Kept, encode
from carbon254.core.domain.errors import AuditUnavailable, Carbon254Error, Conflict, NotFound
from carbon254.core.domain.merkle import (
    EMPTY,
    Frontier,
    TreeHead,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
)
from carbon254.ports.audit import AuditQuestion
from carbon254.ports.closing import Closing

STORED_LEVELS: Final = 8  # levels of the tree of which one is stored
_SOON: Final = 0.1  # seconds that an entry may follow behind what it ends
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
Node = tuple[int, int, bytes]  # level, place on it, hash


Row = tuple[int, int, str, str, str, str | None, bytes, bytes, bytes]
"""An entry as every database's table has it: place, at, principal, tenant, call, decision, body, leaf, root."""


def micros(at: datetime) -> int:
    """An instant as microseconds since 1970, UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def conditions(question: AuditQuestion, mark: str) -> tuple[str, list[Any]]:
    """The end of a query that answers a question, and its values; ``mark`` is the database's placeholder."""
    order, beyond = ("DESC", "<") if question.newest else ("ASC", ">")
    asked: dict[str, Any] = {
        f"place {beyond}": question.after,
        "principal =": question.principal,
        "tenant =": question.tenant,
        "call =": question.call,
        "decision =": question.decision,
        "at >=": None if question.since is None else micros(question.since),
    }
    given = {text: value for text, value in asked.items() if value is not None}
    where = " AND ".join(f"{text} {mark}" for text in given) or "1 = 1"
    values = [*given.values(), question.limit]
    return f"WHERE {where} ORDER BY place {order} LIMIT {mark}", values


class AuditShelf(Protocol):
    """The inside of an audit log: one database. Raises `StoreBusy`, `DiskFull`, `StoreUnavailable`."""

    def writing(self) -> AbstractContextManager[None]:
        """A transaction, alone among writers of all processes; durable at its end, undone by an error."""
        ...

    def put(self, rows: Sequence[Row], nodes: Sequence[Node]) -> None:
        """Add rows and nodes, within `writing`. Raises `Conflict` where the first row's place is not the next one."""
        ...

    def hashes(self, level: int, first: int, count: int) -> Sequence[bytes]:
        """Hashes of a stored level (0: leaves) from a place on, as many as there are."""
        ...

    def find(self, question: AuditQuestion) -> Sequence[Kept]:
        """Entries, as `AuditLog.entries`; sees what its own `writing` has put."""
        ...

    def touch(self) -> None:
        """Write durably what is there already. No other thread writes meanwhile."""
        ...

    def close(self) -> None:
        """Give up the database."""
        ...


@define(eq=False)
class _Waiting:
    """An entry that a thread wants to have durable, or that ``follows`` without anybody waiting."""

    entry: AuditEntry
    body: bytes
    leaf: bytes
    follows: bool = False
    index: int = -1
    error: AuditUnavailable | None = None
    done: bool = False


class GroupedAuditLog(Closing):
    """`AuditLog` and `AuditProofs` over a shelf.

    The thread whose turn it is commits what all others have brought meanwhile: one flush of the disk for all of them.
    """

    def __init__(self, shelf: AuditShelf) -> None:
        self._shelf = shelf
        self._turn = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._edge: Frontier | None = None  # None: to be read
        self._late, self._ended = threading.Event(), threading.Event()
        self._follower: threading.Thread | None = None

    def append(self, entry: AuditEntry) -> int:
        mine = self._wait_for(entry, follows=False)
        with self._turn:
            if not mine.done:
                self._commit()
        if mine.error is not None:
            raise mine.error
        return mine.index

    def follow(self, entry: AuditEntry) -> None:
        self._wait_for(entry, follows=True)
        if self._follower is None:
            with self._turn:
                if self._follower is None:
                    self._follower = threading.Thread(
                        target=self._keep_up, name="audit", daemon=True
                    )
                    self._follower.start()
        if not self._late.is_set():
            self._late.set()

    def _wait_for(self, entry: AuditEntry, *, follows: bool) -> _Waiting:
        body = encode(entry)
        mine = _Waiting(entry, body, leaf_hash(body), follows)
        self._waiting.append(mine)
        return mine

    def _keep_up(self) -> None:
        """Write what follows when nobody else does; what cannot be written is tried again."""
        while not self._ended.is_set():
            self._late.wait()
            self._late.clear()
            self._ended.wait(_SOON)
            self._settle()
            if self._waiting and not self._late.is_set():
                self._late.set()

    def _settle(self) -> None:
        """Commit what waits, so that whoever reads sees it."""
        if self._waiting:
            with self._turn:
                if self._waiting:
                    self._commit()

    def _commit(self) -> None:
        batch = []
        while self._waiting:
            batch.append(self._waiting.popleft())
        failed: Carbon254Error | None = None
        try:
            try:
                self._write(batch, self._edge)
            except Conflict:  # another process wrote since
                self._write(batch, None)
        except Carbon254Error as error:
            failed = error
        except BaseException:
            failed = AuditUnavailable("the commit was interrupted")
            raise
        finally:
            if failed is not None:
                self._waiting.extendleft(one for one in reversed(batch) if one.follows)
            for one in batch:
                one.done = True
                if failed is not None:
                    one.error = AuditUnavailable(
                        f"the audit log cannot be written, so nothing is done: {failed}"
                    )

    def _write(self, batch: Sequence[_Waiting], known: Frontier | None) -> None:
        """Commit the batch behind the tree's edge as it is known, or as it is read."""
        with self._shelf.writing():
            edge = known.copy() if known is not None else self._caught_up()
            self._put(batch, edge)
        self._edge = edge

    def _caught_up(self) -> Frontier:
        """The tree's edge with what other processes have added."""
        if self._edge is None:
            return Frontier.of(self._head().size, self._node)
        edge = self._edge.copy()
        while leaves := self._shelf.hashes(0, edge.size, 1 << STORED_LEVELS):
            for leaf in leaves:
                edge.add(leaf)
        return edge

    def _put(self, batch: Sequence[_Waiting], edge: Frontier) -> None:
        rows, nodes = list[Row](), list[Node]()
        for one in batch:
            one.index, entry = edge.size, one.entry
            nodes += [node for node in edge.add(one.leaf) if node[0] % STORED_LEVELS == 0]
            decision = entry.decision.id if entry.decision else None
            rows.append((
                one.index, micros(entry.at), entry.principal, entry.tenant, entry.call, decision, one.body, one.leaf,
                edge.root(),
            ))  # fmt: skip
        self._shelf.put(rows, nodes)

    def entries(self, question: AuditQuestion) -> Sequence[Kept]:
        self._settle()
        return self._find(question)

    def _find(self, question: AuditQuestion) -> Sequence[Kept]:
        try:
            return self._shelf.find(question)
        except Carbon254Error as error:
            raise AuditUnavailable(f"the audit log cannot be read: {error}") from None

    def head(self) -> TreeHead:
        self._settle()
        return self._head()

    def _head(self) -> TreeHead:
        last = self._find(AuditQuestion(newest=True, limit=1))
        return TreeHead(last[0].index + 1, last[0].root) if last else TreeHead(0, EMPTY)

    def check(self) -> None:
        try:
            with self._turn:
                self._shelf.touch()
        except Carbon254Error as error:
            raise AuditUnavailable(f"the audit log cannot be written: {error}") from None

    def inclusion(self, index: int, size: int) -> Sequence[bytes]:
        self._check(size)
        return inclusion_proof(index, size, self._node)

    def consistency(self, first: int, second: int) -> Sequence[bytes]:
        self._check(second)
        return consistency_proof(first, second, self._node)

    def _check(self, size: int) -> None:
        if size > (held := self.head().size):
            raise NotFound(f"there are {held} entries, not {size}.")

    def _node(self, level: int, place: int) -> bytes:
        """The hash of a full node, from those that are stored below it."""
        above = level % STORED_LEVELS
        hashes = list(self._shelf.hashes(level - above, place << above, 1 << above))
        if len(hashes) != 1 << above:
            raise AuditUnavailable(
                f"the audit log lost nodes of level {level - above}: run 'carbon254 audit verify'."
            )
        while len(hashes) > 1:
            hashes = [node_hash(*hashes[at : at + 2]) for at in range(0, len(hashes), 2)]
        return hashes[0]

    def close(self) -> None:
        self._ended.set()
        self._late.set()
        if self._follower is not None:
            self._follower.join()
        self._settle()
        self._shelf.close()
