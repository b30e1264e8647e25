"""The AsyncAPI document: which channels there are, what their messages look like, and how streams are kept.

AsyncAPI's binding for NATS knows nothing of JetStream; what it does not say stands under ``x-jetstream``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from carbon254.core.domain import vocabulary
from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.grants import streams_of
from carbon254.core.domain.streams import Stream
from carbon254.core.domain.vocabulary import Finality, Flag, PublishedBasis, State
from carbon254.core.usecases.message_forms import (
    COLUMNS,
    COLUMNS_SCHEMA,
    JSON,
    SERIES_SCHEMA,
    TYPE,
)

VERSION: Final = (
    "1.0.0"  # of subjects and messages; a change that breaks a subscriber is another major
)
_ESCAPED: Final = "One token: bytes outside A-Z a-z 0-9 _ - are written =XX."
_INSTANT: Final = {"type": "string", "format": "date-time"}
_MAYBE: Final = {"type": ["string", "null"], "format": "date-time"}
_SEQUENCE: Final = {"type": "string", "pattern": "^[0-9]{16}-[0-9]{5}$"}


def describe(cards: Mapping[str, MarketCard]) -> dict[str, Any]:
    """An AsyncAPI 3.0 document for the markets that are published."""
    open_ = {
        name: card for name, card in sorted(cards.items()) if card.redistribution != "forbidden"
    }
    channels = {
        "series": _series(open_), "batches": _batches(open_), "heartbeats": _heartbeats(open_),
        "feeds": _alarms(open_, "src.v1.{market}.{dataset}.state", {"dataset": _datasets(open_)}),
        "checks": _alarms(open_, "dq.v1.{market}.{check}", {"check": _one_of(("freshness", "completeness"))}),
    }  # fmt: skip
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "254Carbon streams", "version": VERSION,
            "description": "What markets say, as it becomes known: one stream a market and kind of place.",
        },
        "defaultContentType": JSON,
        "channels": channels,
        "operations": {
            f"receive{name.capitalize()}": {"action": "receive", "channel": {"$ref": f"#/channels/{name}"}}
            for name in channels
        },
        "components": {"schemas": {"SeriesRows": SERIES, "Heartbeat": _HEARTBEAT, "Alarm": _ALARM}},
        "x-jetstream": {"streams": [_stream(one) for one in streams_of(cards)]},
    }  # fmt: skip


def _stream(stream: Stream) -> dict[str, Any]:
    return {"name": stream.name, "subjects": list(stream.subjects)}


def _series(cards: Mapping[str, MarketCard]) -> dict[str, Any]:
    names = {
        "market": _one_of(cards), "run": _one_of(run for card in cards.values() for run in card.runs),
        "measure": {"description": f"A measure of the vocabulary. {_ESCAPED}"},
        "kind": _one_of(vocabulary.kinds()), "location": {"description": f"A place. {_ESCAPED}"},
    }  # fmt: skip
    return {
        "address": "md.v1.{market}.{run}.{measure}.{kind}.{location}",
        "description": "What a commit changed of one series. Hubs, zones and systems; others where asked for.",
        "parameters": names,
        "messages": {
            "rows": _message(JSON, SERIES_SCHEMA, {"$ref": "#/components/schemas/SeriesRows"})
        },
    }


def _batches(cards: Mapping[str, MarketCard]) -> dict[str, Any]:
    names = {
        "market": _one_of(cards), "run": _one_of(run for card in cards.values() for run in card.runs),
        "kind": _one_of(vocabulary.kinds()),
    }  # fmt: skip
    schema = {
        "schemaFormat": COLUMNS,
        "schema": {"description": "An Arrow stream of one record batch", "fields": COLUMN_FIELDS},
    }
    return {
        "address": "batch.v1.{market}.{run}.{kind}",
        "description": "All that a commit changed of a run and a kind of place, in parts where it is large.",
        "parameters": names,
        "messages": {"columns": _message(COLUMNS, COLUMNS_SCHEMA, schema)},
    }


def _heartbeats(cards: Mapping[str, MarketCard]) -> dict[str, Any]:
    return {
        "address": "sys.v1.heartbeat.{market}",
        "description": "That the relay lives; two that do not come are a relay that is dead.",
        "parameters": {"market": _one_of(cards)},
        "messages": {
            "sign": {"contentType": JSON, "payload": {"$ref": "#/components/schemas/Heartbeat"}}
        },
    }


def _alarms(
    cards: Mapping[str, MarketCard], address: str, names: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "address": address,
        "description": "That a dataset is late, not whole, or fails at its source, and that it recovered.",
        "parameters": {"market": _one_of(cards), **names},
        "messages": {
            "alarm": {"contentType": JSON, "payload": {"$ref": "#/components/schemas/Alarm"}}
        },
    }


def _datasets(cards: Mapping[str, MarketCard]) -> dict[str, Any]:
    return _one_of(name for card in cards.values() for name in card.datasets)


def _one_of(words: Any) -> dict[str, Any]:
    return {"enum": sorted(set(words))}


def _message(media_type: str, schema: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {"contentType": media_type, "headers": _headers(media_type, schema), "payload": payload}


def _headers(media_type: str, schema: str) -> dict[str, Any]:
    """CloudEvents attributes, and the id by which a repeat is known."""
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["Nats-Msg-Id", "ce-id", "ce-sequence", "ce-recordedat", "ce-type"],
        "properties": {
            "Nats-Msg-Id": {**text, "description": "Equal to ce-id; derived from the content."},
            "ce-specversion": {"const": "1.0"}, "ce-id": text, "ce-source": text, "ce-type": {"const": TYPE},
            "ce-subject": {**text, "description": "A series id, or a pattern of series."},
            "ce-time": {**_INSTANT, "description": "The latest publication among the rows."},
            "ce-recordedat": {**_INSTANT, "description": "When the rows became known here."},
            "ce-datacontenttype": {"const": media_type}, "ce-dataschema": {"const": schema},
            "ce-sequence": {**_SEQUENCE, "description": "Grows on a subject: microseconds of recordedat, part."},
            "ce-previous": {**_SEQUENCE, "description": "The sequence before it on the subject, where known."},
            "ce-part": {**text, "pattern": "^[0-9]+$"}, "ce-more": {"enum": ["true", "false"]},
            "ce-synthetic": {"const": "true", "description": "There where numbers are made up."},
        },
    }  # fmt: skip


_ROW: Final = {
    "interval_start": _INSTANT, "interval_end": _INSTANT, "value": {"type": ["number", "null"]},
    "state": {"enum": [State(n).word for n in range(4)]}, "finality": {"enum": [one.word for one in Finality]},
    "source_rank": {"type": "integer"}, "issued_at": _MAYBE, "published_at": _MAYBE,
    "flags": {"type": "array", "items": {"enum": [(flag.name or "").lower() for flag in Flag]}},
    "published_basis": {"enum": [one.word for one in PublishedBasis]},
}  # fmt: skip
SERIES: Final[dict[str, Any]] = {
    "$id": SERIES_SCHEMA,
    "type": "object",
    "required": ["series", "unit", "rows"],
    "additionalProperties": False,
    "properties": {
        "series": {"type": "string"},
        "unit": {"type": "string"},
        "rows": {
            "type": "array",
            "items": {
                "type": "object", "required": sorted(_ROW), "properties": _ROW, "additionalProperties": False,
            },
        },
    },
}  # fmt: skip
_HEARTBEAT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["market", "at", "every_seconds"],
    "properties": {
        "market": {"type": "string"},
        "at": _INSTANT,
        "every_seconds": {"type": "number"},
    },
}
_ALARM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "market", "dataset", "check", "at"],
    "properties": {
        "type": {"enum": ["FeedLate", "FeedRecovered"]}, "market": {"type": "string"}, "dataset": {"type": "string"},
        "check": {"enum": ["freshness", "completeness", "source"]}, "at": _INSTANT, "since": _INSTANT,
        "reason": {"type": "string"}, "code": {"type": "string"}, "synthetic": {"type": "boolean"},
    },
}  # fmt: skip
COLUMN_FIELDS: Final = {
    "series": "dictionary<int32, string>", "unit": "dictionary<int32, string>",
    "interval_start": "timestamp[us, UTC]", "interval_end": "timestamp[us, UTC]", "value": "double, null where not ok",
    "state": "dictionary<int8, string>", "finality": "dictionary<int8, string>", "source_rank": "int32",
    "flags": "uint32, bits", "issued_at": "timestamp[us, UTC]", "published_at": "timestamp[us, UTC]",
    "published_basis": "dictionary<int8, string>",
}  # fmt: skip
