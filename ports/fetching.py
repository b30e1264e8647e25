"""Fetching documents from operators, politely and safely."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from attrs import field, frozen

from carbon254.core.domain.cards import HostCard
from carbon254.core.domain.documents import Document, Request
from carbon254.ports.stopping import Stop


@frozen(kw_only=True)
class FetchLimits:
    """What the host allows one fetch: declared hosts with their rates, and sizes in bytes."""

    hosts: Mapping[str, HostCard]
    max_bytes: int
    credentials: Mapping[str, str] = field(factory=dict, repr=False)


class Fetcher(Protocol):
    """Fetches one request with retries, rate limits and size limits."""

    def fetch(self, request: Request, limits: FetchLimits, stop: Stop | None = None) -> Document:
        """Return the document. A body that is served compressed is returned decoded.

        Every wait - for a turn, an answer, another attempt - ends at once with `Interrupted` when ``stop`` is set.

        Raises `InvalidRequest` for a host that the card does not declare (also after a redirect), `TooLarge`,
        `FeedUnavailable` (timeouts, 429, 5xx and cut bodies after the last retry), `NotPublishedYet` (404, 204),
        `Unauthenticated` (401, 403), `SettingsInvalid` (a credential is not set).
        """
        ...


class DocumentFolder(Protocol):
    """Documents of files and folders; they are read one by one."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def __iter__(self) -> Iterator[Document]:
        """The documents, in the order of their names."""
        ...
