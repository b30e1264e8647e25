"""`MessageBus` on NATS JetStream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from nats.js.client import JetStreamContext
from nats.js.errors import BadRequestError, NoStreamResponseError, NotFoundError

from carbon254.adapters.nats.connection import Address, Connection, translated
from carbon254.adapters.nats.loop import LoopThread
from carbon254.adapters.nats.streams import Keep, config_of, delivery, headers_of
from carbon254.adapters.nats.subscription import NatsSubscription
from carbon254.core.domain.streams import Delivery, Message, Start, Stream, stream_of

_AT_ONCE = 256  # messages on their way without an acknowledgement
_BYTES_AT_ONCE = 4 * 2**20
_OTHER_SETTINGS = 10058  # the stream is there, as its operator wanted it


class NatsBus:
    """Streams on a server, made when first used. Connects when first needed and again when the server is back."""

    def __init__(self, address: Address, keep: Keep | None = None) -> None:
        self._address, self._keep = address, keep or Keep()
        self._thread = LoopThread()
        self._connection = self._thread.call(self._connect())
        self._made: set[Stream] = set()

    async def _connect(self) -> Connection:
        return Connection(self._address)

    def prepare(self, streams: Iterable[Stream]) -> None:
        with translated(self._address):
            self._thread.call(self._prepared(set(streams)))

    def publish(self, messages: Sequence[Message]) -> int:
        places = {stream_of(message.subject) for message in messages}
        with translated(self._address):
            return self._thread.call(self._publish(messages, places))

    def subscribe(self, subject: str, start: Start = "new") -> NatsSubscription:
        made = NatsSubscription(self._thread, self._connection, stream_of(subject), subject)
        with translated(self._address):
            self._thread.call(self._subscribe(made, stream_of(subject), start))
        return made

    def last(self, subject: str) -> Delivery | None:
        place = stream_of(subject)
        with translated(self._address):
            return self._thread.call(self._last(place, subject))

    def ping(self) -> None:
        """See that the server answers. Raises `StreamUnavailable`."""
        with translated(self._address):
            self._thread.call(self._ping())

    def remove(self, streams: Iterable[Stream]) -> None:
        """Delete streams with all their messages; one that is not there is no error. For a market that is left."""
        with translated(self._address):
            self._thread.call(self._remove(streams))

    def close(self) -> None:
        if not self._thread.loop.is_closed():
            self._thread.call(self._connection.close())
            self._thread.stop()

    # -- the loop's thread -------------------------------------------------------------------------------

    async def _ping(self) -> None:
        await (await self._connection.streams()).account_info()

    async def _publish(self, messages: Sequence[Message], places: set[Stream]) -> int:
        streams = await self._connection.streams()
        if not places <= self._made:
            await self._make(streams, places)
        try:
            if len(messages) == 1:
                return await self._send_one(streams, messages[0])
            return sum([await self._send(streams, some) for some in _portions(messages)])
        except NoStreamResponseError:
            self._made -= places  # somebody deleted one: it is made again at the next attempt
            raise

    async def _send_one(self, streams: JetStreamContext, one: Message) -> int:
        return not (await streams.publish(one.subject, one.body, headers=headers_of(one))).duplicate

    async def _send(self, streams: JetStreamContext, messages: Sequence[Message]) -> int:
        """Send messages in their order and wait for all acknowledgements together."""
        waiting = [
            await streams.publish_async(one.subject, one.body, headers=headers_of(one))
            for one in messages
        ]
        told = await asyncio.wait_for(
            asyncio.gather(*waiting, return_exceptions=True), self._address.seconds
        )
        for one in told:
            if isinstance(one, BaseException):
                raise one
        return sum(not one.duplicate for one in told)  # type: ignore[union-attr]

    async def _prepared(self, places: set[Stream]) -> None:
        if not places <= self._made:
            await self._make(await self._connection.streams(), places)

    async def _make(self, streams: JetStreamContext, places: set[Stream]) -> None:
        for place in sorted(places - self._made):
            try:
                await streams.add_stream(config_of(place, self._keep))
            except BadRequestError as error:
                if error.err_code != _OTHER_SETTINGS:
                    raise
            self._made.add(place)

    async def _remove(self, places: Iterable[Stream]) -> None:
        streams = await self._connection.streams()
        for place in places:
            with suppress(NotFoundError):
                await streams.delete_stream(place.name)
            self._made.discard(place)

    async def _subscribe(self, made: NatsSubscription, place: Stream, start: Start) -> None:
        await self._make(await self._connection.streams(), {place})
        await made.open(start)

    async def _last(self, place: Stream, subject: str) -> Delivery | None:
        streams = await self._connection.streams()
        try:
            found = await streams.get_last_msg(place.name, subject)
        except NotFoundError:
            return None
        assert found.seq is not None
        assert found.time is not None
        return delivery(subject, found.data, found.headers, found.seq, found.time)


def _portions(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """Messages in portions that may be on their way at once."""
    first, size = 0, 0
    for number, message in enumerate(messages):
        if number > first and (
            number - first >= _AT_ONCE or size + len(message.body) > _BYTES_AT_ONCE
        ):
            yield messages[first:number]
            first, size = number, 0
        size += len(message.body)
    if messages:
        yield messages[first:]
