"""One dataset of one document as a `Reading`: every point becomes numbers or is counted with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from attrs import define, field, frozen

from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.observations import NAT, Column, Finding, Reading
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.plugins.markets.entsoe.curve import Rows, expand, in_order
from carbon254.plugins.markets.entsoe.issue import issued_at
from carbon254.plugins.markets.entsoe.meaning import Context, Interpreter, Meaning
from carbon254.plugins.markets.entsoe.wire import Envelope, Period, Points
from carbon254.ports.unpacking import SeriesTable, pack_locators

_FINALITY = {"A01": Finality.PRELIMINARY, "A02": Finality.FINAL}
_COLUMNS = (
    "code",
    "interval_start",
    "interval_end",
    "value",
    "locator",
    "state",
    "finality",
    "source_rank",
    "flags",
)


@frozen
class Family:
    """What a dataset reads: document type, the element with the number, and what a series means."""

    type: str
    value: str
    meaning: Interpreter


@frozen
class Origin:
    """What every number of a series has from its document: member, revision, status, and how its curve is drawn."""

    part: int
    revision: int
    status: Finality
    curve: str


@define(eq=False)
class Builder:
    """Collects the numbers of the members of one document."""

    context: Context
    family: Family
    table: SeriesTable = field(factory=SeriesTable)
    blocks: list[dict[str, Any]] = field(factory=list)
    envelopes: list[Envelope] = field(factory=list)
    spans: dict[tuple[int, SeriesId], list[Window]] = field(factory=dict)  # by member and series
    ignored: Counter[str] = field(factory=Counter)
    notes: Counter[tuple[str, str]] = field(factory=Counter)

    def add(self, part: int, envelope: Envelope) -> None:
        """Take in a member."""
        self.envelopes.append(envelope)
        status = self._status(envelope)
        for series in envelope.series:
            origin = Origin(part, envelope.revision, status, series.facts.get("curveType", "A01"))
            for period in series.periods:
                for category, points in _by_category(period.points):
                    meaning = self.family.meaning(self.context, envelope, series, period, category)
                    if isinstance(meaning, str):
                        self.ignored[meaning] += len(points.row)
                    else:
                        self._take(meaning, origin, period, points)

    def _status(self, envelope: Envelope) -> Finality:
        if envelope.status is None:
            return Finality[self.context.dataset.finality.upper()]
        if envelope.status not in _FINALITY:
            raise FeedFormatChanged(f"docStatus '{envelope.status}' is not A01 or A02.")
        return _FINALITY[envelope.status]

    def _take(self, meaning: Meaning, origin: Origin, period: Period, points: Points) -> None:
        points, twice = in_order(points)
        rows, absent = expand(period.window, period.resolution, origin.curve, points)
        series = meaning.series
        self.spans.setdefault((origin.part, series), []).append(period.window)
        self.notes["duplicates", "identical points stand more than once"] += twice
        self.notes["absent", "intervals of a Period have no number"] += absent
        if self.context.market.place(series.kind, series.location) is None:
            unlisted = f"{series.kind} {series.location} is not in the market's list"
            self.notes["unlisted_place", unlisted] += 1
        value = points.value[rows.source] * meaning.sign
        block = {
            "code": self.table.code(series, meaning.unit),
            "interval_start": rows.start,
            "interval_end": rows.end,
            "value": value + 0.0,  # a negated zero is zero
            "locator": pack_locators(origin.part, points.row[rows.source], 0),
            "state": np.where(np.isnan(value), State.MISSING, State.OK),
            "finality": int(origin.status),
            "source_rank": origin.revision,
            "flags": self._flags(rows, points),
            "issued_at": self._issued(series.run, rows),
        }
        length = len(value)
        self.blocks.append({name: np.broadcast_to(one, length) for name, one in block.items()})

    def _flags(self, rows: Rows, points: Points) -> Column:
        flags = np.where(rows.filled, int(Flag.BLOCK_FILLED), 0)
        if points.quality is not None:
            words = {
                code: self.context.word("quality", code) for code in set(points.quality.tolist())
            }
            bits = {code: int(Flag[word.upper()]) if word else 0 for code, word in words.items()}
            flags = flags | np.array([bits[code] for code in points.quality.tolist()])[rows.source]
        return flags

    def _issued(self, run: str, rows: Rows) -> Any:
        if not run.startswith("forecast"):
            return NAT
        return issued_at(self.context.dataset.enums["issued"][run], rows.start, rows.end)

    def reading(self) -> Reading:
        """The whole document's reading. Raises `FeedFormatChanged` when the dataset reads nothing of it."""
        if not self.blocks:
            raise FeedFormatChanged(
                f"the document holds nothing that this dataset reads: {dict(self.ignored)}."
            )
        names = (*_COLUMNS, "issued_at")
        columns = {name: np.concatenate([block[name] for block in self.blocks]) for name in names}
        if len(self.envelopes) > 1:
            columns = self._settle(columns)
        points = sum(envelope.points for envelope in self.envelopes)
        made = Reading(
            self.table.series,
            self.table.units,
            **columns,
            document_stamp=max(envelope.created for envelope in self.envelopes),
            covers=_hull([envelope.window for envelope in self.envelopes]),
            rows_read=points - self.ignored.total(),
            rows_ignored=dict(self.ignored),
            findings=self._findings(),
        )
        _refuse_overlaps(made)
        return made

    def _settle(self, columns: dict[str, Column]) -> dict[str, Column]:
        """Of one interval in members of different status or revision keep the greatest: one document has one word."""
        keys = [columns[name] for name in ("issued_at", "interval_end", "interval_start", "code")]
        order = np.lexsort([columns["source_rank"], columns["finality"], *keys])
        same = np.logical_and.reduce([(key[order][1:] == key[order][:-1]) for key in keys[1:]])
        same &= keys[0][order][1:].view(np.int64) == keys[0][order][:-1].view(np.int64)
        rank = [columns[name][order] for name in ("finality", "source_rank")]
        outdone = same & ((rank[0][1:] > rank[0][:-1]) | (rank[1][1:] > rank[1][:-1]))
        self.notes["outdone", "intervals stand in members of lower status as well"] += int(
            outdone.sum()
        )
        keep = order[np.append(~outdone, True)]
        return {name: column[keep] for name, column in columns.items()}

    def _findings(self) -> tuple[Finding, ...]:
        holes = sum(_holes(windows) for windows in self.spans.values())
        self.notes["absent", "a hole between Periods: its intervals are missing"] += holes
        noted = [Finding(*note, count) for note, count in self.notes.items() if count]
        added = sorted({name for envelope in self.envelopes for name in envelope.added})
        said = "element {} of a Point is not read"
        return (*noted, *(Finding("added_column", said.format(name)) for name in added))


def _refuse_overlaps(reading: Reading) -> None:
    """Refuse one series in two resolutions for the same time: which auction each is of cannot be told."""
    later = (np.diff(reading.code) == 0) & (reading.interval_start[1:] < reading.interval_end[:-1])
    if later.any():
        row = int(np.flatnonzero(later)[0]) + 1
        raise FeedFormatChanged(
            f"{reading.series[reading.code[row]]}: intervals of different length overlap at "
            f"{reading.interval_start[row]}Z."
        )


def _by_category(points: Points) -> Iterator[tuple[str | None, Points]]:
    if points.category is None:
        yield None, points
        return
    for category in np.unique(points.category).tolist():
        yield category, points.take(points.category == category)


def _holes(windows: list[Window]) -> int:
    """How often windows, in whatever order, leave time out between them."""
    ordered = sorted(windows)
    holes, end = 0, ordered[0].end
    for window in ordered[1:]:
        holes += window.start > end
        end = max(end, window.end)
    return holes


def _hull(windows: list[Window]) -> Window | None:
    """The span of the members where they leave no hole; else the document covers nothing as a whole."""
    if _holes(windows):
        return None
    return Window(min(window.start for window in windows), max(window.end for window in windows))
