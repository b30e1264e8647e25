"""Find the stretches that a dataset lacks though they were due, from what is stored and what the card expects."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from attrs import frozen

from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.expectations import day_zone_of, derive_states, publication_times
from carbon254.core.domain.observations import Observations, from_instant64, instant64
from carbon254.core.domain.revisions import current_rows
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, day_window, days_in
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.clock import Clock
from carbon254.ports.storage import SeriesEntry, SeriesStore

LOOK_BACK: Final = timedelta(days=7)
_AHEAD: Final = timedelta(days=3)  # what is due now may be for the day after tomorrow
_PATIENCE: Final = timedelta(hours=6)
_EVENT_PATIENCE: Final = timedelta(hours=1)  # whether there is an auction today, no card says
_NEAR: Final = timedelta(hours=1)  # holes nearer than this are asked for together
_PROBES: Final = 20
# These are watched by their number; where a dataset has whole series as well, those tell what is there.
_MANY: Final = frozenset({"node", "unit", "aggregate", "border", "constraint"})


@frozen
class Owed:
    """A stretch that should be here: it was ``due`` and is not."""

    start: datetime
    end: datetime
    due: datetime


@frozen
class FindMissedWork:
    """The use case behind the jobs' choice of what to ask for."""

    store: SeriesStore
    catalogue: MarketCatalogue
    clock: Clock

    def fresh(self, market: str, dataset: str) -> tuple[Window, ...]:
        """What a poll asks for now: due not long ago and not here; of forecasts, today's and tomorrow's next issue.

        Raises `InvalidRequest` for an unknown dataset, `NotFound` for an unknown market.
        """
        card = self._card(market)
        facts, now = card.dataset(dataset), self.clock.now()
        since = now - _patience(facts)
        asked = [one for one in self._owed(card, facts, now) if one.due > since]
        if facts.class_ == "vintages":
            today = next(days_in(Window(now, now + _NEAR), facts.day_zone, facts.day_start))
            start = day_window(today, facts.day_zone, facts.day_start).start
            asked.append(Owed(start, start + timedelta(days=2), now))
        return _joined(asked)

    def missed(self, market: str, dataset: str) -> tuple[Window, ...]:
        """What was due longer ago, within the look-back of a week, and is still not here."""
        card = self._card(market)
        facts, now = card.dataset(dataset), self.clock.now()
        until = now - _patience(facts)
        return _joined(one for one in self._owed(card, facts, now) if one.due <= until)

    def final(self, market: str, dataset: str, after: date | None) -> tuple[date, ...]:
        """Operating days later than ``after`` that the card calls final by now, oldest first, a week of them at most.

        Each is asked for once more: markets revise without a word until then. Without ``after``, the last one only.
        """
        card = self._card(market)
        facts, now = card.dataset(dataset), self.clock.now()
        if facts.final_after is None:
            return ()
        window = Window(now - facts.final_after - 2 * LOOK_BACK, now)
        found = [
            day for day in days_in(window, facts.day_zone, facts.day_start)
            if _last_due(facts, day) + facts.final_after <= now and (after is None or day > after)
        ]  # fmt: skip
        return tuple(found[-1:] if after is None else found[-LOOK_BACK.days :])

    def _card(self, market: str) -> MarketCard:
        card = self.catalogue.cards().get(market)
        if card is None:
            raise NotFound(f"no market '{market}' is installed.")
        return card

    def _owed(self, card: MarketCard, facts: DatasetCard, now: datetime) -> Iterator[Owed]:
        window = Window(now - LOOK_BACK, now + _AHEAD)
        entries = self._probes(facts, card)
        if not entries:
            yield from _owed_days(card, facts, window, now)
            return
        everything = Scope.everything()
        question = Selection(tuple(one.series for one in entries), window=window)
        rows = current_rows(self.store.read(everything.restrict(question)))
        if facts.class_ == "events":
            there = {from_instant64(start) for start in rows.interval_start}
            for one in _owed_days(card, facts, window, now):
                if not any(one.start <= start < one.end for start in there if start):
                    yield one
            return
        for entry in entries:
            yield from _owed_of(card, facts, entry.series, rows, window, now)

    def _probes(self, facts: DatasetCard, card: MarketCard) -> list[SeriesEntry]:
        """Series by which to tell what is here: for each run a few of one measure, whole kinds before many."""
        patterns = tuple(SeriesPattern(card.id, run) for run in facts.runs)
        stored = self.store.find(Scope.everything().restrict(Selection(patterns=patterns)))
        by_run: dict[str, list[SeriesEntry]] = defaultdict(list)
        for entry in stored:
            if card.feeding(entry.series) is facts and card.runs[entry.series.run].expected:
                by_run[entry.series.run].append(entry)
        return [one for entries in by_run.values() for one in _chosen(facts, entries)]


def _patience(facts: DatasetCard) -> timedelta:
    if facts.class_ == "events":
        return _EVENT_PATIENCE
    return max(_PATIENCE, 12 * (facts.poll or timedelta(0)))


def _chosen(facts: DatasetCard, entries: Sequence[SeriesEntry]) -> list[SeriesEntry]:
    """Those of the first measure that still live: a place that was closed long ago is owed nothing."""
    measure = next(m for m in facts.measures if any(e.series.measure == m for e in entries))
    newest = max(entry.last for entry in entries)
    alive = [e for e in entries if e.series.measure == measure and e.last > newest - LOOK_BACK]
    whole = [entry for entry in alive if entry.series.kind not in _MANY]
    return (whole or alive)[:_PROBES]


def _owed_of(
    card: MarketCard,
    facts: DatasetCard,
    series: SeriesId,
    rows: Observations,
    window: Window,
    now: datetime,
) -> Iterator[Owed]:
    own = (
        rows.take(rows.code == rows.series.index(series))
        if series in rows.series
        else rows.take([])
    )
    derived = derive_states(
        card, series, window, now, starts=own.interval_start, ends=own.interval_end, states=own.state,
        issued=own.issued_at,
    )  # fmt: skip
    gap = derived.gaps
    starts, ends = derived.interval_start[gap], derived.interval_end[gap]
    due = publication_times(
        facts, starts, ends, derived.issued_at[gap], rule=facts.due_for(series.run),
        day_zone=day_zone_of(card, facts, series),
    )  # fmt: skip
    owed = due <= instant64(now)
    for start, end, at in zip(starts[owed], ends[owed], due[owed], strict=True):
        yield Owed(*(one for one in map(from_instant64, (start, end, at)) if one))


def _owed_days(
    card: MarketCard, facts: DatasetCard, window: Window, now: datetime
) -> Iterator[Owed]:
    """Days that are due by the card alone, where nothing of the dataset is stored or each day is an event."""
    for day in days_in(window, facts.day_zone, facts.day_start):
        whole = day_window(day, facts.day_zone, facts.day_start)
        for run in facts.runs:
            natures = card.runs[run].nature
            if not (card.runs[run].expected and any(one.holds_on(day) for one in natures)):
                continue
            end, due = _due_part(facts.due_for(run), day, whole, facts.day_zone, now)
            if end > whole.start and due <= now:
                yield Owed(whole.start, end, due)


def _due_part(
    rule: Rule, day: date, whole: Window, day_zone: str, now: datetime
) -> tuple[datetime, datetime]:
    """Up to where a day is due at ``now``, and when the last of that was."""
    if rule.anchor in ("D", "BD"):
        return whole.end, rule.on(day, day_zone)
    end = min(whole.end, max(whole.start, now - max(rule.offset, timedelta(0))))
    return end, end + rule.offset


def _last_due(facts: DatasetCard, day: date) -> datetime:
    """When the day's last number of any run is due."""
    whole = day_window(day, facts.day_zone, facts.day_start)
    rules = [facts.due_for(run) for run in facts.runs]
    return max(_due_part(rule, day, whole, facts.day_zone, whole.end)[1] for rule in rules)


def _joined(owed: Iterable[Owed]) -> tuple[Window, ...]:
    """The stretches in order, those that touch or lie near each other as one."""
    joined: list[Window] = []
    for start, end in sorted({(one.start, max(one.end, one.start)) for one in owed}):
        if joined and start - joined[-1].end <= _NEAR:
            joined[-1] = Window(joined[-1].start, max(joined[-1].end, end))
        else:
            joined.append(Window(start, end))
    return tuple(one for one in joined if one.length)
