"""The audit logs, signers and books against their contracts, and what each database adds."""

from __future__ import annotations

import base64
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from carbon254.adapters.files.checkpoints import FileCheckpoints
from carbon254.adapters.files.seal import Masks, NoteSigner, NoteVerifier, owners_secret
from carbon254.adapters.postgres.audit import PostgresAuditLog
from carbon254.adapters.sqlmodel.sqlite_audit import SqliteAuditLog
from carbon254.core.domain.errors import AuditUnavailable, DocumentDamaged, StoreUnavailable
from carbon254.core.domain.merkle import TreeHead, consistent, included
from carbon254.ports.audit import AuditQuestion
from carbon254.ports.testing.audit import (
    AuditLogSuite,
    CheckpointBookSuite,
    SignerSuite,
    entry,
    fill,
    refusal,
)
from carbon254.ports.testing.fakes.audit import (
    MacSigner,
    MemoryAuditLog,
    MemoryCheckpoints,
    tree_hash,
)
from carbon254.ports.testing.servers import PostgresServer


class TestMemory(AuditLogSuite):
    @pytest.fixture
    def log(self) -> MemoryAuditLog:
        return MemoryAuditLog()

    @pytest.fixture
    def full(self, log: MemoryAuditLog) -> Callable[[bool], None]:
        return lambda now: setattr(log, "full", now)

    @pytest.fixture
    def shut(self, full: Callable[[bool], None]) -> Callable[[bool], None]:
        return full


class Durable(AuditLogSuite):
    """What a database adds; ``open_log`` opens the same one again, as another process would."""

    @pytest.fixture
    def log(self, open_log: Callable[[], Any]) -> Any:
        return open_log()

    def test_what_was_written_outlives_the_process(self, open_log: Callable[[], Any]) -> None:
        log = open_log()
        for number in range(3):
            log.append(refusal(number, f"d{number}"))
        head = log.head()
        log.close()
        again = open_log()
        assert again.head() == head
        assert again.append(entry(3)) == 3
        assert consistent(head, again.head(), again.consistency(3, 4))

    def test_what_follows_is_written_though_nobody_asks(self, open_log: Callable[[], Any]) -> None:
        one, other = open_log(), open_log()
        one.append(entry(0))
        one.follow(entry(1))
        seen = threading.Event()
        for _ in range(1000):
            if other.head().size == 2:
                break
            seen.wait(0.02)
        assert [kept.entry.call for kept in other.entries(AuditQuestion())] == ["c0", "c1"]

    def test_what_follows_is_written_before_the_log_is_closed(
        self, open_log: Callable[[], Any]
    ) -> None:
        log = open_log()
        log.append(entry(0))
        log.follow(entry(1))
        log.close()
        assert open_log().head().size == 2

    def test_two_processes_write_one_log(self, open_log: Callable[[], Any]) -> None:
        one, other = open_log(), open_log()
        for number in range(0, 12, 3):
            assert one.append(entry(number)) == number
            assert other.append(entry(number + 1)) == number + 1
            assert other.append(entry(number + 2)) == number + 2
        fill(other, 300)
        assert one.append(entry(312)) == 312
        kept = one.entries(AuditQuestion(limit=1000))
        assert one.head() == other.head() == TreeHead(313, tree_hash([k.leaf for k in kept]))
        assert included(kept[7].leaf, 7, one.head(), other.inclusion(7, 313))


def logs(make: Callable[[], Any]) -> Iterator[Callable[[], Any]]:
    opened = []

    def open_log() -> Any:
        opened.append(make())
        return opened[-1]

    yield open_log
    for log in opened:
        log.close()


class TestSqlite(Durable):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "data" / "audit.sqlite"

    @pytest.fixture
    def open_log(self, path: Path) -> Iterator[Callable[[], SqliteAuditLog]]:
        yield from logs(lambda: SqliteAuditLog(path, patience=0.1))

    @pytest.fixture
    def full(self, log: SqliteAuditLog) -> Callable[[bool], None]:
        writer = log._shelf._writer  # type: ignore[attr-defined]

        def fill(now: bool) -> None:
            (pages,) = writer.execute("PRAGMA page_count").fetchone()
            writer.execute(f"PRAGMA max_page_count = {pages if now else 1 << 30}")

        return fill

    @pytest.fixture
    def shut(self, log: SqliteAuditLog) -> Callable[[bool], None]:
        writer = log._shelf._writer  # type: ignore[attr-defined]
        return lambda now: writer.execute(f"PRAGMA query_only = {int(now)}")

    def test_a_full_disk_refuses_all_that_wait_together(
        self, log: SqliteAuditLog, full: Callable[[bool], None]
    ) -> None:
        full(True)
        refused = []

        def work(number: int) -> None:
            try:
                log.append(entry(number, facts={f"long {n}": "x" * 2000 for n in range(5)}))
            except AuditUnavailable as error:
                refused.append(str(error))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 8
        assert all("no space left" in message for message in refused)
        assert log.head().size == 0

    def test_a_file_that_another_process_writes_to_is_waited_for_and_then_refused(
        self, log: SqliteAuditLog, path: Path
    ) -> None:
        log.append(entry(0))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(AuditUnavailable, match="busy"):
            log.append(entry(1))
        assert log.head().size == 1
        other.execute("ROLLBACK")
        other.close()
        assert log.append(entry(1)) == 1

    @pytest.mark.parametrize("change", [
        "UPDATE entries SET body = x'00'", "DELETE FROM entries", "UPDATE nodes SET hash = x'00'", "DELETE FROM nodes",
        "REPLACE INTO nodes SELECT level, place, x'00' FROM nodes", "INSERT INTO nodes VALUES (8, 5, x'00')",
        "REPLACE INTO entries SELECT place, at, 'bob', tenant, call, decision, body, leaf, root FROM entries",
        "INSERT INTO entries SELECT -1, at, principal, tenant, call, decision, body, leaf, root FROM entries LIMIT 1",
    ])  # fmt: skip
    def test_the_file_refuses_to_change_what_it_holds(
        self, log: SqliteAuditLog, path: Path, change: str
    ) -> None:
        fill(log, 257)
        other = sqlite3.connect(path, isolation_level=None)
        with pytest.raises(sqlite3.DatabaseError, match="only grows"):
            other.execute(change)
        other.close()

    def test_a_log_that_is_cut_off_under_a_writer_takes_no_more(
        self, log: SqliteAuditLog, path: Path
    ) -> None:
        fill(log, 8)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("DROP TRIGGER entries_are_kept")
        other.execute("DELETE FROM entries WHERE place > 3")
        other.close()
        for _ in range(2):
            with pytest.raises(AuditUnavailable, match="not as it was left"):
                log.append(entry(9))

    def test_what_is_no_log_is_refused(self, path: Path) -> None:
        path.parent.mkdir()
        path.write_bytes(b"not a database, but long enough to look at" * 100)
        with pytest.raises(StoreUnavailable, match="not a database"):
            SqliteAuditLog(path)

    def test_a_log_of_a_newer_release_is_refused(self, log: SqliteAuditLog, path: Path) -> None:
        log.close()
        with sqlite3.connect(path) as other:
            other.execute("PRAGMA user_version = 99")
        other.close()
        with pytest.raises(StoreUnavailable, match="newer 254Carbon"):
            SqliteAuditLog(path)


@pytest.mark.postgres
class TestPostgres(Durable):
    @pytest.fixture
    def open_log(
        self, postgres_server: PostgresServer, postgres_schema: str
    ) -> Iterator[Callable[[], PostgresAuditLog]]:
        yield from logs(lambda: PostgresAuditLog(postgres_server.dsn, schema=postgres_schema))
        postgres_server.run(f"DROP SCHEMA IF EXISTS {postgres_schema} CASCADE")
        postgres_server.run(f"DROP ROLE IF EXISTS {postgres_schema}_writer")

    @pytest.fixture
    def full(self, postgres_server: PostgresServer, postgres_schema: str) -> Callable[[bool], None]:
        """The server refuses to add rows: it cannot be filled here."""
        rule = "CHECK (length(body) < 1000) NOT VALID"

        def fill(now: bool) -> None:
            verb = f"ADD CONSTRAINT full_disk {rule}" if now else "DROP CONSTRAINT full_disk"
            postgres_server.run(f"ALTER TABLE {postgres_schema}.entries {verb}")

        return fill

    @pytest.fixture
    def shut(self, postgres_server: PostgresServer, postgres_schema: str) -> Callable[[bool], None]:
        """The server refuses what a check writes."""

        def shut(now: bool) -> None:
            verb = "ADD CONSTRAINT shut CHECK (false) NOT VALID" if now else "DROP CONSTRAINT shut"
            postgres_server.run(f"ALTER TABLE {postgres_schema}.meta {verb}")

        return shut

    @pytest.mark.parametrize(
        "change", ["UPDATE {} SET tenant = 'x'", "DELETE FROM {}", "TRUNCATE {}"]
    )
    def test_neither_the_writer_nor_the_owner_changes_what_is_there(
        self, log: PostgresAuditLog, postgres_server: PostgresServer, postgres_schema: str, change: str
    ) -> None:  # fmt: skip
        log.append(entry())
        statement = change.format(f"{postgres_schema}.entries")
        with pytest.raises(psycopg.errors.RaiseException, match="only grows"):
            postgres_server.run(statement)
        writer = log._shelf._writer  # type: ignore[attr-defined]
        assert writer.execute("SELECT current_user").fetchone() == (f"{postgres_schema}_writer",)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            writer.execute(statement)

    def test_a_server_that_is_down_refuses_and_works_when_it_is_back(
        self, log: PostgresAuditLog, postgres_server: PostgresServer
    ) -> None:
        log.append(entry(0))
        postgres_server.stop()
        try:
            with pytest.raises(AuditUnavailable):
                log.append(entry(1))
            with pytest.raises(AuditUnavailable):
                log.head()
        finally:
            postgres_server.start()
        assert log.append(entry(1)) == 1


# ---------------------------------------------------------------- signing


class TestMacSigner(SignerSuite):
    @pytest.fixture
    def signer(self) -> MacSigner:
        return MacSigner()

    @pytest.fixture
    def stranger(self) -> MacSigner:
        return MacSigner(b"another")


class TestNoteSigner(SignerSuite):
    @pytest.fixture
    def signer(self) -> NoteSigner:
        return NoteSigner("carbon254-audit", bytes(32))

    @pytest.fixture
    def stranger(self) -> NoteSigner:
        return NoteSigner("carbon254-audit", bytes(31) + b"\x01")

    def test_whoever_holds_the_verifier_can_read_a_note(self, signer: NoteSigner) -> None:
        assert NoteVerifier(signer.verifier()).read(signer.sign("text\n")) == "text\n"


# Published with golang.org/x/mod/sumdb/note: a key, and the note that it signed.
VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
KEY = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNED = (
    TEXT + "\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_notes_are_those_that_other_tools_write_and_read() -> None:
    signer = NoteSigner("PeterNeumann", KEY)
    assert (signer.verifier(), signer.sign(TEXT)) == (VERIFIER, SIGNED)
    assert NoteVerifier(VERIFIER).read(SIGNED) == TEXT


@pytest.mark.parametrize(
    "line", ["", "x", VERIFIER[:-4], VERIFIER.replace("c74f", "c74e"), VERIFIER.replace("+A", "+Z")]
)
def test_a_line_that_is_no_verifier_is_refused(line: str) -> None:
    with pytest.raises(DocumentDamaged):
        NoteVerifier(line)


def test_a_name_that_would_break_a_note_is_refused() -> None:
    with pytest.raises(StoreUnavailable):
        NoteSigner("two words", KEY)


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "audit.salt"
    made = owners_secret(path)
    assert (len(made), owners_secret(path)) == (32, made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(StoreUnavailable, match="others can read"):
        owners_secret(path)
    path.chmod(0o600)
    os.truncate(path, 5)
    with pytest.raises(StoreUnavailable, match="cut"):
        owners_secret(path)


def test_a_masked_secret_is_found_again_and_not_shown() -> None:
    masks = Masks(b"salt")
    # RFC 2104 with SHA-256, by openssl: printf secret | openssl dgst -sha256 -hmac salt
    assert masks("secret") == (
        "hmac-sha256:98e5340f0f4f96d2b80c2a90da0d03cf46c35e9492918cc7af73d9a39efa5981"
    )
    assert Masks(b"other")("secret") != masks("secret")


# ---------------------------------------------------------------- publishing


class TestMemoryCheckpoints(CheckpointBookSuite):
    @pytest.fixture
    def open_book(self) -> Callable[[], MemoryCheckpoints]:
        book = MemoryCheckpoints()
        return lambda: book


class TestFileCheckpoints(CheckpointBookSuite):
    @pytest.fixture
    def open_book(self, tmp_path: Path) -> Callable[[], FileCheckpoints]:
        return lambda: FileCheckpoints(tmp_path / "audit" / "checkpoints.txt")

    def test_a_half_written_end_is_written_over(
        self, open_book: Callable[[], FileCheckpoints], tmp_path: Path
    ) -> None:
        notes = [f"log\n{size}\nroot=\n\n— name sig{size}=\n" for size in (1, 2)]
        open_book().add(notes[0])
        path = tmp_path / "audit" / "checkpoints.txt"
        with path.open("a") as file:
            file.write("log\n2\nroot=\n\n— na")
        assert list(open_book().all()) == notes[:1]
        open_book().add(notes[1])
        assert list(open_book().all()) == notes
