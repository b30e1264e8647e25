"""What a resource makes of a question, its bytes and headers, and the digest of the question itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import falcon
from attrs import field, fields, frozen

from carbon254.adapters.http.caching import Answer
from carbon254.adapters.http.encoders import encoded, plain_json
from carbon254.adapters.http.formats import VARY
from carbon254.adapters.http.tables import Table
from carbon254.core.domain.entitlements import Scope
from carbon254.core.usecases.admit_calls import Call

_OF_THE_PAGE: Final = ("cursor", "limit", "format")  # they change the page, not the question


@frozen(eq=False)
class Made:
    """What a resource answers: facts, and rows where it has any. ``next`` is the place of the last row if more follow.

    ``changing``: whether it holds gaps that will be judged otherwise as time passes.
    """

    head: Mapping[str, Any]
    table: Table | None = None
    next: tuple[Any, ...] | None = None
    as_of: datetime | None = None
    synthetic: bool = False
    changing: bool = False
    facts: Mapping[str, str] = field(factory=dict)

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(next(iter(self.table.values()))) if self.table else 0


@lru_cache(maxsize=1024)
def _scope_text(scope: Scope) -> str:
    parts = ("market", "run", "measure", "kind", "location")
    return repr(
        [
            [[getattr(one, part) for part in parts] for one in side]
            for side in (scope.allow, scope.deny)
        ]
    )


def binding_of(path: str, asked: Any, call: Call) -> bytes:
    """A digest of the question and of who asks; the page is no part of it."""
    names = [one.name for one in fields(type(asked)) if one.name not in _OF_THE_PAGE]
    question = [(name, getattr(asked, name)) for name in names]
    who = f"{call.principal.tenant}/{call.principal.name}"
    text = "\x1f".join([path, repr(question), who, _scope_text(call.scope)])
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def body_of(form: str, made: Made, cursor: str | None, *, paged: bool) -> bytes:
    """The bytes of an answer; what is paged says where the next page starts, or that there is none."""
    head = {**made.head, "next_cursor": cursor} if paged else made.head
    if made.table is None:
        return plain_json(head)
    return encoded(form, head, made.table, made.facts)


def send(request: falcon.Request, response: falcon.Response, answer: Answer) -> None:
    """Answer, or say that nothing has changed since the caller's entity tag."""
    response.set_headers({"Vary": VARY, "Cache-Control": "private, no-cache", "ETag": answer.etag})
    if _known(request, answer.etag):
        response.status = falcon.HTTP_304
        return
    response.set_headers(dict(answer.headers))
    response.data = answer.body


def _known(request: falcon.Request, etag: str) -> bool:
    given = request.get_header("If-None-Match")
    if not given:
        return False
    return given.strip() == "*" or etag in [
        one.strip().removeprefix("W/") for one in given.split(",")
    ]
