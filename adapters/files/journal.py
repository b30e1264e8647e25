"""`FileJournal`: receipts and commit marks as lines of JSON, one file a month, each line durable before it counts."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from carbon254.adapters.files.durable import make_folder, sync_folder, translated, write_all
from carbon254.adapters.files.entries import Entry, decode, encode
from carbon254.adapters.files.lock import FolderLock
from carbon254.core.domain.documents import Receipt
from carbon254.core.domain.errors import DocumentDamaged, StoreUnavailable
from carbon254.ports.archive import CommitMark
from carbon254.ports.closing import Closing

_PATTERN: Final = "journal-[0-9][0-9][0-9][0-9]-[0-9][0-9].jsonl"


class FileJournal(Closing):
    """Appends to ``folder/journal-YYYY-MM.jsonl``; the names in order are the order of writing.

    One process writes: it holds the folder's lock, and another gets `StoreBusy` that names it. With ``read_only`` no
    lock is needed and what the writer adds is seen. A half-written end, from a crash, is put aside when the next
    writer starts. Thread-safe; close it, or use it as a context manager.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._folder, self._guard = folder, threading.RLock()
        self._read_only = read_only
        self._by_id: dict[str, Receipt] = {}
        self._last: dict[tuple[str, str, str], Receipt] = {}
        self._seen: tuple[str, int] = ("", 0)  # file and offset up to which entries are in memory
        self._lock: FolderLock | None = None
        if read_only:
            return
        with translated(f"journal {folder}"):
            make_folder(folder)
            self._lock = FolderLock(folder / "journal.lock")
        try:
            with translated(f"journal {folder}"):
                self._put_torn_end_aside()
            self._catch_up()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the folder's lock; nothing can be written afterwards."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def receipt(self, receipt: Receipt) -> Receipt:
        """Write a receipt durably, or return the last one of the same request when its digest is the same.

        Raises `DiskFull`, `StoreUnavailable`; nothing is half written.
        """
        with self._guard:
            last = self._last.get(_asked(receipt))
            if last is not None and last.digest == receipt.digest:
                return last
            self._append(receipt, receipt.archived_at)
            return receipt

    def mark(self, mark: CommitMark) -> None:
        """Write a commit mark durably. Raises as `receipt`."""
        with self._guard:
            self._append(mark, mark.recorded_at)

    def entries(self) -> Iterator[Entry]:
        """All entries in the order of writing, without a half-written last one.

        Raises `DocumentDamaged` that names the line where an earlier one rotted.
        """
        for _, _, entry in _read(self._files(), ("", 0)):
            yield entry

    def receipts(self) -> Mapping[str, Receipt]:
        """Receipts by id."""
        with self._guard:
            if self._read_only:
                self._catch_up()
            return MappingProxyType(self._by_id.copy())

    # ------------------------------------------------------------ reading

    def _files(self) -> list[Path]:
        with translated(f"journal {self._folder}"):
            return sorted(self._folder.glob(_PATTERN))

    def _catch_up(self) -> None:
        for name, offset, entry in _read(self._files(), self._seen):
            self._seen = (name, offset)
            self._remember(entry)

    def _remember(self, entry: Entry) -> None:
        if isinstance(entry, Receipt):
            self._by_id[entry.id] = self._last[_asked(entry)] = entry

    # ------------------------------------------------------------ writing

    def _append(self, entry: Entry, at: datetime) -> None:
        if self._lock is None:
            raise StoreUnavailable(
                f"journal {self._folder}: it is closed or open for reading only."
            )
        # A clock that was put back opens no earlier file: the names give the order.
        name = max(self._seen[0], f"journal-{at:%Y-%m}.jsonl")
        start = self._seen[1] if name == self._seen[0] else 0
        line = encode(entry)
        with translated(f"journal {self._folder}"):
            try:
                self._write(self._folder / name, start, line)
            except OSError:
                self._undo(self._folder / name, start)
                raise
        self._seen = (name, start + len(line))
        self._remember(entry)

    def _write(self, path: Path, start: int, line: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            write_all(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if start == 0:
            sync_folder(self._folder)

    def _undo(self, path: Path, start: int) -> None:
        """Take a half-written line back. Where even that fails, nothing more is written until the next start."""
        try:
            if path.exists():
                os.truncate(path, start)
        except OSError:
            self.close()

    def _put_torn_end_aside(self) -> None:
        """Move what follows the last whole line of the last file to a file beside it."""
        if not (files := self._files()):
            return
        last = files[-1]
        whole = max((end for _, end, _ in _read([last], ("", 0))), default=0)
        torn = last.read_bytes()[whole:]
        if torn:
            aside = last.with_name(f"{last.name}.torn")
            with aside.open("ab") as file:
                file.write(torn + b"\n")
            os.truncate(last, whole)


def _asked(receipt: Receipt) -> tuple[str, str, str]:
    return receipt.market, receipt.dataset, receipt.request


def _read(files: list[Path], seen: tuple[str, int]) -> Iterator[tuple[str, int, Entry]]:
    """File, end offset and entry of each whole line after ``seen``; a torn end of the last file is left out."""
    for path in files:
        if path.name < seen[0]:
            continue
        offset = seen[1] if path.name == seen[0] else 0
        torn = None
        for end, line in _lines(path, offset):
            entry = decode(line)
            if entry is None:
                torn = torn or f"{path} before byte {end}"
            elif torn is not None:
                break  # a whole line after a damaged one: that was no crash
            else:
                yield path.name, end, entry
        else:
            if torn is None or path == files[-1]:
                continue
        raise DocumentDamaged(f"The journal rotted at {torn}: restore the file from a copy.")


def _lines(path: Path, start: int) -> Iterator[tuple[int, bytes]]:
    """The lines of a file with their end offsets."""
    with translated(f"journal {path}"), path.open("rb") as file:
        file.seek(start)
        for line in file:
            start += len(line)
            yield start, line
