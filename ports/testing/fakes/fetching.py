"""`CannedFetcher`: answers that were prepared, for tests without a network."""

from __future__ import annotations

from collections import deque
from urllib.parse import urlencode, urlsplit

from attrs import evolve

from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.errors import (
    Carbon254Error,
    Interrupted,
    InvalidRequest,
    NotPublishedYet,
    SettingsInvalid,
    TooLarge,
)
from carbon254.ports.clock import Clock
from carbon254.ports.fetching import FetchLimits
from carbon254.ports.stopping import Stop

Answer = Document | Carbon254Error


class CannedFetcher:
    """Answers each request by its key with what was given for it, in order; the last answer stays.

    What nothing was given for is `NotPublishedYet`. ``asked`` lists the requests that passed the checks.
    """

    def __init__(self, clock: Clock) -> None:
        self.asked: list[Request] = []
        self._clock = clock
        self._answers: dict[str, deque[Answer]] = {}

    def give(self, request: Request, *answers: Answer) -> None:
        """Prepare the answers to a request: documents, or errors to raise."""
        self._answers.setdefault(request.key, deque()).extend(answers)

    def fetch(self, request: Request, limits: FetchLimits, stop: Stop | None = None) -> Document:
        """Return the next answer; see `ports.fetching.Fetcher` for what is raised."""
        _check(request, limits)
        if stop is not None and stop.is_set():
            raise Interrupted(f"{request.method} {request.url}: it was not asked for any more.")
        self.asked.append(request)
        answer = self._next(request)
        if isinstance(answer, Carbon254Error):
            raise answer
        if len(answer.body) > limits.max_bytes:
            raise TooLarge(f"{request.url}: the document is larger than {limits.max_bytes} bytes.")
        return evolve(
            answer,
            name=request.name or answer.name,
            media_type=answer.media_type.partition(";")[0].strip().lower(),
            url=request.url + ("?" + urlencode(request.params) if request.params else ""),
            fetched_at=self._clock.now(),
        )

    def _next(self, request: Request) -> Answer:
        answers = self._answers.get(request.key)
        if not answers:
            return NotPublishedYet(f"{request.method} {request.url}: there is nothing yet.")
        return answers[0] if len(answers) == 1 else answers.popleft()


def _check(request: Request, limits: FetchLimits) -> None:
    for name in request.credentials.values():
        if not limits.credentials.get(name):
            raise SettingsInvalid(f"The credential '{name}' is not set.")
    parts = urlsplit(request.url)
    if parts.netloc not in limits.hosts and parts.hostname not in limits.hosts:
        raise InvalidRequest(f"Host '{parts.hostname}' is not declared.")
