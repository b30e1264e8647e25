"""Values as tables: below one another, or side by side, with what was made of them above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from carbon254.adapters.http.cursors import Pinned
from carbon254.adapters.http.parameters import ValuesAsked
from carbon254.adapters.http.replies import Made
from carbon254.adapters.http.tables import Cells, Table, local, words
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Column
from carbon254.core.domain.time import format_instant
from carbon254.core.domain.vocabulary import Finality, PublishedBasis, State
from carbon254.core.usecases.values import Position, Values

USUAL: Final = (
    "interval_start", "interval_end", "interval_start_local", "interval_end_local", "value", "state", "finality",
    "flags", "issued_at", "published_at", "recorded_at", "block", "hours", "hours_expected", "capture_rate",
    "mean_price", "energy_mwh", "volume_finality",
)  # fmt: skip
COLUMNS: Final = ("series", "unit", *USUAL, "source_rank", "published_basis")
_INSTANTS: Final = frozenset(
    ("interval_start", "interval_end", "issued_at", "published_at", "recorded_at")
)
_WORDS: Final = {
    "state": State, "finality": Finality, "volume_finality": Finality, "published_basis": PublishedBasis,
}  # fmt: skip
_CHANGING: Final = (State.PENDING, State.LATE)


def made_of(
    values: Sequence[Values],
    after: Position | None,
    asked: ValuesAsked,
    pinned: Pinned,
    *,
    one: bool,
) -> Made:
    """Values below one another; ``one`` names the series once, above its rows."""
    names = _columns(values, asked, one=one)
    table = {name: _joined([_cells(part, name, asked) for part in values], name) for name in names}
    about = [_about(part) for part in values]
    head = {**(about[0] if one and about else {"series": about}), **_clocks(asked, pinned, values)}
    place = None if after is None else (str(after.series), *after.key)
    return _made(head, table, place, values, pinned)


def made_wide(values: Sequence[Values], asked: ValuesAsked, pinned: Pinned) -> Made:
    """A row for each interval, and for each series its value and its state there."""
    if asked.columns is not None:
        raise InvalidRequest(
            "columns: side by side there is one for each series; ask for layout=long."
        )
    spans = sorted({span for part in values for span in _spans(part)})
    place = {span: n for n, span in enumerate(spans)}
    edges = np.array(spans, dtype="datetime64[us]").reshape(len(spans), 2)
    table = {
        "interval_start": Cells("instant", edges[:, 0]),
        "interval_end": Cells("instant", edges[:, 1]),
    }
    if asked.timezone:
        table |= {
            f"{name}_local": local(table[name].values, asked.timezone) for name in list(table)
        }
    for part in values:
        rows = [place[span] for span in _spans(part)]
        if len(set(rows)) < len(rows):
            raise InvalidRequest("a history has several rows an interval: ask for layout=long.")
        value, state = np.full(len(spans), np.nan), np.full(len(spans), State.NOT_APPLICABLE)
        value[rows], state[rows] = part.columns["value"], part.columns["state"]
        table[str(part.series)] = Cells("number", value)
        table[f"{part.series} state"] = words(state, State)
    head = {"series": [_about(part) for part in values], **_clocks(asked, pinned, values)}
    return _made(head, table, None, values, pinned)


def _spans(part: Values) -> list[tuple[Any, Any]]:
    start, end = part.columns["interval_start"], part.columns["interval_end"]
    return list(zip(start.tolist(), end.tolist(), strict=True))


def _made(
    head: Mapping[str, Any],
    table: Table,
    place: tuple[Any, ...] | None,
    values: Sequence[Values],
    pinned: Pinned,
) -> Made:
    changing = any(np.isin(part.columns["state"], _CHANGING).any() for part in values)
    facts = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in head.items()
        if isinstance(value, str | bool)
    }
    return Made(head, table, place, pinned.as_of, bool(head["synthetic"]), changing, facts)


def _about(part: Values) -> dict[str, Any]:
    return {"series": str(part.series), "unit": part.unit, **part.done}


def _clocks(asked: ValuesAsked, pinned: Pinned, values: Sequence[Values]) -> dict[str, Any]:
    clocks = {"as_of": pinned.as_of, "published_by": asked.published_by}
    told = {name: one and format_instant(one) for name, one in clocks.items()}
    return {**told, "synthetic": any(part.synthetic for part in values)}


def _columns(values: Sequence[Values], asked: ValuesAsked, *, one: bool) -> list[str]:
    there = {"series", "unit"}.union(*(part.columns for part in values))
    if asked.timezone:
        there |= {"interval_start_local", "interval_end_local"}
    if asked.block:
        there.add("block")
    if asked.columns is None:
        return [name for name in (*(() if one else ("series", "unit")), *USUAL) if name in there]
    wanted = asked.columns.split(",")
    known = there & set(COLUMNS) if values else set(COLUMNS)
    if unknown := [name for name in wanted if name not in known]:
        raise InvalidRequest(
            f"columns: there is no '{unknown[0][:64]}'; there are {', '.join(c for c in COLUMNS if c in known)}."
        )
    return list(dict.fromkeys(wanted))


def _cells(part: Values, name: str, asked: ValuesAsked) -> Cells:
    """A column of one series, ready to be written."""
    if name in ("series", "unit", "block"):
        text = {"series": str(part.series), "unit": part.unit, "block": asked.block}[name]
        return Cells("text", [text] * len(part))
    if name.endswith("_local"):
        return local(part.columns[name.removesuffix("_local")], str(asked.timezone))
    if name not in part.columns:
        return Cells("number", np.full(len(part), np.nan))
    return _of_kind(name, part.columns[name], part.columns["stored"])


def _of_kind(name: str, column: Column, stored: Column) -> Cells:
    if name in _INSTANTS:
        return Cells("instant", column)
    if name == "flags":
        return Cells("flags", column)
    if name == "source_rank":
        return Cells("count", column.tolist())
    if name in _WORDS:
        return words(column, _WORDS[name], None if name == "state" else stored)
    return Cells("number", column)


def _joined(parts: Sequence[Cells], name: str) -> Cells:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Cells("instant" if name in _INSTANTS else "text", np.zeros(0, "M8[us]"))
    kind = parts[0].kind
    if isinstance(parts[0].values, list):
        return Cells(kind, [value for part in parts for value in part.values])
    return Cells(kind, np.concatenate([part.values for part in parts]))
