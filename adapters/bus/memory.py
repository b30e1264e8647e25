"""`MessageBus` inside the process: the embedded default. What it keeps ends with the process.

A stream keeps its last messages up to a number and a size, and the last of every subject for longer. A subscriber is
a place in the stream, not a queue of its own, so a slow one costs nothing and sees a hole when it comes too late.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice

from carbon254.core.domain.streams import Delivery, Message, Start, Stream, covers, stream_of
from carbon254.ports.clock import Clock


class MemoryBus:
    """Streams in memory; safe to use from many threads. ``keep`` messages and ``most_bytes`` a stream."""

    def __init__(self, clock: Clock, *, keep: int = 10_000, most_bytes: int = 8 * 2**20) -> None:
        self._clock, self._keep, self._most = clock, keep, most_bytes
        self._streams: dict[Stream, Kept] = {}
        self.changed = threading.Condition()
        self.closed = False

    def prepare(self, streams: Iterable[Stream]) -> None:
        with self.changed:
            for place in streams:
                self._kept(place)

    def publish(self, messages: Sequence[Message]) -> int:
        places = [stream_of(message.subject) for message in messages]
        with self.changed:
            stored = sum(
                self._kept(place).add(message, self._clock.now())
                for place, message in zip(places, messages, strict=True)
            )
            self.changed.notify_all()
        return stored

    def subscribe(self, subject: str, start: Start = "new") -> Place:
        place = stream_of(subject)
        with self.changed:
            return Place(self, self._kept(place), subject, start)

    def last(self, subject: str) -> Delivery | None:
        place = stream_of(subject)
        with self.changed:
            return self._kept(place).last.get(subject)

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def _kept(self, place: Stream) -> Kept:
        return self._streams.setdefault(place, Kept(self._keep, self._most))


class Kept:
    """What one stream keeps. Numbers of what is kept follow one another without a hole."""

    def __init__(self, keep: int, most_bytes: int) -> None:
        self._keep, self._most = keep, most_bytes
        self.messages: deque[Delivery] = deque()
        self.last: dict[str, Delivery] = {}
        self._ids: set[str] = set()
        self._bytes = 0
        self.next = 1

    def add(self, message: Message, at: datetime) -> bool:
        """Append a message; whether it was no repeat of one that is kept."""
        if message.id in self._ids:
            return False
        made = Delivery(message, self.next, at)
        self.messages.append(made)
        self.last[message.subject] = made
        self._ids.add(message.id)
        self._bytes += len(message.body)
        self.next += 1
        while len(self.messages) > self._keep or self._bytes > self._most:
            gone = self.messages.popleft().message
            self._ids.discard(gone.id)
            self._bytes -= len(gone.body)
        return True

    def since(self, number: int) -> list[Delivery]:
        """What is kept from a number on."""
        first = self.next - len(self.messages)
        return list(islice(self.messages, max(0, number - first), None))

    def first_at(self, start: Start) -> int:
        """The number from which a subscriber reads who starts there."""
        if isinstance(start, int):
            return start
        if isinstance(start, datetime):
            found = (one.number for one in self.messages if one.arrived_at >= start)
            return next(found, self.next)
        return 1 if start == "all" else self.next


class Place:
    """A subscriber's place in a stream."""

    def __init__(self, bus: MemoryBus, kept: Kept, subject: str, start: Start) -> None:
        self._bus, self._kept, self._subject, self._closed = bus, kept, subject, False
        self._next = kept.first_at(start)
        last = kept.last.values() if start == "last" else ()
        self._waiting = deque(sorted(self._mine(last), key=lambda delivery: delivery.number))

    def take(self, limit: int, timeout: float) -> Sequence[Delivery]:
        with self._bus.changed:
            self._bus.changed.wait_for(lambda: self._look(limit) or self._gone(), timeout)
            if self._gone():
                return []
            return [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]

    def close(self) -> None:
        with self._bus.changed:
            self._closed = True
            self._bus.changed.notify_all()

    def _gone(self) -> bool:
        return self._closed or self._bus.closed

    def _look(self, limit: int) -> bool:
        """Fill what waits up to ``limit``, and no further: the rest stays in the stream."""
        if len(self._waiting) < limit and self._next < self._kept.next:
            for one in self._kept.since(self._next):
                self._next = one.number + 1
                self._waiting.extend(self._mine([one]))
                if len(self._waiting) >= limit:
                    break
        return bool(self._waiting)

    def _mine(self, found: object) -> list[Delivery]:
        return [one for one in found if covers(self._subject, one.message.subject)]  # type: ignore[attr-defined]
