"""What happens to every request before its resource sees it, and to every answer before it leaves."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote_plus

from carbon254.adapters.http.metrics import Metrics
from carbon254.core.domain.errors import InvalidRequest, TooLarge
from carbon254.ports.log import Log

MOST_BODY: Final = 1024 * 1024  # bytes; no resource takes more
MOST_QUERY: Final = 16 * 1024
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TRACE = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_KEY = re.compile(r"c254_[0-9a-zA-Z]", re.IGNORECASE)
_DENIED: Final = ("unauthenticated", "not_entitled")
_KEY_NAMES: Final = frozenset(
    ("key", "apikey", "api_key", "api-key", "token", "access_token", "accesstoken", "authorization", "secret")
)  # fmt: skip


class Requests:
    """Ids, refusals that need no resource, headers of every answer, counts and the log's line."""

    def __init__(self, metrics: Metrics, new_id: Callable[[], str], log: Log) -> None:
        self._metrics, self._new_id, self._log = metrics, new_id, log

    def process_request(self, request: Any, response: Any) -> None:
        """Give the request its ids. Raises `InvalidRequest` or `TooLarge` for what no resource should see."""
        context = request.context
        context.started, context.code, context.admitted = time.perf_counter(), "", False
        context.request_id, context.trace = self._new_id(), ""
        self._metrics.begun()
        given = request.get_header("X-Request-Id")
        if given is not None and not _ID.fullmatch(given):
            raise InvalidRequest(
                "X-Request-Id: 1 to 64 letters, digits and '._:-' are needed; leave it out to be given one."
            )
        context.request_id = given or context.request_id
        trace = request.get_header("Traceparent")
        context.trace = trace if trace and _TRACE.fullmatch(trace) else ""
        _refuse_keys(request)
        _refuse_bodies(request)

    def process_response(self, request: Any, response: Any, resource: Any, succeeded: bool) -> None:
        """Mark the answer and count it."""
        context = request.context
        response.set_header("X-Request-Id", context.request_id)
        response.set_header("X-Content-Type-Options", "nosniff")
        if context.trace:
            response.set_header("Traceparent", context.trace)
        route = request.uri_template or "none"
        seconds = time.perf_counter() - context.started
        self._metrics.finished(request.method, route, response.status_code, seconds)
        if context.admitted or context.code in _DENIED:
            self._metrics.decided(allowed=context.code not in _DENIED)
        self._log(
            "request", request=context.request_id, trace=context.trace, method=request.method, route=route,
            status=response.status_code, code=context.code, milliseconds=round(seconds * 1000, 2),
        )  # fmt: skip


def _refuse_keys(request: Any) -> None:
    """A key in a URL ends in logs and histories: it is refused, also where it would be right."""
    query = request.query_string
    if len(query) > MOST_QUERY:
        raise TooLarge(f"the query has {len(query)} characters; {MOST_QUERY} is the most.")
    given = unquote_plus(query) if "%" in query else query
    named = query and not _KEY_NAMES.isdisjoint(map(str.lower, request.params))
    if named or _KEY.search(request.path) or _KEY.search(given):
        raise InvalidRequest(
            "keys do not travel in URLs: send 'Authorization: Bearer KEY', and revoke a key that was sent so."
        )


def _refuse_bodies(request: Any) -> None:
    length = request.content_length
    if length is not None and length > MOST_BODY:
        raise TooLarge(f"the body has {length} bytes; {MOST_BODY} is the most.")
    if (length or request.get_header("Transfer-Encoding")) and request.method in ("GET", "HEAD"):
        raise InvalidRequest(f"{request.method} takes no body.")
