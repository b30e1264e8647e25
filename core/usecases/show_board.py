"""The morning board: each hub and zone yesterday, today and tomorrow, with what a trader sets beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

import numpy as np
from attrs import field, frozen

from carbon254.core.domain.board import (
    Absent,
    Allowance,
    Board,
    BoardLine,
    FeedAge,
    Prices,
    Revised,
    Spread,
    aware,
    change,
    day_figures,
    hourly,
    last_auction,
    spread,
)
from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.completeness import check_freshness
from carbon254.core.domain.entitlements import Scope
from carbon254.core.domain.expectations import day_zone_of
from carbon254.core.domain.revisions import rank_keys
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.synthetic import expand
from carbon254.core.domain.time import Window, day_window, operating_day
from carbon254.core.domain.vocabulary import Finality
from carbon254.core.usecases.find_series import FindSeries
from carbon254.core.usecases.query_series import QuerySeries, Question, SeriesAnswer, judged
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.clock import Clock
from carbon254.ports.storage import SeriesEntry

_BESIDE = {
    "real_time": ("price",),
    "second": ("price",),
    "imbalance": ("price", "price-long", "price-short"),
}
_AROUND = (-1, 0, 1, -7)  # yesterday, today, tomorrow, a week ago


@frozen
class _Asked:
    """What was asked, and every series that the asker may see with how far it reaches on these clocks."""

    scope: Scope
    day: date | None
    as_of: datetime | None
    published_by: datetime | None
    now: datetime
    entries: Mapping[SeriesId, SeriesEntry] = field(repr=False)

    def about(
        self, series: Iterable[SeriesId], window: Window | None, *, history: bool = False
    ) -> Question:
        """A question on the clocks of the board."""
        return Question(
            tuple(series), (), window, self.as_of, self.published_by, include_history=history
        )


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
        """Show ``day`` as today; by default each market's own today or, where it has no rows yet, its newest day.

        A market that has nothing of these days is named with the reason. Raises `InvalidRequest` for an ``as_of``
        after the last commit.
        """
        now = judged(as_of or self.clock.now(), published_by)
        found = self.find.run((), scope, as_of=as_of, published_by=published_by)
        asked = _Asked(
            scope, day, as_of, published_by, now, {entry.series: entry for entry in found}
        )
        lines: list[BoardLine] = []
        allowances: list[Allowance] = []
        revised: list[Revised] = []
        absent: list[Absent] = []
        for card in self.catalogue.cards().values():
            told = tuple(expanded(card, scope))
            if card.kind == "carbon":
                auctions = [one for series in told for one in self._allowance(card, series, asked)]
                allowances += auctions
                shown = bool(auctions)
            else:
                own, changed = self._market(card, _shown(card, told, asked.entries), asked)
                lines += own
                revised += changed
                shown = bool(own)
            if told and not shown:
                absent.append(Absent(card.id, self._reason(card, told, asked)))
        revised.sort(key=lambda one: (-one.recorded_at.timestamp(), str(one.series), one.start))
        return Board(
            now,
            as_of,
            published_by,
            tuple(lines),
            tuple(allowances),
            tuple(self._feeds(asked)),
            tuple(revised),
            tuple(absent),
        )

    # -- power -------------------------------------------------------------------------------------------

    def _market(
        self, card: MarketCard, series: list[SeriesId], asked: _Asked
    ) -> tuple[list[BoardLine], list[Revised]]:
        """The lines of a market, all read at once; none where nothing has a value on the days shown."""
        if not series:
            return [], []
        today, present = self._today(card, series, asked)
        ahead = present if present > today else None
        beside = {one: list(_others(card, one, asked.entries)) for one in series}
        others = {other for pairs in beside.values() for _, other in pairs} - set(series)
        spans = [_days(card, one, today) for one in series]
        start, end = min(s[3][1].start for s in spans), max(s[2][1].end for s in spans)
        near = Window(min(s[0][1].start for s in spans), end)
        prices = self._prices(asked.about(series, Window(start, end)), asked.scope)
        prices |= self._prices(asked.about(others, near), asked.scope) if others else {}
        if not any(prices[one].within(near).ok.any() for one in series):
            return [], []
        lines = [
            self._line(card, one, days, prices, beside[one], ahead)
            for one, days in zip(series, spans, strict=True)
        ]
        used = {line.series: line.zone for line in lines}
        for line in lines:
            used |= {one.other: line.zone for one in line.spreads}
        return lines, list(self._revised(card, used, near, asked))

    def _today(self, card: MarketCard, series: list[SeriesId], asked: _Asked) -> tuple[date, date]:
        """The day to show as today, and the one that it stands for: asked for, or the market's present day.

        They differ where the present day has no row yet: then the newest day is shown.
        """
        if asked.day is not None:
            return asked.day, asked.day
        facts, zone = _home(card, series[0])
        present = operating_day(asked.now, zone, facts.day_start)
        return min(present, _newest_day(card, series, asked.entries)), present

    def _prices(self, question: Question, scope: Scope) -> dict[SeriesId, Prices]:
        return {answer.series: _as_prices(answer) for answer in self.query.run(question, scope)}

    def _line(
        self,
        card: MarketCard,
        series: SeriesId,
        days: list[tuple[date, Window]],
        prices: Mapping[SeriesId, Prices],
        beside: list[tuple[str, SeriesId]],
        ahead: date | None,
    ) -> BoardLine:
        _, zone = _home(card, series)
        own = prices[series]
        figures = [day_figures(own, day, window, card.blocks, zone) for day, window in days]
        changes = (*change(figures[1], figures[0]), *change(figures[1], figures[3]))
        today, shape = days[1], hourly(own, days[1][1])
        name = _name(card, series)
        spreads = tuple(_spreads(own, prices, beside, days))
        return BoardLine(
            series,
            name,
            own.unit,
            zone,
            today[0],
            tuple(figures[:3]),
            changes,
            spreads,
            shape,
            ahead,
        )

    def _revised(
        self, card: MarketCard, zones: Mapping[SeriesId, str], window: Window, asked: _Asked
    ) -> Iterator[Revised]:
        """Values of the days shown, and of what stands beside them, that a later document changed."""
        for answer in self.query.run(asked.about(zones, window, history=True), asked.scope):
            facts, _ = _home(card, answer.series)
            for row, before in changed_rows(answer):
                start = aware(answer.interval_start[row])
                yield Revised(
                    answer.series,
                    operating_day(start, zones[answer.series], facts.day_start),
                    start,
                    aware(answer.interval_end[row]),
                    _value(answer.value[before]),
                    _value(answer.value[row]),
                    Finality(int(answer.finality[row])).word,
                    aware(answer.recorded_at[row]),
                )

    # -- carbon, feeds, and what is not there ------------------------------------------------------------

    def _allowance(self, card: MarketCard, series: SeriesId, asked: _Asked) -> list[Allowance]:
        entry = asked.entries.get(series)
        if entry is None:
            return []
        facts, zone = _home(card, series)
        end = entry.last + timedelta(microseconds=1)
        if asked.day is not None:
            end = min(end, day_window(asked.day, zone, facts.day_start).end)
        if end <= entry.first:
            return []
        (answer,) = self.query.run(asked.about([series], Window(entry.first, end)), asked.scope)
        prices = _as_prices(answer)
        days = [operating_day(aware(start), zone, facts.day_start) for start in prices.start]
        found = last_auction(prices, _name(card, series), days)
        return [found] if found else []

    def _feeds(self, asked: _Asked) -> Iterator[FeedAge]:
        cards = self.catalogue.cards()
        feeds: dict[tuple[str, str], list[SeriesEntry]] = {}
        for series, entry in asked.entries.items():
            facts = cards[series.market].datasets if series.market in cards else {}
            name = next((name for name, dataset in facts.items() if dataset.feeds(series)), None)
            if name:
                feeds.setdefault((series.market, name), []).append(entry)
        for (market, dataset), entries in sorted(feeds.items()):
            newest = max(entries, key=lambda entry: entry.last)
            recorded = max(entry.recorded_at for entry in entries)
            late = bool(check_freshness(cards[market], newest.series, newest.last, asked.now))
            yield FeedAge(market, dataset, newest.last, recorded, asked.now - newest.last, late)

    def _reason(self, card: MarketCard, series: tuple[SeriesId, ...], asked: _Asked) -> str:
        stored = [one for one in series if one in asked.entries]
        if not stored:
            return "nothing is stored of what the board shows."
        newest = _newest_day(card, stored, asked.entries)
        facts, zone = _home(card, stored[0])
        first = min(
            operating_day(asked.entries[one].first, zone, facts.day_start) for one in stored
        )
        return f"nothing is stored of {asked.day or newest}; there is {first} to {newest}."


def expanded(card: MarketCard, scope: Scope) -> Iterator[SeriesId]:
    """The prices of the card's board that the scope shows, patterns filled."""
    found = {
        one: None
        for pattern in card.board
        for one in expand(card, pattern)
        if one.measure == "price"
    }
    yield from (one for one in found if scope.allows(one))


def changed_rows(answer: SeriesAnswer) -> Iterator[tuple[int, int]]:
    """Rows of a history whose arrival changed the current value of their interval, each with the row before it.

    A row that came late and ranks below what was known changes nothing: a preliminary file after the final one is
    no revision. Issues of a forecast are told apart.
    """
    there = answer.batch >= 0
    if not there.any():
        return
    strength = np.empty(len(answer), dtype=np.int64)
    strength[np.lexsort(rank_keys(answer))] = np.arange(len(answer))  # type: ignore[arg-type]
    issued, recorded = answer.issued_at.view(np.int64), answer.recorded_at.view(np.int64)
    order = np.lexsort((strength, recorded, issued, answer.interval_end, answer.interval_start))
    order = order[there[order]]
    keys = [column[order] for column in (answer.interval_start, answer.interval_end, issued)]
    same = np.append(False, np.logical_and.reduce([key[1:] == key[:-1] for key in keys]))[
        : len(order)
    ]
    best = -1
    for row, goes_on in zip(order.tolist(), same.tolist(), strict=True):
        if not goes_on:
            best = row
        elif strength[row] > strength[best]:
            if _value(answer.value[row]) != _value(answer.value[best]):
                yield row, best
            best = row


def _shown(
    card: MarketCard, told: tuple[SeriesId, ...], entries: Mapping[SeriesId, SeriesEntry]
) -> list[SeriesId]:
    """Stored prices of the board; those that stand beside another of the same place only where that is not there."""
    beside = {*card.compare.real_time, *card.compare.second, *card.compare.imbalance}
    stored = [one for one in told if one in entries]
    main = {(one.kind, one.location) for one in stored if one.run not in beside}
    lines = [one for one in stored if one.run not in beside]
    for one in stored:
        if one.run in beside and (one.kind, one.location) not in main:
            main.add((one.kind, one.location))
            lines.append(one)
    return lines


def _others(
    card: MarketCard, series: SeriesId, entries: Mapping[SeriesId, SeriesEntry]
) -> Iterator[tuple[str, SeriesId]]:
    """What is stored to be set beside a price, with what it is, in the card's order."""
    for what, measures in _BESIDE.items():
        for measure in measures:
            for run in getattr(card.compare, what):
                one = SeriesId(series.market, run, measure, series.kind, series.location)
                if one in entries and one != series:
                    yield what, one


def _spreads(
    own: Prices,
    prices: Mapping[SeriesId, Prices],
    beside: list[tuple[str, SeriesId]],
    days: list[tuple[date, Window]],
) -> Iterator[Spread]:
    """Against each kind of run and measure: the first run with common hours, today or else yesterday."""
    done: set[tuple[str, str]] = set()
    waiting: dict[tuple[str, str], Spread] = {}
    for what, other in beside:
        kind = what, other.measure
        for day, window in (days[1], days[0]):
            if kind in done:
                break
            found = spread(what, own, prices[other], day, window)
            waiting.setdefault(kind, found)
            if found.value is not None:
                waiting[kind] = found
                done.add(kind)
    yield from waiting.values()


def _days(card: MarketCard, series: SeriesId, today: date) -> list[tuple[date, Window]]:
    facts, zone = _home(card, series)
    days = [today + timedelta(n) for n in _AROUND]
    return [(day, day_window(day, zone, facts.day_start)) for day in days]


def _newest_day(
    card: MarketCard, series: Iterable[SeriesId], entries: Mapping[SeriesId, SeriesEntry]
) -> date:
    def newest(one: SeriesId) -> date:
        facts, zone = _home(card, one)
        last = max(entries[one].first, entries[one].last - timedelta(microseconds=1))
        return operating_day(last, zone, facts.day_start)

    return max(newest(one) for one in series)


def _home(card: MarketCard, series: SeriesId) -> tuple[DatasetCard, str]:
    facts = card.feeding(series)
    assert facts is not None  # the card's own board, which `expand` has checked
    return facts, day_zone_of(card, facts, series)


def _name(card: MarketCard, series: SeriesId) -> str:
    place = card.place(series.kind, series.location)
    return place.name if place and place.name else series.location


def _value(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _as_prices(answer: SeriesAnswer) -> Prices:
    return Prices(
        answer.series,
        answer.unit,
        answer.interval_start,
        answer.interval_end,
        answer.value,
        answer.state,
        answer.finality,
    )
