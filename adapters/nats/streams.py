"""How streams are kept on a server, and how its messages become ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from attrs import frozen
from nats.js.api import Header, StorageType, StreamConfig

from carbon254.core.domain.streams import HEARTBEAT, Delivery, Message, Stream

_OWN: Final = "Nats-"  # headers of the server, none of the message


@frozen(kw_only=True)
class Keep:
    """For how long messages are kept, and in how many copies. Zero ``most_bytes``: as many as the disk takes.

    A repeat within ``repeats`` is not stored again: three times the longest pause between two polls of a market.
    """

    age: timedelta = timedelta(days=14)
    most_bytes: int = 0
    repeats: timedelta = timedelta(hours=3)
    copies: int = 1


def config_of(stream: Stream, keep: Keep) -> StreamConfig:
    """The server's settings for a stream: of signs of life only the last is kept."""
    return StreamConfig(
        name=stream.name,
        subjects=list(stream.subjects),
        storage=StorageType.FILE,
        max_age=keep.age.total_seconds(),
        max_bytes=keep.most_bytes or -1,
        max_msgs_per_subject=1 if stream.kind == HEARTBEAT else -1,
        duplicate_window=min(keep.repeats, keep.age).total_seconds(),
        num_replicas=keep.copies,
        allow_direct=True,
        deny_delete=True,
    )


def headers_of(message: Message) -> dict[str, str]:
    """A message's headers as they travel, its id among them."""
    return {Header.MSG_ID.value: message.id, **message.headers}


def delivery(
    subject: str, body: bytes | None, headers: Mapping[str, Any] | None, number: int, at: datetime
) -> Delivery:
    """What the server delivered, as ours."""
    found = headers or {}
    own = {name: text for name, text in found.items() if not name.startswith(_OWN)}
    identity = str(found.get(Header.MSG_ID.value, ""))
    return Delivery(Message(subject, identity, body or b"", own), number, at.astimezone(UTC))
