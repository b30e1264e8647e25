"""What is forecast (`Subject`), for when (`Horizon`), by what (`ModelSpec`), and what comes out (`Forecast`)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Self

import numpy as np
from attrs import define, field, frozen

from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Column
from carbon254.core.domain.series import SeriesId

_LEVEL: Final = re.compile(r"p(\d\d)(?:_(\d))?")


def _series(values: Iterable[SeriesId]) -> tuple[SeriesId, ...]:
    return tuple(values)


@frozen(kw_only=True)
class Subject:
    """The series that is forecast, the series it is forecast from, and the grid that both are read on.

    ``grid`` is that of the target on the delivery day: other resolutions are bridged to it (``docs/forecasts.md``).
    """

    target: SeriesId
    exogenous: tuple[SeriesId, ...] = field(default=(), converter=_series)
    grid: DayGrid
    unit: str = ""

    @property
    def series(self) -> tuple[SeriesId, ...]:
        """The target, then the exogenous series."""
        return (self.target, *self.exogenous)


@frozen(eq=False)
class Horizon:
    """The intervals that a forecast is asked for: those of ``count`` whole operating days from ``first`` on.

    A day has as many intervals as it has: 24, 23, 25, 48, 96 …
    """

    grid: DayGrid
    first: date
    count: int = field(default=1)

    @count.validator
    def _some_days(self, attribute: Any, value: int) -> None:
        if not 1 <= value <= 366:
            raise InvalidRequest(f"A horizon of {value} days: ask for 1 to 366.")

    @property
    def last(self) -> date:
        """The last operating day."""
        return self.first + timedelta(self.count - 1)

    @property
    def days(self) -> tuple[date, ...]:
        """The operating days in order; `flatten` wants a row for each."""
        return tuple(self.first + timedelta(n) for n in range(self.count))

    @property
    def interval_start(self) -> Column:
        """Starts of the intervals, UTC."""
        return self.grid.starts(self.first, self.last)

    @property
    def interval_end(self) -> Column:
        """Ends of the intervals, UTC."""
        return self.interval_start + np.timedelta64(self.grid.resolution)

    def __len__(self) -> int:
        return len(self.interval_start)

    def flatten(self, matrix: Column) -> Column:
        """From days × slots to the intervals that exist: a short day lacks slots, a long one has some twice."""
        if np.shape(matrix) != (self.count, self.grid.slots):
            raise ValueError(
                f"a matrix of {np.shape(matrix)}, expected {(self.count, self.grid.slots)}."
            )
        return self.grid.flatten(matrix, self.first)


def _plain(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(dict(values))


def _float_tuple(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _floats(values: Any) -> Any:
    return values if values is None else np.asarray(values, dtype=np.float64)


@frozen(eq=False)
class Forecast:
    """A number for every interval of the horizon, in the target's unit, and quantiles where the model has them.

    ``quantiles`` is levels × intervals, of non-exceedance, not crossing. ``notes`` are facts of the calibration that
    reports show, such as ``{"weight lear": 0.4}``. Raises `ValueError` where numbers are not finite or do not fit.
    """

    horizon: Horizon
    value: Column = field(converter=_floats)
    levels: tuple[float, ...] = field(default=(), converter=_float_tuple)
    quantiles: Column | None = field(default=None, converter=_floats)
    notes: Mapping[str, float | str] = field(factory=dict, converter=_plain)

    def __attrs_post_init__(self) -> None:
        count = len(self.horizon)
        _whole(self.value, (count,), "value")
        if not self.levels and self.quantiles is None:
            return
        if not self.levels or self.quantiles is None:
            raise ValueError("levels and quantiles come together.")
        _whole(self.quantiles, (len(self.levels), count), "quantiles")
        if list(self.levels) != sorted({level for level in self.levels if 0 < level < 1}):
            raise ValueError(f"levels {self.levels} do not ascend within (0, 1).")
        if (np.diff(self.quantiles, axis=0) < 0).any():
            raise ValueError("quantiles cross.")


def _whole(values: Column, shape: tuple[int, ...], name: str) -> None:
    if values.shape != shape:
        raise ValueError(f"{name} has shape {values.shape}, expected {shape}.")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds a number that is not finite.")
    values.flags.writeable = False


@define(eq=False, frozen=True, slots=False)
class ModelSpec:
    """A model with its parameters, as plain values: what a request, a combiner or a record names.

    ``name`` is what people call it in tables; two specs are the same when model and parameters are.
    """

    model: str
    parameters: Mapping[str, Any] = field(factory=dict, converter=_plain)
    label: str = ""

    @property
    def name(self) -> str:
        """The label, or the model's id."""
        return self.label or self.model

    @cached_property
    def digest(self) -> str:
        """Twelve hex digits of model and parameters."""
        text = json.dumps([self.model, dict(self.parameters)], sort_keys=True, default=list)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ModelSpec) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[type[Self], tuple[str, dict[str, Any], str]]:
        return type(self), (self.model, dict(self.parameters), self.label)


@frozen(eq=False)
class MemberForecasts:
    """What a combiner's members said: members × days × slots, NaN where a member said nothing.

    Row ``n`` of ``days`` was forecast at that day's own origin, never later; the last days are the horizon's.
    """

    names: tuple[str, ...]
    days: tuple[date, ...]
    values: Column

    def __attrs_post_init__(self) -> None:
        if self.values.shape[:2] != (len(self.names), len(self.days)):
            raise ValueError(
                f"members' forecasts of {self.values.shape} for {len(self.names)} members."
            )


def days_learnt_from(day: date, lead: int, count: int) -> tuple[date, date]:
    """First and last of the ``count`` days of errors that are known when ``day`` is forecast ``lead`` days ahead.

    Errors of forecasts made as far ahead: the last of them is the day before the forecast's first.
    """
    last = day - timedelta(lead + 1)
    return last - timedelta(count - 1), last


def quantile_measure(measure: str, level: float) -> str:
    """The measure that holds a quantile of another: ``price`` at 0.05 is ``price-p05``, at 0.025 ``price-p02_5``.

    Raises `InvalidRequest` for a level that the vocabulary cannot write, or a measure that has a qualifier already.
    """
    thousandths = round(level * 1000)
    if "-" in measure or not 0 < thousandths < 1000 or abs(thousandths - level * 1000) > 1e-9:
        raise InvalidRequest(f"'{measure}' has no word for its quantile {level}.")
    return f"{measure}-{level_name(level)}"


def level_name(level: float) -> str:
    """How a quantile's level is written, to a thousandth: ``p05``, ``p02_5``."""
    percent, tenth = divmod(round(level * 1000), 10)
    return f"p{percent:02d}" + (f"_{tenth}" if tenth else "")


def named_level(name: str) -> float | None:
    """The level that `level_name` wrote; None for what is no such name."""
    found = _LEVEL.fullmatch(name)
    return int(found[1] + (found[2] or "0")) / 1000 if found else None
