"""Cursors: where a page ended and on which clocks it stood, sealed so that none is made or moved to another question.

A cursor grants nothing: the scope of the caller is asked again for every page.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from attrs import frozen

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.time import EPOCH

_SEAL: Final = 16  # bytes
_REFUSED: Final = "cursor: it is not one that this question was given; start again without it, and change nothing else."


@frozen
class Pinned:
    """The clocks of the first page, and the place after which the next one starts."""

    as_of: datetime | None
    judged_at: datetime
    after: tuple[Any, ...]


@frozen
class Cursors:
    """Writes and reads cursors with the secret of the installation."""

    secret: bytes

    def write(self, binding: bytes, pinned: Pinned) -> str:
        """The cursor of a question; ``binding`` says which question, and whose."""
        body = msgspec.msgpack.encode(
            [_micro(pinned.as_of), _micro(pinned.judged_at), pinned.after]
        )
        return _text(body + self._seal(binding, body))

    def read(self, binding: bytes, text: str) -> Pinned:
        """Read a cursor. Raises `InvalidRequest` for one that was altered, or given to another question or caller."""
        try:
            sealed = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        except ValueError:
            raise InvalidRequest(_REFUSED) from None
        body, seal = sealed[:-_SEAL], sealed[-_SEAL:]
        right = hmac.compare_digest(seal, self._seal(binding, body))
        if not right or _text(sealed) != text:
            raise InvalidRequest(_REFUSED)
        as_of, judged_at, after = msgspec.msgpack.decode(body)
        moment = _moment(judged_at)
        assert moment is not None
        return Pinned(_moment(as_of), moment, tuple(after))

    def _seal(self, binding: bytes, body: bytes) -> bytes:
        return hmac.digest(self.secret, binding + body, hashlib.sha256)[:_SEAL]


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _micro(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - EPOCH) // timedelta(microseconds=1)


def _moment(micro: int | None) -> datetime | None:
    return (
        None if micro is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micro)
    )
