"""What a backtest is asked to do (`BacktestPlan`), and what a model said on each of its days (`DayForecast`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal

import numpy as np
from attrs import field, frozen
from attrs.validators import ge, min_len

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecasts import Forecast, ModelSpec
from carbon254.core.domain.observations import Column
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import format_instant, parse_instant


def _series(values: Iterable[SeriesId]) -> tuple[SeriesId, ...]:
    return tuple(values)


@frozen(kw_only=True)
class AskedModel:
    """A model by its id, with those of its parameters that differ from their defaults, and a name for tables."""

    model: str
    parameters: Mapping[str, Any] = field(factory=dict)
    label: str = ""

    @property
    def spec(self) -> ModelSpec:
        """The same as the host takes it."""
        return ModelSpec(self.model, self.parameters, self.label)


@frozen(kw_only=True)
class Target:
    """A series to forecast, and the series to forecast it from."""

    series: SeriesId
    exogenous: tuple[SeriesId, ...] = field(default=(), converter=_series)


def _rule(plan: Conditions, attribute: Any, value: str) -> None:
    rule = Rule.parse(value) if value else None
    if rule and rule.anchor not in ("D", "BD"):
        raise InvalidRequest(f"'{value}' is no rule of days: use forms as in 'D-1 12:00'.")
    if rule and rule.days > 0:
        raise InvalidRequest(f"'{value}' is after the day that is to be forecast.")


@frozen(kw_only=True)
class Conditions:
    """Under which conditions forecasts are made: when, how often learnt anew, and what may be seen."""

    days: int = field(default=1, validator=ge(1), metadata={"doc": "whole days of the horizon"})
    origin: str = field(
        default="",
        validator=_rule,
        metadata={
            "doc": "a rule such as 'D-1 12:00'; empty: the gate closure of the market's card"
        },
    )
    refit: int = field(default=1, validator=ge(1), metadata={"doc": "days between two fits"})
    window: int | None = field(
        default=None, metadata={"doc": "days of history that may be seen; null: all (expanding)"}
    )
    gap: timedelta = field(
        default=timedelta(0), metadata={"doc": "a further delay of everything published"}
    )
    live_since: datetime | None = field(
        default=None,
        metadata={"doc": "from here on what we had recorded counts, before it what was published"},
    )
    seed: int = field(default=254, validator=ge(0))

    def __attrs_post_init__(self) -> None:
        if self.window is not None and self.window < 1:
            raise InvalidRequest(f"A window of {self.window} days shows nothing: use 1 or more.")
        if self.gap < timedelta(0):
            raise InvalidRequest(f"A gap of {self.gap} would show the future.")

    def refit_day(self, day: date) -> date:
        """The day for which a model that forecasts this day was fitted: counted from no start, so always the same."""
        return day - timedelta(day.toordinal() % self.refit)


@frozen
class Origins:
    """At which instant the forecast of a delivery day is made: by a rule of days, but not after ``latest``."""

    gate: Rule
    zone: str
    latest: datetime | None = None

    def of(self, day: date) -> datetime:
        """The origin of a delivery day, UTC."""
        origin = self.gate.on(day, self.zone)
        return origin if self.latest is None else min(origin, self.latest)


@frozen(kw_only=True)
class BacktestPlan:
    """Which models forecast which series on which days, and against which actuals they are scored."""

    targets: tuple[Target, ...] = field(validator=min_len(1))
    models: tuple[AskedModel, ...] = field(validator=min_len(1))
    start: date = field(metadata={"doc": "first delivery day"})
    end: date = field(metadata={"doc": "last delivery day, included"})
    stride: int = field(default=1, validator=ge(1), metadata={"doc": "days between two origins"})
    conditions: Conditions = Conditions()
    actuals: Literal["first", "final"] = field(
        default="final",
        metadata={"doc": "score against the first or the latest word on an interval"},
    )
    name: str = ""

    def __attrs_post_init__(self) -> None:
        if self.end < self.start:
            raise InvalidRequest(f"The backtest ends ({self.end}) before it starts ({self.start}).")
        names = [one.spec.name for one in self.models]
        if twice := {name for name in names if names.count(name) > 1}:
            raise InvalidRequest(f"Two models are called '{min(twice)}': give them labels.")

    @property
    def days(self) -> tuple[date, ...]:
        """First delivery days, one for each origin."""
        count = (self.end - self.start).days // self.stride + 1
        return tuple(self.start + timedelta(n * self.stride) for n in range(count))


@frozen(eq=False)
class DayForecast:
    """What a model said at the origin of a day: numbers of its intervals, or why there are none (``code``)."""

    day: date
    origin: datetime
    value: Column = field(factory=lambda: np.zeros(0), repr=False)
    levels: tuple[float, ...] = ()
    quantiles: Column | None = field(default=None, repr=False)
    notes: Mapping[str, float | str] = field(factory=dict)
    code: str = ""
    message: str = ""

    @property
    def ok(self) -> bool:
        """Whether there are numbers."""
        return not self.code

    @classmethod
    def of(cls, day: date, origin: datetime, made: Forecast) -> DayForecast:
        """A forecast as it is kept."""
        return cls(day, origin, made.value, made.levels, made.quantiles, dict(made.notes))

    def as_json(self) -> dict[str, Any]:
        """Plain values; numbers come back bit for bit."""
        said: dict[str, Any] = {"day": self.day.isoformat(), "origin": format_instant(self.origin)}
        if not self.ok:
            return said | {"code": self.code, "message": self.message}
        said["value"] = self.value.tolist()
        if self.quantiles is not None:
            said |= {"levels": list(self.levels), "quantiles": self.quantiles.tolist()}
        return said | ({"notes": dict(self.notes)} if self.notes else {})

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> DayForecast:
        """What `as_json` wrote."""
        quantiles = said.get("quantiles")
        return cls(
            date.fromisoformat(said["day"]), parse_instant(said["origin"]), np.array(said.get("value", [])),
            tuple(said.get("levels", ())), None if quantiles is None else np.array(quantiles),
            said.get("notes", {}), said.get("code", ""), said.get("message", ""),
        )  # fmt: skip


def summarise_gaps(name: str, days: Iterable[DayForecast]) -> list[dict[str, Any]]:
    """Why a model left days without numbers: for each code on how many, the first of them, and what it said then."""
    found: dict[str, dict[str, Any]] = {}
    for one in days:
        if not one.ok:
            gap = {
                "model": name,
                "code": one.code,
                "days": 0,
                "first": one.day.isoformat(),
                "message": one.message,
            }
            found.setdefault(one.code, gap)["days"] += 1
    return list(found.values())


def write_days(days: Sequence[DayForecast]) -> bytes:
    """Days as JSON lines: what is archived of a part of a backtest."""
    return b"".join(json.dumps(one.as_json(), allow_nan=False).encode() + b"\n" for one in days)


def read_days(body: bytes) -> tuple[DayForecast, ...]:
    """What `write_days` wrote."""
    return tuple(DayForecast.from_json(json.loads(line)) for line in body.splitlines())
