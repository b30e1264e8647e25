"""Forecasts of one series beside what came: the table that backtests and comparisons are scored on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Self

import numpy as np
from attrs import evolve, field, frozen

from carbon254.core.domain.backtests import DayForecast
from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Horizon
from carbon254.core.domain.metrics import naive_by_similar_day
from carbon254.core.domain.observations import INSTANT, Column, instant64
from carbon254.core.domain.series import SeriesId

GROUPINGS: Final = ("hour", "horizon", "month", "regime")
_SPIKE: Final = 3.0  # robust standard deviations above the median
_ROBUST: Final = 1.4826  # of a median absolute deviation, to be that of a normal distribution


@frozen(eq=False)
class ForecastTable:
    """One row for each model, origin and interval; ``NaN`` where a number is not there.

    ``model`` points into ``models``; ``quantiles`` is rows × levels. Instants are UTC, numbers in ``unit``.
    ``similar`` is the similar-day naive forecast of each row, where actuals of the days before were at hand.
    """

    series: SeriesId
    unit: str
    grid: DayGrid
    models: tuple[str, ...]
    model: Column
    origin: Column
    interval_start: Column
    interval_end: Column
    value: Column
    actual: Column
    levels: tuple[float, ...] = ()
    quantiles: Column = field(factory=lambda: np.zeros((0, 0)))
    mase_scale: float = float("nan")
    similar: Column | None = None

    def __attrs_post_init__(self) -> None:
        if not self.levels:
            object.__setattr__(self, "quantiles", np.zeros((len(self.model), 0)))

    def __len__(self) -> int:
        return len(self.model)

    def take(self, rows: Column) -> Self:
        """The rows of a mask or an index."""
        names = (
            "model",
            "origin",
            "interval_start",
            "interval_end",
            "value",
            "actual",
            "quantiles",
        )
        similar = None if self.similar is None else self.similar[rows]
        return evolve(self, similar=similar, **{name: getattr(self, name)[rows] for name in names})

    def of(self, model: str) -> Self:
        """The rows of one model."""
        return self.take(self.model == self.models.index(model))

    @property
    def days(self) -> Column:
        """The operating day of each row, as ``datetime64[D]``."""
        return self.grid.days_of(self.interval_start)

    def group(self, by: str) -> tuple[list[str], Column]:
        """The names of the groups in their order, and the group of each row.

        ``hour`` of the local clock, ``horizon`` in hours from the origin, ``month`` of the operating day, ``regime``
        of the actual: negative, spike (three robust deviations above the median), or ordinary.
        """
        if by == "regime":
            return list(_REGIMES), _regime(self.actual)
        if by == "hour":
            slot = self.grid.place(self.interval_start)[1]
            found = slot * (self.grid.resolution.total_seconds() / 3600)
            return _named(found.astype(np.int64), "{:02d}")
        if by == "horizon":
            hours = (self.interval_start - self.origin) // np.timedelta64(1, "h")
            return _named(hours.astype(np.int64), "{} h")
        months, place = np.unique(self.days.astype("datetime64[M]"), return_inverse=True)
        return [str(month) for month in months], place

    def naive(self) -> Column:
        """The similar-day naive forecast of each row; out of the actuals of the table where it came without."""
        if self.similar is not None:
            return self.similar
        starts, first = np.unique(self.interval_start, return_index=True)
        return similar_days(self.grid, self.interval_start, starts, self.actual[first])


def similar_days(grid: DayGrid, asked: Column, starts: Column, actual: Column) -> Column:
    """The similar-day naive forecast of intervals, out of actuals that ascend and reach as far as the intervals."""
    if not len(starts) or not len(asked):
        return np.full(len(asked), np.nan)
    days = grid.days_of(starts[[0, -1]]).tolist()
    matrix = grid.matrix(starts, actual, days[0], days[1])
    calendar = np.arange(days[0], np.datetime64(days[1]) + 1, dtype="datetime64[D]")
    naive = naive_by_similar_day(calendar, matrix)
    day, slot = grid.place(asked)
    found: Column = naive[(day - calendar[0]).astype(np.int64), slot]
    return found


_REGIMES: Final = ("negative", "ordinary", "spike")


def _regime(actual: Column) -> Column:
    known = actual[~np.isnan(actual)]
    middle = float(np.median(known)) if len(known) else 0.0
    spread = _ROBUST * float(np.median(np.abs(known - middle))) if len(known) else 0.0
    found: Column = np.where(actual < 0, 0, np.where(actual > middle + _SPIKE * spread, 2, 1))
    return found


def _named(values: Column, form: str) -> tuple[list[str], Column]:
    known, place = np.unique(values, return_inverse=True)
    return [form.format(one) for one in known.tolist()], place


def table_of(
    series: SeriesId,
    unit: str,
    grid: DayGrid,
    said: Mapping[str, Iterable[DayForecast]],
    horizon_days: int,
    actuals: tuple[Column, Column],
    mase_scale: float = float("nan"),
) -> ForecastTable:
    """The table of what models said of their days; days without numbers have no rows.

    ``actuals`` are starts that ascend by the grid's resolution without a hole, and their values; they may begin
    before the first forecast, so that each has its similar day.
    """
    levels = tuple(
        sorted({level for days in said.values() for one in days if one.ok for level in one.levels})
    )
    parts: dict[str, list[Column]] = {
        name: [] for name in ("model", "origin", "start", "value", "quantiles")
    }
    for number, days in enumerate(said.values()):
        for one in days:
            if one.ok:
                starts = Horizon(grid, one.day, horizon_days).interval_start
                parts["model"].append(np.full(len(starts), number))
                parts["origin"].append(np.full(len(starts), instant64(one.origin)))
                parts["start"].append(starts)
                parts["value"].append(one.value)
                parts["quantiles"].append(_fan(one, levels))
    start = _stack(parts["start"], INSTANT)
    actual = _looked_up(start, grid, actuals)
    return ForecastTable(
        series, unit, grid, tuple(said), _stack(parts["model"], np.int64), _stack(parts["origin"], INSTANT), start,
        start + np.timedelta64(grid.resolution), _stack(parts["value"], np.float64), actual, levels,
        np.vstack(parts["quantiles"]) if parts["quantiles"] else np.zeros((0, len(levels))), mase_scale,
        similar_days(grid, start, *actuals),
    )  # fmt: skip


def _looked_up(start: Column, grid: DayGrid, actuals: tuple[Column, Column]) -> Column:
    cells, values = actuals
    if not len(cells):
        return np.full(len(start), np.nan)
    place = ((start - cells[0]) // np.timedelta64(grid.resolution)).astype(np.int64)
    inside = (place >= 0) & (place < len(cells))
    return np.where(inside, values[np.where(inside, place, 0)], np.nan)


def _stack(parts: list[Column], dtype: object) -> Column:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)  # type: ignore[call-overload]


def _fan(one: DayForecast, levels: tuple[float, ...]) -> Column:
    """The quantiles of a forecast as intervals × levels of the table."""
    fan = np.full((len(one.value), len(levels)), np.nan)
    if one.quantiles is not None:
        for place, level in enumerate(one.levels):
            fan[:, levels.index(level)] = one.quantiles[place]
    return fan


def together(tables: Sequence[ForecastTable], names: Sequence[str]) -> ForecastTable:
    """Tables of one series as one; a model's name that several have gets the name of its table behind it.

    Raises `InvalidRequest` for tables of other series or grids, and for one that is there twice.
    """
    first = tables[0]
    for one in tables:
        if (one.series, one.grid) != (first.series, first.grid):
            raise InvalidRequest(
                f"forecasts of {one.series} and {first.series} (or of two resolutions) are not compared."
            )
    known = [name for one in tables for name in one.models]
    models = tuple(
        f"{name} ({table})" if known.count(name) > 1 else name
        for one, table in zip(tables, names, strict=True)
        for name in one.models
    )
    if twice := {name for name in models if models.count(name) > 1}:
        raise InvalidRequest(f"'{min(twice)}' is there twice: name each forecast once.")
    levels = tuple(sorted({level for one in tables for level in one.levels}))
    offsets = np.cumsum([0, *(len(one.models) for one in tables)])[:-1].tolist()
    plain = ("origin", "interval_start", "interval_end", "value", "actual")
    columns = {name: np.concatenate([getattr(one, name) for one in tables]) for name in plain}
    return ForecastTable(
        series=first.series, unit=first.unit, grid=first.grid, models=models, levels=levels,
        model=np.concatenate([one.model + n for one, n in zip(tables, offsets, strict=True)]),
        quantiles=np.vstack([_widened(one, levels) for one in tables]), mase_scale=first.mase_scale,
        similar=_similar_of(tables), **columns,
    )  # fmt: skip


def _similar_of(tables: Sequence[ForecastTable]) -> Column | None:
    if all(one.similar is None for one in tables):
        return None
    return np.concatenate([one.naive() for one in tables])


def _widened(table: ForecastTable, levels: tuple[float, ...]) -> Column:
    fan = np.full((len(table), len(levels)), np.nan)
    for place, level in enumerate(table.levels):
        fan[:, levels.index(level)] = table.quantiles[:, place]
    return fan
