"""What comes back: a document, or the error that a status or a broken connection means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import httpcore2
import httpx2

from carbon254.adapters.fetch.bodies import read_body
from carbon254.adapters.fetch.names import document_name, kept_headers, media_type
from carbon254.adapters.fetch.network import AddressRefused
from carbon254.adapters.fetch.outgoing import Outgoing
from carbon254.adapters.fetch.retries import RETRIED, TryAgain, retry_after
from carbon254.adapters.fetch.secrets import redact
from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.errors import (
    FeedUnavailable,
    InvalidRequest,
    NotPublishedYet,
    Unauthenticated,
)
from carbon254.ports.fetching import FetchLimits

_EXCERPT_BYTES: Final = 300
_BROKEN: Final = (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError)


def document_from(
    response: httpx2.Response,
    sent: Outgoing,
    request: Request,
    limits: FetchLimits,
    asked_at: datetime,
) -> Document:
    """Read the document of an answer. Raises `TryAgain` or what `refuse_status` and `read_body` raise."""
    refuse_status(response, sent.what, asked_at)
    body = read_body(response, limits.max_bytes, sent.what)
    secrets = limits.credentials.values()
    return Document(
        redact(document_name(request, response, sent.shown), secrets),
        body,
        media_type(response),
        {name: redact(text, secrets) for name, text in kept_headers(response).items()},
        redact(str(sent.shown), secrets),
        asked_at,
    )


def refuse_status(response: httpx2.Response, what: str, now: datetime) -> None:
    """Raise what the status means, unless it is that of a document."""
    status = response.status_code
    if status in RETRIED:
        after = retry_after(response.headers.get("retry-after"), now)
        raise TryAgain(f"{what}: the operator answered {status}", after)
    if status in {204, 404}:
        raise NotPublishedYet(f"{what}: the operator answered {status}; there is nothing yet.")
    if status in {401, 403}:
        raise Unauthenticated(f"{what}: the operator answered {status}; check the credentials.")
    if 400 <= status < 500 and status != 408:
        raise InvalidRequest(f"{what}: the operator refused with {status}: {_excerpt(response)}")
    if not 200 <= status < 300 or status == 206:
        raise FeedUnavailable(f"{what}: the operator answered {status}, which is no document.")


def _excerpt(response: httpx2.Response) -> str:
    """The first words of a refusal, in one line."""
    if response.headers.get("content-encoding"):
        return "(compressed)"
    try:
        start = next(response.iter_raw(_EXCERPT_BYTES), b"")[:_EXCERPT_BYTES]
    except _BROKEN:
        return "(unreadable)"
    return " ".join(start.decode("utf-8", errors="replace").split()) or "(no text)"


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn the library's exceptions into ours, without their texts where those repeat what was sent."""
    try:
        yield
    except AddressRefused as error:
        raise InvalidRequest(f"{what}: {error}.") from None
    except (httpcore2.LocalProtocolError, httpcore2.UnsupportedProtocol):
        raise InvalidRequest(f"{what}: a header or credential cannot be sent.") from None
    except httpcore2.TimeoutException as error:
        reason = str(error) or type(error).__name__
        raise TryAgain(f"{what}: no whole answer in time ({reason})") from None
    except httpcore2.NetworkError as error:
        raise TryAgain(f"{what}: the connection failed ({error})") from None
    except httpcore2.ProtocolError as error:
        raise TryAgain(f"{what}: the answer was cut or damaged ({error})") from None
