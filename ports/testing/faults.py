"""The ways in which operators misbehave, for `FaultyServer.fail` and `FaultyServer.always`."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from attrs import field, frozen

from carbon254.ports.testing.server import Fault, Response, Wire

__all__ = ["PAGE", "Fault"]

PAGE: Final = (
    b"<!DOCTYPE html>\n<html><body>Acceptable Use Policy Violation. Retry later.</body></html>\n"
)
_BLOCK: Final = 1 << 16


@frozen
class Status:
    """An answer with another status, such as ``Status(429, {"Retry-After": "2"})``."""

    status: int
    headers: Mapping[str, str] = field(factory=dict)
    body: bytes = b"not now"

    def answer(self, wire: Wire, good: Response) -> None:
        if self.status == HTTPStatus.NO_CONTENT:
            wire.head(self.status, self.headers)
            return
        wire.head(self.status, {"Content-Length": str(len(self.body)), **self.headers})
        wire.write(self.body)


@frozen
class HtmlPage:
    """An HTML page under status 200, with its own media type or that of the document."""

    honest: bool = True

    def answer(self, wire: Wire, good: Response) -> None:
        served = "text/html" if self.honest else good.headers.get("Content-Type", "text/csv")
        wire.head(200, {"Content-Length": str(len(PAGE)), "Content-Type": served})
        wire.write(PAGE)


@frozen
class CutBody:
    """The connection ends after a share of the body that Content-Length announced."""

    share: float = 0.5

    def answer(self, wire: Wire, good: Response) -> None:
        wire.head(200, {"Content-Length": str(len(good.body)), **good.headers})
        wire.write(good.body[: int(len(good.body) * self.share)])
        wire.hang_up()


@frozen
class BrokenChunks:
    """A chunked body whose last chunks never come."""

    def answer(self, wire: Wire, good: Response) -> None:
        half = good.body[: len(good.body) // 2]
        wire.head(200, {"Transfer-Encoding": "chunked", **good.headers})
        wire.write(b"%x\r\n%b\r\n" % (len(half), half))
        wire.hang_up()


@frozen
class WrongLength:
    """A Content-Length that is ``by`` bytes off; too short a one leaves bytes on the connection."""

    by: int

    def answer(self, wire: Wire, good: Response) -> None:
        wire.head(200, {"Content-Length": str(len(good.body) + self.by), **good.headers})
        wire.write(good.body)
        if self.by > 0:
            wire.hang_up()


@frozen
class Drip:
    """The body, or the headers before it, arrive a few bytes at a time with a pause in seconds after each."""

    pause: float = 0.01
    piece: int = 1
    head: bool = False

    def answer(self, wire: Wire, good: Response) -> None:
        head = {"Content-Length": str(len(good.body)), **good.headers}
        data = good.body
        if self.head:
            lines = "".join(f"{name}: {text}\r\n" for name, text in head.items())
            data = f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode("latin-1") + good.body
        else:
            wire.head(200, head)
        for start in range(0, len(data), self.piece):
            wire.write(data[start : start + self.piece])
            if wire.wait(self.pause):
                return


@frozen
class Redirect:
    """A redirect; to its own path it is a loop."""

    to: str
    status: int = 302

    def answer(self, wire: Wire, good: Response) -> None:
        wire.head(self.status, {"Location": self.to, "Content-Length": "0"})


@frozen
class GzipBomb:
    """A small gzip body that unpacks to ``size`` bytes of zeros; packed when it is made, not when it is asked for."""

    size: int = 1 << 30
    packed: bytes = field(init=False, repr=False)

    @packed.default
    def _pack(self) -> bytes:
        engine = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
        packed = [engine.compress(bytes(_BLOCK)) for _ in range(self.size // _BLOCK)]
        return b"".join([*packed, engine.flush()])

    def answer(self, wire: Wire, good: Response) -> None:
        wire.head(200, {"Content-Encoding": "gzip", "Content-Length": str(len(self.packed))})
        wire.write(self.packed)


@frozen
class Coded:
    """The document in a content coding, whole or ``cut`` short although Content-Length agrees."""

    coding: str = "gzip"
    cut: int = 0

    def answer(self, wire: Wire, good: Response) -> None:
        bits = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS, "raw": -zlib.MAX_WBITS}
        engine = zlib.compressobj(wbits=bits.get(self.coding, zlib.MAX_WBITS))
        body = engine.compress(good.body) + engine.flush()
        body = body[: len(body) - self.cut]
        named = "deflate" if self.coding == "raw" else self.coding
        wire.head(
            200, {**good.headers, "Content-Encoding": named, "Content-Length": str(len(body))}
        )
        wire.write(body)


@frozen
class Silence:
    """No answer at all, until the client gives up or the server closes."""

    def answer(self, wire: Wire, good: Response) -> None:
        wire.wait(None)
        wire.hang_up()


@frozen
class HangUp:
    """The connection ends before any answer."""

    def answer(self, wire: Wire, good: Response) -> None:
        wire.hang_up()


@frozen
class Endless:
    """A chunked body that never ends."""

    def answer(self, wire: Wire, good: Response) -> None:
        wire.head(200, {"Transfer-Encoding": "chunked"})
        while not wire.wait(0):
            wire.write(b"%x\r\n%b\r\n" % (_BLOCK, bytes(_BLOCK)))


@frozen
class Echo:
    """An answer that repeats what was asked, with its secrets, in body, file name and Location."""

    status: int

    def answer(self, wire: Wire, good: Response) -> None:
        said = wire.said()
        head = {
            "Content-Disposition": f'attachment; filename="{said.replace("/", "_")}"',
            "Location": said,
            "ETag": said,
            "Content-Length": str(len(said)),
        }
        wire.head(self.status, head)
        wire.write(said.encode("latin-1"))
