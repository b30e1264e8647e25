"""What is sent: a request with its credentials, and what a redirect makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import httpx2
from attrs import evolve, frozen

from carbon254.adapters.fetch.bodies import ACCEPTED
from carbon254.adapters.fetch.secrets import refuse_in_clear, values
from carbon254.adapters.fetch.targets import Target, redirected, same_origin, target
from carbon254.core.domain.documents import Request
from carbon254.core.domain.errors import InvalidRequest
from carbon254.ports.fetching import FetchLimits

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OURS_TO_SET: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "user-agent"}
)
_HARMLESS: Final = frozenset({"accept", "accept-language", "accept-encoding", "user-agent"})


@frozen
class Outgoing:
    """What is sent next, with the URL as it may be shown: parameters, but no credentials."""

    target: Target
    method: str
    headers: Mapping[str, str]
    body: bytes
    shown: httpx2.URL

    @property
    def what(self) -> str:
        """How errors name the request: without its query, where a log-in's ticket may be."""
        return f"{self.method} {self.shown.copy_with(query=None, fragment=None)}"

    def message(self, timeout: httpx2.Timeout) -> httpx2.Request:
        """The library's request. Raises `InvalidRequest` for headers that are no text on the wire."""
        try:
            return httpx2.Request(
                self.method,
                self.target.url,
                headers=self.headers,
                content=self.body,
                extensions={"timeout": timeout.as_dict()},
            )
        except (UnicodeError, ValueError):
            raise InvalidRequest(
                f"{self.what}: a header or credential cannot be sent as text."
            ) from None

    def follow(self, location: str, status: int, limits: FetchLimits) -> Outgoing:
        """What a redirect asks for. Another origin gets no header that could be a secret, and no body."""
        moved = redirected(self.target, location, limits)
        headers, method, body = self.headers, self.method, self.body
        elsewhere = not same_origin(self.target.url, moved.url)
        if elsewhere or status == 303 or (status in {301, 302} and method == "POST"):
            method, body = "GET", b""
            headers = {name: text for name, text in headers.items() if name != "content-type"}
        if elsewhere:
            headers = {name: text for name, text in headers.items() if name in _HARMLESS}
        return evolve(self, target=moved, method=method, headers=headers, body=body)


def outgoing(request: Request, limits: FetchLimits, agent: str) -> Outgoing:
    """Prepare a request. Raises `InvalidRequest` and `SettingsInvalid` as `ports.fetching.Fetcher` says."""
    secrets = values(request, limits)
    asked = target(request.url, limits)
    refuse_in_clear(request, asked)
    in_query = request.credentials_in == "query"
    shown = _with(asked.url, request.params)
    sent = evolve(asked, url=_with(shown, secrets if in_query else {}))
    headers = {
        "accept": "*/*",
        **{name.lower(): text for name, text in request.headers.items()},
        **({} if in_query else {name.lower(): text for name, text in secrets.items()}),
    }
    headers = {name: text for name, text in headers.items() if name not in _OURS_TO_SET}
    headers |= {"accept-encoding": ACCEPTED, "user-agent": agent}
    return Outgoing(sent, request.method, headers, request.body, shown)


def _with(url: httpx2.URL, params: Mapping[str, str]) -> httpx2.URL:
    return url.copy_merge_params(dict(params)) if params else url
