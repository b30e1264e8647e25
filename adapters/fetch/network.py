"""Connections that keep a total deadline and reach only addresses that they may.

The library bounds each read; a server that drips one byte at a time, also within its headers, would hold a
worker for ever. So every step here gets what is left of the attempt's total. Names are resolved here and the
address that was checked is the one connected to, so a name cannot change its mind in between.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from ssl import SSLContext
from typing import Any

import httpcore2
import httpx2

Resolver = Callable[[str, int], Sequence[str]]


class AddressRefused(Exception):
    """A name led to an address that it has no business to be at."""


class Deadline:
    """What is left of the total time of this thread's attempt, in seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic, self._local = monotonic, threading.local()

    def start(self, total: float) -> None:
        """Begin an attempt that may take ``total`` seconds."""
        self._local.end = self._monotonic() + total

    def bound(self, timeout: float | None) -> float:
        """The shorter of the step's timeout and what is left. Raises `httpcore2.ReadTimeout` when nothing is."""
        left: float = self._local.end - self._monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the total time is used up")
        return left if timeout is None else min(timeout, left)


class BoundedStream(httpcore2.NetworkStream):
    """A stream whose every step is bounded by the deadline."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.bound(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.bound(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        bound = self._deadline.bound(timeout)
        return BoundedStream(
            self._stream.start_tls(ssl_context, server_hostname, bound), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _CheckedBackend(httpcore2.NetworkBackend):
    """Connects to the addresses of a name after checking all of them."""

    def __init__(self, deadline: Deadline, resolve: Resolver, *, declared: bool) -> None:
        self._deadline, self._resolve, self._declared = deadline, resolve, declared
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        addresses = self._resolve(host, port)
        for address in addresses:
            if not may_connect(host, address, declared=self._declared):
                raise AddressRefused(f"'{host}' leads to {address}, which is no public address")
        return self._first(addresses, port, timeout, local_address, socket_options)

    def _first(self, addresses: Sequence[str], *arguments: Any) -> httpcore2.NetworkStream:
        failure: Exception = httpcore2.ConnectError("the name has no address")
        port, timeout, *others = arguments
        for address in addresses:
            bound = self._deadline.bound(timeout)
            try:
                return BoundedStream(
                    self._sockets.connect_tcp(address, port, bound, *others), self._deadline
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure


class Transport(httpx2.BaseTransport):
    """Sends one request over pooled connections: no redirects, cookies, proxies or environment; TLS verified.

    It is used without `httpx2.Client`, which logs every URL with its query, where tokens are.
    """

    def __init__(
        self, deadline: Deadline, resolve: Resolver, *, declared: bool, tls: SSLContext
    ) -> None:
        backend = _CheckedBackend(deadline, resolve, declared=declared)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls, max_connections=32, keepalive_expiry=15.0, network_backend=backend
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send and return the response with its body unread. Raises httpcore2's exceptions."""
        url = request.url
        sent = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(
                scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
            ),
            headers=request.headers.raw,
            content=request.content,
            extensions=request.extensions,
        )
        got = self._pool.handle_request(sent)
        return httpx2.Response(got.status, headers=got.headers, stream=_Body(got))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx2.SyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, in the order to try. Raises `httpcore2.ConnectError` when there are none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError) as error:
        raise httpcore2.ConnectError(f"the name cannot be resolved ({error})") from None
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def may_connect(host: str, address: str, *, declared: bool) -> bool:
    """Whether a host may be at this address.

    A declared address literal or ``localhost`` is meant as it stands. A declared name may lead into a private network,
    as mirrors do, but not to loopback or link-local, where only metadata services live. Any other host is public.
    """
    found = _ip(address)
    if found is None:
        return False
    if found.is_global and not found.is_multicast:
        return True
    if not declared or found.is_multicast or found.is_unspecified:
        return False
    literal = host == "localhost" or _ip(host) is not None
    return literal or not (found.is_loopback or found.is_link_local)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name alone."""
    found = _ip(host)
    return host == "localhost" or (found is not None and found.is_loopback)


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
