"""Tables of forecasts as files: Parquet in the archive, CSV and Parquet that are taken elsewhere."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import time
from typing import Any, Final

import numpy as np
import pandas as pd

from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.errors import DocumentDamaged
from carbon254.core.domain.forecast_table import ForecastTable
from carbon254.core.domain.forecasts import level_name
from carbon254.core.domain.observations import INSTANT, Column
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import format_duration, parse_duration

_KEYS: Final = ("origin", "interval_start", "interval_end")


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
