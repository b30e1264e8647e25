"""Parts and totals: do the parts of a price, or the fuels of a generation, add up (VOCABULARY §4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from carbon254.core.domain.cards import AddsUp
from carbon254.core.domain.observations import Column, as_int
from carbon254.core.domain.quality import Rows, Verdict, verdict
from carbon254.core.domain.vocabulary import State

_ROUNDING: Final = 1e-12  # of the sum of magnitudes: what adding in float64 may be off


def check_adds_up(table: Rows, rules: Sequence[AddsUp]) -> Verdict:
    """Find totals that differ from the sum of their parts by more than the market's tolerance.

    Parts are measures of the same market, run, kind and location, over the same interval and issue. A part that is
    `NOT_APPLICABLE`, or optional and absent, counts 0; one that is needed and not there is a finding of its own.
    """
    return Verdict.join(one for rule in rules for one in _adds_up(table, rule))


def _adds_up(table: Rows, rule: AddsUp) -> list[Verdict]:
    names = (rule.total, *rule.parts, *(part for part in rule.optional if part not in rule.parts))
    rows, cell, column = _cells(table, names)
    if not len(rows):
        return []
    number = np.full((cell.max() + 1, len(names)), np.nan)
    state = table.state[rows]
    number[cell, column] = np.where(state == State.OK, table.value[rows], np.nan)
    number[cell[state == State.NOT_APPLICABLE], column[state == State.NOT_APPLICABLE]] = 0.0
    absent = np.ones(number.shape, dtype=bool)
    absent[cell, column] = False
    optional = np.array([name in rule.optional for name in names])
    number[absent & optional] = 0.0
    total_row = np.full(len(number), -1)
    total_row[cell[column == 0]] = rows[column == 0]
    has_total = (total_row >= 0) & ~np.isnan(number[:, 0]) & (table.state[total_row] == State.OK)
    parts = number[:, 1:]
    whole = ~np.isnan(parts).any(axis=1)
    slack = rule.tolerance + _ROUNDING * np.abs(np.where(np.isnan(number), 0, number)).sum(axis=1)
    wrong = has_total & whole & (np.abs(number[:, 0] - parts.sum(axis=1)) > slack)
    text = f"'{rule.total}' differs from the sum of its parts by more than {rule.tolerance:g}"
    unknown = verdict(
        table,
        total_row[has_total & ~whole],
        "adds_up",
        f"'{rule.total}' has a part that is not there",
    )
    return [
        verdict(table, total_row[wrong], "adds_up", text),
        Verdict(total_row[:0], unknown.findings),
    ]


def _cells(table: Rows, names: Sequence[str]) -> tuple[Column, Column, Column]:
    """Rows of the measures, with a number for each (place, interval, issue) and the measure's column."""
    places: dict[Any, int] = {}
    place = np.full(len(table.series), -1)
    measure = np.zeros(len(table.series), dtype=np.int64)
    for code, series in enumerate(table.series):
        if series.measure in names:
            spot = (series.market, series.run, series.kind, series.location)
            place[code] = places.setdefault(spot, len(places))
            measure[code] = names.index(series.measure)
    rows = np.flatnonzero(place[table.code] >= 0) if len(table) else np.zeros(0, dtype=np.int64)
    keys = [
        place[table.code[rows]],
        as_int(table.interval_start[rows]),
        as_int(table.interval_end[rows]),
    ]
    keys.append(as_int(table.issued_at[rows]))
    order = np.lexsort(keys)
    fresh = np.zeros(len(rows), dtype=bool)
    for key in keys:
        fresh[1:] |= key[order][1:] != key[order][:-1]
    cell = np.empty(len(rows), dtype=np.int64)
    cell[order] = np.cumsum(fresh)
    return rows, cell, measure[table.code[rows]]
