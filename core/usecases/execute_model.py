"""Run one model over the origins of a block of days: fit, predict, and a gap where either fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from attrs import field, frozen

from carbon254.core.domain.backtests import Conditions, DayForecast, Origins
from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.errors import Carbon254Error, InvalidRequest, PluginBroken
from carbon254.core.domain.forecasts import Forecast, Horizon, MemberForecasts, ModelSpec
from carbon254.core.domain.observations import Column
from carbon254.core.domain.schemas import build
from carbon254.core.usecases.known_at import AsOf, Knowledge
from carbon254.ports.matrix_reader import DayTable, Said, days_between, no_members
from carbon254.ports.models import Forecaster, ModelCatalogue, Reader


@frozen(eq=False, kw_only=True)
class ModelTask:
    """A model, a block of delivery days in their order, and all that may be known of them; travels to a worker.

    ``members`` are what a combiner's members said, by their days.
    """

    spec: ModelSpec
    days: tuple[date, ...]
    conditions: Conditions
    origins: Origins
    knowledge: Knowledge = field(repr=False)
    members: tuple[tuple[str, tuple[DayForecast, ...]], ...] = field(default=(), repr=False)

    @property
    def grid(self) -> DayGrid:
        """The grid of the subject."""
        return self.knowledge.subject.grid


def execute(models: ModelCatalogue, task: ModelTask) -> tuple[DayForecast, ...]:
    """A `DayForecast` for every day. Raises `NotFound`, `PluginBroken`, `InvalidRequest` for the model itself."""
    model = models.model(task.spec.model)
    parameters = build(model.Parameters, task.spec.parameters, f"parameters of {task.spec.model}")
    return tuple(_Block(model, parameters, task).each())


class _Block:
    """The days of a task, one after the other, with the last state that was fitted."""

    def __init__(self, model: Forecaster, parameters: Any, task: ModelTask) -> None:
        self._model, self._parameters, self._task = model, parameters, task
        self._as_of = AsOf(task.knowledge)
        self._said = _members(task)
        self._fitted: tuple[date, Any] | None = None

    def each(self) -> list[DayForecast]:
        return [self._guarded(day) for day in self._task.days]

    def _guarded(self, day: date) -> DayForecast:
        origin = self._task.origins.of(day)
        try:
            return DayForecast.of(day, origin, self._forecast(day, origin))
        except Carbon254Error as error:
            return DayForecast(day, origin, code=error.code, message=str(error))
        except Exception as error:  # the model's own code concerns its own day alone  # noqa: BLE001
            message = f"{self._task.spec.name} failed: {type(error).__name__}: {error}"
            return DayForecast(day, origin, code=PluginBroken.code, message=message)

    def _forecast(self, day: date, origin: datetime) -> Forecast:
        state = self._state(day, origin)
        horizon = Horizon(self._task.grid, day, self._task.conditions.days)
        made: Any = self._model.predict(state, self._reader(day, origin), horizon)
        if not isinstance(made, Forecast) or len(made.value) != len(horizon):
            raise PluginBroken(f"{self._task.spec.name} returned no forecast of the horizon.")
        forecast: Forecast = made
        return forecast

    def _reader(self, day: date, origin: datetime) -> Reader:
        return self._as_of.reader(day, origin, self._said(day))

    def _state(self, day: date, origin: datetime) -> Any:
        """The state of the day's refit; of the day itself where that one could not be fitted.

        So what is said of a day depends on nothing but the day, wherever a block begins.
        """
        due = self._task.conditions.refit_day(day)
        if self._fitted is not None and self._fitted[0] == due:
            return self._fitted[1]
        if due < day:
            try:
                self._fitted = (due, self._fit(due, self._task.origins.of(due)))
            except Exception:  # whatever it was, it concerns that day  # noqa: BLE001
                return self._fit(day, origin)
            return self._fitted[1]
        self._fitted = (due, self._fit(day, origin))
        return self._fitted[1]

    def _fit(self, day: date, origin: datetime) -> Any:
        seed = self._task.conditions.seed
        return self._model.fit(self._reader(day, origin), origin, self._parameters, seed)


def _members(task: ModelTask) -> Callable[[date], Said]:
    """For each origin's day, what members had said by then, as a reader asks for it."""
    if not task.members:
        return lambda day: no_members
    names = tuple(name for name, _ in task.members)
    tables = [
        [_table(days, task.grid, lead) for _, days in task.members]
        for lead in range(task.conditions.days)
    ]

    def at(day: date) -> Said:
        def said(first: date, last: date, lead: int) -> MemberForecasts:
            if not 0 <= lead < len(tables):
                raise InvalidRequest(f"members forecast {len(tables)} days, not {lead + 1}.")
            seen = [one.hide(day + timedelta(lead)).between(first, last) for one in tables[lead]]
            return MemberForecasts(names, days_between(first, last), np.array(seen))

        return said

    return at


def _table(days: Sequence[DayForecast], grid: DayGrid, lead: int) -> DayTable:
    """What was said of each day ``lead`` days after the origin's first delivery day."""
    said = {one.day + timedelta(lead): one for one in days if one.ok}
    if not said:
        return DayTable(date(2000, 1, 1), np.full((0, grid.slots), np.nan))
    first, last = min(said), max(said)
    values = np.full(((last - first).days + 1, grid.slots), np.nan)
    for day, one in said.items():
        values[(day - first).days] = _slots(one, grid, day)
    return DayTable(first, values)


def _slots(said: DayForecast, grid: DayGrid, day: date) -> Column:
    starts = grid.starts(said.day, day)
    row: Column = grid.matrix(starts, said.value[: len(starts)], day, day)[0]
    return row
