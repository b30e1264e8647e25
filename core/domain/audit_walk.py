"""The audit log's tree built again from its entries, and where what is stored departs from it."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field, frozen

from carbon254.core.domain.audit import Kept
from carbon254.core.domain.merkle import Frontier, TreeHead, leaf_hash


@frozen
class Trouble:
    """Something that is not as it was written: which entries, from the first to the last, and what is wrong."""

    what: str  # altered, inserted, removed, moved, rewritten, truncated, forged
    first: int | None
    last: int | None
    message: str

    def __str__(self) -> str:
        if self.first is None:
            return f"{self.what}: {self.message}"
        span = f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"
        return f"{self.what}: entry {span}: {self.message}"


@define
class Walk:
    """Takes entries in their order; ``published`` are roots by the number of entries that they speak for.

    An entry says three things: its text, its leaf's hash, and the root up to it. A text that does not hash to its leaf
    was altered. A root that does not follow from the leaves points at its entry; the entry after it tells whether the
    one in question was put in between. Who changed all of them together, to the end, is found out by the published
    roots, to the span between two of them.
    """

    published: Mapping[int, bytes]
    troubles: list[Trouble] = field(factory=list)
    covered: int = 0
    _edge: Frontier = field(factory=Frontier)
    _next: int = 0  # the place that the next entry should have
    _doubt: tuple[int, Frontier] | None = (
        None  # an entry whose root is wrong, and the edge without it
    )
    _lost: bool = False  # what the leaves add up to is not known any more

    @property
    def head(self) -> TreeHead:
        """How many entries there are, and the root that they add up to."""
        return TreeHead(self._next, self._edge.root())

    def take(self, kept: Kept) -> None:
        """Check the next entry."""
        if kept.index < self._next:
            self._tell(
                "inserted", kept.index, kept.index, "no entry was ever written to this place"
            )
            return
        if kept.index != self._next:
            self._gap(kept.index)
        self._next = kept.index + 1
        if leaf_hash(kept.body) != kept.leaf:
            self._tell("altered", kept.index, kept.index, "its text is not the one that was hashed")
        if self._doubt is not None and not self._lost:
            self._resolve(kept)
        before = self._edge.copy()
        self._edge.add(kept.leaf)
        if not self._lost:
            if self._edge.root() == kept.root:
                self._compare()
            else:
                self._doubt = (kept.index, before)

    def end(self) -> None:
        """Say what only the end shows: a doubt that nothing resolved, and entries that were cut off."""
        if self._doubt is not None and not self._lost:
            self._unresolved(self._doubt[0])
        last = max(self.published, default=0)
        if last > self._next:
            self._tell(
                "truncated", self._next, last - 1, f"a checkpoint speaks for {last} entries, not {self._next}"
            )  # fmt: skip

    def _gap(self, place: int) -> None:
        self._tell("removed", self._next, place - 1, "there is nothing at this place")
        self._lost = True

    def _resolve(self, kept: Kept) -> None:
        """Use the root after the entry in doubt to tell what is wrong with it."""
        assert self._doubt is not None
        (place, without), self._doubt = self._doubt, None
        with_it, skipping = self._edge.copy(), without.copy()
        with_it.add(kept.leaf)
        skipping.add(kept.leaf)
        if with_it.root() == kept.root:
            self._tell("altered", place, place, "its root is not the one that was computed")
        elif skipping.root() == kept.root:
            self._tell("inserted", place, place, "the entries after it know nothing of it")
            self._edge = without
        else:
            self._unresolved(place)

    def _unresolved(self, place: int) -> None:
        self._tell(
            "moved", place, place, "it was changed with its hash, or does not follow the entry before it"
        )  # fmt: skip
        self._lost = True

    def _compare(self) -> None:
        size = self._edge.size
        root = self.published.get(size)
        if root is None:
            return
        if root == self._edge.root():
            self.covered = size
            return
        self._tell(
            "rewritten", self.covered, size - 1, f"they do not add up to the checkpoint of {size} entries"
        )  # fmt: skip
        self._lost = True

    def _tell(self, what: str, first: int, last: int, message: str) -> None:
        self.troubles.append(Trouble(what, first, last, message))
