"""The morning board: each hub and zone yesterday, today and tomorrow, with what a trader sets beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import numpy as np
from attrs import frozen

from carbon254.core.domain.board import (
    Allowance,
    Board,
    BoardLine,
    FeedAge,
    Prices,
    Revised,
    aware,
    change,
    day_figures,
    last_auction,
    spread,
)
from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.expectations import day_zone_of
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.synthetic import expand
from carbon254.core.domain.time import Window, day_window, operating_day
from carbon254.core.domain.vocabulary import Finality, State
from carbon254.core.usecases.find_series import FindSeries
from carbon254.core.usecases.query_series import Question, QuerySeries, SeriesAnswer
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.clock import Clock
from carbon254.ports.storage import SeriesEntry

_MOST_REVISED = 20
_MEASURES = {"real_time": ("price",), "second": ("price",), "imbalance": ("price", "price-long", "price-short")}


@frozen
class _Clocks:
    as_of: datetime | None
    published_by: datetime | None
    now: datetime
    day: date | None


@frozen
class ShowBoard:
    """The use case behind ``carbon254 board``. Series outside the scope are left out."""

    query: QuerySeries
    find: FindSeries
    catalogue: MarketCatalogue
    clock: Clock

    def run(
        self,
        scope: Scope,
        *,
        day: date | None = None,
        as_of: datetime | None = None,
        published_by: datetime | None = None,
    ) -> Board:
        """Show ``day`` as today; by default each market's own today or, where it has no rows, its newest day."""
        clocks = _Clocks(as_of, published_by, as_of or self.clock.now(), day)
        entries = {entry.series: entry for entry in self.find.run((), scope)}
        lines: list[BoardLine] = []
        allowances: list[Allowance] = []
        revised: list[Revised] = []
        for card in self.catalogue.cards().values():
            for series in self._series(card, scope):
                if series not in entries:
                    continue
                if card.kind == "carbon":
                    allowances += self._allowance(card, series, scope, clocks)
                else:
                    line = self._line(card, series, entries, scope, clocks)
                    lines.append(line)
                    revised += self._revised(line, scope, clocks)
        revised.sort(key=lambda one: (one.recorded_at, str(one.series), one.start), reverse=True)
        return Board(
            clocks.now, as_of, tuple(lines), tuple(allowances), tuple(self._feeds(entries, clocks.now)),
            tuple(revised[:_MOST_REVISED]),
        )  # fmt: skip

    def _series(self, card: MarketCard, scope: Scope) -> Iterator[SeriesId]:
        """The prices of the card's board, without the runs that are set beside them."""
        beside = {*card.compare.real_time, *card.compare.second, *card.compare.imbalance}
        seen: dict[SeriesId, None] = {}
        for pattern in card.board:
            for one in expand(card, pattern):
                if one.measure == "price" and one.run not in beside and scope.allows(one):
                    seen[one] = None
        yield from seen

    def _line(
        self, card: MarketCard, series: SeriesId, entries: dict[SeriesId, SeriesEntry], scope: Scope, clocks: _Clocks
    ) -> BoardLine:
        facts = card.feeding(series)
        assert facts is not None  # the card's check
        zone = day_zone_of(card, facts, series)
        today = clocks.day or self._today(facts, zone, entries[series], clocks.now)
        days = [today + timedelta(n) for n in (-1, 0, 1, -7)]
        windows = [day_window(one, zone, facts.day_start) for one in days]
        prices = self._prices(series, Window(windows[3].start, windows[2].end), scope, clocks)
        figures = [
            day_figures(prices, one, window, card.blocks, zone) for one, window in zip(days, windows, strict=True)
        ]
        changes = [*change(figures[1], figures[0]), *change(figures[1], figures[3])]
        place = card.place(series.kind, series.location)
        name = place.name if place and place.name else series.location
        spreads = tuple(self._spreads(card, prices, entries, list(zip(days, windows, strict=True)), scope, clocks))
        return BoardLine(series, name, prices.unit, zone, today, tuple(figures[:3]), tuple(changes), spreads)

    def _today(self, facts: DatasetCard, zone: str, entry: SeriesEntry, now: datetime) -> date:
        """The market's present day, or its newest one where nothing of these days is stored."""
        today = operating_day(now, zone, facts.day_start)
        newest = operating_day(max(entry.first, entry.last - timedelta(microseconds=1)), zone, facts.day_start)
        return today if today - timedelta(1) <= newest else newest

    def _prices(self, series: SeriesId, window: Window, scope: Scope, clocks: _Clocks) -> Prices:
        question = Question((series,), (), window, clocks.as_of, clocks.published_by)
        (answer,) = self.query.run(question, scope)
        return _as_prices(answer)

    def _spreads(
        self,
        card: MarketCard,
        prices: Prices,
        entries: dict[SeriesId, SeriesEntry],
        days: list[tuple[date, Window]],
        scope: Scope,
        clocks: _Clocks,
    ) -> Iterator[object]:
        """Against each kind of run, on today or, where that has no common hour, yesterday."""
        for what, measures in _MEASURES.items():
            for measure in measures:
                other = self._other(card, prices.series, getattr(card.compare, what), measure, entries)
                if other is None:
                    continue
                found = None
                for day, window in (days[1], days[0]):
                    beside = self._prices(other, window, scope, clocks)
                    found = spread(what, prices, beside, day, window)
                    if found.value is not None:
                        break
                yield found

    def _other(
        self, card: MarketCard, series: SeriesId, runs: tuple[str, ...], measure: str, entries: dict[SeriesId, SeriesEntry]
    ) -> SeriesId | None:
        for run in runs:
            one = SeriesId(series.market, run, measure, series.kind, series.location)
            if one in entries:
                return one
        return None

    def _allowance(
        self, card: MarketCard, series: SeriesId, scope: Scope, clocks: _Clocks
    ) -> list[Allowance]:
        facts = card.feeding(series)
        assert facts is not None  # the card's check
        try:
            (answer,) = self.query.run(
                Question((series,), as_of=clocks.as_of, published_by=clocks.published_by), scope
            )
        except NotFound:
            return []
        prices = _as_prices(answer)
        if clocks.day is not None:
            end = day_window(clocks.day, facts.day_zone, facts.day_start).end
            prices = prices.within(Window(datetime.min.replace(year=1900, tzinfo=end.tzinfo), end))
        days = [operating_day(aware(start), facts.day_zone, facts.day_start) for start in prices.start]
        found = last_auction(prices, days)
        return [found] if found else []

    def _feeds(self, entries: dict[SeriesId, SeriesEntry], now: datetime) -> Iterator[FeedAge]:
        newest: dict[tuple[str, str], tuple[datetime, datetime]] = {}
        cards = self.catalogue.cards()
        for series, entry in entries.items():
            card = cards.get(series.market)
            name = card and next((name for name, facts in card.datasets.items() if facts.feeds(series)), None)
            if name:
                last, recorded = newest.get((series.market, name), (entry.last, entry.recorded_at))
                newest[(series.market, name)] = (max(last, entry.last), max(recorded, entry.recorded_at))
        for (market, dataset), (last, recorded) in sorted(newest.items()):
            yield FeedAge(market, dataset, last, recorded, now - last)

    def _revised(self, line: BoardLine, scope: Scope, clocks: _Clocks) -> Iterator[Revised]:
        """Values of the line's days that a later document changed."""
        window = Window(line.days[0].window.start, line.days[2].window.end)
        question = Question((line.series,), (), window, clocks.as_of, clocks.published_by, include_history=True)
        (answer,) = self.query.run(question, scope)
        same = (answer.interval_start[1:] == answer.interval_start[:-1]) & (
            answer.interval_end[1:] == answer.interval_end[:-1]
        )
        for row in np.flatnonzero(same) + 1:
            before, after = (None if np.isnan(v) else float(v) for v in answer.value[row - 1 : row + 1])
            if before != after:
                yield Revised(
                    line.series, aware(answer.interval_start[row]), before, after,
                    Finality(int(answer.finality[row])).word, aware(answer.recorded_at[row]),
                )  # fmt: skip


def _as_prices(answer: SeriesAnswer) -> Prices:
    return Prices(
        answer.series, answer.unit, answer.interval_start, answer.interval_end, answer.value, answer.state,
        answer.finality,
    )  # fmt: skip


def patterns(card: MarketCard) -> tuple[SeriesPattern, ...]:
    """The board's series as patterns."""
    return tuple(SeriesPattern.parse(f"{card.id}/{text}") for text in card.board)


__all__ = ["ShowBoard", "State", "patterns"]
