"""How an audit entry is written, and how what is stored is checked against it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from attrs import evolve

from carbon254.core.domain.audit import LONGEST, AuditEntry, Kept, canonical, decode, encode
from carbon254.core.domain.audit_walk import Trouble, Walk
from carbon254.core.domain.checkpoints import checkpoint_text, read_checkpoint
from carbon254.core.domain.decisions import Decision, Rule
from carbon254.core.domain.errors import DocumentDamaged, InvalidRequest
from carbon254.core.domain.merkle import Frontier, TreeHead, leaf_hash

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
RULE = Rule("roles.csv, line 3", "p, x, *, read, miso, *, *, *, *, deny", False)
DECISION = Decision(
    "d1", NOON, "bob", "acme", ("pilot",), "read", "GET /v1/board", "caiso/day_ahead/price/node/X", "not_entitled",
    (RULE,), "an administrator of tenant acme", "r1",
)  # fmt: skip


def entry(**other: object) -> AuditEntry:
    facts = {
        "kind": "finished", "at": NOON, "call": "c1", "principal": "bob", "tenant": "acme", "action": "read",
        "target": "GET /v1/board", "outcome": "not_entitled", "roles": ("pilot",), "request_id": "r1",
        "facts": {"rows": 0}, "decision": DECISION,
    } | other  # fmt: skip
    return AuditEntry(**facts)  # type: ignore[arg-type]


def test_an_entry_is_written_with_sorted_keys_without_spaces_in_utc() -> None:
    assert encode(entry()).decode() == (
        '{"action":"read","at":"2026-11-01T12:00:00Z","call":"c1","decision":{"changed_by":"an administrator of tenant '
        'acme","id":"d1","rules":[["roles.csv, line 3","p, x, *, read, miso, *, *, *, *, deny",false]],"series":'
        '"caiso/day_ahead/price/node/X"},"facts":{"rows":0},"kind":"finished","outcome":"not_entitled","principal":"bob"'
        ',"request_id":"r1","roles":["pilot"],"target":"GET /v1/board","tenant":"acme","v":1}'
    )


def test_an_entry_is_read_as_it_was_written() -> None:
    assert decode(encode(entry())) == entry()
    plain = entry(decision=None, facts={}, roles=(), request_id="", outcome="")
    assert decode(encode(plain)) == plain


def test_the_same_entry_is_written_the_same_wherever_its_clock_stood() -> None:
    """The hour that happens twice on 2026-11-01 in Los Angeles is two instants."""
    pacific = timezone(timedelta(hours=-7))
    assert encode(entry(at=NOON.astimezone(pacific))) == encode(entry())
    first = datetime(2026, 11, 1, 1, 30, tzinfo=timezone(timedelta(hours=-7)))
    again = datetime(2026, 11, 1, 1, 30, tzinfo=timezone(timedelta(hours=-8)))
    written = [decode(encode(entry(at=at))).at for at in (first, again)]
    assert [at.hour for at in written] == [8, 9]


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        entry(at=datetime(2026, 11, 1))  # noqa: DTZ001


@pytest.mark.parametrize("fact", [1.5, None, ["x"], {"a": 1}])
def test_a_fact_that_has_no_one_written_form_is_refused(fact: object) -> None:
    with pytest.raises(InvalidRequest, match="audit fact 'rows'"):
        entry(facts={"rows": fact})


def test_a_number_that_is_none_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"x": float("nan")})


def test_a_text_without_end_is_cut_and_says_so() -> None:
    long = "x" * 100_000
    told = entry(target=long, facts={"note": long}, request_id=long)
    assert told.target == "x" * LONGEST + "… (100000 characters)"
    assert len(encode(told)) < 4 * LONGEST


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[1]", b"\xff", b'{"at":"yesterday"}', encode(entry())[:-9]]
)
def test_what_is_no_entry_is_damaged(body: bytes) -> None:
    with pytest.raises(DocumentDamaged):
        decode(body)


# ---------------------------------------------------------------- checkpoints


def test_a_checkpoint_says_which_log_how_many_and_their_root() -> None:
    text = checkpoint_text(TreeHead(12, bytes(range(32))))
    assert text == "carbon254-audit\n12\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    assert read_checkpoint(text) == TreeHead(12, bytes(range(32)))


@pytest.mark.parametrize("text", ["", "carbon254-audit\n", "carbon254-audit\nx\nAA==\n", "carbon254-audit\n1\n%\n",
                                  "another\n1\nAA==\n"])  # fmt: skip
def test_what_is_no_checkpoint_of_ours_is_damaged(text: str) -> None:
    with pytest.raises(DocumentDamaged):
        read_checkpoint(text)


# ---------------------------------------------------------------- checking what is stored


def log(*texts: str) -> list[Kept]:
    """Entries as a log stores them."""
    edge, kept = Frontier(), []
    for index, text in enumerate(texts):
        edge.add(leaf_hash(text.encode()))
        kept.append(Kept(index, text.encode(), leaf_hash(text.encode()), edge.root()))
    return kept


WHOLE = log(*"abcdefghij")
HEADS = {size: WHOLE[size - 1].root for size in (4, 8)}


def found(
    stored: list[Kept], published: dict[int, bytes] | None = None
) -> list[tuple[str, int, int]]:
    walk = Walk(HEADS if published is None else published)
    for kept in stored:
        walk.take(kept)
    walk.end()
    return [(one.what, one.first, one.last) for one in walk.troubles]  # type: ignore[misc]


def placed(stored: list[Kept]) -> list[Kept]:
    """Rows numbered anew, as somebody would who covers up."""
    return [evolve(kept, index=index) for index, kept in enumerate(stored)]


def test_a_log_as_it_was_written_has_no_trouble() -> None:
    assert found(WHOLE) == []
    assert found([], {}) == []
    walk = Walk(HEADS)
    for kept in WHOLE:
        walk.take(kept)
    assert (walk.head, walk.covered) == (TreeHead(10, WHOLE[-1].root), 8)


@pytest.mark.parametrize("index", range(10))
def test_every_altered_entry_is_named(index: int) -> None:
    stored = [*WHOLE]
    stored[index] = evolve(stored[index], body=b"X")
    assert found(stored) == [("altered", index, index)]


def test_several_altered_entries_are_all_named() -> None:
    stored = [evolve(kept, body=b"X") if kept.index in (2, 7) else kept for kept in WHOLE]
    assert found(stored) == [("altered", 2, 2), ("altered", 7, 7)]


@pytest.mark.parametrize("index", range(10))
def test_an_entry_that_was_changed_with_its_hash_is_named(index: int) -> None:
    stored = [*WHOLE]
    stored[index] = evolve(stored[index], body=b"X", leaf=leaf_hash(b"X"))
    assert found(stored, {}) == [("moved", index, index)]


@pytest.mark.parametrize("index", range(9))
def test_a_changed_root_alone_is_named(index: int) -> None:
    stored = [*WHOLE]
    stored[index] = evolve(stored[index], root=b"X")
    assert found(stored, {}) == [("altered", index, index)]


@pytest.mark.parametrize("index", range(9))
def test_a_removed_entry_is_named(index: int) -> None:
    assert found([kept for kept in WHOLE if kept.index != index]) == [("removed", index, index)]


@pytest.mark.parametrize("index", range(9))
def test_a_removed_entry_is_named_when_the_others_were_renumbered(index: int) -> None:
    stored = placed([kept for kept in WHOLE if kept.index != index])
    assert found(stored, {}) == [("moved", index, index)]


@pytest.mark.parametrize("index", range(10))
def test_an_inserted_entry_is_named_and_the_rest_is_still_checked(index: int) -> None:
    false = Kept(0, b"X", leaf_hash(b"X"), b"made up")
    stored = placed([*WHOLE[:index], false, *WHOLE[index:]])
    stored[-1] = evolve(stored[-1], body=b"Y") if index < 9 else stored[-1]
    rest = [("altered", 10, 10)] if index < 9 else []
    assert found(stored) == [("inserted", index, index), *rest]


def test_an_entry_at_a_place_that_is_none_is_named_and_the_rest_is_still_checked() -> None:
    false = Kept(-3, b"X", leaf_hash(b"X"), b"made up")
    assert found([false, *WHOLE]) == [("inserted", -3, -3)]


@pytest.mark.parametrize(("one", "other"), [(0, 1), (3, 4), (2, 8), (8, 9)])
def test_entries_that_changed_places_are_named_by_the_first(one: int, other: int) -> None:
    stored = [*WHOLE]
    stored[one], stored[other] = stored[other], stored[one]
    first, *_ = found(placed(stored), {})
    assert first in (("moved", one, one), ("inserted", one, one))  # neighbours look put in between


def test_a_log_that_was_written_anew_disagrees_with_what_was_published() -> None:
    """Text, hash and roots of everything from entry 5 on: only who kept a checkpoint can tell."""
    stored = log(*"abcdeXghij")
    assert found(stored, {}) == []
    assert found(stored) == [("rewritten", 4, 7)]


def test_an_end_that_was_cut_off_is_missed() -> None:
    assert found(WHOLE[:6]) == [("truncated", 6, 7)]
    assert found([]) == [("truncated", 0, 7)]
    assert found(WHOLE[:8]) == []


def test_a_trouble_is_told_in_one_line() -> None:
    assert str(Trouble("altered", 7, 7, "its text")) == "altered: entry 7: its text"
    assert str(Trouble("rewritten", 4, 7, "they")) == "rewritten: entry 4 to 7: they"
    assert str(Trouble("forged", None, None, "checkpoint 1")) == "forged: checkpoint 1"
