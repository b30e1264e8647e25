"""A folder of documents in memory."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator, Mapping

from carbon254.core.domain.documents import Document


class MemoryFolder:
    """Bodies by name, handed out as documents in the order of the names."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(sorted(files.items()))

    def __len__(self) -> int:
        return len(self._files)

    def __iter__(self) -> Iterator[Document]:
        for name, body in self._files.items():
            yield Document(name, body, mimetypes.guess_type(name)[0] or "application/octet-stream")
