"""The contracts of `AuditLog` with `AuditProofs`, of `Signer` and of `CheckpointBook`.

Subclasses give fixtures: ``log``, a fresh log; ``full``, a call that makes it unable to add entries, or undoes that;
``shut``, one that lets nothing at all be written, or undoes that;
``signer`` and ``stranger``, signers with different keys; ``open_book``, a call that opens the same book again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from carbon254.core.domain.audit import AuditEntry, encode
from carbon254.core.domain.decisions import Decision, Rule
from carbon254.core.domain.errors import AuditUnavailable, DocumentDamaged, NotFound
from carbon254.core.domain.merkle import EMPTY, TreeHead, consistent, included, leaf_hash
from carbon254.ports.audit import AuditLog, AuditProofs, AuditQuestion, CheckpointBook, Signer
from carbon254.ports.testing.fakes.audit import tree_hash

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MANY = 600  # more than two nodes of a level that is stored


class ProvenLog(AuditLog, AuditProofs):
    """Both ports, as every adapter has them."""


def entry(number: int = 0, **other: Any) -> AuditEntry:
    """A call that was started."""
    facts: dict[str, Any] = {
        "kind": "started", "at": NOON + number * MINUTE, "call": f"c{number}", "principal": "alice", "tenant": "acme",
        "action": "read", "target": "GET /v1/board",
    } | other  # fmt: skip
    return AuditEntry(**facts)


def refusal(number: int, name: str) -> AuditEntry:
    """A call that was refused."""
    decision = Decision(
        name, NOON + number * MINUTE, "alice", "acme", (), "read", "GET /v1/board", "caiso/day_ahead/price/node/Ö/1",
        "not_entitled", (Rule("roles.csv, line 3", "p, x, …", False),), "an administrator",
    )  # fmt: skip
    return entry(number, kind="finished", outcome="not_entitled", decision=decision)


def fill(log: AuditLog, many: int) -> None:
    """Have eight threads append entries: one after the other would wait for the disk each time."""

    def work(first: int) -> None:
        for number in range(first, many, 8):
            log.append(entry(number))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def numbers(log: AuditLog, **question: Any) -> list[int]:
    """The places of what is found."""
    return [kept.index for kept in log.entries(AuditQuestion(**question))]


class AuditLogSuite:
    """What `AuditLog` and `AuditProofs` promise."""

    def test_an_empty_log_has_the_root_of_nothing(self, log: ProvenLog) -> None:
        assert log.head() == TreeHead(0, EMPTY)
        assert list(log.entries(AuditQuestion())) == []

    def test_an_entry_comes_back_as_it_was_written(self, log: ProvenLog) -> None:
        told = entry(
            door="rest", key="abc", request_id="r-1", trace="00-1", roles=("pilot", "x"),
            facts={"rows": 3, "whole": True, "note": "Ω"},
        )  # fmt: skip
        assert log.append(told) == 0
        (kept,) = log.entries(AuditQuestion())
        assert (kept.body, kept.entry) == (encode(told), told)

    def test_a_decision_comes_back_and_is_found_by_its_id(self, log: ProvenLog) -> None:
        for told in (entry(0), refusal(1, "d1"), refusal(2, "d2")):
            log.append(told)
        (kept,) = log.entries(AuditQuestion(decision="d2"))
        assert kept.entry == refusal(2, "d2")
        assert numbers(log, decision="d3") == []

    def test_entries_are_numbered_and_paged_in_both_directions(self, log: ProvenLog) -> None:
        assert [log.append(entry(number)) for number in range(5)] == [0, 1, 2, 3, 4]
        assert numbers(log, limit=2) == [0, 1]
        assert numbers(log, after=1, limit=2) == [2, 3]
        assert numbers(log, newest=True, limit=2) == [4, 3]
        assert numbers(log, newest=True, after=3) == [2, 1, 0]
        assert numbers(log, after=4) == []

    def test_entries_are_found_by_what_they_say(self, log: ProvenLog) -> None:
        log.append(entry(0))
        log.append(entry(1, principal="bob"))
        log.append(entry(2, tenant="globex"))
        log.append(entry(3, call="c0"))
        assert numbers(log, principal="alice") == [0, 2, 3]
        assert numbers(log, principal="alice", tenant="acme") == [0, 3]
        assert numbers(log, call="c0", newest=True) == [3, 0]
        assert numbers(log, since=NOON + 2 * MINUTE) == [2, 3]
        assert numbers(log, principal="' OR 1 = 1 --") == []

    def test_the_root_is_that_of_the_standard_and_every_entry_carries_its_own(
        self, log: ProvenLog
    ) -> None:
        leaves = []
        for number in range(20):
            log.append(entry(number))
            leaves.append(leaf_hash(encode(entry(number))))
            assert log.head() == TreeHead(number + 1, tree_hash(leaves))
        roots = [kept.root for kept in log.entries(AuditQuestion())]
        assert roots == [tree_hash(leaves[: number + 1]) for number in range(20)]

    def test_what_is_in_the_log_can_be_proved(self, log: ProvenLog) -> None:
        fill(log, MANY)
        kept = log.entries(AuditQuestion(limit=MANY))
        heads = {one.index + 1: TreeHead(one.index + 1, one.root) for one in kept}
        for size in (1, 2, 255, 256, 257, 511, 512, 513, MANY):
            for index in {0, size // 3, size - 1}:
                proof = log.inclusion(index, size)
                assert included(kept[index].leaf, index, heads[size], proof)
                assert not included(leaf_hash(b"other"), index, heads[size], proof)
        for first, second in ((1, 2), (3, 256), (255, 257), (256, 512), (257, MANY), (512, MANY)):
            proof = log.consistency(first, second)
            assert consistent(heads[first], heads[second], proof)
            assert not consistent(TreeHead(first, EMPTY), heads[second], proof)

    def test_what_is_not_in_the_log_cannot_be_proved(self, log: ProvenLog) -> None:
        log.append(entry())
        for index, size in ((1, 1), (0, 2), (-1, 1)):
            with pytest.raises(NotFound):
                log.inclusion(index, size)
        for first, second in ((1, 2), (0, 1), (2, 1)):
            with pytest.raises(NotFound):
                log.consistency(first, second)

    def test_entries_of_many_threads_are_all_kept_once(self, log: ProvenLog) -> None:
        places: list[int] = []

        def work(first: int) -> None:
            for number in range(first, first + 25):
                place = log.append(entry(number))
                (kept,) = log.entries(AuditQuestion(after=place - 1, limit=1))
                assert kept.entry.call == f"c{number}"
                places.append(place)

        threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 200, 25)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(places) == list(range(200))
        kept = log.entries(AuditQuestion(limit=1000))
        assert {one.entry.call for one in kept} == {f"c{number}" for number in range(200)}
        assert log.head().root == tree_hash([one.leaf for one in kept])

    def test_what_follows_is_there_for_whoever_reads(self, log: ProvenLog) -> None:
        log.append(entry(0))
        log.follow(entry(1))
        assert numbers(log) == [0, 1]
        log.follow(entry(2))
        assert log.head().size == 3
        log.follow(entry(3))
        assert log.append(entry(4)) == 4
        assert numbers(log) == [0, 1, 2, 3, 4]
        leaves = [leaf_hash(encode(entry(number))) for number in range(5)]
        assert log.head() == TreeHead(5, tree_hash(leaves))

    def test_what_follows_is_kept_while_it_cannot_be_written(
        self, log: ProvenLog, full: Callable[[bool], None]
    ) -> None:
        log.append(entry(0))
        full(True)
        long = {f"long {n}": "x" * 2000 for n in range(5)}
        log.follow(entry(1, facts=long))
        with pytest.raises(AuditUnavailable):
            log.append(entry(2, facts=long))
        assert numbers(log) == [0]
        full(False)
        assert log.append(entry(3)) == 2
        kept = log.entries(AuditQuestion())
        assert [one.entry.call for one in kept] == ["c0", "c1", "c3"]

    def test_what_cannot_be_written_is_refused_and_leaves_nothing(
        self, log: ProvenLog, full: Callable[[bool], None]
    ) -> None:
        log.append(entry(0))
        before = log.head()
        full(True)
        with pytest.raises(AuditUnavailable):
            log.append(entry(1, facts={f"long {n}": "x" * 2000 for n in range(5)}))
        assert log.head() == before
        assert numbers(log) == [0]
        full(False)
        assert log.append(entry(1)) == 1
        leaves = [leaf_hash(encode(entry(number))) for number in (0, 1)]
        assert log.head() == TreeHead(2, tree_hash(leaves))

    def test_a_check_tells_whether_it_can_be_written_and_adds_nothing(
        self, log: ProvenLog, shut: Callable[[bool], None]
    ) -> None:
        log.append(entry(0))
        before = log.head()
        log.check()
        shut(True)
        for _ in range(2):
            with pytest.raises(AuditUnavailable, match="cannot be written"):
                log.check()
        shut(False)
        log.check()
        assert log.head() == before
        assert log.append(entry(1)) == 1


class SignerSuite:
    """What `Signer` promises."""

    def test_a_note_is_read_by_the_key_that_signed_it(self, signer: Signer) -> None:
        text = "carbon254-audit\n12\nAAAA\n"
        note = signer.sign(text)
        assert note.startswith(f"{text}\n— ")
        assert signer.read(note) == text

    def test_a_note_of_another_key_is_refused(self, signer: Signer, stranger: Signer) -> None:
        assert signer.verifier() != stranger.verifier()
        with pytest.raises(DocumentDamaged):
            signer.read(stranger.sign("text\n"))

    @pytest.mark.parametrize("change", [
        lambda note: note.replace("12", "13"), lambda note: note[:-2] + "\n", lambda note: note[1:],
        lambda note: "", lambda note: note.replace("\n\n", "\n"), lambda note: note + note,
    ])  # fmt: skip
    def test_a_note_that_was_changed_is_refused(
        self, signer: Signer, change: Callable[[str], str]
    ) -> None:
        with pytest.raises(DocumentDamaged):
            signer.read(change(signer.sign("carbon254-audit\n12\nAAAA\n")))


class CheckpointBookSuite:
    """What `CheckpointBook` promises."""

    def test_notes_come_back_in_order(self, open_book: Callable[[], CheckpointBook]) -> None:
        book = open_book()
        assert list(book.all()) == []
        notes = [f"log\n{size}\nroot=\n\n— name sig{size}=\n" for size in range(1, 4)]
        for note in notes:
            book.add(note)
        assert list(book.all()) == notes
        assert list(open_book().all()) == notes
