"""From a scope to the subjects of streams that lie wholly inside it.

A stream cannot be filtered row by row, so what a scope allows only in part is not granted at all: a batch needs every
measure and place of its run and kind, the subject of a measure every place. Patterns in policies name whole segments
or ``*``; where one does not, it grants nothing and denies all that it might touch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import frozen

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.series import subject_token
from carbon254.core.domain.streams import HEARTBEAT, Stream, batch_subject, heartbeat_subject

_PARTS: Final = ("market", "run", "measure", "kind", "location")


@frozen
class StreamGrant:
    """What may be read of a stream: subjects, or patterns of subjects with ``*``, none inside another."""

    stream: Stream
    subjects: tuple[str, ...]


def streams_of(cards: Mapping[str, MarketCard]) -> tuple[Stream, ...]:
    """The streams of these markets, one a kind of place and one for signs of life; none where the card forbids it."""
    return tuple(
        Stream(market, kind)
        for market, card in sorted(cards.items())
        if card.redistribution != "forbidden"
        for kind in (*_kinds(card), HEARTBEAT)
    )


def _kinds(card: MarketCard) -> Sequence[str]:
    return sorted({kind for dataset in card.datasets.values() for kind in dataset.kinds})


def grants_of(scope: Scope, cards: Mapping[str, MarketCard]) -> tuple[StreamGrant, ...]:
    """What the scope allows of the streams of these markets, with the signs of life of each market it sees.

    Markets whose card forbids redistribution have no streams.
    """
    found: list[StreamGrant] = []
    for market, card in sorted(cards.items()):
        if card.redistribution == "forbidden":
            continue
        own = [
            StreamGrant(Stream(market, kind), subjects)
            for kind in _kinds(card)
            if (subjects := tuple(_subjects(scope, card, kind)))
        ]
        if own:
            found += [*own, StreamGrant(Stream(market, HEARTBEAT), _life(scope, market))]
    return tuple(found)


def _life(scope: Scope, market: str) -> tuple[str, ...]:
    """Signs of life; alarms speak of whole datasets, so they are for who sees the whole market."""
    if sees_all(scope, SeriesPattern(market)):
        return Stream(market, HEARTBEAT).subjects
    return (heartbeat_subject(market),)


def _subjects(scope: Scope, card: MarketCard, kind: str) -> Iterator[str]:
    if sees_all(scope, SeriesPattern(card.id, "*", "*", kind, "*")):
        yield from Stream(card.id, kind).subjects
        return
    for run in sorted(card.runs):
        if sees_all(scope, SeriesPattern(card.id, run, "*", kind, "*")):
            yield f"md.v1.{card.id}.{subject_token(run)}.*.{kind}.*"
            yield batch_subject(card.id, run, kind)
            continue
        for measure in _measures(card):
            yield from _of_measure(scope, SeriesPattern(card.id, run, measure, kind, "*"))


def _of_measure(scope: Scope, wanted: SeriesPattern) -> Iterator[str]:
    """The subject of a measure, or those of the single places that are allowed by name."""
    start = ".".join(
        subject_token(part) for part in (wanted.market, wanted.run, wanted.measure, wanted.kind)
    )
    if sees_all(scope, wanted):
        yield f"md.v1.{start}.*"
        return
    named = {one.location for one in scope.allow if _is_literal(one.location)}
    for location in sorted(named):
        place = SeriesPattern(wanted.market, wanted.run, wanted.measure, wanted.kind, location)
        if sees_all(scope, place):
            yield f"md.v1.{start}.{subject_token(location)}"


def _measures(card: MarketCard) -> Sequence[str]:
    return sorted({measure for dataset in card.datasets.values() for measure in dataset.measures})


def sees_all(scope: Scope, wanted: SeriesPattern) -> bool:
    """Whether the scope shows every series of a pattern of literals and ``*``."""
    if any(_touches(deny, wanted) for deny in scope.deny):
        return False
    return any(_holds(allow, wanted) for allow in scope.allow)


def _holds(pattern: SeriesPattern, wanted: SeriesPattern) -> bool:
    """Whether all that is wanted is of the pattern."""
    return all(
        mine == "*" or (mine == other and _is_literal(mine))
        for mine, other in _pairs(pattern, wanted)
    )


def _touches(pattern: SeriesPattern, wanted: SeriesPattern) -> bool:
    """Whether some that is wanted may be of the pattern."""
    return all(
        mine == other or "*" in (mine, other) or not _is_literal(mine)
        for mine, other in _pairs(pattern, wanted)
    )


def _pairs(one: SeriesPattern, other: SeriesPattern) -> list[tuple[str, str]]:
    return [(getattr(one, part), getattr(other, part)) for part in _PARTS]


def _is_literal(text: str) -> bool:
    return not set("*?[") & set(text)
