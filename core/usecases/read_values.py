"""Values as they are asked for: as stored, resampled, averaged over a block, captured, in another unit or currency."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
from attrs import evolve, field, frozen

from carbon254.core.domain.blocks import Block
from carbon254.core.domain.entitlements import Scope, Selection
from carbon254.core.domain.errors import InvalidRequest, TooLarge
from carbon254.core.domain.expectations import day_zone_of
from carbon254.core.domain.observations import INSTANT, Column, from_instant64, instant64
from carbon254.core.domain.rates import RateSource
from carbon254.core.domain.resampling import Step, aggregate, periods
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import MIDNIGHT, Window, local_instant, zone
from carbon254.core.usecases.capture_prices import CapturePrices
from carbon254.core.usecases.convert_values import (
    in_another_unit,
    in_basis,
    in_currency,
    source_of,
)
from carbon254.core.usecases.find_series import FindSeries
from carbon254.core.usecases.query_series import QuerySeries, Question, SeriesAnswer
from carbon254.core.usecases.values import (
    Position,
    Values,
    marked_converted,
    of_aggregate,
    of_answer,
)
from carbon254.ports.catalogue import MarketCatalogue

MOST_INTERVALS: Final = 1_000_000  # of one series in one question
_AT_ONCE: Final = 16  # series whose rows are read together
_DAY: Final = timedelta(1)


@frozen
class Ask:
    """What to make of the series of a question; ``day_zone`` says where days begin, else the market's own do.

    ``capture`` names a volume, by its measure or in full. ``currency`` needs ``fx``, a source of rates.
    """

    question: Question
    resample: Step | None = None
    as_: Literal["energy", "power"] | None = None
    block: Block | None = None
    capture: str | None = None
    day_zone: str | None = None
    unit: str | None = None
    currency: str | None = None
    fx: str | None = None

    def __attrs_post_init__(self) -> None:
        made = self.resample or self.block or self.capture
        if self.as_ and not self.resample:
            raise InvalidRequest("as=energy and as=power need a resample, such as PT1H or P1D.")
        if self.as_ and self.block:
            raise InvalidRequest("a block is averaged: it cannot be given as=energy or as=power.")
        if self.capture and (self.block or self.as_):
            raise InvalidRequest(
                "stat=capture weighs every hour: it goes with neither block nor as."
            )
        if made and (self.question.include_history or self.question.vintages):
            raise InvalidRequest(
                "a history cannot be resampled: ask for it with asOf, at instants."
            )
        if self.fx and not self.currency:
            raise InvalidRequest(
                "fx names a source of rates: say to what with currency, as in currency=EUR."
            )
        if self.question.window is None:
            raise InvalidRequest("values need a window: give start and end.")
        if self.day_zone:
            zone(self.day_zone)

    @property
    def window(self) -> Window:
        """The window, which is always there."""
        assert self.question.window is not None
        return self.question.window

    @property
    def step(self) -> Step | None:
        """The length of the periods; a block is averaged by the day unless told otherwise."""
        return self.resample or (Step.parse("P1D") if self.block else None)


@frozen(eq=False)
class Page:
    """Some of the values that were asked for; ``next`` is the place of the last row where more follow."""

    values: tuple[Values, ...]
    next: Position | None


@frozen
class ReadValues:
    """The use case behind every door that gives out values. ``rates`` are sources by name."""

    query: QuerySeries
    find: FindSeries
    catalogue: MarketCatalogue
    capture: CapturePrices
    rates: Mapping[str, RateSource] = field(factory=dict)

    def run(self, ask: Ask, scope: Scope, *, limit: int, after: Position | None = None) -> Page:
        """Return up to ``limit`` rows in the order of their series and instants, from those after a place on.

        Raises as `QuerySeries.run`; `TooLarge` for a window of too many intervals, `ConversionUnavailable`.
        """
        found: list[Values] = []
        left = limit
        for values in self._all(ask, scope, after):
            if left <= 0:
                return Page(tuple(found), found[-1].position(len(found[-1]) - 1))
            part = values.take(slice(left)) if len(values) > left else values
            found.append(part)
            left -= len(part)
            if len(part) < len(values):
                return Page(tuple(found), part.position(len(part) - 1))
        return Page(tuple(found), None)

    def _all(self, ask: Ask, scope: Scope, after: Position | None) -> Iterator[Values]:
        for answers in self._answers(ask, scope, after):
            for answer in answers:
                values = in_another_unit(self._made(ask, scope, answer), ask.unit)
                if after is not None and values.series == after.series:
                    values = values.beyond(after)
                    if not len(values):
                        continue
                yield values

    def _answers(
        self, ask: Ask, scope: Scope, after: Position | None
    ) -> Iterator[list[SeriesAnswer]]:
        """Answers of the series from the place on, some at a time; over a window as long as the periods need."""
        series = self._series(ask.question, scope)
        if after is not None:
            series = [one for one in series if one >= after.series]
        for one in series:
            self._check_size(one, ask.window)
        for first in range(0, len(series), _AT_ONCE):
            group = tuple(series[first : first + _AT_ONCE])
            window = self._widened(ask, group)
            question = evolve(ask.question, series=group, patterns=(), window=window, unit=None)
            yield self.query.run(question, scope)

    def _series(self, question: Question, scope: Scope) -> list[SeriesId]:
        scope.restrict(Selection(question.series))
        found = set(question.series)
        if question.patterns:
            as_of, published_by = question.as_of, question.published_by
            known = self.find.run(question.patterns, scope, as_of=as_of, published_by=published_by)
            found |= {entry.series for entry in known}
        elif not found:
            raise InvalidRequest(
                "name at least one series, or a pattern such as caiso/*/price/hub."
            )
        return sorted(found)

    def _check_size(self, series: SeriesId, window: Window) -> None:
        card = self.catalogue.cards().get(series.market)
        facts = card.feeding(series) if card else None
        lengths = [one.length for one in facts.resolution] if facts else []
        shortest = min(
            [*lengths, *([facts.max_gap] if facts and facts.max_gap else [])], default=_DAY
        )
        if window.length / shortest > MOST_INTERVALS:
            raise TooLarge(
                f"{window} may hold more than {MOST_INTERVALS} intervals of {series}: ask for less of it."
            )

    # -- periods -----------------------------------------------------------------------------------------

    def _widened(self, ask: Ask, group: Sequence[SeriesId]) -> Window:
        """The window that holds every interval which lies in a period, in part or whole."""
        edges = [ask.window.start, ask.window.end]
        for one in group if ask.step else ():
            starts, ends = self._periods(ask, one)
            first, last = from_instant64(starts[0]), from_instant64(ends[-1])
            assert first is not None
            assert last is not None
            edges += [first - _DAY, last]
        return Window(min(edges), max(edges))

    def _periods(self, ask: Ask, series: SeriesId) -> tuple[Column, Column]:
        step = ask.step
        if step is None:
            edges = [instant64(ask.window.start), instant64(ask.window.end)]
            both = np.array(edges, dtype=INSTANT)
            return both[:1], both[1:]
        if ask.block and step.length:
            raise InvalidRequest(
                "a block is averaged by the day or longer: resample=P1D, P1M or P1Y."
            )
        starts, ends = _cut(ask.window, step, *self._day(ask, series), ask.block)
        if not len(starts):
            raise InvalidRequest(f"no period of {step.text} starts in {ask.window}: ask for more.")
        return starts, ends

    def _day(self, ask: Ask, series: SeriesId) -> tuple[str, time]:
        """The zone in which days are counted, and the clock at which they begin."""
        card = self.catalogue.cards().get(series.market)
        facts = card.feeding(series) if card else None
        if ask.day_zone or card is None or facts is None:
            return ask.day_zone or (card.zone if card else "UTC"), MIDNIGHT
        return day_zone_of(card, facts, series), facts.day_start

    # -- what becomes of an answer -------------------------------------------------------------------------

    def _made(self, ask: Ask, scope: Scope, answer: SeriesAnswer) -> Values:
        money = None
        if ask.currency is not None:
            zone_name, clock = self._day(ask, answer.series)
            source = source_of(self.rates, ask.fx)
            answer, money = in_currency(answer, ask.currency, source, zone_name, clock)
        if not (ask.step or ask.capture):
            values = of_answer(answer)
        elif ask.capture:
            starts, ends = self._periods(ask, answer.series)
            window = self._widened(ask, (answer.series,))
            question = evolve(ask.question, window=window, unit=None)
            values = self.capture.run(answer, ask.capture, question, scope, starts, ends)
        else:
            values = self._aggregated(ask, answer)
        named = {**self._named(ask, answer.series), **values.done}
        values = evolve(values, done=named)
        return marked_converted(values, values.unit, {}, money) if money else values

    def _named(self, ask: Ask, series: SeriesId) -> dict[str, Any]:
        """What was made of the values, in words; a block is always named, and so is the zone of days."""
        named: dict[str, Any] = {}
        if ask.step:
            named = {"resample": ask.step.text, "day_zone": self._day(ask, series)[0]}
        if ask.as_:
            named["as"] = ask.as_
        if ask.block:
            named |= {"block": ask.block.name, "block_title": ask.block.title}
            named["day_zone"] = ask.block.zone or named["day_zone"]
        return named

    def _aggregated(self, ask: Ask, answer: SeriesAnswer) -> Values:
        rows, unit, basis = in_basis(answer, ask.as_)
        starts, ends = self._periods(ask, answer.series)
        made = aggregate(rows, starts, ends, basis, ask.block, self._day(ask, answer.series)[0])
        return of_aggregate(evolve(answer, unit=unit), made, {})


@lru_cache(maxsize=32)
def _cut(
    window: Window, step: Step, zone_name: str, day_start: time, block: Block | None
) -> tuple[Column, Column]:
    """The periods of a window, which many series of a question share; a block's days are the product's."""

    def starts(day: date) -> datetime:
        if block is not None and (block.zone or block.day_start.days):
            return block.day_window(day, zone_name).start
        return local_instant(day, day_start, zone_name)

    return periods(window, step, starts)
