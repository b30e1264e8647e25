"""A subscription that goes on where it was, whatever becomes of the server or of its consumer.

Messages are pulled, always with one request waiting at the server, into a short queue here: while it is full no more
are asked for, so a slow subscriber is slow for itself alone.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any, Final

import nats.errors
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.client import JetStreamContext

from carbon254.adapters.nats.connection import GONE, Connection
from carbon254.adapters.nats.loop import LoopThread
from carbon254.adapters.nats.streams import delivery
from carbon254.core.domain.streams import Delivery, Start, Stream
from carbon254.core.domain.time import EPOCH

_AT_ONCE: Final = 512  # messages of one request
_MOST_BYTES: Final = 8 * 2**20
_EXPIRES: Final = 30  # seconds that a request waits at the server
_ALIVE: Final = "100"
_SIGN: Final = 5  # seconds between its signs of life while there is nothing to send
_FORGET: Final = 300.0  # seconds after which the server gives up a consumer that nobody asks
_PAUSES: Final = (
    0.1,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    30.0,
)  # before the next try to open the consumer again


Event = tuple[str, str] | None  # how a request ended; None: the server went, or is back


class NatsSubscription:
    """A place in a stream; `opened` makes it."""

    def __init__(
        self, thread: LoopThread, connection: Connection, stream: Stream, subject: str
    ) -> None:
        self._thread, self._connection = thread, connection
        self._stream, self._subject = stream, subject
        self._waiting: SimpleQueue[Delivery | None] = SimpleQueue()  # None: it was closed
        self._closing = threading.Lock()
        self._closed = False
        self._next = 1  # the number from which to go on
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._room = asyncio.Event()
        self._inbox: Any = None
        self._consumer = ""
        self._task: asyncio.Task[None] | None = None

    # -- the subscriber's thread -------------------------------------------------------------------------

    def take(self, limit: int, timeout: float) -> Sequence[Delivery]:
        taken: list[Delivery] = []
        with suppress(Empty):
            while len(taken) < limit:
                one = self._waiting.get(timeout=0.0 if taken else timeout)
                if one is None:
                    self._waiting.put(None)  # for others that wait
                    break
                taken.append(one)
        if self._closed:
            return []
        if taken and self._waiting.empty() and not self._thread.loop.is_closed():
            self._thread.loop.call_soon_threadsafe(self._room.set)
        return taken

    def close(self) -> None:
        if self._end() and not self._thread.loop.is_closed():
            self._thread.call(self._leave())

    def _end(self) -> bool:
        with self._closing:
            first, self._closed = not self._closed, True
        self._waiting.put(None)
        return first

    # -- the loop's thread -------------------------------------------------------------------------------

    async def open(self, start: Start) -> None:
        """Make the consumer and begin to pull."""
        config = _config(self._subject, start)
        if start == "new":
            streams = await self._connection.streams()
            self._next = (await streams.stream_info(self._stream.name)).state.last_seq + 1
            config = _config(self._subject, self._next)
        await self._make(config)
        self._connection.listeners.add(self._look_up)
        self._task = asyncio.create_task(self._pump())

    async def _make(self, config: ConsumerConfig) -> None:
        streams = await self._connection.streams()
        client = await self._connection.client()
        if self._inbox is not None:
            await self._inbox.unsubscribe()
        inbox = client.new_inbox()
        self._events = asyncio.Queue()
        self._inbox = await client.subscribe(inbox, cb=self._hearing(self._events))
        made = await streams.add_consumer(
            self._stream.name, config, name=inbox.rpartition(".")[2].replace(".", "")
        )
        self._consumer = made.name
        self._reply = inbox

    async def _pump(self) -> None:
        try:
            await self._pull_for_ever()
        finally:
            self._end()

    async def _pull_for_ever(self) -> None:
        """Pull until it fails, then wait, longer after each failure, and make the consumer again."""
        failed = 0
        while not self._closed:
            try:
                if not self._consumer:
                    await self._make(_config(self._subject, self._next))
                await self._pull()
                failed = 0
            except GONE:
                self._consumer = ""
                await self._pause(_PAUSES[min(failed, len(_PAUSES) - 1)])
                failed += 1

    async def _pull(self) -> None:
        """Ask for messages and wait until the request is answered. Raises where the consumer is gone."""
        self._room.clear()
        if not self._waiting.empty():
            await self._room.wait()
        client = await self._connection.client()
        wanted = {
            "batch": _AT_ONCE, "max_bytes": _MOST_BYTES, "expires": _EXPIRES * 10**9, "idle_heartbeat": _SIGN * 10**9,
        }  # fmt: skip
        self._left = _AT_ONCE
        await client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream.name}.{self._consumer}",
            json.dumps(wanted).encode(),
            reply=self._reply,
        )
        status, said = await self._answered()
        if status in ("503", "404") or (status == "409" and "Consumer" in said):
            raise nats.errors.NoRespondersError

    async def _answered(self) -> tuple[str, str]:
        """How the server ended the request, with its words; silence and a lost connection raise."""
        loop, patience = asyncio.get_running_loop(), 2.5 * _SIGN
        self._heard_at = loop.time()
        while True:
            try:
                told = await asyncio.wait_for(self._events.get(), patience)
            except TimeoutError:
                if loop.time() - self._heard_at < patience:
                    continue
                raise
            if told is None:
                raise nats.errors.StaleConnectionError
            return told

    def _hearing(self, events: asyncio.Queue[Event]) -> Callable[[Msg], Awaitable[None]]:
        async def hear(message: Msg) -> None:
            await self._hear(events, message)

        return hear

    async def _hear(self, events: asyncio.Queue[Event], message: Msg) -> None:
        """A message, or a word of the server about the request; handled here at once, whoever waits is woken."""
        self._heard_at = asyncio.get_running_loop().time()
        status = JetStreamContext.is_status_msg(message)
        if status is None:
            self._keep(message)
            self._left -= 1
            if not self._left:
                events.put_nowait(("", ""))
        elif status != _ALIVE:
            events.put_nowait((str(status), (message.headers or {}).get("Description", "")))

    def _keep(self, message: Msg) -> None:
        number, at = _place(message.reply)
        self._next = number + 1
        self._waiting.put(delivery(message.subject, message.data, message.headers, number, at))

    def _look_up(self) -> None:
        self._events.put_nowait(None)

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until the server goes or is back."""
        with suppress(TimeoutError):
            while await asyncio.wait_for(self._events.get(), seconds):
                pass

    async def _leave(self) -> None:
        self._connection.listeners.discard(self._look_up)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            streams = await self._connection.streams()
            await self._inbox.unsubscribe()
            await streams.delete_consumer(self._stream.name, self._consumer)
        except (*GONE, ValueError):
            return  # the server forgets it by itself


def _place(reply: str) -> tuple[int, datetime]:
    """A message's number in its stream and when it came there, out of the subject that would acknowledge it.

    The instant is cut to microseconds: the library rounds, and replay must not begin too late.
    """
    parts = reply.split(".")
    number, nanoseconds = (parts[5], parts[7]) if len(parts) == 9 else (parts[7], parts[9])
    return int(number), EPOCH + timedelta(microseconds=int(nanoseconds) // 1_000)


def _config(subject: str, start: Start) -> ConsumerConfig:
    """A consumer that asks for no acknowledgement: who reads keeps the place."""
    more: dict[str, Any] = {}
    if isinstance(start, datetime):
        more = {
            "deliver_policy": DeliverPolicy.BY_START_TIME,
            "opt_start_time": start.astimezone(UTC),
        }
    elif isinstance(start, int):
        more = {"deliver_policy": DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": max(1, start)}
    elif start == "last":
        more = {"deliver_policy": DeliverPolicy.LAST_PER_SUBJECT}
    return ConsumerConfig(
        filter_subject=subject, ack_policy=AckPolicy.NONE, inactive_threshold=_FORGET, mem_storage=True, **more
    )  # fmt: skip
