"""Archives, journals and clocks against their suites, and what files promise beyond them."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from carbon254.adapters.clock import SystemClock
from carbon254.adapters.files import FileArchive, FileJournal
from carbon254.core.domain.errors import (
    Carbon254Error,
    DiskFull,
    DocumentDamaged,
    InvalidRequest,
    StoreBusy,
    StoreUnavailable,
)
from carbon254.ports.archive import CommitMark, DocumentArchive, Journal
from carbon254.ports.clock import Clock
from carbon254.ports.testing.archive import HELLO, START, ArchiveSuite, JournalSuite, a_receipt
from carbon254.ports.testing.clock import ClockSuite
from carbon254.ports.testing.fakes.archive import MemoryArchive, MemoryJournal
from carbon254.ports.testing.fakes.clock import FakeTime, PinnedClock


class TestMemoryArchive(ArchiveSuite):
    @pytest.fixture
    def archive(self) -> MemoryArchive:
        return MemoryArchive()

    @pytest.fixture
    def rot(self, archive: MemoryArchive) -> Callable[[str], None]:
        def damage(digest: str) -> None:
            archive.bodies[digest] += b"!"

        return damage


class TestFileArchive(ArchiveSuite):
    @pytest.fixture
    def archive(self, tmp_path: Path) -> DocumentArchive:
        return FileArchive(tmp_path / "data" / "archive")

    @pytest.fixture(params=["flipped", "cut", "empty", "other", "huge"])
    def rot(self, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], None]:
        def damage(digest: str) -> None:
            (path,) = tmp_path.rglob(f"{digest}*")
            packed = bytearray(path.read_bytes())
            if request.param == "flipped":
                packed[len(packed) // 2] ^= 0x10
            elif request.param == "cut":
                del packed[len(packed) // 2 :]
            elif request.param == "empty":
                packed.clear()
            elif request.param == "other":
                packed[:] = (
                    next(tmp_path.rglob(f"{HELLO}*")).read_bytes() if digest != HELLO else b""
                )
            else:  # a header that speaks of exabytes
                packed[4:8] = b"\xe0\xff\xff\xff"
            path.write_bytes(packed)

        if request.param == "other":
            FileArchive(tmp_path / "data" / "archive").put(b"hello")
        return damage

    def test_no_digest_leads_out_and_back_in(self, archive: DocumentArchive) -> None:
        archive.put(b"hello")
        assert not archive.has(f"../data/archive/2c/{HELLO}")


class TestMemoryJournal(JournalSuite):
    @pytest.fixture
    def journal(self) -> Journal:
        return MemoryJournal()


class TestFileJournal(JournalSuite):
    @pytest.fixture
    def journal(self, tmp_path: Path) -> Iterator[FileJournal]:
        with FileJournal(tmp_path / "data" / "journal") as journal:
            yield journal

    @pytest.fixture
    def again(self, journal: FileJournal, tmp_path: Path) -> Iterator[Callable[[], Journal]]:
        opened = []

        def reopen() -> Journal:
            journal.close()
            opened.append(FileJournal(tmp_path / "data" / "journal"))
            return opened[-1]

        yield reopen
        for one in opened:
            one.close()


class TestSystemClock(ClockSuite):
    @pytest.fixture
    def clock(self) -> Clock:
        return SystemClock()


class TestPinnedClock(ClockSuite):
    @pytest.fixture(params=[timedelta(0), timedelta(seconds=1)])
    def clock(self, request: pytest.FixtureRequest) -> Clock:
        return PinnedClock(START, request.param)


def test_a_pinned_clock_moves_by_its_step() -> None:
    clock = PinnedClock(START, timedelta(minutes=1))
    assert [clock.now() for _ in range(3)] == [START + timedelta(minutes=n) for n in range(3)]
    clock.move(timedelta(days=1))
    assert clock.now() == START + timedelta(days=1, minutes=3)
    with pytest.raises(InvalidRequest):
        PinnedClock(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_the_system_clock_tells_the_machines_time() -> None:
    before = datetime.now(UTC)
    assert before <= SystemClock().now() <= datetime.now(UTC)


def test_fake_time_passes_by_sleeping() -> None:
    time = FakeTime()
    time.sleep(5)
    assert (time.monotonic(), time.slept) == (5, [5])


# ---------------------------------------------------------------- a disk that fails

FAILURES = [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EIO, StoreUnavailable)]


class Failing:
    """Makes one of the system's calls fail the n-th time, after half of the bytes where it writes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> None:
        self._real, self._number, self.left = getattr(os, call), number, 0
        monkeypatch.setattr(os, call, self)

    def after(self, calls: int) -> None:
        self.left = calls + 1

    def __call__(self, descriptor: int, *arguments: bytes) -> int:
        self.left -= 1
        if self.left == 0:
            if arguments:
                self._real(descriptor, arguments[0][: len(arguments[0]) // 2])
            raise OSError(self._number, os.strerror(self._number))
        return int(self._real(descriptor, *arguments) or 0)


@pytest.mark.parametrize(("number", "error"), FAILURES)
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_an_archive_keeps_nothing_by_halves(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    error: type[Carbon254Error],
) -> None:
    archive = FileArchive(tmp_path)
    archive.put(b"before")
    failing = Failing(monkeypatch, call, number)
    failing.after(0 if call == "write" else 1)  # the first fsync is that of the new folder
    with pytest.raises(error, match=str(tmp_path)):
        archive.put(b"hello")
    assert not archive.has(HELLO)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    assert archive.put(b"hello") == HELLO
    assert archive.get(HELLO) == b"hello"


@pytest.mark.parametrize(("number", "error"), FAILURES)
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_journal_writes_nothing_by_halves(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    number: int,
    error: type[Carbon254Error],
) -> None:
    with FileJournal(tmp_path) as journal:
        journal.receipt(a_receipt())
        failing = Failing(monkeypatch, call, number)
        failing.after(0)
        with pytest.raises(error, match=str(tmp_path)):
            journal.receipt(a_receipt(b"other"))
        assert journal.receipts().keys() == {a_receipt().id}
        journal.receipt(a_receipt(b"third"))
    with FileJournal(tmp_path) as journal:
        assert list(journal.entries()) == [a_receipt(), a_receipt(b"third")]
    assert not list(tmp_path.glob("*.torn"))


def refuse(path: Path, length: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_journal_that_cannot_take_back_stops_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FileJournal(tmp_path) as journal:
        journal.receipt(a_receipt())
        with monkeypatch.context() as patched:
            Failing(patched, "write", errno.EIO).after(0)
            patched.setattr(os, "truncate", refuse)
            with pytest.raises(StoreUnavailable):
                journal.receipt(a_receipt(b"other"))
            with pytest.raises(StoreUnavailable, match="closed"):
                journal.receipt(a_receipt(b"third"))
    with FileJournal(tmp_path) as journal:
        assert list(journal.entries()) == [a_receipt()]


def test_every_entry_and_document_is_synced_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    archive, month = FileArchive(tmp_path / "archive"), "journal-2026-03.jsonl"
    assert synced == [tmp_path.name]
    archive.put(b"hello")
    assert synced[1:] == ["archive", f"{HELLO}.zst.unfinished", "2c"]
    with FileJournal(tmp_path / "journal") as journal:
        del synced[:]
        journal.receipt(a_receipt())
        assert synced == [month, "journal"]
        journal.mark(CommitMark("r", "d", "1", START))
        assert synced == [month, "journal", month]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for make in (FileArchive, FileJournal):
        with pytest.raises(StoreUnavailable, match="file"):
            make(tmp_path / "file" / "below")


# ---------------------------------------------------------------- crashes and rot


def _month(folder: Path) -> Path:
    return folder / "journal-2026-03.jsonl"


@pytest.mark.parametrize("cut", [1, 2, 40, -1])
def test_a_half_written_end_is_left_out_and_put_aside(tmp_path: Path, cut: int) -> None:
    with FileJournal(tmp_path) as journal:
        journal.receipt(a_receipt())
        journal.receipt(a_receipt(b"other"))
    whole = _month(tmp_path).read_bytes()
    first = whole.index(b"\n") + 1
    kept = whole[:-cut] if cut > 0 else whole[: first + 1]
    _month(tmp_path).write_bytes(kept)
    assert list(FileJournal(tmp_path, read_only=True).entries()) == [a_receipt()]
    assert _month(tmp_path).read_bytes() == kept
    with FileJournal(tmp_path) as journal:
        assert list(journal.entries()) == [a_receipt()]
        journal.receipt(a_receipt(b"third"))
        assert list(journal.entries()) == [a_receipt(), a_receipt(b"third")]
    (aside,) = tmp_path.glob("*.torn")
    assert aside.read_bytes() == kept[first:] + b"\n"


def test_an_end_of_zeros_is_half_written(tmp_path: Path) -> None:
    with FileJournal(tmp_path) as journal:
        journal.receipt(a_receipt())
    with _month(tmp_path).open("ab") as file:
        file.write(bytes(4096) + b"\n" + bytes(10))
    with FileJournal(tmp_path) as journal:
        assert list(journal.entries()) == [a_receipt()]


@pytest.mark.parametrize("line", [0, 1])
def test_a_line_that_rotted_is_never_skipped(tmp_path: Path, line: int) -> None:
    with FileJournal(tmp_path) as journal:
        for number in range(3):
            journal.receipt(a_receipt(b"%d" % number))
    lines = _month(tmp_path).read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b"demo", b"dome")
    _month(tmp_path).write_bytes(b"".join(lines))
    with pytest.raises(DocumentDamaged, match="journal-2026-03"):
        FileJournal(tmp_path)
    with pytest.raises(DocumentDamaged):
        list(FileJournal(tmp_path, read_only=True).entries())


def test_only_the_last_file_may_have_a_torn_end(tmp_path: Path) -> None:
    with FileJournal(tmp_path) as journal:
        journal.receipt(a_receipt())
        journal.receipt(a_receipt(b"other", timedelta(days=40)))
    _month(tmp_path).write_bytes(_month(tmp_path).read_bytes()[:-5])
    with pytest.raises(DocumentDamaged, match="journal-2026-03"):
        FileJournal(tmp_path)


def test_there_is_one_file_a_month(tmp_path: Path) -> None:
    with FileJournal(tmp_path) as journal:
        for days in (0, 1, 3, 40):
            journal.receipt(a_receipt(b"%d" % days, timedelta(days=days)))
    names = [path.name for path in sorted(tmp_path.glob("*.jsonl"))]
    assert names == [f"journal-2026-0{month}.jsonl" for month in (3, 4, 5)]


def test_entries_of_a_newer_version_are_not_guessed_at(tmp_path: Path) -> None:
    import zlib

    text = b'{"kind":"receipt","colour":"blue"'
    _month(tmp_path).write_bytes(b'%b,"crc":"%08x"}\n' % (text, zlib.crc32(text)))
    with pytest.raises(StoreUnavailable, match="newer"):
        FileJournal(tmp_path)


# ---------------------------------------------------------------- one writer


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    with FileJournal(tmp_path) as journal:
        with pytest.raises(StoreBusy, match=f"process {os.getpid()}:"):
            FileJournal(tmp_path)
        journal.receipt(a_receipt())
    with FileJournal(tmp_path) as journal:
        assert list(journal.entries()) == [a_receipt()]


def test_readers_need_no_lock_and_see_what_is_added(tmp_path: Path) -> None:
    with FileJournal(tmp_path) as journal:
        journal.receipt(a_receipt())
        reader = FileJournal(tmp_path, read_only=True)
        assert list(reader.receipts()) == [a_receipt().id]
        journal.receipt(a_receipt(b"other"))
        journal.receipt(a_receipt(b"later", timedelta(days=40)))
        assert len(reader.receipts()) == len(list(reader.entries())) == 3
        with pytest.raises(StoreUnavailable, match="reading only"):
            reader.mark(CommitMark("r", "d", "1", START))


def test_a_closed_journal_writes_no_more(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path)
    journal.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        journal.receipt(a_receipt())


WRITER = """
import sys
from pathlib import Path
from carbon254.adapters.files import FileJournal
from carbon254.ports.archive import CommitMark
from carbon254.ports.testing.archive import START
journal = FileJournal(Path(sys.argv[1]))
for number in range(1_000_000):
    journal.mark(CommitMark(str(number), "prices", "1", START))
    print(number, flush=True)
"""


def test_what_a_killed_writer_reported_is_there_and_its_lock_is_not(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(50):
            writer.stdout.readline()
        with pytest.raises(StoreBusy, match=f"process {writer.pid}:"):
            FileJournal(tmp_path)
        writer.send_signal(signal.SIGKILL)
        reported = 49 + sum(1 for line in writer.stdout if line.endswith("\n"))
    with FileJournal(tmp_path) as journal:
        kept = [entry.receipt for entry in journal.entries() if isinstance(entry, CommitMark)]
    assert kept == [str(number) for number in range(len(kept))]
    assert reported < len(kept) <= reported + 2
