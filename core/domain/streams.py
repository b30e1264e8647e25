"""Messages, their subjects, and the streams that keep them (DESIGN §8).

A stream holds one kind of place of one market, so that who may see a kind is who may read a stream. Subjects name
market, run, measure, kind and place in the order of a `SeriesId`, each as one token; a batch names market, run, kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal

from attrs import field, frozen

from carbon254.core.domain import vocabulary
from carbon254.core.domain.errors import InvalidRequest, TooLarge
from carbon254.core.domain.series import SeriesId, subject_token

MOST_BYTES: Final = (
    1_000_000  # of a body: a server takes 1 MiB with the headers unless it is told otherwise
)
HEARTBEAT: Final = "heartbeat"  # stands where a kind stands: the stream of a market's signs of life

Start = Literal["new", "all", "last"] | int | datetime
# new: what is published from now on. all: from the oldest that is kept. last: the last of every subject, then what is
# new. A number: from that number of the stream on. An instant: what arrived at it or later.


def _headers(value: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(value))


@frozen
class Message:
    """What is published: ``id`` derives from the content, so that a repeat carries the same.

    Raises `TooLarge` for a body over ``MOST_BYTES``, `InvalidRequest` for a header that is no printable ASCII.
    """

    subject: str
    id: str
    body: bytes = field(repr=lambda body: f"<{len(body)} bytes>")
    headers: Mapping[str, str] = field(factory=dict, converter=_headers)

    def __attrs_post_init__(self) -> None:
        if len(self.body) > MOST_BYTES:
            raise TooLarge(
                f"{self.subject}: {len(self.body)} bytes in a message, {MOST_BYTES} is the most."
            )
        for name, text in self.headers.items():
            if not (name + text).isascii() or not (name + text).isprintable():
                raise InvalidRequest(f"{self.subject}: header {name!r} is no printable ASCII.")


@frozen
class Delivery:
    """A message as a subscriber gets it: its number in the stream, from 1, and when it arrived there."""

    message: Message
    number: int
    arrived_at: datetime


@frozen(order=True)
class Stream:
    """The stream of one kind of place of one market."""

    market: str
    kind: str

    @property
    def name(self) -> str:
        """Its name on a server, such as ``MD-caiso-hub``; market and kind hold no hyphen."""
        return f"MD-{self.market}-{self.kind}"

    @property
    def subjects(self) -> tuple[str, ...]:
        """What it keeps: single series and batches, or signs of life and alarms."""
        if self.kind == HEARTBEAT:
            return (
                heartbeat_subject(self.market),
                f"dq.v1.{self.market}.*",
                f"src.v1.{self.market}.*.state",
            )
        return (
            f"md.v1.{self.market}.*.*.{self.kind}.*",
            f"batch.v1.{self.market}.*.{self.kind}",
        )


def batch_subject(market: str, run: str, kind: str) -> str:
    """The subject of all that one commit changed of a run and a kind of place."""
    return "batch.v1." + ".".join(subject_token(part) for part in (market, run, kind))


def heartbeat_subject(market: str) -> str:
    """The subject of a market's signs of life."""
    return f"sys.v1.heartbeat.{subject_token(market)}"


def stream_of(subject: str) -> Stream:
    """The stream that keeps a subject, or all subjects of a pattern with ``*``.

    Raises `InvalidRequest` where there is none: market and kind must be named.

    >>> stream_of("md.v1.caiso.*.price.hub.*").name
    'MD-caiso-hub'
    """
    match subject.split("."):
        case ["md", "v1", market, _, _, kind, _] | ["batch", "v1", market, _, kind]:
            found = Stream(market, kind)
        case (
            ["sys", "v1", "heartbeat", market]
            | ["dq", "v1", market, _]
            | ["src", "v1", market, _, "state"]
        ):
            found = Stream(market, HEARTBEAT)
        case _:
            raise InvalidRequest(
                f"subject '{subject}': use md.v1.MARKET.RUN.MEASURE.KIND.LOCATION, batch.v1.MARKET.RUN.KIND, "
                "sys.v1.heartbeat.MARKET, dq.v1.MARKET.CHECK or src.v1.MARKET.DATASET.state, with * for any run, "
                "measure, location, check or dataset."
            )
    if not set(found.market) <= _MARKET or found.kind not in {*vocabulary.kinds(), HEARTBEAT}:
        raise InvalidRequest(
            f"subject '{subject}': a stream is of one market and one kind; name both."
        )
    if ">" in subject or any(character.isspace() for character in subject):
        raise InvalidRequest(f"subject '{subject}': only * stands for any token.")
    return found


_MARKET: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


def covers(pattern: str, subject: str) -> bool:
    """Whether a subject is one of a pattern, in which ``*`` is any one token."""
    wanted, found = pattern.split("."), subject.split(".")
    return len(wanted) == len(found) and all(
        one in ("*", other) for one, other in zip(wanted, found, strict=True)
    )


def series_of(subject: str) -> SeriesId:
    """The series of a subject of single observations. Raises `InvalidRequest` for any other."""
    from carbon254.core.domain.series import unescape

    parts = subject.split(".")
    if parts[:2] != ["md", "v1"] or len(parts) != 7:
        raise InvalidRequest(f"subject '{subject}' is of no single series.")
    return SeriesId(*(unescape(part) for part in parts[2:]))
