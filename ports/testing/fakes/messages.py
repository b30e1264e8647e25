"""A bus of lists that passes the suite of the real ones."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from carbon254.core.domain.errors import StreamUnavailable
from carbon254.core.domain.streams import Delivery, Message, Start, Stream, covers, stream_of

_EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


class ListBus:
    """Keeps all that was ever published. ``down`` makes it a server that does not answer."""

    def __init__(self) -> None:
        self.streams: dict[Stream, list[Delivery]] = {}
        self.down = False
        self.attempts = 0  # messages that were handed over, repeats and refused ones among them
        self.closed = False
        self.heard = threading.Condition()

    def prepare(self, streams: Iterable[Stream]) -> None:
        if self.down:
            raise StreamUnavailable("the bus is down.")
        for place in streams:
            self.streams.setdefault(place, [])

    def publish(self, messages: Sequence[Message]) -> int:
        places = [stream_of(message.subject) for message in messages]
        stored = 0
        with self.heard:
            for place, message in zip(places, messages, strict=True):
                self.attempts += 1
                if self.down:
                    raise StreamUnavailable("the bus is down.")
                kept = self.streams.setdefault(place, [])
                if all(one.message.id != message.id for one in kept):
                    number = len(kept) + 1
                    kept.append(Delivery(message, number, _EPOCH + timedelta(seconds=number)))
                    stored += 1
            self.heard.notify_all()
        return stored

    def subscribe(self, subject: str, start: Start = "new") -> ListSubscription:
        kept = self.streams.setdefault(stream_of(subject), [])
        return ListSubscription(self, kept, subject, start)

    def last(self, subject: str) -> Delivery | None:
        if self.down:
            raise StreamUnavailable("the bus is down.")
        kept = self.streams.get(stream_of(subject), [])
        return next((one for one in reversed(kept) if one.message.subject == subject), None)

    def close(self) -> None:
        with self.heard:
            self.closed = True
            self.heard.notify_all()


class ListSubscription:
    """A subject, what is still to be taken of the snapshot, and how far the list was read."""

    def __init__(self, bus: ListBus, kept: list[Delivery], subject: str, start: Start) -> None:
        self._bus, self._kept, self._subject, self._closed = bus, kept, subject, False
        mine = [one for one in kept if covers(subject, one.message.subject)]
        if start == "new":
            mine = []
        elif start == "last":
            mine = list({one.message.subject: one for one in mine}.values())
        elif isinstance(start, int):
            mine = [one for one in mine if one.number >= start]
        elif isinstance(start, datetime):
            mine = [one for one in mine if one.arrived_at >= start]
        self._waiting = sorted(mine, key=lambda one: one.number)
        self._read = len(kept)

    def take(self, limit: int, timeout: float) -> Sequence[Delivery]:
        with self._bus.heard:
            self._bus.heard.wait_for(lambda: self._fill() or self._gone, timeout)
            if self._gone:
                return []
            taken, self._waiting = self._waiting[:limit], self._waiting[limit:]
            return taken

    @property
    def _gone(self) -> bool:
        return self._closed or self._bus.closed

    def _fill(self) -> bool:
        fresh, self._read = self._kept[self._read :], len(self._kept)
        self._waiting += [one for one in fresh if covers(self._subject, one.message.subject)]
        return bool(self._waiting)

    def close(self) -> None:
        with self._bus.heard:
            self._closed = True
            self._bus.heard.notify_all()
