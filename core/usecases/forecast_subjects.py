"""From a target to what models need: its grid, its gate, and what the store knows of its series."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from attrs import frozen

from carbon254.core.domain.backtests import Conditions, Target
from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.entitlements import Scope, Selection
from carbon254.core.domain.errors import InvalidRequest, NotFound
from carbon254.core.domain.expectations import day_zone_of
from carbon254.core.domain.forecasts import Subject
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.usecases.known_at import Knowledge
from carbon254.ports.storage import SeriesStore


@frozen
class ForecastSubjects:
    """What a target is, by its market's card, and what is stored of it."""

    store: SeriesStore
    cards: Mapping[str, MarketCard]

    def subject(self, target: Target, day: date) -> Subject:
        """The subject with the target's grid on a delivery day. Raises as `grid`."""
        series = target.series
        grid = self.grid(series, day)
        if series in target.exogenous or len(set(target.exogenous)) != len(target.exogenous):
            raise InvalidRequest("an exogenous series stands twice, or is the target itself.")
        return Subject(
            target=series, exogenous=target.exogenous, grid=grid, unit=self._unit(series)
        )

    def grid(self, series: SeriesId, day: date) -> DayGrid:
        """The grid of a series on an operating day, by its market's card.

        Raises `NotFound` for a market that is not installed, `InvalidRequest` for a series that no dataset feeds or
        that has no regular intervals.
        """
        card = self._card(series)
        dataset = card.feeding(series)
        if dataset is None:
            raise InvalidRequest(
                f"no dataset of '{card.id}' feeds {series}: it cannot be forecast."
            )
        length = dataset.resolution_of(series, day)
        if not length:
            raise InvalidRequest(f"{series} has no regular intervals on {day} to forecast.")
        return DayGrid(day_zone_of(card, dataset, series), length, dataset.day_start)

    def gate(self, target: Target, conditions: Conditions) -> Rule:
        """When the forecast of a delivery day is made: the rule asked for, or the gate closure of the card.

        Raises `InvalidRequest` where there is neither.
        """
        if conditions.origin:
            return Rule.parse(conditions.origin)
        run = self._card(target.series).runs.get(target.series.run)
        if run is None or run.gate_closure is None:
            raise InvalidRequest(
                f"the card names no gate closure of {target.series.run}: say when forecasts are made, "
                "as in origin 'D-1 12:00'."
            )
        return run.gate_closure

    def knowledge(
        self,
        subject: Subject,
        conditions: Conditions,
        scope: Scope,
        *,
        since: date | None = None,
        as_of: datetime | None = None,
    ) -> Knowledge:
        """All rows of the subject's series, from an operating day on. Raises `NotEntitled`, `NotFound`."""
        window = None
        if since is not None:
            start = subject.grid.window(since - timedelta(1)).start
            window = Window(start, start + timedelta(days=366 * 100))
        selection = Selection(subject.series, (), window, as_of)
        rows = self.store.read(scope.restrict(selection))
        for one in subject.series:
            if one not in rows.series:
                raise NotFound(
                    f"no series {one} is stored; 'carbon254 series find' lists what there is."
                )
        return Knowledge(
            subject=subject, rows=rows, live_since=conditions.live_since, gap=conditions.gap, window=conditions.window,
        )  # fmt: skip

    def _card(self, series: SeriesId) -> MarketCard:
        if series.market not in self.cards:
            raise NotFound(
                f"no market '{series.market}' is installed; there are {', '.join(self.cards)}."
            )
        return self.cards[series.market]

    def _unit(self, series: SeriesId) -> str:
        found = self.store.find(Scope.everything().restrict(Selection((series,))))
        return found[0].unit if found else ""


def next_open_day(gate: Rule, grid: DayGrid, now: datetime) -> date:
    """The first delivery day whose gate has not closed. Raises `InvalidRequest` for a gate that never closes."""
    day = grid.day_of(now)
    for _ in range(60):
        if gate.on(day, grid.zone) >= now:
            return day
        day += timedelta(1)
    raise InvalidRequest(f"the gate '{gate.text}' is always closed.")
