"""What checks of values return, and two of them: limits and duplicates.

None removes or quarantines a row: a `Verdict` names the rows to flag `SUSPECT`, and what to tell, one finding for
each series concerned. Further checks: `spikes`, `totals` (parts that add up) and `completeness` (arrival). Nothing
here asks what time it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from functools import reduce
from typing import Literal

import numpy as np
from attrs import frozen

from carbon254.core.domain.cards import Limit, MarketCard
from carbon254.core.domain.expectations import day_zone_of
from carbon254.core.domain.observations import (
    Column,
    Observations,
    Reading,
    as_int,
    from_instant64,
    instant64,
    key_order,
    same_key,
)
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import local_instant
from carbon254.core.domain.vocabulary import State

Severity = Literal["info", "warning", "error"]
Rows = Reading | Observations


@frozen(eq=False)
class QualityFinding:
    """What a rule found in a series between two instants; ``count`` intervals are concerned."""

    rule: str
    series: SeriesId | None
    interval_start: datetime | None
    interval_end: datetime | None
    message: str
    severity: Severity = "warning"
    count: int = 1


@frozen(eq=False)
class Verdict:
    """Rows of the table to flag, in order and each once, and what to tell."""

    rows: Column
    findings: tuple[QualityFinding, ...] = ()

    @classmethod
    def join(cls, verdicts: Iterable[Verdict]) -> Verdict:
        """All verdicts on one table as one."""
        every = list(verdicts)
        rows: Column = reduce(np.union1d, [one.rows for one in every], np.zeros(0, dtype=np.int64))
        return cls(rows, tuple(finding for one in every for finding in one.findings))


def verdict(
    table: Rows, rows: Column, rule: str, text: str, severity: Severity = "warning"
) -> Verdict:
    """Return the rows with one finding for each series; its first row is told as an example."""
    rows = np.sort(rows)
    findings = []
    codes, first, counts = np.unique(table.code[rows], return_index=True, return_counts=True)
    for code, example, count in zip(codes, rows[first], counts, strict=True):
        own = rows[table.code[rows] == code]
        findings.append(
            QualityFinding(
                rule,
                table.series[code],
                from_instant64(table.interval_start[own].min()),
                from_instant64(table.interval_end[own].max()),
                f"{text}; first {table.value[example]:g} at {table.interval_start[example]}Z",
                severity,
                int(count),
            )
        )
    return Verdict(rows, tuple(findings))


def check_limits(card: MarketCard, table: Rows) -> Verdict:
    """Find prices outside the limits that the card has for their run and delivery day.

    Measure ``price`` only: a price before caps or in another currency has other limits. Offer caps do not bound
    congestion, so what is outside is flagged and stays.
    """
    outside = np.zeros(len(table), dtype=bool)
    groups: dict[tuple[str, str, time], list[int]] = {}
    for code, series in enumerate(table.series):
        dataset = card.feeding(series)
        if series.measure == "price" and dataset is not None:
            key = (series.run, day_zone_of(card, dataset, series), dataset.day_start)
            groups.setdefault(key, []).append(code)
    for (run, zone_name, day_start), codes in groups.items():
        if not card.runs[run].limits:
            continue
        rows = np.flatnonzero(np.isin(table.code, codes))
        starts = table.interval_start[rows]
        floor, cap = _bounds(card.runs[run].limits, starts, zone_name, day_start)
        outside[rows] = (table.value[rows] < floor) | (table.value[rows] > cap)
    found = np.flatnonzero(outside & (table.state == State.OK))
    return verdict(table, found, "limits", "outside the market's price limits")


def _bounds(
    limits: Sequence[Limit], starts: Column, zone_name: str, day_start: time
) -> tuple[Column, Column]:
    """Floor and cap of every row; of limits that hold on one day the first in the card counts."""
    floor, cap = np.full(len(starts), -np.inf), np.full(len(starts), np.inf)
    for limit in reversed(limits):
        holds = np.ones(len(starts), dtype=bool)
        if limit.from_ is not None:
            holds &= starts >= _day_edge(limit.from_, zone_name, day_start)
        if limit.to is not None:
            holds &= starts < _day_edge(limit.to, zone_name, day_start)
        floor[holds] = -np.inf if limit.floor is None else limit.floor
        cap[holds] = np.inf if limit.cap is None else limit.cap
    return floor, cap


def _day_edge(day: date, zone_name: str, day_start: time) -> np.datetime64:
    return instant64(local_instant(day, day_start, zone_name))


def check_duplicates(table: Rows) -> Verdict:
    """Find rows that stand twice with one key, and rows of a series (and issue) that overlap others.

    Rows recorded at different instants are revisions, not duplicates.
    """
    order = key_order(table)
    ordered = table.take(order)
    recorded = as_int(getattr(ordered, "recorded_at", ordered.issued_at))
    twice = (
        same_key(ordered) & (recorded[1:] == recorded[:-1])
        if len(table)
        else np.zeros(0, dtype=bool)
    )
    value = ordered.value
    equal = (value[1:] == value[:-1]) | (np.isnan(value[1:]) & np.isnan(value[:-1]))
    return Verdict.join(
        [
            verdict(
                table, order[1:][twice & equal], "duplicates", "identical rows stand more than once"
            ),
            verdict(
                table,
                order[1:][twice & ~equal],
                "duplicates",
                "one interval has different values",
                "error",
            ),
            verdict(
                table,
                _overlapping(table),
                "overlaps",
                "the interval overlaps the one before it",
                "error",
            ),
        ]
    )


def _overlapping(table: Rows) -> Column:
    issued = as_int(table.issued_at)
    recorded = as_int(getattr(table, "recorded_at", table.issued_at))
    order = np.lexsort((table.interval_end, table.interval_start, recorded, issued, table.code))
    same = np.ones(max(len(order) - 1, 0), dtype=bool)
    for part in (table.code, issued, recorded):
        same &= part[order][1:] == part[order][:-1]
    start, end = table.interval_start[order], table.interval_end[order]
    differs = (start[1:] != start[:-1]) | (end[1:] != end[:-1])
    rows: Column = order[1:][same & differs & (start[1:] < end[:-1])]
    return rows
