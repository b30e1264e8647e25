"""Every refusal as an RFC 9457 problem, whatever the caller accepts; nothing of the inside is told."""

from __future__ import annotations

import traceback
from typing import Any, Final

import falcon
from attrs import field, frozen

from carbon254.adapters.http.encoders import plain_json
from carbon254.adapters.http.formats import PROBLEM, VARY
from carbon254.core.domain.errors import Carbon254Error, NotEntitled
from carbon254.ports.log import Log

_CODES: Final = {
    401: "unauthenticated", 403: "not_entitled", 404: "not_found", 406: "not_acceptable",
    413: "too_large", 429: "rate_limited",
}  # fmt: skip
_FAILED: Final = "the platform failed; its log says why, under this instance."


@frozen(kw_only=True)
class Problem:
    """Why a request was refused, as RFC 9457 has it."""

    type: str = field(metadata={"doc": "urn:carbon254: and the code."})
    title: str = field(metadata={"doc": "The code in words."})
    status: int = field(metadata={"doc": "The HTTP status."})
    code: str = field(metadata={"doc": "Stable; match on this."})
    detail: str = field(metadata={"doc": "What happened, to what, and what to do next."})
    instance: str = field(metadata={"doc": "The id of the request, as in X-Request-Id."})
    decision: str | None = field(
        default=None, metadata={"doc": "GET /v1/decisions/{id} explains this refusal."}
    )


def problem(status: int, code: str, detail: str, instance: str, decision: str = "") -> bytes:
    """The body of a problem."""
    body: dict[str, Any] = {
        "type": f"urn:carbon254:{code}", "title": code.replace("_", " "), "status": status, "code": code,
        "detail": detail, "instance": instance,
    }  # fmt: skip
    return plain_json({**body, "decision": decision} if decision else body)


def install(app: falcon.App[Any, Any], log: Log) -> None:
    """Have the application answer every error so; what callers are not told goes to the log."""
    app.set_error_serializer(_of_falcon)
    app.add_error_handler(
        Carbon254Error, lambda request, response, error, _: _ours(request, response, error, log)
    )
    app.add_error_handler(
        Exception, lambda request, response, error, _: _unforeseen(request, response, error, log)
    )


def _tell(
    request: Any, response: Any, status: int, code: str, detail: str, decision: str = ""
) -> None:
    response.status = falcon.code_to_http_status(status)
    response.content_type = PROBLEM
    response.set_header("Vary", VARY)
    response.set_header("Cache-Control", "no-store")
    if status == 401:
        response.set_header("WWW-Authenticate", 'Bearer realm="carbon254"')
    request.context.code = code
    response.data = problem(status, code, detail, _id(request), decision)


def _id(request: Any) -> str:
    return str(getattr(request.context, "request_id", ""))


def _ours(request: Any, response: Any, error: Carbon254Error, log: Log) -> None:
    detail = str(error)
    if error.http_status >= 500:  # it may name folders and servers: that is for the log
        log("request failed", request=_id(request), code=error.code, detail=detail)
        detail = (type(error).__doc__ or _FAILED).partition("\n")[0]
    decision = error.decision if isinstance(error, NotEntitled) else ""
    _tell(request, response, error.http_status, error.code, detail, decision)


def _unforeseen(request: Any, response: Any, error: Exception, log: Log) -> None:
    if isinstance(error, falcon.HTTPError):
        for name, value in _headers(error):
            response.set_header(name, value)
        response.status = error.status
        _of_falcon(request, response, error)
        return
    told = "".join(traceback.format_exception(error))
    log("request failed", request=_id(request), code="internal", detail=told)
    _tell(request, response, 500, "internal", _FAILED)


def _headers(error: falcon.HTTPError) -> list[tuple[str, str]]:
    found: Any = error.headers or {}
    return list(found.items() if isinstance(found, dict) else found)


def _of_falcon(request: Any, response: Any, error: falcon.HTTPError) -> None:
    """Falcon's own refusals: no such route, another method, a body that cannot be read."""
    other = "invalid_request" if error.status_code < 500 else "internal"
    code = _CODES.get(error.status_code, other)
    detail = error.description or _DETAILS.get(error.status_code) or error.title or ""
    _tell(request, response, error.status_code, code, detail)


_DETAILS: Final = {
    404: "there is no such resource; /openapi.json lists what there is.",
    405: "this resource does not know the method; the header Allow names those that it does.",
}
