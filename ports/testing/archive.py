"""What every archive of documents and every journal must do."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from attrs import evolve

from carbon254.core.domain.documents import Document, Receipt, receipt_for
from carbon254.core.domain.errors import DocumentDamaged, NotFound
from carbon254.ports.archive import CommitMark, DocumentArchive, Journal

HELLO: Final = (
    "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"  # sha256sum of hello
)
EMPTY: Final = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # of nothing
BODIES: Final = (b"", b"hello", bytes(range(256)), b"price\n" * 100_000)
START: Final = datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC)


class ArchiveSuite:
    """Subclass it and override ``archive`` and ``rot``."""

    @pytest.fixture
    def archive(self) -> DocumentArchive:
        """An empty archive."""
        raise NotImplementedError

    @pytest.fixture
    def rot(self, archive: DocumentArchive) -> Callable[[str], None]:
        """A function that damages the kept copy of a digest."""
        raise NotImplementedError

    def test_a_document_is_addressed_by_its_sha_256(self, archive: DocumentArchive) -> None:
        assert archive.put(b"hello") == HELLO
        assert archive.put(b"") == EMPTY

    @pytest.mark.parametrize("body", BODIES, ids=len)
    def test_the_same_bytes_come_back(self, archive: DocumentArchive, body: bytes) -> None:
        assert archive.get(archive.put(body)) == body

    def test_the_same_bytes_may_be_kept_again(self, archive: DocumentArchive) -> None:
        assert archive.put(b"hello") == archive.put(b"hello") == HELLO
        assert archive.get(HELLO) == b"hello"

    def test_it_says_what_it_holds(self, archive: DocumentArchive) -> None:
        assert not archive.has(HELLO)
        archive.put(b"hello")
        assert archive.has(HELLO)
        assert not archive.has(EMPTY)

    def test_what_was_never_kept_is_not_found(self, archive: DocumentArchive) -> None:
        with pytest.raises(NotFound, match=HELLO):
            archive.get(HELLO)

    @pytest.mark.parametrize(
        "digest",
        ["", ".", "../" * 20 + "etc/passwd", "/etc/passwd", HELLO.upper(), HELLO[:-1], HELLO + "\n",
         HELLO + "/..", "2c/" + HELLO, HELLO[:-1] + "\0", "é" * 64],
    )  # fmt: skip
    def test_what_is_no_digest_is_not_found(self, archive: DocumentArchive, digest: str) -> None:
        archive.put(b"hello")
        assert not archive.has(digest)
        with pytest.raises(NotFound):
            archive.get(digest)

    def test_bytes_that_rotted_are_never_returned(
        self, archive: DocumentArchive, rot: Callable[[str], None]
    ) -> None:
        digest = archive.put(BODIES[-1])
        archive.put(b"hello")
        rot(digest)
        with pytest.raises(DocumentDamaged, match=digest):
            archive.get(digest)
        assert archive.get(HELLO) == b"hello"

    def test_keeping_the_bytes_again_heals_a_rotten_copy(
        self, archive: DocumentArchive, rot: Callable[[str], None]
    ) -> None:
        digest = archive.put(BODIES[-1])
        rot(digest)
        assert archive.put(BODIES[-1]) == digest
        assert archive.get(digest) == BODIES[-1]

    def test_threads_may_keep_at_once(self, archive: DocumentArchive) -> None:
        bodies = [b"%d" % (number % 7) * 1000 for number in range(28)]
        threads = [threading.Thread(target=archive.put, args=(body,)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for body in bodies:
            assert archive.get(hashlib.sha256(body).hexdigest()) == body


def a_receipt(body: bytes = b"hello", after: timedelta = timedelta(0), **changes: Any) -> Receipt:
    """A receipt of the demo operator's, some time after ``START``."""
    document = Document(
        "prix_€.csv", body, "text/csv", {"ETag": '"7"', "Date": "Sun"}, "https://a.example/q?d=1"
    )
    plain = receipt_for(
        document, market="demo", dataset="prices", request="GET https://a.example/q?d=1",
        archived_at=START + after,
    )  # fmt: skip
    return evolve(plain, **changes)


class JournalSuite:
    """Subclass it and override ``journal``, and ``again`` where entries outlive the object."""

    @pytest.fixture
    def journal(self) -> Journal:
        """An empty journal."""
        raise NotImplementedError

    @pytest.fixture
    def again(self, journal: Journal) -> Callable[[], Journal]:
        """A function that opens the same journal anew, as the next process would; by default it stays open."""
        return lambda: journal

    def test_an_empty_journal_has_no_entries(self, journal: Journal) -> None:
        assert list(journal.entries()) == []
        assert dict(journal.receipts()) == {}

    def test_entries_come_back_as_written_in_order(
        self, journal: Journal, again: Callable[[], Journal]
    ) -> None:
        first, second = (
            a_receipt(),
            a_receipt(b"other", timedelta(hours=1), observed=True, role="index"),
        )
        mark = CommitMark(first.id, "prices", "1.2", START + timedelta(minutes=5), synthetic=True)
        assert journal.receipt(first) == first
        journal.mark(mark)
        journal.receipt(second)
        assert list(again().entries()) == [first, mark, second]

    def test_receipts_are_found_by_id(self, journal: Journal, again: Callable[[], Journal]) -> None:
        first, second = a_receipt(), a_receipt(b"other")
        journal.receipt(first)
        journal.receipt(second)
        assert journal.receipts() == {first.id: first, second.id: second}
        assert again().receipts() == {first.id: first, second.id: second}

    def test_the_same_answer_again_is_the_earlier_receipt(
        self, journal: Journal, again: Callable[[], Journal]
    ) -> None:
        first = journal.receipt(a_receipt())
        assert journal.receipt(a_receipt(after=timedelta(hours=1))) == first
        reopened = again()
        assert reopened.receipt(a_receipt(after=timedelta(hours=2))) == first
        assert list(reopened.entries()) == [first]

    def test_an_answer_that_changes_back_is_a_third_receipt(self, journal: Journal) -> None:
        written = [
            journal.receipt(a_receipt(body, timedelta(hours=hour)))
            for hour, body in enumerate((b"A", b"B", b"A"))
        ]
        assert list(journal.entries()) == written
        assert len(journal.receipts()) == 3

    @pytest.mark.parametrize(
        "changes", [{"market": "other"}, {"dataset": "load"}, {"request": "GET https://b.example"}]
    )
    def test_the_same_bytes_of_another_request_are_another_receipt(
        self, journal: Journal, changes: dict[str, Any]
    ) -> None:
        other = a_receipt(**changes)
        journal.receipt(a_receipt())
        assert journal.receipt(other) == other
        assert len(list(journal.entries())) == 2

    def test_marks_may_repeat(self, journal: Journal) -> None:
        mark = CommitMark("r", "prices", "1.2", START)
        journal.mark(mark)
        journal.mark(mark)
        assert list(journal.entries()) == [mark, mark]

    def test_the_order_is_that_of_writing_also_when_the_clock_goes_back(
        self, journal: Journal, again: Callable[[], Journal]
    ) -> None:
        days = (0, 40, -40, 3, 400)
        written = [journal.receipt(a_receipt(b"%d" % day, timedelta(days=day))) for day in days]
        assert list(again().entries()) == written

    def test_microseconds_and_odd_text_survive(
        self, journal: Journal, again: Callable[[], Journal]
    ) -> None:
        odd = a_receipt(name='a"b\\c\n\u2028\0"crc":"', headers={"x": "é\ud7ff"}, archived_at=START)
        journal.receipt(odd)
        assert list(again().entries()) == [odd]

    def test_threads_may_write_at_once(
        self, journal: Journal, again: Callable[[], Journal]
    ) -> None:
        receipts = [a_receipt(b"%d" % number, request=f"{number}") for number in range(24)]
        threads = [threading.Thread(target=journal.receipt, args=(one,)) for one in receipts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert again().receipts() == {one.id: one for one in receipts}

    def test_reading_may_go_on_while_it_is_written(self, journal: Journal) -> None:
        journal.receipt(a_receipt())
        reading = journal.entries()
        journal.receipt(a_receipt(b"other"))
        assert next(reading) == a_receipt()
