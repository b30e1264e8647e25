"""What a `DocumentFolder` promises. A subclass overrides ``folder_of``."""

from __future__ import annotations

from collections.abc import Mapping

from carbon254.ports.fetching import DocumentFolder


class DocumentFolderSuite:
    """Documents handed over as files."""

    def folder_of(self, files: Mapping[str, bytes]) -> DocumentFolder:
        """The documents of a folder with these files."""
        raise NotImplementedError

    def test_documents_come_in_the_order_of_their_names(self) -> None:
        folder = self.folder_of({"b.csv": b"2", "a.zip": b"1"})
        assert len(folder) == 2
        assert [(document.name, document.body) for document in folder] == [
            ("a.zip", b"1"),
            ("b.csv", b"2"),
        ]

    def test_they_can_be_gone_through_again(self) -> None:
        folder = self.folder_of({"a.csv": b"1"})
        assert [document.name for document in folder] == [document.name for document in folder]

    def test_the_media_type_is_what_the_name_suggests(self) -> None:
        (document,) = self.folder_of({"prices.csv": b"1"})
        assert document.media_type == "text/csv"

    def test_an_empty_folder_holds_nothing(self) -> None:
        assert list(self.folder_of({})) == []
