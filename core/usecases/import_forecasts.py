"""Forecasts that others bring as CSV or Parquet: a column for each model, or the rows that a backtest exports.

Whoever brings them may have made any mistake, so every column is looked at before anything is scored.
"""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.errors import DocumentDamaged, InvalidRequest
from carbon254.core.domain.forecast_table import ForecastTable
from carbon254.core.domain.forecasts import named_level
from carbon254.core.domain.observations import INSTANT, Column
from carbon254.core.domain.series import SeriesId

UNNAMED: Final = SeriesId.parse("user/day_ahead/price/zone/imported")
_OFFSET: Final = r"(?:Z|[+-]\d\d:?\d\d)\s*$"
_STARTS: Final = ("interval_start", "start", "time", "timestamp", "date", "datetime")
_LONG: Final = frozenset(("model", "interval_start", "value"))


def import_tables(
    name: str,
    body: bytes,
    *,
    zone: str,
    series: SeriesId | None = None,
    actual: str = "actual",
    without: bool = False,
) -> list[ForecastTable]:
    """Forecasts of others: as `import_table`, or the rows that ``backtest --export`` writes, a table for each series.

    ``series`` names what was forecast, or which of those of an export is wanted; with ``without`` a file may have no
    actuals, which are then ``NaN``. Raises `DocumentDamaged`, `InvalidRequest`.
    """
    frame = _read(name, body)
    if without and actual not in frame.columns:
        frame[actual] = np.nan
    if not set(frame.columns) >= _LONG:
        return [_wide(name, frame, zone, series or UNNAMED, "", actual)]
    _has_actuals(name, frame, actual)
    if "series" not in frame.columns:
        frame["series"] = str(series or UNNAMED)
    chosen = frame if series is None else frame[frame["series"] == str(series)]
    if chosen.empty:
        raise InvalidRequest(f"{name} holds no forecast of {series}.")
    return [
        _long(name, part, zone, SeriesId.parse(str(key[0])), actual)
        for key, part in chosen.groupby(
            ["series", *(["subject"] if "subject" in chosen else [])], sort=False
        )
    ]


def import_table(
    name: str,
    body: bytes,
    *,
    zone: str,
    series: SeriesId,
    unit: str = "",
    actual: str = "actual",
) -> ForecastTable:
    """Forecasts of others beside what came: a column of starts, one of actuals, and one for each model.

    CSV, or Parquet by the file's name. Starts carry an offset, or are the local clock of ``zone``, each day with the
    slots that its first day has (clock changes levelled, as benchmarks have them) – then ``zone`` is taken as UTC. The
    origin is the midnight before. Raises `DocumentDamaged`, `InvalidRequest`.
    """
    return _wide(name, _read(name, body), zone, series, unit, actual)


def _wide(
    name: str, frame: pd.DataFrame, zone: str, series: SeriesId, unit: str, actual: str
) -> ForecastTable:
    column = next((one for one in frame.columns if str(one).lower() in _STARTS), frame.columns[0])
    _has_actuals(name, frame, actual)
    starts, levelled = _starts(name, frame[column])
    _once(name, starts, levelled=levelled)
    models = tuple(str(one) for one in frame.columns if one not in (column, actual))
    if not models:
        raise InvalidRequest(f"{name} has no column of forecasts beside '{column}' and '{actual}'.")
    grid = DayGrid("UTC" if levelled else zone, _step(name, starts))
    values = [_numbers(name, frame[one]) for one in models]
    count = len(models)
    starts_all = np.tile(starts, count)
    return ForecastTable(
        series, unit, grid, models, np.repeat(np.arange(count), len(starts)), _midnights(grid, starts_all), starts_all,
        starts_all + np.timedelta64(grid.resolution), np.concatenate(values),
        np.tile(_numbers(name, frame[actual]), count),
    )  # fmt: skip


def _long(
    name: str, frame: pd.DataFrame, zone: str, series: SeriesId, actual: str
) -> ForecastTable:
    """Rows of model, origin, interval, value and quantiles, of one series."""
    starts, levelled = _starts(name, frame["interval_start"])
    grid = DayGrid("UTC" if levelled else zone, _step(name, np.unique(starts)))
    origin = _starts(name, frame["origin"])[0] if "origin" in frame else _midnights(grid, starts)
    place, models = pd.factorize(frame["model"].astype(str))
    keys = pd.DataFrame({"model": place, "origin": origin, "start": starts})
    if keys.duplicated().any():
        raise DocumentDamaged(f"{name}: a model says an interval twice from one origin.")
    named = ((named_level(str(one)), str(one)) for one in frame.columns)
    found = sorted((level, column) for level, column in named if level is not None)
    fan = [_numbers(name, frame[column]) for _, column in found]
    return ForecastTable(
        series, "", grid, tuple(models.tolist()), place, origin, starts, starts + np.timedelta64(grid.resolution),
        _numbers(name, frame["value"]), _numbers(name, frame[actual]), tuple(level for level, _ in found),
        np.column_stack(fan) if fan else np.zeros((len(starts), 0)),
        similar=_numbers(name, frame["similar_day"]) if "similar_day" in frame else None,
    )  # fmt: skip


def _has_actuals(name: str, frame: pd.DataFrame, actual: str) -> None:
    if actual not in frame.columns:
        raise InvalidRequest(
            f"{name} has no column '{actual}' of actuals; there are {', '.join(map(str, frame.columns))}."
        )


def _read(name: str, body: bytes) -> pd.DataFrame:
    try:
        if name.endswith(".parquet"):
            frame = pd.read_parquet(io.BytesIO(body))
            return frame if frame.index.name is None else frame.reset_index()
        frame = pd.read_csv(io.BytesIO(body))
    except Exception as error:  # pandas and pyarrow have many  # noqa: BLE001
        raise DocumentDamaged(f"{name} cannot be read: {error}") from None
    if frame.empty:
        raise DocumentDamaged(f"{name} holds no row.")
    frame.columns = pd.Index([str(one).strip() for one in frame.columns])
    return frame


def _starts(name: str, values: pd.Series[Any]) -> tuple[Column, bool]:
    """Starts in UTC, and whether they came without an offset."""
    if values.isna().any():
        raise DocumentDamaged(f"{name}: column '{values.name}' has a row without an instant.")
    try:
        parsed, levelled = _parsed(values)
    except (ValueError, TypeError, AttributeError) as error:
        raise DocumentDamaged(
            f"{name}: column '{values.name}' holds no instants: {error}"
        ) from None
    starts: Column = parsed.to_numpy().astype(INSTANT)
    return starts, levelled


def _once(name: str, starts: Column, *, levelled: bool) -> None:
    if len(np.unique(starts)) != len(starts):
        hint = "; where clocks go back, write instants with an offset" if levelled else ""
        raise DocumentDamaged(f"{name}: an interval stands twice{hint}.")


def _parsed(values: pd.Series[Any]) -> tuple[pd.DatetimeIndex, bool]:
    """Instants without a zone, in UTC where they had an offset, which may change from row to row with the clocks."""
    if pd.api.types.is_datetime64_any_dtype(values):
        index = pd.DatetimeIndex(values)
    else:
        offset = values.astype(str).str.contains(_OFFSET)
        if offset.any() and not offset.all():
            raise ValueError("some have an offset and some have none")
        index = pd.DatetimeIndex(pd.to_datetime(values, format="ISO8601", utc=bool(offset.all())))
    if index.tz is None:
        return index, True
    return index.tz_convert("UTC").tz_localize(None), False


def _step(name: str, starts: Column) -> timedelta:
    """The resolution: the least distance, of which all must be multiples."""
    if len(starts) < 2:
        raise DocumentDamaged(f"{name}: one row tells no resolution.")
    step = np.diff(np.sort(starts)).min()
    off = np.flatnonzero((starts - starts.min()) % step)
    if len(off):
        raise DocumentDamaged(
            f"{name}: {starts[off[0]]} lies between two intervals of {step.astype('m8[m]')}."
        )
    length: timedelta = step.astype("timedelta64[us]").item()
    return length


def _numbers(name: str, values: pd.Series[Any]) -> Column:
    try:
        found: Column = pd.to_numeric(values).to_numpy(np.float64)
    except (ValueError, TypeError) as error:
        raise DocumentDamaged(f"{name}: column '{values.name}' holds no numbers: {error}") from None
    if np.isinf(found).any():
        raise DocumentDamaged(f"{name}: column '{values.name}' holds what is no finite number.")
    return found


def _midnights(grid: DayGrid, starts: Column) -> Column:
    days, place = np.unique(grid.days_of(starts), return_inverse=True)
    edges = np.array([grid.starts(day)[0] for day in days.tolist()])
    midnights: Column = edges[place]
    return midnights
