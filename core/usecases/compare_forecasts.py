"""Set forecasts beside one another: of backtests, of stored vintages, and of files that others bring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Final

import numpy as np
from attrs import evolve, frozen

from carbon254.core.domain.backtests import Target
from carbon254.core.domain.bridging import bridge
from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import InvalidRequest, NotFound
from carbon254.core.domain.forecast_documents import check_configuration
from carbon254.core.domain.forecast_table import ForecastTable, similar_days, together
from carbon254.core.domain.forecasts import named_level
from carbon254.core.domain.metrics import seasonal_scale
from carbon254.core.domain.observations import Column, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.usecases.forecast_subjects import ForecastSubjects
from carbon254.core.usecases.import_forecasts import import_tables
from carbon254.core.usecases.known_at import is_additive
from carbon254.core.usecases.query_series import QuerySeries, Question, SeriesAnswer
from carbon254.core.usecases.run_backtest import RunBacktest

_WEEK: Final = timedelta(days=7)
_STEP: Final = timedelta(microseconds=1)


@frozen(eq=False)
class _Came:
    """What came of a series: the similar day of each interval, its scale for MASE, and the actuals themselves."""

    grid: DayGrid
    cells: Column
    actual: Column
    first: np.datetime64

    def beside(self, table: ForecastTable) -> ForecastTable:
        """The table with these actuals."""
        starts = table.interval_start
        place = np.minimum(np.searchsorted(self.cells, starts), len(self.cells) - 1)
        actual = np.where(self.cells[place] == starts, self.actual[place], np.nan)
        late = self.cells >= self.first - np.timedelta64(_WEEK)
        before = self.actual[self.cells < self.first]
        return evolve(
            table, actual=actual, mase_scale=seasonal_scale(before, 7 * self.grid.slots),
            similar=similar_days(self.grid, starts, self.cells[late], self.actual[late]),
        )  # fmt: skip


@frozen(eq=False)
class CompareForecasts:
    """The use case behind ``carbon254 backtest compare``."""

    subjects: ForecastSubjects
    query: QuerySeries
    backtest: RunBacktest

    def backtests(self, ids: Sequence[str]) -> list[tuple[str, ForecastTable]]:
        """The tables of finished backtests, each with its backtest's id. Raises `NotFound`, `Conflict`."""
        return [(one, table) for one in ids for table in self.backtest.result(one).tables]

    def stored(
        self,
        series: SeriesId,
        configurations: Sequence[str],
        window: Window,
        scope: Scope,
        *,
        lead: timedelta | None = None,
    ) -> list[tuple[str, ForecastTable]]:
        """What configurations had said of a series, beside what came; of each interval the latest issue.

        With ``lead``, the latest that was issued so long before the interval. A table for each configuration and each
        resolution that the series has had. Raises `NotFound` where a configuration said nothing, `NotEntitled`, and as
        `ForecastSubjects.subject`.
        """
        found, parts = [], list(self._parts(series, window, scope))
        for configuration in configurations:
            run = f"forecast-{check_configuration(configuration)}"
            point = SeriesId(series.market, run, series.measure, series.kind, series.location)
            (said,) = self.query.run(Question((point,), window=window, lead=lead), scope)
            fans = dict(self._fans(point, window, lead, scope))
            tables = [_said(series, configuration, said, fans, came, window) for came in parts]
            if not any(map(len, tables)):
                raise NotFound(f"configuration '{configuration}' said nothing of {window}.")
            found += [(f"stored {configuration}", table) for table in tables if len(table)]
        return found

    def imported(
        self, name: str, body: bytes, series: SeriesId, scope: Scope, *, actual: str = "actual"
    ) -> list[tuple[str, ForecastTable]]:
        """Forecasts of a stored series out of a file, beside what came by the store.

        Starts carry an offset. Raises `DocumentDamaged`, `InvalidRequest`, and as `ForecastSubjects.subject`.
        """
        zone = self.subjects.grid(series, date(2000, 1, 1)).zone
        unit = self.subjects.subject(Target(series=series), date(2000, 1, 1)).unit
        found = []
        for table in import_tables(
            name, body, zone=zone, series=series, actual=actual, without=True
        ):
            if table.grid.zone != zone:
                raise InvalidRequest(
                    f"{name} has starts without an offset, which cannot be set beside {series}."
                )
            days = table.days
            grid = self.subjects.grid(series, days.max().item())
            exact = evolve(table, grid=evolve(table.grid, zone=zone, day_start=grid.day_start))
            came = self._came(series, exact.grid, days.min().item(), days.max().item(), scope)
            found.append((name, evolve(came.beside(exact), unit=unit)))
        return found

    def _parts(self, series: SeriesId, window: Window, scope: Scope) -> Iterator[_Came]:
        """What came in the window, apart where the series' resolution changes."""
        grid = self.subjects.grid(series, window.start.date())
        first, last = grid.day_of(window.start), grid.day_of(window.end - _STEP)
        days = (first + timedelta(n) for n in range((last - first).days + 1))
        for own, group in groupby(days, key=lambda day: self.subjects.grid(series, day)):
            span = list(group)
            yield self._came(series, own, span[0], span[-1], scope)

    def _came(
        self, series: SeriesId, grid: DayGrid, first: date, last: date, scope: Scope
    ) -> _Came:
        cells = grid.starts(first - 53 * _WEEK, last)
        window = grid.window(first - 53 * _WEEK, last)
        (answer,) = self.query.run(Question((series,), window=window), scope)
        actual = _on(answer, answer.value, cells, grid, additive=is_additive(series))
        return _Came(grid, cells, actual, grid.starts(first)[0])

    def _fans(
        self, point: SeriesId, window: Window, lead: timedelta | None, scope: Scope
    ) -> Iterator[tuple[float, SeriesAnswer]]:
        pattern = SeriesPattern(
            point.market, point.run, f"{point.measure}-p[0-9]*", point.kind, point.location
        )
        asked = Question((), (pattern,), window, lead=lead)
        for answer in self.query.run(asked, scope):
            level = named_level(answer.series.measure.partition("-")[2])
            if level is not None:
                yield level, answer


def _said(
    series: SeriesId,
    configuration: str,
    said: SeriesAnswer,
    fans: dict[float, SeriesAnswer],
    came: _Came,
    window: Window,
) -> ForecastTable:
    """What a configuration said of the days of one resolution, on their cells."""
    grid, additive = came.grid, is_additive(series)
    inside = (came.cells >= max(came.first, instant64(window.start))) & (
        came.cells < instant64(window.end)
    )
    cells = came.cells[inside]
    value = _on(said, said.value, cells, grid, additive=additive)
    issued = _on(said, said.issued_at.astype(np.int64).astype(np.float64), cells, grid)
    there = np.isfinite(value)
    levels = sorted(fans)
    fan = [_on(fans[one], fans[one].value, cells, grid, additive=additive) for one in levels]
    return came.beside(
        ForecastTable(
            series, said.unit, grid, (configuration,), np.zeros(int(there.sum()), dtype=np.int64),
            issued[there].astype(np.int64).view(cells.dtype), cells[there],
            cells[there] + np.timedelta64(grid.resolution), value[there], np.zeros(0), tuple(levels),
            np.column_stack(fan)[there] if fan else np.zeros((int(there.sum()), 0)),
        )
    )  # fmt: skip


def _on(
    answer: SeriesAnswer, values: Column, cells: Column, grid: DayGrid, *, additive: bool = False
) -> Column:
    """An answer's values on cells of the grid; NaN where there is none."""
    there = np.isfinite(answer.value)
    return bridge(
        answer.interval_start[there], answer.interval_end[there], values[there], cells, grid.resolution,
        additive=additive,
    )  # fmt: skip


def merged(found: Sequence[tuple[str, ForecastTable]]) -> list[ForecastTable]:
    """Tables with where they come from: those of one series and resolution as one.

    Raises `InvalidRequest` for two of the same name and origin.
    """
    groups: dict[tuple[SeriesId, timedelta], list[tuple[str, ForecastTable]]] = {}
    for name, table in found:
        key = (table.series, table.grid.resolution)
        groups.setdefault(key, []).append((name, table))
    return [
        together([table for _, table in group], [name for name, _ in group])
        for group in groups.values()
    ]
