"""Which auction a price comes from: dated facts of ``coupling.toml`` (VOCABULARY §3).

Sequence 2 is the second auction of DE-LU and AT and stays it when sequence 1 is absent: then SDAC is late.
"""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from carbon254.core.domain.errors import FeedFormatChanged

_PATH = Path(__file__).with_name("coupling.toml")
_SESSIONS = frozenset("123456")
_AUCTIONS = frozenset("123")


@cache
def _facts() -> dict[str, Any]:
    return tomllib.loads(_PATH.read_text(encoding="utf-8"))


@cache
def _spans() -> dict[str, list[tuple[date, date]]]:
    spans: dict[str, list[tuple[date, date]]] = {}
    for row in _facts()["sdac"]:
        spans.setdefault(row["zone"], []).append((row["from"], row.get("to", date.max)))
    return spans


def coupled(zone: str, day: date) -> bool:
    """Whether SDAC held the zone on a delivery day in Brussels."""
    return any(start <= day < end for start, end in _spans().get(zone, ()))


def day_ahead_run(zone: str, day: date, sequence: str | None) -> str:
    """The run of a day-ahead price. Raises `FeedFormatChanged` for a sequence that we do not know."""
    if sequence in (None, "1"):
        return "day_ahead-sdac" if coupled(zone, day) else "day_ahead-local"
    if sequence == "2" and zone in _facts()["second_auction"]:
        return "day_ahead-exaa"
    raise FeedFormatChanged(f"day-ahead sequence {sequence} of {zone} is not known.")


def intraday_run(zone: str, day: date, sequence: str | None) -> str:
    """The run of an intraday auction's price: sessions before the European auctions began, those afterwards."""
    european = day >= _facts()["ida_from"]
    if sequence not in (_AUCTIONS if european else _SESSIONS):
        raise FeedFormatChanged(f"intraday sequence {sequence} of {zone} on {day} is not known.")
    return f"intraday-ida{sequence}" if european else f"intraday-s{sequence}"


def unnumbered(zone: str, day: date, resolution: str) -> str | None:
    """The sequence of a day-ahead series in documents from before October 2024, which number no auction."""
    second = has_two_auctions(zone) and day < _facts()["quarter_hours_from"]
    return "2" if second and resolution == "PT15M" else None


def sequence_of(run: str) -> str | None:
    """The sequence that a run has on the wire; None for a run that may do without one."""
    if run == "day_ahead-exaa":
        return "2"
    return run[-1] if run.startswith("intraday-") else None


def has_two_auctions(zone: str) -> bool:
    """Whether the zone's day-ahead series carry a sequence."""
    return zone in _facts()["second_auction"]
