"""Series answers and readings as the columns that are printed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from carbon254.core.domain.observations import Column, Reading
from carbon254.core.domain.units import currency_of
from carbon254.core.domain.vocabulary import Finality, Flag, PublishedBasis, State
from carbon254.core.usecases.query_series import SeriesAnswer

READ_COLUMNS = (
    "series", "interval_start", "interval_end", "value", "unit", "currency", "state", "finality", "flags", "issued_at",
    "published_at",
)  # fmt: skip


def of_answers(answers: Sequence[SeriesAnswer]) -> dict[str, list[Any]]:
    """All answers below one another; a gap has a state, no value and no finality."""
    names = (*READ_COLUMNS, "published_basis", "recorded_at")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for one in answers:
        there = one.batch >= 0
        _extend(columns, str(one.series), one.unit, one, len(one))
        columns["finality"] += _words(Finality, one.finality, there)
        columns["published_basis"] += _words(PublishedBasis, one.published_basis, there)
        columns["recorded_at"] += instants(one.recorded_at)
    return columns


def of_readings(readings: Sequence[Reading]) -> dict[str, list[Any]]:
    """What parsers read, in the order of the documents."""
    columns: dict[str, list[Any]] = {name: [] for name in READ_COLUMNS}
    for one in readings:
        names, units = [str(series) for series in one.series], list(one.units)
        currencies = [currency_of(unit) or "" for unit in units]
        codes = one.code.tolist()
        columns["series"] += [names[code] for code in codes]
        columns["unit"] += [units[code] for code in codes]
        columns["currency"] += [currencies[code] for code in codes]
        _values(columns, one)
        columns["finality"] += _words(Finality, one.finality, np.ones(len(one), dtype=bool))
    return columns


def _extend(columns: dict[str, list[Any]], series: str, unit: str, table: Any, length: int) -> None:
    columns["series"] += [series] * length
    columns["unit"] += [unit] * length
    columns["currency"] += [currency_of(unit) or ""] * length
    _values(columns, table)


def _values(columns: dict[str, list[Any]], table: Any) -> None:
    columns["interval_start"] += instants(table.interval_start)
    columns["interval_end"] += instants(table.interval_end)
    columns["value"] += [None if value != value else value for value in table.value.tolist()]
    columns["state"] += [State(code).word for code in table.state.tolist()]
    columns["flags"] += _flags(table.flags)
    columns["issued_at"] += instants(table.issued_at)
    columns["published_at"] += instants(table.published_at)


def _flags(bits: Column) -> list[str]:
    words = {code: "|".join(Flag.words(code)) for code in np.unique(bits).tolist()}
    return [words[code] for code in bits.tolist()]


def _words(words: Any, codes: Column, there: Column) -> list[str]:
    return [
        words(code).word if here else ""
        for code, here in zip(codes.tolist(), there.tolist(), strict=True)
    ]


def instants(column: Column) -> list[datetime | None]:
    """Instants as aware datetimes in UTC, None where there is none."""
    return [None if moment is None else moment.replace(tzinfo=UTC) for moment in column.tolist()]
