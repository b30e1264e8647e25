"""Which series there are, how far each reaches, and what of it is missing and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from attrs import evolve, field, frozen

from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.observations import Observations
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import State
from carbon254.core.usecases.query_series import QuerySeries, Question, SeriesAnswer
from carbon254.ports.storage import SeriesEntry, SeriesStore

_AT_ONCE: Final = 64  # series whose rows are read together


@frozen
class Coverage:
    """A series over a window: intervals asked for, by state, and the stretches that are not there."""

    entry: SeriesEntry
    window: Window
    intervals: int
    states: dict[str, int] = field(factory=dict)
    gaps: tuple[tuple[Window, str], ...] = ()
    revisions: int = 0  # stored rows beyond one an interval

    @property
    def share(self) -> float:
        """Share of the intervals that has a value or is not applicable; 1 where nothing is expected."""
        there = self.states.get("ok", 0) + self.states.get("not_applicable", 0)
        return there / self.intervals if self.intervals else 1.0


@frozen
class FindSeries:
    """The use case behind ``carbon254 series find`` and ``coverage``."""

    store: SeriesStore
    query: QuerySeries

    def run(
        self,
        patterns: Sequence[SeriesPattern],
        scope: Scope,
        *,
        text: str = "",
        as_of: datetime | None = None,
        published_by: datetime | None = None,
    ) -> list[SeriesEntry]:
        """Series that match any pattern and hold every word of the text (any case) in their id, in their order.

        With a clock: what there was of them by then, and none that had no row yet.
        """
        wanted, words = tuple(patterns) or (SeriesPattern(),), text.lower().split()
        entries = self.store.find(scope.restrict(Selection(patterns=wanted)))
        entries = [
            entry for entry in entries if all(word in str(entry.series).lower() for word in words)
        ]
        return self._known(entries, scope, as_of, published_by)

    def one(
        self,
        series: SeriesId,
        scope: Scope,
        *,
        as_of: datetime | None = None,
        published_by: datetime | None = None,
    ) -> SeriesEntry | None:
        """What is stored of a series, by both clocks. Raises `NotEntitled` outside the scope."""
        entries = self.store.find(scope.restrict(Selection((series,))))
        return next(iter(self._known(entries, scope, as_of, published_by)), None)

    def _known(
        self,
        entries: Sequence[SeriesEntry],
        scope: Scope,
        as_of: datetime | None,
        published_by: datetime | None,
    ) -> list[SeriesEntry]:
        """What there was of the series by both clocks, and none that had no row yet."""
        if as_of is None and published_by is None:
            return list(entries)
        known = [
            entry
            for entry in entries
            if published_by is None and as_of is not None and entry.recorded_at <= as_of
        ]
        there = {entry.series for entry in known}
        others = [entry for entry in entries if entry.series not in there]
        for first in range(0, len(others), _AT_ONCE):
            asked = tuple(entry.series for entry in others[first : first + _AT_ONCE])
            known += _entries(
                self.store.read(scope.restrict(Selection(asked, (), None, as_of, published_by)))
            )
        return sorted(known, key=lambda entry: entry.series)

    def coverage(
        self,
        patterns: Sequence[SeriesPattern],
        scope: Scope,
        window: Window | None = None,
        *,
        as_of: datetime | None = None,
        published_by: datetime | None = None,
        judged_at: datetime | None = None,
        after: SeriesId | None = None,
        limit: int | None = None,
    ) -> list[Coverage]:
        """Coverage of each series over the window, or from its first to its last interval.

        Of series after one and of so many, where it is asked so; gaps are judged as `Question` says.
        """
        entries = self.run(patterns, scope, as_of=as_of, published_by=published_by)
        wanted = [one for one in entries if after is None or one.series > after][:limit]
        question = Question((), (), None, as_of, published_by, vintages=True, judged_at=judged_at)
        return [self._coverage(entry, scope, window, question) for entry in wanted]

    def _coverage(
        self, entry: SeriesEntry, scope: Scope, window: Window | None, question: Question
    ) -> Coverage:
        span = window or Window(entry.first, max(entry.last, entry.first))
        (answer,) = self.query.run(evolve(question, series=(entry.series,), window=span), scope)
        states = {state.word: n for state in State if (n := answer.count(state))}
        stored = int((answer.batch >= 0).sum())
        extra = entry.rows - stored if window is None else 0
        return Coverage(entry, span, len(answer), states, tuple(gaps_of(answer)), extra)


def _entries(rows: Observations) -> Iterator[SeriesEntry]:
    """What the rows that were read say of each series."""
    for code, (series, unit) in enumerate(zip(rows.series, rows.units, strict=True)):
        own = rows.take(rows.code == code)
        if len(own):
            moments = own.interval_start.min(), own.interval_end.max(), own.recorded_at.max()
            first, last, recorded = (moment.item().replace(tzinfo=UTC) for moment in moments)
            yield SeriesEntry(series, unit, first, last, len(own), recorded)


def gaps_of(answer: SeriesAnswer) -> list[tuple[Window, str]]:
    """Stretches without a value, with their state; neighbours of one state are joined."""
    found: list[tuple[Window, str]] = []
    for row in range(len(answer)):
        state = State(int(answer.state[row]))
        if state in (State.OK, State.NOT_APPLICABLE):
            continue
        start, end = (
            moment.item().replace(tzinfo=UTC)
            for moment in (answer.interval_start[row], answer.interval_end[row])
        )
        if found and found[-1][0].end == start and found[-1][1] == state.word:
            found[-1] = (Window(found[-1][0].start, end), state.word)
        else:
            found.append((Window(start, end), state.word))
    return found
