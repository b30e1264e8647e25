"""Tables as they leave: columns of instants, numbers, texts and flags, before any format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any, Final, Literal

import numpy as np
from attrs import frozen

from carbon254.core.domain.observations import Column
from carbon254.core.domain.time import zone
from carbon254.core.domain.vocabulary import Flag

Kind = Literal["instant", "number", "text", "count", "flags", "truth"]
_MICRO: Final = 1_000_000


@frozen(eq=False)
class Cells:
    """One column: datetime64, float64 with NaN, flag bits, or a list of texts or whole numbers with None."""

    kind: Kind
    values: Any

    def __len__(self) -> int:
        return len(self.values)

    def plain(self, *, flags_apart: bool) -> list[Any]:
        """Values as JSON has them; flags as lists of words, or as one text with ``|``."""
        if self.kind == "instant":
            return instants(self.values)
        if self.kind == "number":
            return numbers(self.values)
        if self.kind == "flags":
            return _flags(self.values, apart=flags_apart)
        return list(self.values)


Table = Mapping[str, Cells]


def instants(column: Column) -> list[str | None]:
    """Instants as ISO 8601 in UTC, with fractions only where the column has any; None where there is none."""
    if not len(column):
        return []
    moments = column.view(np.int64)
    first = np.flatnonzero(np.append(True, moments[1:] != moments[:-1]))
    if len(first) * 2 > len(column):
        return _written(column)
    # Rows of a document, or without an issue, share an instant: it is written once.
    texts = _written(column[first])
    lengths = np.diff(first, append=len(column)).tolist()
    return [
        text for text, length in zip(texts, lengths, strict=True) for text in repeat(text, length)
    ]


def _written(column: Column) -> list[str | None]:
    absent = np.isnat(column)
    whole = absent.all() or not (column[~absent].view(np.int64) % _MICRO).any()
    unit: Literal["s", "us"] = "s" if whole else "us"
    texts: list[str | None] = np.datetime_as_string(column, unit=unit, timezone="UTC").tolist()
    if not absent.any():
        return texts
    return [None if gone else text for text, gone in zip(texts, absent.tolist(), strict=True)]


def numbers(column: Column) -> list[float | None]:
    """Numbers, None where there is none."""
    values: list[float | None] = column.tolist()
    if not np.isnan(column).any():
        return values
    return [None if value != value else value for value in values]


def local(column: Column, zone_name: str) -> Cells:
    """Instants as a zone's clocks show them, with their offset."""
    place = zone(zone_name)
    from datetime import UTC

    moments = (None if one is None else one.replace(tzinfo=UTC) for one in column.tolist())
    return Cells("text", [one and one.astimezone(place).isoformat() for one in moments])


def _flags(bits: Column, *, apart: bool) -> list[Any]:
    known: dict[int, Any] = {one: Flag.words(one) for one in np.unique(bits).tolist()}
    if not apart:
        known = {one: "|".join(told) for one, told in known.items()}
    if len(known) == 1:
        return [*known.values()] * len(bits)
    return [known[one] for one in bits.tolist()]


def words(codes: Column, kind: type[Any], there: Column | None = None) -> Cells:
    """Codes as the vocabulary's words; None where ``there`` says that no row is meant."""
    table = np.array([one.word for one in kind], dtype=object)
    texts = table[codes]
    if there is not None and not there.all():
        texts[~there] = None
    return Cells("text", texts.tolist())


def texts(values: Sequence[Any]) -> Cells:
    """A column of texts."""
    return Cells("text", [None if value is None else str(value) for value in values])


def counts(values: Sequence[int | None]) -> Cells:
    """A column of whole numbers."""
    return Cells("count", list(values))


def figures(values: Sequence[float | None]) -> Cells:
    """A column of numbers."""
    found = [np.nan if value is None else value for value in values]
    return Cells("number", np.array(found, dtype=np.float64))


def moments(values: Sequence[Any]) -> Cells:
    """A column of aware instants or None."""
    from carbon254.core.domain.observations import INSTANT, NAT, instant64

    found = [NAT if value is None else instant64(value) for value in values]
    return Cells("instant", np.array(found, dtype=INSTANT))
