"""Answer a question about series: every interval that was asked for, with a value or the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np
from attrs import evolve, field, frozen

from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.errors import InvalidRequest, NotFound
from carbon254.core.domain.expectations import derive_states
from carbon254.core.domain.observations import (
    Batch,
    Column,
    Observations,
    as_int,
    instant64,
)
from carbon254.core.domain.revisions import current
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, format_instant, utc_or_none
from carbon254.core.domain.units import convert
from carbon254.core.domain.vocabulary import Flag, PublishedBasis, State
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.clock import Clock
from carbon254.ports.storage import SeriesStore


@frozen
class Question:
    """Which series over which window, on which clock; ``unit`` converts exactly, ``vintages`` keeps all issues.

    ``lead`` takes of forecasts only what was issued at least that long before the interval starts.
    ``judged_at`` is the instant at which a gap is pending, late or missing: ``as_of``, or else the present.
    """

    series: tuple[SeriesId, ...] = ()
    patterns: tuple[SeriesPattern, ...] = ()
    window: Window | None = None
    as_of: datetime | None = field(default=None, converter=utc_or_none)
    published_by: datetime | None = field(default=None, converter=utc_or_none)
    include_history: bool = False
    vintages: bool = False
    unit: str | None = None
    judged_at: datetime | None = field(default=None, converter=utc_or_none)
    lead: timedelta | None = None


@frozen(eq=False)
class SeriesAnswer:
    """One series' answer: columns in order of interval start, UTC. Gaps have a state and no value."""

    series: SeriesId
    unit: str
    interval_start: Column
    interval_end: Column
    value: Column
    state: Column
    finality: Column
    flags: Column
    source_rank: Column
    issued_at: Column
    published_at: Column
    published_basis: Column
    recorded_at: Column
    locator: Column
    batch: Column  # index into batches, -1 for a gap
    batches: tuple[Batch, ...]
    as_of: datetime | None
    synthetic: bool

    def __len__(self) -> int:
        return len(self.value)

    def count(self, state: State) -> int:
        """How many intervals are in a state."""
        return int((self.state == state).sum())


@frozen
class QuerySeries:
    """The use case: entitlement, clocks, the current row, gaps with reasons, units."""

    store: SeriesStore
    catalogue: MarketCatalogue
    clock: Clock
    made_up: Callable[[], bool] = bool  # whether the store is synthetic, where no row says so

    def run(self, question: Question, scope: Scope) -> list[SeriesAnswer]:
        """Answer for every series in question, in the order of their ids.

        Raises `NotEntitled` for an exact series outside the scope, `NotFound` for one that neither the store nor a
        card knows, `InvalidRequest` for an ``as_of`` after the last commit.
        """
        if not question.series and not question.patterns:
            raise InvalidRequest(
                "name at least one series or pattern, such as caiso/day_ahead/price/hub/*."
            )
        selection = Selection(
            question.series,
            question.patterns,
            question.window,
            question.as_of,
            question.published_by,
        )
        rows = self.store.read(scope.restrict(selection))
        for one in question.series:
            self._check_known(one, rows)
        now = judged(
            question.judged_at or question.as_of or self.clock.now(), question.published_by
        )
        wanted = sorted({*question.series, *rows.series})
        return [self._answer(one, rows, question, now) for one in wanted]

    def _check_known(self, series: SeriesId, rows: Observations) -> None:
        if series in rows.series:
            return
        card = self.catalogue.cards().get(series.market)
        if card is not None and card.feeding(series) and card.place(series.kind, series.location):
            return
        everything = Scope.everything().restrict(Selection((series,)))
        if not self.store.find(everything):
            raise NotFound(
                f"no series {series} is stored; 'carbon254 series find' lists what there is."
            )

    def _answer(
        self, series: SeriesId, rows: Observations, question: Question, now: datetime
    ) -> SeriesAnswer:
        own = (
            rows.take(rows.code == rows.series.index(series))
            if series in rows.series
            else rows.take([])
        )
        window = question.window
        if question.lead is not None:
            own = own.take(_issued_by(own, question.lead))
        chosen = current(own)
        if not question.vintages:
            chosen = latest_issue(own, chosen)
        now_known = own.take(chosen)
        told = _in_order(own) if question.include_history else now_known
        card = self.catalogue.cards().get(series.market)
        if window is None or card is None:
            inside = _starting_in(told, window)
            return self._columns(series, told, np.flatnonzero(inside), None, question)
        derived = derive_states(
            card, series, window, now, starts=now_known.interval_start, ends=now_known.interval_end,
            states=now_known.state, issued=now_known.issued_at if question.vintages else None,
        )  # fmt: skip
        if question.include_history:
            derived = derived.beside(told, _starting_in(told, window))
        return self._columns(series, told, derived.row, derived, question)

    def _columns(
        self, series: SeriesId, own: Observations, row: Column, derived: object, question: Question
    ) -> SeriesAnswer:
        gap = row < 0
        at = np.where(gap, 0, row)

        def column(name: str, absent: object) -> Column:
            if not len(own):
                return np.full(len(row), absent, dtype=own.column(name).dtype)
            return np.where(
                gap, np.asarray(absent, dtype=own.column(name).dtype), own.column(name)[at]
            )

        start, end, state = (
            column("interval_start", 0),
            column("interval_end", 0),
            column("state", 0),
        )
        if derived is not None:
            start, end, state = derived.interval_start, derived.interval_end, derived.state  # type: ignore[attr-defined]
        nat = np.datetime64("NaT", "us")
        unit = (
            own.units[own.series.index(series)] if series in own.series else self._unit_of(series)
        )
        synthetic = bool((own.flags & np.uint32(Flag.SYNTHETIC)).any()) or (
            not len(own) and self.made_up()
        )
        answer = SeriesAnswer(
            series, unit, start, end, column("value", np.nan), state, column("finality", 0), column("flags", 0),
            column("source_rank", 0), column("issued_at", nat), column("published_at", nat),
            column("published_basis", PublishedBasis.UNKNOWN), column("recorded_at", nat), column("locator", 0),
            np.where(gap, -1, own.batch[at] if len(own) else -1), own.batches,
            question.as_of or self.store.last_recorded(), synthetic,
        )  # fmt: skip
        return in_unit(answer, question.unit)

    def _unit_of(self, series: SeriesId) -> str:
        from carbon254.core.domain.synthetic import unit_of

        card = self.catalogue.cards()[series.market]
        dataset = card.feeding(series)
        return unit_of(card, dataset, series) if dataset else ""


def judged(known_at: datetime, published_by: datetime | None) -> datetime:
    """The instant at which gaps are pending, late or missing: of both clocks, the earlier."""
    return known_at if published_by is None else min(known_at, published_by)


def in_unit(answer: SeriesAnswer, unit: str | None) -> SeriesAnswer:
    """The answer in another unit of the same dimension, exactly, with flag ``converted``."""
    if unit is None or unit == answer.unit:
        return answer
    there = answer.batch >= 0
    return evolve(
        answer,
        unit=unit,
        value=convert(answer.value, answer.unit, unit),
        flags=np.where(there, answer.flags | np.uint32(Flag.CONVERTED), answer.flags),
    )


def latest_issue(rows: Observations, chosen: Column) -> Column:
    """Of rows with issues (forecasts), those of the latest issue for each interval; others as they are."""
    issued = as_int(rows.issued_at)[chosen]
    if not len(chosen) or (issued == np.iinfo(np.int64).min).all():
        return chosen
    order = np.lexsort((issued, rows.interval_end[chosen], rows.interval_start[chosen]))
    ordered = chosen[order]
    start, end = rows.interval_start[ordered], rows.interval_end[ordered]
    last = np.append((start[1:] != start[:-1]) | (end[1:] != end[:-1]), True)
    newest: Column = ordered[last]
    return newest


def _issued_by(rows: Observations, lead: timedelta) -> Column:
    """Rows without an issue, and those issued at least ``lead`` before their interval starts."""
    mask: Column = np.isnat(rows.issued_at) | (
        rows.issued_at <= rows.interval_start - np.timedelta64(lead)
    )
    return mask


def _in_order(rows: Observations) -> Observations:
    """Every revision, in the order of intervals, issues, and when each was recorded."""
    keys = (rows.recorded_at, as_int(rows.issued_at), rows.interval_end, rows.interval_start)
    return rows.take(np.lexsort(keys))


def _starting_in(rows: Observations, window: Window | None) -> Column:
    if window is None:
        return np.ones(len(rows), dtype=bool)
    return (rows.interval_start >= instant64(window.start)) & (
        rows.interval_start < instant64(window.end)
    )


def note(answers: Sequence[SeriesAnswer]) -> Iterator[str]:
    """What a reader of these answers must be told: made-up values, and the instant they are as of."""
    if any(answer.synthetic for answer in answers):
        yield "SYNTHETIC: made-up values, not the market's."
    if moment := next((answer.as_of for answer in answers if answer.as_of), None):
        yield f"as of {format_instant(moment)}"
