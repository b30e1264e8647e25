"""The tree of RFC 6962: roots and proofs that Certificate Transparency's own tests publish, and every small tree."""

import pytest

from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.merkle import (
    EMPTY,
    Frontier,
    TreeHead,
    consistency_proof,
    consistent,
    included,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
)
from carbon254.ports.testing.fakes.audit import tree_hash

# Leaves, roots and proofs of the reference tests of Certificate Transparency.
LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): INCLUSION[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def nodes(level: int, place: int) -> bytes:
    return tree_hash([leaf_hash(one) for one in LEAVES[place << level : (place + 1) << level]])


def head(size: int) -> TreeHead:
    return TreeHead(size, bytes.fromhex(ROOTS[size]))


def hexed(proof: list[bytes]) -> list[str]:
    return [one.hex() for one in proof]


def test_roots_are_the_published_ones() -> None:
    edge = Frontier()
    assert edge.root().hex() == EMPTY.hex() == ROOTS[0]
    for size, leaf in enumerate(LEAVES, start=1):
        edge.add(leaf_hash(leaf))
        assert (edge.size, edge.root().hex()) == (size, ROOTS[size])
        assert root_of(size, nodes).hex() == ROOTS[size]
        assert Frontier.of(size, nodes).root().hex() == ROOTS[size]


def test_full_nodes_are_told_when_they_are_full() -> None:
    edge, told = Frontier(), []
    for leaf in LEAVES:
        told += edge.add(leaf_hash(leaf))
    assert told == [
        (level, place, nodes(level, place))
        for level, place in ((1, 0), (1, 1), (2, 0), (1, 2), (1, 3), (2, 1), (3, 0))
    ]


def test_a_copy_grows_apart() -> None:
    edge = Frontier.of(3, nodes)
    edge.copy().add(b"x" * 32)
    assert (edge.size, edge.root().hex()) == (3, ROOTS[3])


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_the_published_ones(index: int, size: int) -> None:
    proof = inclusion_proof(index, size, nodes)
    assert hexed(proof) == INCLUSION[index, size]
    assert included(leaf_hash(LEAVES[index]), index, head(size), proof)


@pytest.mark.parametrize(("first", "second"), CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(first: int, second: int) -> None:
    proof = consistency_proof(first, second, nodes)
    assert hexed(proof) == CONSISTENCY[first, second]
    assert consistent(head(first), head(second), proof)


EVERY = [(index, size) for size in range(1, 9) for index in range(size)]


@pytest.mark.parametrize(("index", "size"), EVERY)
def test_every_inclusion_proof_holds_and_nothing_like_it_does(index: int, size: int) -> None:
    leaf, proof = leaf_hash(LEAVES[index]), inclusion_proof(index, size, nodes)
    assert included(leaf, index, head(size), proof)
    assert not included(leaf_hash(b"another"), index, head(size), proof)
    assert not included(leaf, index, TreeHead(size, EMPTY), proof)
    assert not included(leaf, index, head(size), [*proof, EMPTY])
    assert not included(leaf, size, head(size), proof)
    assert not included(leaf, -1, head(size), proof)
    for other in range(size):
        assert (other == index) is included(leaf, other, head(size), proof)
    if proof:
        assert not included(leaf, index, head(size), proof[:-1])
        assert not included(leaf, index, head(size), [EMPTY, *proof[1:]])


@pytest.mark.parametrize(("first", "second"), [(index + 1, size) for index, size in EVERY])
def test_every_consistency_proof_holds_and_nothing_like_it_does(first: int, second: int) -> None:
    proof = consistency_proof(first, second, nodes)
    assert consistent(head(first), head(second), proof)
    assert not consistent(TreeHead(first, EMPTY), head(second), proof)
    assert not consistent(head(first), TreeHead(second, EMPTY), proof)
    assert not consistent(head(first), head(second), [*proof, EMPTY])
    if proof:
        assert not consistent(head(first), head(second), proof[:-1])
        assert not consistent(head(second), head(first), proof)
        assert not consistent(head(0), head(second), proof)


def test_proofs_of_what_is_not_there_are_refused() -> None:
    for index, size in ((1, 1), (0, 0), (-1, 3)):
        with pytest.raises(NotFound):
            inclusion_proof(index, size, nodes)
    for first, second in ((0, 1), (2, 1)):
        with pytest.raises(NotFound):
            consistency_proof(first, second, nodes)


def test_a_node_is_no_leaf() -> None:
    """The prefixes of the standard: two leaves' hashes cannot pass for one leaf's text."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
