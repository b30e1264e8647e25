"""Which URLs may be asked: declared hosts, and where those may redirect to."""

from __future__ import annotations

import httpx2
from attrs import frozen

from carbon254.adapters.fetch.network import is_loopback
from carbon254.core.domain.cards import HostCard
from carbon254.core.domain.errors import InvalidRequest
from carbon254.ports.fetching import FetchLimits


@frozen
class Target:
    """A URL that may be asked, under the card that allows it; ``declared`` unless only a redirect leads there."""

    url: httpx2.URL
    card: HostCard
    declared: bool


def target(text: str, limits: FetchLimits) -> Target:
    """The target of a request. Raises `InvalidRequest` when it is no HTTP URL or its host is not declared."""
    url = _url(text)
    card = _declared(url, limits)
    if card is None:
        raise InvalidRequest(
            f"Host '{url.host}' is not declared: add it to the hosts of the market's card."
        )
    return Target(url, card, declared=True)


def redirected(origin: Target, location: str, limits: FetchLimits) -> Target:
    """The target of a redirect. Raises `InvalidRequest` for undeclared hosts and for leaving TLS."""
    try:
        url = _url(str(origin.url.join(location)))
    except (httpx2.InvalidURL, ValueError):
        raise InvalidRequest(
            f"'{origin.url.host}' redirects to something that is no URL."
        ) from None
    if origin.url.scheme == "https" and url.scheme == "http" and not is_loopback(url.host):
        raise InvalidRequest(
            f"'{origin.url.host}' redirects from https to http at '{url.host}', which is refused."
        )
    card = _declared(url, limits)
    if card is not None:
        return Target(url, card, declared=True)
    if url.host not in {host.lower() for host in origin.card.redirects_to}:
        raise InvalidRequest(
            f"'{origin.url.host}' redirects to '{url.host}', which is not declared: add it to the host's redirects_to."
        )
    return Target(url, origin.card, declared=False)


def same_origin(one: httpx2.URL, other: httpx2.URL) -> bool:
    """Whether two URLs have the same scheme, host and port."""
    return (one.scheme, one.host, _port(one)) == (other.scheme, other.host, _port(other))


def _port(url: httpx2.URL) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)


def _url(text: str) -> httpx2.URL:
    try:
        url = httpx2.URL(text)
    except (httpx2.InvalidURL, ValueError, TypeError):
        raise InvalidRequest("The request's address is no URL.") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise InvalidRequest("The request's address is no http or https URL with a host.")
    if url.userinfo:
        raise InvalidRequest(
            f"The URL for '{url.host}' carries a user name: put secrets in the credentials."
        )
    if not 0 < (_port(url) or 0) < 1 << 16:
        raise InvalidRequest(f"The URL for '{url.host}' has no possible port.")
    return url


def _declared(url: httpx2.URL, limits: FetchLimits) -> HostCard | None:
    """The card of the host, declared as ``host`` or, narrower, as ``host:port``."""
    declared = {host.lower(): card for host, card in limits.hosts.items()}
    return declared.get(f"{url.host}:{_port(url)}") or declared.get(url.host)
