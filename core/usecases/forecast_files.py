"""Tables of forecasts as files: Parquet in the archive, and CSV or Parquet that others bring."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import time, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.errors import DocumentDamaged, InvalidRequest
from carbon254.core.domain.forecast_table import ForecastTable
from carbon254.core.domain.observations import INSTANT, Column
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import format_duration, parse_duration

_KEYS: Final = ("origin", "interval_start", "interval_end")
_OFFSET: Final = r"(?:Z|[+-]\d\d:?\d\d)\s*$"
_STARTS: Final = ("interval_start", "start", "time", "timestamp", "date", "datetime")


def frame_of(tables: Sequence[ForecastTable]) -> pd.DataFrame:
    """All tables below one another, instants in UTC; ``subject`` numbers the tables, quantiles are ``p05`` …"""
    return pd.concat([_frame(n, one) for n, one in enumerate(tables)], ignore_index=True)


def _frame(number: int, table: ForecastTable) -> pd.DataFrame:
    names = np.array(table.models, dtype=object)
    made = pd.DataFrame(
        {
            "subject": np.full(len(table), number, dtype=np.int32),
            "series": str(table.series),
            "model": names[table.model] if len(names) else names,
            **{name: pd.DatetimeIndex(getattr(table, name), tz="UTC") for name in _KEYS},
            "value": table.value,
            "actual": table.actual,
        }
    )
    if table.similar is not None:
        made["similar_day"] = table.similar
    for place, level in enumerate(table.levels):
        made[level_name(level)] = table.quantiles[:, place]
    return made


def level_name(level: float) -> str:
    """The column of a quantile: ``p05``, ``p02_5``."""
    percent, tenth = divmod(round(level * 1000), 10)
    return f"p{percent:02d}" + (f"_{tenth}" if tenth else "")


def write_tables(tables: Sequence[ForecastTable]) -> bytes:
    """The tables as Parquet."""
    sink = io.BytesIO()
    frame_of(tables).to_parquet(sink, compression="zstd", index=False)
    return sink.getvalue()


def subject_facts(table: ForecastTable) -> dict[str, Any]:
    """What `read_tables` must know beside the numbers."""
    return {
        "series": str(table.series),
        "unit": table.unit,
        "zone": table.grid.zone,
        "resolution": format_duration(table.grid.resolution),
        "day_start": table.grid.day_start.isoformat(),
        "models": list(table.models),
        "levels": list(table.levels),
        "mase_scale": None if np.isnan(table.mase_scale) else table.mase_scale,
    }


def read_tables(body: bytes, subjects: Sequence[Mapping[str, Any]]) -> tuple[ForecastTable, ...]:
    """What `write_tables` wrote. Raises `DocumentDamaged`."""
    try:
        frame = pd.read_parquet(io.BytesIO(body))
    except Exception as error:  # pyarrow has many  # noqa: BLE001
        raise DocumentDamaged(f"the backtest's table cannot be read: {error}") from None
    return tuple(
        _table(frame[frame["subject"] == number], facts) for number, facts in enumerate(subjects)
    )


def _table(frame: pd.DataFrame, facts: Mapping[str, Any]) -> ForecastTable:
    grid = DayGrid(
        facts["zone"], parse_duration(facts["resolution"]), time.fromisoformat(facts["day_start"])
    )
    levels = tuple(facts["levels"])
    fan = [frame[level_name(level)].to_numpy(np.float64) for level in levels]
    scale = facts.get("mase_scale")
    return _made(
        frame, SeriesId.parse(facts["series"]), facts["unit"], grid, tuple(facts["models"]), levels,
        np.column_stack(fan) if fan else np.zeros((len(frame), 0)), float("nan") if scale is None else scale,
    )  # fmt: skip


def _made(
    frame: pd.DataFrame,
    series: SeriesId,
    unit: str,
    grid: DayGrid,
    models: tuple[str, ...],
    levels: tuple[float, ...],
    fan: Column,
    scale: float,
) -> ForecastTable:
    place = {name: number for number, name in enumerate(models)}
    origin, start, end = (_instants(frame[name]) for name in _KEYS)
    similar = frame["similar_day"].to_numpy(np.float64) if "similar_day" in frame else None
    return ForecastTable(
        series, unit, grid, models, np.array([place[one] for one in frame["model"]], dtype=np.int64), origin, start,
        end, frame["value"].to_numpy(np.float64), frame["actual"].to_numpy(np.float64), levels, fan, scale, similar,
    )  # fmt: skip


def _instants(values: pd.Series[Any]) -> Column:
    utc: Column = pd.DatetimeIndex(values).tz_convert("UTC").tz_localize(None).to_numpy()
    return utc.astype(INSTANT)


# ------------------------------------------------------------ files of others


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
    frame = _read(name, body)
    column = next((one for one in frame.columns if str(one).lower() in _STARTS), frame.columns[0])
    if actual not in frame.columns:
        raise InvalidRequest(
            f"{name} has no column '{actual}' of actuals; there are {', '.join(map(str, frame.columns))}."
        )
    starts, levelled = _starts(name, frame[column])
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
    if len(np.unique(starts)) != len(starts):
        raise DocumentDamaged(f"{name}: an interval stands twice.")
    return starts, levelled


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
    if len(starts) < 2:
        raise DocumentDamaged(f"{name}: one row tells no resolution.")
    step: timedelta = np.diff(np.sort(starts)).min().astype("timedelta64[us]").item()
    return step


def _numbers(name: str, values: pd.Series[Any]) -> Column:
    try:
        return pd.to_numeric(values).to_numpy(np.float64)
    except (ValueError, TypeError) as error:
        raise DocumentDamaged(f"{name}: column '{values.name}' holds no numbers: {error}") from None


def _midnights(grid: DayGrid, starts: Column) -> Column:
    days, place = np.unique(grid.days_of(starts), return_inverse=True)
    edges = np.array([grid.starts(day)[0] for day in days.tolist()])
    midnights: Column = edges[place]
    return midnights
