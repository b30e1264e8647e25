"""Which series there are, how far each reaches, and what of it is missing and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from attrs import field, frozen

from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.time import Window
from carbon254.core.domain.vocabulary import State
from carbon254.core.usecases.query_series import Question, QuerySeries, SeriesAnswer
from carbon254.ports.storage import SeriesEntry, SeriesStore


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

    def run(self, patterns: Sequence[SeriesPattern], scope: Scope, *, text: str = "") -> list[SeriesEntry]:
        """Series that match any pattern and hold the text (any case) in their id."""
        wanted = tuple(patterns) or (SeriesPattern(),)
        entries = self.store.find(scope.restrict(Selection(patterns=wanted)))
        return [entry for entry in entries if text.lower() in str(entry.series).lower()]

    def coverage(
        self, patterns: Sequence[SeriesPattern], scope: Scope, window: Window | None = None
    ) -> list[Coverage]:
        """Coverage of each series over the window, or from its first to its last interval."""
        return [self._coverage(entry, scope, window) for entry in self.run(patterns, scope)]

    def _coverage(self, entry: SeriesEntry, scope: Scope, window: Window | None) -> Coverage:
        span = window or Window(entry.first, max(entry.last, entry.first))
        (answer,) = self.query.run(Question((entry.series,), window=span, vintages=True), scope)
        states = {state.word: n for state in State if (n := answer.count(state))}
        stored = int((answer.batch >= 0).sum())
        extra = entry.rows - stored if window is None else 0
        return Coverage(entry, span, len(answer), states, tuple(gaps_of(answer)), extra)


def gaps_of(answer: SeriesAnswer) -> list[tuple[Window, str]]:
    """Stretches without a value, with their state; neighbours of one state are joined."""
    found: list[tuple[Window, str]] = []
    for row in range(len(answer)):
        state = State(int(answer.state[row]))
        if state in (State.OK, State.NOT_APPLICABLE):
            continue
        start, end = (moment.item().replace(tzinfo=UTC) for moment in (answer.interval_start[row], answer.interval_end[row]))
        if found and found[-1][0].end == start and found[-1][1] == state.word:
            found[-1] = (Window(found[-1][0].start, end), state.word)
        else:
            found.append((Window(start, end), state.word))
    return found
