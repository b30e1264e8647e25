"""Messages about what was recorded: published by the relay, read by whoever subscribes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from carbon254.core.domain.streams import Delivery, Message, Start, Stream


class Subscription(Protocol):
    """A place in a stream, from which messages are taken at the subscriber's own pace.

    A slow subscriber is not waited for and slows nobody down: what the stream no longer keeps when it is taken shows
    as a hole in `Delivery.number`. Numbers of a filtered subscription have holes anyway; there the ``ce-previous`` of
    a message tells whether one is missing.
    """

    def take(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """At least one message and at most ``limit``, in order; none when ``timeout`` seconds brought none.

        What the server does not answer in the meantime is no error here: the subscription goes on where it was when
        the server is back.
        """
        ...

    def close(self) -> None:
        """Give the place up. Taking afterwards brings nothing."""
        ...


class MessageBus(Protocol):
    """Streams, one a market and kind of place (`core.domain.streams.stream_of`).

    A message whose id its stream has seen lately is not stored again; a subscriber must still expect repeats.
    """

    def prepare(self, streams: Iterable[Stream]) -> None:
        """Make streams that are not there yet, so that one may subscribe before anything was published.

        Raises `StreamUnavailable`.
        """
        ...

    def publish(self, messages: Sequence[Message]) -> int:
        """Store messages in their order and return how many were no repeats; all are kept when this returns.

        Raises `StreamUnavailable`, after which some may have been stored: publish all of them again.
        `InvalidRequest` for a subject of no stream.
        """
        ...

    def subscribe(self, subject: str, start: Start = "new") -> Subscription:
        """Read what is published to a subject, or to all subjects of a pattern with ``*``, from ``start`` on.

        With ``last`` the snapshot and what follows it come without a hole between them. Raises `InvalidRequest` for
        a pattern that names no single market and kind, `StreamUnavailable`.
        """
        ...

    def last(self, subject: str) -> Delivery | None:
        """The last message of one subject; None where the stream keeps none. Raises `StreamUnavailable`."""
        ...

    def close(self) -> None:
        """Give up connections; subscriptions bring nothing from now on."""
        ...
