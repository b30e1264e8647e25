"""Idempotency-Keys: the same request again, also at the same moment and at another process, begins nothing twice.

As the IETF's draft has it (draft-ietf-httpapi-idempotency-key-header-07, 2.6): another body under a key that was used
is 422, the same one while the first is still being taken down 409.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import falcon
from attrs import frozen

from carbon254.core.domain.entitlements import Principal
from carbon254.core.domain.errors import Conflict, InvalidRequest
from carbon254.core.domain.time import format_instant, parse_instant
from carbon254.ports.records import Facts

_LENGTH: Final = 128
_GIVEN_UP: Final = timedelta(minutes=1)  # who takes so long to take down a request has died over it
_SINCE: Final = "since="


@frozen
class Key:
    """A key of a caller, and the digest of what came with it; ``name`` is empty where none was given."""

    name: str
    digest: str


def read_key(request: falcon.Request, principal: Principal, body: bytes) -> Key:
    """The key of a request. Raises `InvalidRequest` for one that is too long or cannot be printed."""
    given = request.get_header("Idempotency-Key") or ""
    if len(given) > _LENGTH or not given.isprintable():
        raise InvalidRequest(f"Idempotency-Key: up to {_LENGTH} printable characters.")
    name = f"idempotency/{principal.tenant}/{principal.name}/{given}" if given else ""
    return Key(name, hashlib.sha256(request.path.encode() + b"\n" + body).hexdigest())


@frozen
class BegunOnce:
    """What was begun under each key; ``facts`` say "digest id", or "digest since=instant" while it is taken down."""

    facts: Facts

    def begin(
        self, key: Key, now: datetime, stands: Callable[[str], bool], begin: Callable[[], str]
    ) -> str:
        """The id of what was begun under the key and stands, or of what ``begin`` begins.

        Raises `InvalidRequest` where the key came with another body, `Conflict` where the same is being taken down.
        """
        if not key.name:
            return begin()
        before = self.facts.get(key.name)
        digest, _, begun = (before or "").partition(" ")
        if digest and digest != key.digest:
            raise InvalidRequest("this Idempotency-Key came with another body: use a new one.")
        since = begun.removeprefix(_SINCE)
        if since == begun and begun and stands(begun):
            return begun
        in_hand = since != begun and now - parse_instant(since) < _GIVEN_UP
        mine = f"{key.digest} {_SINCE}{format_instant(now)}"
        if in_hand or not self.facts.claim(key.name, mine, before):
            raise Conflict("what came with this Idempotency-Key is being taken down: ask again.")
        made = ""
        try:
            made = begin()
        finally:
            self.facts.put(key.name, f"{key.digest} {made}" if made else "")
        return made
