"""Reading a body within its limits: counted while it streams, decoded in small pieces, whole or refused."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

import httpx2

from carbon254.adapters.fetch.retries import TryAgain
from carbon254.core.domain.errors import FeedUnavailable, TooLarge

ACCEPTED: Final = "gzip, deflate"
_PIECE: Final = 1 << 18
_GZIP_MAGIC: Final = b"\x1f"
_CODINGS: Final = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}
_MOST_CODINGS: Final = 2


def read_body(response: httpx2.Response, max_bytes: int, what: str) -> bytes:
    """The decoded body. Raises `TooLarge`, `FeedUnavailable` for an unknown coding, `TryAgain` when it is cut."""
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise _too_large(what, max_bytes)
    pieces: Iterator[bytes] = counted(response.iter_raw(), max_bytes, what)
    for coding in reversed(_codings(response, what)):
        pieces = counted(_inflate(pieces, coding, what), max_bytes, what)
    return b"".join(pieces)


def counted(pieces: Iterable[bytes], max_bytes: int, what: str) -> Iterator[bytes]:
    """The pieces, as long as they are not too many. Raises `TooLarge`."""
    seen = 0
    for piece in pieces:
        seen += len(piece)
        if seen > max_bytes:
            raise _too_large(what, max_bytes)
        yield piece


def _too_large(what: str, max_bytes: int) -> TooLarge:
    return TooLarge(
        f"{what}: the document is larger than {max_bytes} bytes; raise the dataset's max_bytes."
    )


def _codings(response: httpx2.Response, what: str) -> list[str]:
    named = [
        part.strip().lower() for part in response.headers.get("content-encoding", "").split(",")
    ]
    named = [part for part in named if part not in {"", "identity"}]
    if len(named) > _MOST_CODINGS or any(part not in _CODINGS for part in named):
        raise FeedUnavailable(
            f"{what}: served with content-encoding '{', '.join(named)}', which was not offered."
        )
    return [_CODINGS[part] for part in named]


def _inflate(pieces: Iterable[bytes], coding: str, what: str) -> Iterator[bytes]:
    """Unpack gzip (several members too) or deflate. The library's decoder takes a cut stream for a whole one."""
    engine = None
    for piece in pieces:
        left = piece
        while left:
            if engine is None:
                engine = _engine(coding, left)
            elif engine.eof and not left.startswith(_GZIP_MAGIC):
                break  # padding after the last member
            elif engine.eof:
                engine = _engine(coding, left)
            yield from _drain(engine, left, what)
            left = engine.unused_data
    if engine is not None and not engine.eof:
        raise TryAgain(f"{what}: the compressed body ends early")


def _drain(engine: zlib._Decompress, data: bytes, what: str) -> Iterator[bytes]:
    """All output for the data, in pieces of bounded size."""
    try:
        while out := engine.decompress(data, _PIECE):
            yield out
            data = engine.unconsumed_tail
    except zlib.error:
        raise TryAgain(f"{what}: the compressed body is damaged") from None


def _engine(coding: str, start: bytes) -> zlib._Decompress:
    """A decoder; some servers say deflate and send it without its zlib header."""
    if coding == "gzip":
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
    raw = start[0] & 0x0F != zlib.DEFLATED
    return zlib.decompressobj(-zlib.MAX_WBITS if raw else zlib.MAX_WBITS)
