"""Documents from files and folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from carbon254.adapters.files.folder import Folder
from carbon254.core.domain.errors import NotFound
from carbon254.ports.fetching import DocumentFolder
from carbon254.ports.testing.fakes.folders import MemoryFolder
from carbon254.ports.testing.folders import DocumentFolderSuite


class TestFolder(DocumentFolderSuite):
    @pytest.fixture(autouse=True)
    def _here(self, tmp_path: Path) -> None:
        self.path = tmp_path

    def folder_of(self, files: Mapping[str, bytes]) -> DocumentFolder:
        for name, body in files.items():
            (self.path / name).write_bytes(body)
        return Folder([self.path])

    def test_files_may_be_named_one_by_one_and_deep_folders_are_searched(self) -> None:
        (self.path / "deep").mkdir()
        (self.path / "deep" / "a.csv").write_bytes(b"1")
        (self.path / "b.csv").write_bytes(b"2")
        names = [one.name for one in Folder([self.path / "b.csv", str(self.path / "deep")])]
        assert names == ["b.csv", "a.csv"]

    def test_a_path_that_does_not_exist_is_named(self) -> None:
        with pytest.raises(NotFound, match=r"nowhere\.csv does not exist"):
            Folder([self.path / "nowhere.csv"])


class TestMemoryFolder(DocumentFolderSuite):
    def folder_of(self, files: Mapping[str, bytes]) -> DocumentFolder:
        return MemoryFolder(files)
