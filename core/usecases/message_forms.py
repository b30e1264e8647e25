"""How a delta becomes a message: CloudEvents attributes in the headers, rows in the body.

Single series travel as JSON, batches as columns, which an adapter writes. Attributes have the prefix ``ce-``
(CloudEvents' binding for NATS, binary mode).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

import numpy as np
from attrs import field, frozen

from carbon254.core.domain.deltas import digest, written
from carbon254.core.domain.events import ObservationsRecorded
from carbon254.core.domain.observations import Column, Observations, from_instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.streams import Message
from carbon254.core.domain.time import EPOCH, format_instant
from carbon254.core.domain.vocabulary import Finality, Flag, PublishedBasis, State

MOST: Final = 600_000  # bytes that the rows of a message are reckoned to take
TYPE: Final = "carbon254.ObservationsRecorded.v1"
JSON: Final = "application/json"
COLUMNS: Final = "application/vnd.apache.arrow.stream"
SERIES_SCHEMA: Final = "urn:carbon254:series:1"
COLUMNS_SCHEMA: Final = "urn:carbon254:columns:1"

Encode = Callable[[Observations], bytes]
_ROW: Final = 420  # bytes of a row as JSON, at most
_ROW_OF_COLUMNS: Final = 72


@frozen
class Draft:
    """Rows for a subject, still without their place among the messages of the subject."""

    subject: str
    about: str  # a series id, or a pattern
    rows: Observations
    media_type: str
    part: int = field(default=1, kw_only=True)
    more: bool = field(default=False, kw_only=True)


def cost_of(rows: Observations, *, columns: bool) -> Column:
    """Bytes that each row is reckoned to take; as columns with its series' name, which it may be the first to have."""
    if not columns:
        return np.full(len(rows), _ROW, dtype=np.int64)
    names = np.array(
        [len(written(one)) + len(unit) for one, unit in zip(rows.series, rows.units, strict=True)]
    )
    return _ROW_OF_COLUMNS + names[rows.code].astype(np.int64) if len(rows) else names[:0]


def sequence_of(recorded_at: datetime, part: int) -> str:
    """The place of a message on its subject: it grows with every commit and part, as text too."""
    micros = round((recorded_at - EPOCH).total_seconds() * 1_000_000)
    return f"{micros:016d}-{part:05d}"


def message_of(
    draft: Draft, event: ObservationsRecorded, encode: Encode, previous: str | None
) -> Message:
    """The message of a draft. ``previous`` is the sequence of the one before it on the subject, where it is known."""
    sequence = sequence_of(event.recorded_at, draft.part)
    told = f"{draft.subject} {sequence} {digest(draft.rows)}"
    identity = hashlib.sha256(told.encode()).hexdigest()[:32]
    body = encode(draft.rows) if draft.media_type == COLUMNS else json_of(draft.rows)
    return Message(
        draft.subject, identity, body, dict(_attributes(draft, event, identity, sequence, previous))
    )


def _attributes(
    draft: Draft, event: ObservationsRecorded, identity: str, sequence: str, previous: str | None
) -> Iterator[tuple[str, str]]:
    yield "ce-specversion", "1.0"
    yield "ce-id", identity
    yield "ce-source", f"/markets/{event.market}/{event.dataset}"
    yield "ce-type", TYPE
    yield "ce-subject", draft.about
    yield "ce-time", format_instant(_published(draft.rows) or event.recorded_at)
    yield "ce-recordedat", format_instant(event.recorded_at)
    yield "ce-datacontenttype", draft.media_type
    yield "ce-dataschema", COLUMNS_SCHEMA if draft.media_type == COLUMNS else SERIES_SCHEMA
    yield "ce-sequence", sequence
    if previous is not None:
        yield "ce-previous", previous
    yield "ce-part", str(draft.part)
    yield "ce-more", "true" if draft.more else "false"
    if event.synthetic:
        yield "ce-synthetic", "true"


def _published(rows: Observations) -> datetime | None:
    known = rows.published_at[~np.isnat(rows.published_at)]
    return from_instant64(known.max()) if len(known) else None


def json_of(rows: Observations) -> bytes:
    """The rows of one series as JSON, in the words of the vocabulary; a row that has no value says ``null``."""
    series: SeriesId = rows.series[0]
    plain = {
        "series": str(series), "unit": rows.units[0],
        "rows": [_row(rows, place) for place in range(len(rows))],
    }  # fmt: skip
    return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode()


def _row(rows: Observations, place: int) -> dict[str, Any]:
    value = float(rows.value[place])
    return {
        "interval_start": _instant(rows.interval_start[place]),
        "interval_end": _instant(rows.interval_end[place]),
        "value": None if np.isnan(value) else value,
        "state": State(int(rows.state[place])).word,
        "finality": Finality(int(rows.finality[place])).word,
        "source_rank": int(rows.source_rank[place]),
        "flags": list(Flag.words(int(rows.flags[place]))),
        "issued_at": _instant(rows.issued_at[place]),
        "published_at": _instant(rows.published_at[place]),
        "published_basis": PublishedBasis(int(rows.published_basis[place])).word,
    }


def _instant(moment: np.datetime64) -> str | None:
    known = from_instant64(moment)
    return None if known is None else format_instant(known)
