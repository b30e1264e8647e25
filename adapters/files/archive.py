"""`FileArchive`: documents by their SHA-256, compressed with zstd, each in a file of its own."""

from __future__ import annotations

import hashlib
import re
import threading
from pathlib import Path
from typing import Final

import zstandard

from carbon254.adapters.files.durable import make_folder, translated, write_file
from carbon254.core.domain.errors import DocumentDamaged, NotFound

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class FileArchive:
    """Keeps documents in ``folder/ab/abcd….zst``. Thread-safe; raises `StoreUnavailable` for an unusable folder."""

    def __init__(self, folder: Path, *, level: int = 3) -> None:
        self._folder, self._level = folder, level
        self._writing = threading.Lock()
        with translated(f"archive {folder}"):
            make_folder(folder)

    def put(self, body: bytes) -> str:
        """Keep the bytes durably and return their SHA-256 in hex. A copy that rotted is replaced.

        Raises `DiskFull`, `StoreUnavailable`; nothing is half written.
        """
        digest = hashlib.sha256(body).hexdigest()
        path = self._path(digest)
        with self._writing, translated(f"archive {self._folder}"):
            if not path.exists() or _unpack(path.read_bytes(), digest) is None:
                packer = zstandard.ZstdCompressor(level=self._level, write_checksum=True)
                write_file(path, packer.compress(body))
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes of a digest, verified. Raises `NotFound`, `DocumentDamaged`, `StoreUnavailable`."""
        path = self._checked(digest)
        with translated(f"archive {self._folder}"):
            try:
                packed = path.read_bytes()
            except FileNotFoundError:
                raise NotFound(f"The archive holds no document {digest}.") from None
        body = _unpack(packed, digest)
        if body is None:
            raise DocumentDamaged(
                f"The archive's copy of {digest} rotted: restore or fetch it again."
            )
        return body

    def has(self, digest: str) -> bool:
        """Whether the archive holds the digest."""
        return _DIGEST.fullmatch(digest) is not None and self._path(digest).exists()

    def _checked(self, digest: str) -> Path:
        """The path of a digest. Anything else than 64 hex digits could lead out of the folder."""
        if _DIGEST.fullmatch(digest) is None:
            raise NotFound(f"'{digest[:80]}' is no digest of a document: use 64 hex digits.")
        return self._path(digest)

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / f"{digest}.zst"


def _unpack(packed: bytes, digest: str) -> bytes | None:
    """The bytes, when they are what the digest says; None when they are not."""
    try:
        # Not decompress(): it allocates whatever a rotted header says.
        body = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    except zstandard.ZstdError:
        return None
    return body if hashlib.sha256(body).hexdigest() == digest else None
