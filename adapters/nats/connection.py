"""The connection to a server: opened when first needed, kept through restarts of the server."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import nats.errors
from attrs import field, frozen
from nats.aio.client import Client
from nats.js.client import JetStreamContext

from carbon254.core.domain.errors import StreamUnavailable

_log = logging.getLogger(__name__)
GONE: Final = (
    nats.errors.Error,
    OSError,
)  # what tells that a server does not answer; a timeout is the latter


def _shown(url: str) -> str:
    return re.sub(r"//[^@/]*@", "//", url)


@frozen(kw_only=True)
class Address:
    """Where the server is and who we are there; ``seconds`` is how long it has for an answer."""

    url: str = field(default="nats://127.0.0.1:4222", repr=lambda url: repr(_shown(url)))
    user: str = ""
    password: str = field(default="", repr=False)
    inbox: str = "_INBOX"
    seconds: float = 5.0

    @property
    def shown(self) -> str:
        """The address without what is secret."""
        return _shown(self.url)


@contextmanager
def translated(address: Address) -> Iterator[None]:
    """Make the library's errors ours."""
    try:
        yield
    except (*GONE, ValueError) as error:
        said = str(error) or type(error).__name__
        raise StreamUnavailable(
            f"the message server at {address.shown} does not answer: {said}; what is to be announced is kept."
        ) from None


class Connection:
    """One connection; lives in the loop that uses it."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._client: Client | None = None
        self._streams: JetStreamContext | None = None
        self._opening = asyncio.Lock()
        self._trouble: Exception | None = None  # what the library met last
        self._closed = False
        self.listeners: set[Callable[[], None]] = (
            set()
        )  # called when the server goes, and when it is back

    async def client(self) -> Client:
        """The connected client. Raises where the server is away: nothing waits in a buffer for its return."""
        if self._closed:
            raise nats.errors.ConnectionClosedError
        client = self._client
        if client is None or client.is_closed:
            async with self._opening:
                client = self._client
                if client is None or client.is_closed:
                    client = self._client = await self._open()
                    self._streams = client.jetstream(timeout=self._address.seconds)
        if not client.is_connected:
            raise nats.errors.ConnectionReconnectingError
        return client

    async def streams(self) -> JetStreamContext:
        """The client's JetStream side."""
        await self.client()
        assert self._streams is not None
        return self._streams

    async def _open(self) -> Client:
        client, to = Client(), self._address
        options: dict[str, Any] = {"user": to.user, "password": to.password} if to.user else {}
        work = client.connect(
            to.url,
            name="carbon254",
            inbox_prefix=to.inbox,
            error_cb=self._note,
            disconnected_cb=self._tell,
            reconnected_cb=self._tell,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            connect_timeout=2,
            ping_interval=20,
            **options,
        )
        try:
            await asyncio.wait_for(work, to.seconds)
        except TimeoutError:
            await client.close()
            raise self._trouble or TimeoutError from None
        except RuntimeError as error:  # libuv's word for a socket that the server closed meanwhile
            await client.close()
            raise ConnectionError(str(error)) from None
        except BaseException:
            await client.close()
            raise
        return client

    async def _note(self, error: Exception) -> None:
        """Keep what is worth telling: a server that says why it refuses may also just hang up."""
        if not (isinstance(error, OSError) and isinstance(self._trouble, nats.errors.Error)):
            self._trouble = error
        _log.debug("message server: %s", error)

    async def _tell(self) -> None:
        for listener in list(self.listeners):
            listener()

    async def close(self) -> None:
        """Close the connection for good; what was published has been acknowledged before."""
        self._closed = True
        if self._client is not None:
            await self._client.close()
