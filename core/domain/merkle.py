"""The Merkle tree of RFC 6962 and RFC 9162: a log's root, and proofs that it holds an entry and that it only grew.

Leaves are hashed with a prefix byte 0, pairs of nodes with a prefix byte 1, by SHA-256. The left half of a tree of
``n`` leaves is the largest perfect tree smaller than ``n``, so that a subtree never changes once it is full: a full
node is named by its level (0 for leaves) and its place on that level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Final

from attrs import frozen

from carbon254.core.domain.errors import NotFound

EMPTY: Final = sha256(b"").digest()  # the root of no leaves
Nodes = Callable[[int, int], bytes]  # the hash of a full node by its level and place


@frozen
class TreeHead:
    """How many leaves there are, and the root over them."""

    size: int
    root: bytes


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the full nodes that its root is made of, largest first."""

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        self.size, self._nodes = size, list(nodes)

    @classmethod
    def of(cls, size: int, nodes: Nodes) -> Frontier:
        """The edge of a tree whose full nodes can be asked for."""
        return cls(size, [nodes(level, place) for level, place in _full(0, size)])

    def copy(self) -> Frontier:
        """Another that grows apart from this one."""
        return Frontier(self.size, self._nodes)

    def add(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf's hash; return level, place and hash of the nodes above it that it made full."""
        made, level, place = [], 0, self.size
        while place & 1:
            leaf = node_hash(self._nodes.pop(), leaf)
            level, place = level + 1, place >> 1
            made.append((level, place, leaf))
        self._nodes.append(leaf)
        self.size += 1
        return made

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._nodes:
            return EMPTY
        *others, root = self._nodes
        for node in reversed(others):
            root = sha256(b"\x01" + node + root).digest()  # `node_hash`; every entry asks
        return root


def _full(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Levels and places of the full nodes that make up the subtree over leaves ``start`` to ``end``."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _subtree(start: int, end: int, nodes: Nodes) -> bytes:
    """The hash over leaves ``start`` to ``end``, where ``start`` begins a subtree of the log."""
    edge = [nodes(level, place) for level, place in _full(start, end)]
    root = edge.pop()
    while edge:
        root = node_hash(edge.pop(), root)
    return root


def root_of(size: int, nodes: Nodes) -> bytes:
    """The root of the first ``size`` leaves."""
    return _subtree(0, size, nodes) if size else EMPTY


def _split(length: int) -> int:
    """The largest power of two below a length of two or more."""
    return 1 << ((length - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """The hashes that lead from a leaf to the root of the first ``size`` (RFC 9162, 2.1.3.1). Raises `NotFound`."""
    if not 0 <= index < size:
        raise NotFound(f"there is no entry {index} among the first {size}.")
    start, end, proof = 0, size, list[bytes]()
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(_subtree(middle, end, nodes))
            end = middle
        else:
            proof.append(_subtree(start, middle, nodes))
            start = middle
    return proof[::-1]


def consistency_proof(first: int, second: int, nodes: Nodes) -> list[bytes]:
    """The hashes that show that ``second`` leaves begin with ``first`` (RFC 9162, 2.1.4.1). Raises `NotFound`."""
    if not 0 < first <= second:
        raise NotFound(f"no proof leads from {first} entries to {second}.")
    start, end, proof = 0, second, list[bytes]()
    while end != first:
        middle = start + _split(end - start)
        if first <= middle:
            proof.append(_subtree(middle, end, nodes))
            end = middle
        else:
            proof.append(_subtree(start, middle, nodes))
            start = middle
    if start:
        proof.append(_subtree(start, end, nodes))
    return proof[::-1]


def included(leaf: bytes, index: int, head: TreeHead, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that the leaf's hash is at that place of the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < head.size:
        return False
    place, last, root = index, head.size - 1, leaf
    for hash_ in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            root = node_hash(hash_, root)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            root = node_hash(root, hash_)
        place, last = place >> 1, last >> 1
    return last == 0 and root == head.root


def consistent(first: TreeHead, second: TreeHead, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that the second tree begins with the first (RFC 9162, 2.1.4.2)."""
    if first.size == second.size:
        return first.root == second.root and not proof
    if not 0 < first.size < second.size:
        return False
    path = list(proof) if first.size & (first.size - 1) else [first.root, *proof]
    if not path:
        return False
    place, last = first.size - 1, second.size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    older = newer = path[0]
    for hash_ in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            older, newer = node_hash(hash_, older), node_hash(hash_, newer)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            newer = node_hash(newer, hash_)
        place, last = place >> 1, last >> 1
    return last == 0 and older == first.root and newer == second.root
