"""`HttpFetcher`: one request to one document, with retries, rate limits, size limits and careful redirects."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from functools import cache, partial
from ssl import SSLContext
from typing import Final

import httpx2
import stamina

from carbon254.adapters.fetch.answers import document_from, translated
from carbon254.adapters.fetch.network import Deadline, Resolver, Transport, resolve
from carbon254.adapters.fetch.outgoing import REDIRECTS, Outgoing, outgoing
from carbon254.adapters.fetch.rates import HostRates
from carbon254.adapters.fetch.retries import Patience, TryAgain, backoff, tell_retry
from carbon254.adapters.fetch.secrets import redact
from carbon254.adapters.fetch.waiting import unless_stopped
from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.errors import Carbon254Error, FeedUnavailable, Interrupted
from carbon254.ports.clock import Clock
from carbon254.ports.closing import Closing
from carbon254.ports.fetching import FetchLimits
from carbon254.ports.stopping import Stop, is_stopped

MOST_REDIRECTS: Final = 5


@cache
def _verifying() -> SSLContext:
    """The TLS settings of all fetchers: certificates and host names are verified. Reading the roots takes a while."""
    return httpx2.create_ssl_context()


class HttpFetcher(Closing):
    """Fetches over HTTP(S). Thread-safe; close it, or use it as a context manager.

    ``monotonic`` and ``sleep`` serve deadlines and rate limits; the pause between attempts is `Patience`'s. A
    document's ``url`` is the one asked for, with parameters and without credentials, also after redirects, since
    those often lead to addresses that are signed for an hour.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        patience: Patience | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        resolver: Resolver = resolve,
        agent: str = "carbon254",
    ) -> None:
        # At debug level the library repeats response headers, and a redirect may repeat our query with its token.
        logging.getLogger("httpcore2").setLevel(logging.INFO)
        # By itself the library prints to standard output, amid the CSV of who asked for it.
        stamina.instrumentation.set_on_retry_hooks([tell_retry])
        self._clock, self._patience, self._agent = clock, patience or Patience(), agent
        self._deadline = Deadline(monotonic)
        self._rates = HostRates(monotonic, sleep)
        tls = _verifying()
        self._transports = {
            declared: Transport(self._deadline, resolver, declared=declared, tls=tls)
            for declared in (True, False)
        }

    def close(self) -> None:
        """Close all connections."""
        for transport in self._transports.values():
            transport.close()

    def fetch(self, request: Request, limits: FetchLimits, stop: Stop | None = None) -> Document:
        """Return the document; see `ports.fetching.Fetcher` for what is raised."""
        secrets = limits.credentials.values()
        try:
            sent = outgoing(request, limits, self._agent)
            if stop is None:
                return self._retried(sent, request, limits, stop)
            asking = partial(self._retried, sent, request, limits, stop)
            return unless_stopped(asking, stop, sent.what)
        except TryAgain as error:
            text = f"{error}, and no other attempt did better; try again later."
            raise FeedUnavailable(redact(text, secrets)) from None
        except Carbon254Error as error:
            raise type(error)(redact(str(error), secrets)) from None

    def _retried(
        self, sent: Outgoing, request: Request, limits: FetchLimits, stop: Stop | None
    ) -> Document:
        # A context, not the decorator: that one logs the arguments of each retry.
        patience = self._patience
        for attempt in stamina.retry_context(
            on=partial(backoff, patience=patience),
            attempts=patience.attempts,
            timeout=patience.give_up,
            wait_initial=patience.wait_initial,
            wait_max=patience.wait_max,
            wait_jitter=patience.wait_jitter,
        ):
            with attempt:
                return self._attempt(sent, request, limits, stop)
        raise AssertionError  # the context raises what the last attempt raised

    def _attempt(
        self, sent: Outgoing, request: Request, limits: FetchLimits, stop: Stop | None
    ) -> Document:
        """Ask once, following redirects."""
        for _ in range(MOST_REDIRECTS + 1):
            self._rates.wait(sent.target.url.host, sent.target.card)
            if is_stopped(stop):  # nobody waits for this any more
                raise Interrupted(f"{sent.what}: not asked any more.")
            asked_at = self._clock.now()
            with translated(sent.what), closing(self._send(sent)) as response:
                location = response.headers.get("location")
                if response.status_code not in REDIRECTS or not location:
                    return document_from(response, sent, request, limits, asked_at)
                sent = sent.follow(location, response.status_code, limits)
        raise FeedUnavailable(f"{sent.what}: more than {MOST_REDIRECTS} redirects.")

    def _send(self, sent: Outgoing) -> httpx2.Response:
        """Send and return the response with its body unread; its total time runs from here."""
        patience = self._patience
        message = sent.message(httpx2.Timeout(patience.read, connect=patience.connect))
        self._deadline.start(patience.total)
        return self._transports[sent.target.declared].handle_request(message)
