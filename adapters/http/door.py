"""The door: who calls and whether they may, in which format, from which page; then one way of answering for all.

A resource says what it was asked and makes the answer; this admits the call, keeps answers that are asked for again,
and sets every header.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import falcon
from attrs import evolve, field, fields, frozen

from carbon254.adapters.http.asking import read
from carbon254.adapters.http.caching import Answer, AnswerCache, etag_of
from carbon254.adapters.http.cursors import Cursors, Pinned
from carbon254.adapters.http.encoders import encoded, plain_json
from carbon254.adapters.http.formats import TABLES, VARY, chosen
from carbon254.adapters.http.limits import RateLimiter
from carbon254.adapters.http.metrics import Metrics
from carbon254.adapters.http.tables import Table
from carbon254.core.domain.entitlements import Principal, Scope
from carbon254.core.domain.errors import InvalidRequest, RateLimited
from carbon254.core.domain.time import format_instant
from carbon254.core.usecases.admit_calls import AdmitCalls, Call
from carbon254.ports.clock import Clock

_GAPS_HOLD: Final = timedelta(
    seconds=1
)  # how long an interval may be said to be pending that has become late
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


class Make(Protocol):
    """Makes the answer to what was asked, on pinned clocks, for a scope."""

    def __call__(self, asked: Any, pinned: Pinned, scope: Scope) -> Made: ...


@frozen
class Door:
    """What all resources share. ``watermark`` tells the instant of the last commit, ``made_up`` whether data are."""

    admit: AdmitCalls
    clock: Clock
    watermark: Callable[[], datetime | None]
    made_up: Callable[[], bool]
    cursors: Cursors
    limiter: RateLimiter
    metrics: Metrics
    cache: AnswerCache = field(factory=AnswerCache)

    def call(
        self,
        request: falcon.Request,
        response: falcon.Response,
        *,
        table: bool = False,
        action: str = "",
    ) -> tuple[Call, str]:
        """Admit a request: the call, to be entered, and the answer's format. What is not JSON is an export.

        Raises `Unauthenticated`, `RateLimited`, `NotAcceptable`.
        """
        context = request.context
        target = f"{request.method} {request.path}"
        if request.query_string:
            target = f"{target}?{request.query_string}"
        principal = self.admit.authenticate(
            _bearer(request), door="http", target=target, request_id=context.request_id
        )
        context.admitted = True
        self._count(principal, response)
        wanted = request.params.get("format")
        form = chosen(request, wanted if wanted in TABLES else None, table=table)
        action = action or ("read" if form == "json" else "export")
        return self.admit.call(
            principal,
            action,
            target,
            door="http",
            request_id=context.request_id,
            trace=context.trace,
        ), form

    def _count(self, principal: Principal, response: falcon.Response) -> None:
        standing = self.limiter.count(f"{principal.tenant}/{principal.name}")
        response.set_header("RateLimit-Policy", self.limiter.policy)
        response.set_header("RateLimit", f'"default";r={standing.remaining};t={standing.reset}')
        if not standing.allowed:
            response.set_header("Retry-After", str(standing.reset))
            raise RateLimited(
                f"{self.limiter.quota} requests in {self.limiter.window} s are used up: "
                f"try again in {standing.reset} s."
            )

    def give(
        self,
        request: falcon.Request,
        response: falcon.Response,
        call: Call,
        form: str,
        parameters: type[Any],
        make: Make,
        *,
        keep: bool = True,
    ) -> None:
        """Answer with what ``make`` makes of the parameters, or made before while nothing was recorded since.

        Raises `InvalidRequest` for parameters that are not the class's, and what ``make`` raises.
        """
        now, watermark, who = self.clock.now(), self.watermark(), call.principal
        key = (request.path, request.query_string, form, who.name, who.tenant, call.scope)
        answer = self.cache.get(key, watermark, now) if keep else None
        if keep:
            self.metrics.looked_up(found=answer is not None)
        if answer is None:
            asked = read(parameters, request.params)
            answer = self._made(request, call, form, asked, make, now, watermark)
            if keep:
                self.cache.put(key, answer)
        call.facts["rows"] = answer.rows
        _send(request, response, answer)

    def _made(
        self,
        request: falcon.Request,
        call: Call,
        form: str,
        asked: Any,
        make: Make,
        now: datetime,
        watermark: datetime | None,
    ) -> Answer:
        binding = _binding(request.path, asked, call)
        pinned = self._pinned(asked, binding, now, watermark)
        made = self._marked(make(asked, pinned, call.scope))
        cursor = self.cursors.write(binding, evolve(pinned, after=made.next)) if made.next else None
        body = _body(form, made, cursor, paged=hasattr(asked, "cursor"))
        headers = {"Content-Type": TABLES[form]}
        if made.as_of is not None:
            headers["Knowledge-Time"] = format_instant(made.as_of)
        if made.synthetic:
            headers["Synthetic"] = "true"
        if cursor:
            query = urlencode({**request.params, "cursor": cursor}, doseq=True)
            headers["Link"] = f'<{request.path}?{query}>; rel="next"'
        etag = etag_of(binding, repr(pinned.after).encode(), form.encode(), body)
        until = now + _GAPS_HOLD if made.changing and pinned.as_of == watermark else None
        return Answer(body, headers, etag, made.rows, watermark, until)

    def _marked(self, made: Made) -> Made:
        """Say of made-up data that they are, in whatever tells of data."""
        if made.as_of is None:
            return made
        synthetic = made.synthetic or self.made_up()
        return evolve(made, synthetic=synthetic, head={**made.head, "synthetic": synthetic})

    def _pinned(
        self, asked: Any, binding: bytes, now: datetime, watermark: datetime | None
    ) -> Pinned:
        if cursor := getattr(asked, "cursor", None):
            return self.cursors.read(binding, cursor)
        as_of = getattr(asked, "as_of", None)
        if as_of is not None and (watermark is None or as_of > watermark):
            last = format_instant(watermark) if watermark else "none yet"
            raise InvalidRequest(
                f"asOf: {format_instant(as_of)} is later than the last commit ({last})."
            )
        return Pinned(as_of or watermark, as_of or now, ())


def _bearer(request: falcon.Request) -> str | None:
    scheme, _, token = (request.get_header("Authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


@lru_cache(maxsize=1024)
def _scope_text(scope: Scope) -> str:
    parts = ("market", "run", "measure", "kind", "location")
    return repr(
        [
            [[getattr(one, part) for part in parts] for one in side]
            for side in (scope.allow, scope.deny)
        ]
    )


def _binding(path: str, asked: Any, call: Call) -> bytes:
    """A digest of the question and of who asks; the page is no part of it."""
    names = [one.name for one in fields(type(asked)) if one.name not in _OF_THE_PAGE]
    question = [(name, getattr(asked, name)) for name in names]
    who = f"{call.principal.tenant}/{call.principal.name}"
    text = "\x1f".join([path, repr(question), who, _scope_text(call.scope)])
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _body(form: str, made: Made, cursor: str | None, *, paged: bool) -> bytes:
    head = {**made.head, "next_cursor": cursor} if paged else made.head
    if made.table is None:
        return plain_json(head)
    return encoded(form, head, made.table, made.facts)


def _send(request: falcon.Request, response: falcon.Response, answer: Answer) -> None:
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
