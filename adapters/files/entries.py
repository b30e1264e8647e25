"""The lines of the journal: JSON with a checksum at the end, so that a half-written line is known as such."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import attrs
import msgspec

from carbon254.core.domain.documents import Receipt
from carbon254.core.domain.errors import StoreUnavailable
from carbon254.core.domain.time import format_instant, parse_instant
from carbon254.ports.archive import CommitMark

Entry = Receipt | CommitMark
_KINDS: Final[dict[str, Callable[..., Entry]]] = {"receipt": Receipt, "mark": CommitMark}
_INSTANTS: Final = frozenset({"archived_at", "recorded_at"})
_CHECKED: Final = re.compile(rb'(\{.+),"crc":"([0-9a-f]{8})"\}\n', re.DOTALL)


def encode(entry: Entry) -> bytes:
    """One line for an entry, with its line feed."""
    kind = "receipt" if isinstance(entry, Receipt) else "mark"
    fields = {"kind": kind} | {
        a.name: _plain(getattr(entry, a.name)) for a in attrs.fields(type(entry))
    }
    text = msgspec.json.encode(fields)[:-1]
    return b'%b,"crc":"%08x"}\n' % (text, zlib.crc32(text))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_instant(value)
    return value if isinstance(value, str | bool) else dict(value)


def decode(line: bytes) -> Entry | None:
    """The entry of a whole line; None when the line is cut or damaged.

    Raises `StoreUnavailable` for a whole line that this version cannot read.
    """
    found = _CHECKED.fullmatch(line)
    if found is None or zlib.crc32(found[1]) != int(found[2], 16):
        return None
    fields: dict[str, Any] = msgspec.json.decode(found[1] + b"}")
    for name in _INSTANTS & fields.keys():
        fields[name] = parse_instant(fields[name])
    try:
        return _KINDS[fields.pop("kind")](**fields)
    except (KeyError, TypeError):
        raise StoreUnavailable("The journal was written by a newer version: update this.") from None
