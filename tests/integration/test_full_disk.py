"""A full disk: the error is `disk_full`, nothing is half written, and the same run again completes everything."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from carbon254.config.container import open_platform
from carbon254.config.settings import Settings
from carbon254.core.domain.documents import Document
from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.errors import DiskFull
from carbon254.core.domain.revisions import current_rows

pytestmark = pytest.mark.integration

KIB = 1024
SIZE = 24 * 1024 * KIB
EVERYTHING = Scope.everything()


def values(data: Path) -> set[tuple[str, str, str]]:
    """All rows, without clocks; opening finishes what was left undone."""
    with open_platform(Settings(data=data, threads=1)) as platform:
        platform.reread.unfinished()
        rows = platform.store.read(EVERYTHING.restrict(Selection(patterns=(SeriesPattern(),))))
        assert len(current_rows(rows)) == len(rows)
        found = {
            (str(rows.series[code]), str(start), str(value))
            for code, start, value in zip(rows.code, rows.interval_start, rows.value, strict=True)
        }
        assert len(found) == len(rows)
        return found


def ingest(data: Path, documents: list[Document]) -> None:
    with open_platform(Settings(data=data, threads=1)) as platform:
        platform.ingest.run(documents, synthetic=True)


@pytest.fixture(scope="module")
def whole(
    handful: list[Document], tmp_path_factory: pytest.TempPathFactory
) -> set[tuple[str, str, str]]:
    """What is stored when nothing goes wrong."""
    data = tmp_path_factory.mktemp("whole")
    ingest(data, handful[:-1])
    return values(data)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few MiB, where we may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(disk)],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no disk can be mounted here; the tests with made-up errors stand in")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("free", [0, 8, 40, 200, 400, 800, 1200, 1600, 2400])
def test_a_disk_that_fills_up_loses_nothing(
    small_disk: Path, handful: list[Document], whole: set[tuple[str, str, str]], free: int
) -> None:
    data, ballast = small_disk / "data", small_disk / "ballast"
    ingest(data, handful[:2])  # what was recorded before must stay
    before = values(data)
    left = os.statvfs(small_disk)
    ballast.write_bytes(bytes(max(0, left.f_bavail * left.f_frsize - free * KIB)))
    filled = True
    with contextlib.suppress(DiskFull):
        ingest(data, handful[:-1])
        filled = False
    assert filled or free >= 400
    ballast.unlink()
    assert values(data) >= before
    ingest(data, handful[:-1])
    assert values(data) == whole


@pytest.mark.parametrize("nth", range(0, 24, 2))
def test_a_write_that_finds_no_space_loses_nothing(
    tmp_path: Path,
    handful: list[Document],
    whole: set[tuple[str, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    nth: int,
) -> None:
    """Documents and journal: the n-th write fails, half done."""
    calls = iter(range(1000))
    write: Callable[[int, Any], int] = os.write

    def full(descriptor: int, data: Any) -> int:
        if next(calls) == nth:
            write(descriptor, bytes(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr("carbon254.adapters.files.durable.os.write", full)
    with pytest.raises(DiskFull):
        ingest(tmp_path, handful[:-1])
    monkeypatch.undo()
    ingest(tmp_path, handful[:-1])
    assert values(tmp_path) == whole
