"""Set forecasts beside one another: of backtests, of stored vintages, and of files that others bring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

import numpy as np
from attrs import frozen

from carbon254.core.domain.backtests import Target
from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.forecast_documents import check_configuration
from carbon254.core.domain.forecast_table import ForecastTable, together
from carbon254.core.domain.observations import Column
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.core.usecases.forecast_subjects import ForecastSubjects
from carbon254.core.usecases.query_series import QuerySeries, Question, SeriesAnswer
from carbon254.core.usecases.run_backtest import RunBacktest


@frozen(eq=False)
class CompareForecasts:
    """The use case behind ``carbon254 backtest compare``."""

    subjects: ForecastSubjects
    query: QuerySeries
    backtest: RunBacktest

    def backtests(self, ids: Sequence[str]) -> list[ForecastTable]:
        """Finished backtests by series: those of one series in one table. Raises `NotFound`, `Conflict`."""
        found: dict[tuple[SeriesId, timedelta], list[tuple[str, ForecastTable]]] = {}
        for one in ids:
            for table in self.backtest.result(one).tables:
                key = (table.series, table.grid.resolution)
                found.setdefault(key, []).append((one, table))
        return [
            together([table for _, table in tables], [name for name, _ in tables])
            for tables in found.values()
        ]

    def stored(
        self,
        series: SeriesId,
        configurations: Sequence[str],
        window: Window,
        scope: Scope,
        *,
        lead: timedelta | None = None,
    ) -> ForecastTable:
        """What configurations had said of a series, beside what came; of each interval the latest issue.

        With ``lead``, the latest that was issued so long before the interval. Raises `NotFound` where a configuration
        said nothing, `NotEntitled`, and as `ForecastSubjects.subject`.
        """
        subject = self.subjects.subject(Target(series=series), window.start.date())
        grid = subject.grid
        (actual,) = self.query.run(Question((series,), window=window), scope)
        tables = []
        for configuration in configurations:
            run = f"forecast-{check_configuration(configuration)}"
            point = SeriesId(series.market, run, series.measure, series.kind, series.location)
            (said,) = self.query.run(Question((point,), window=window, lead=lead), scope)
            said_rows = np.flatnonzero(~np.isnan(said.value))
            if not len(said_rows):
                raise NotFound(f"configuration '{configuration}' said nothing of {window}.")
            fans = dict(self._fans(point, window, lead, scope))
            starts = said.interval_start[said_rows]
            tables.append(
                ForecastTable(
                    series, said.unit, grid, (configuration,), np.zeros(len(starts), dtype=np.int64),
                    said.issued_at[said_rows], starts, said.interval_end[said_rows], said.value[said_rows],
                    _at(actual, starts), tuple(sorted(fans)),
                    np.column_stack([_at(fans[level], starts) for level in sorted(fans)])
                    if fans else np.zeros((len(starts), 0)),
                )
            )  # fmt: skip
        return together(tables, [""] * len(tables))

    def _fans(
        self, point: SeriesId, window: Window, lead: timedelta | None, scope: Scope
    ) -> Iterator[tuple[float, SeriesAnswer]]:
        pattern = SeriesPattern(
            point.market, point.run, f"{point.measure}-p[0-9]*", point.kind, point.location
        )
        asked = Question((), (pattern,), window, lead=lead)
        for answer in self.query.run(asked, scope):
            digits = answer.series.measure.partition("-p")[2].replace("_", "")
            yield int(digits) / 10 ** len(digits), answer


def _at(answer: SeriesAnswer, starts: Column) -> Column:
    """The values of the intervals that start then; NaN where there is none."""
    if not len(answer):
        return np.full(len(starts), np.nan)
    place = np.minimum(np.searchsorted(answer.interval_start, starts), len(answer) - 1)
    found: Column = np.where(answer.interval_start[place] == starts, answer.value[place], np.nan)
    return found
