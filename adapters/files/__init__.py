"""The archive of documents and the journal of receipts as plain files."""

from carbon254.adapters.files.archive import FileArchive
from carbon254.adapters.files.journal import FileJournal

__all__ = ["FileArchive", "FileJournal"]
