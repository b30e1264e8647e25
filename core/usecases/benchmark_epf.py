"""The open benchmark for day-ahead prices: our models beside the published forecasts, on the same days."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from attrs import evolve, frozen

from carbon254.core.domain.backtests import Conditions, Origins
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecast_table import ForecastTable, table_of
from carbon254.core.domain.forecasts import ModelSpec
from carbon254.core.domain.metrics import mae
from carbon254.core.domain.observations import Column
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.significance import daily_differences, diebold_mariano
from carbon254.core.usecases.epf_files import ACTUAL, GRID, UNIT, EpfHistory
from carbon254.core.usecases.run_models import RunModels
from carbon254.core.usecases.score_forecasts import scores

TEST_DAYS: Final = 728
ENSEMBLE: Final = "LEAR Ensemble"  # of the published files; what others are tested against
_GATE: Final = "D-1 12:00"
_WEEK: Final = np.timedelta64(7, "D")
METRICS: Final = ("mae", "rmse", "smape", "wape", "rmae", "pinball", "coverage")
Row = dict[str, Any]


def lear_specs(windows: Sequence[int] = (56, 84, 1092, 1456)) -> tuple[ModelSpec, ...]:
    """LEAR of each window, and their mean, with the names of the published files."""
    each = tuple(ModelSpec("lear", {"windows": [one]}, f"LEAR {one}") for one in windows)
    return (*each, ModelSpec("lear", {"windows": list(windows)}, ENSEMBLE))


@frozen(eq=False)
class EpfResult:
    """What our models said of the days, and what failed (by model)."""

    table: ForecastTable
    failures: Mapping[str, Sequence[str]]


@frozen(eq=False)
class BenchmarkEpf:
    """The use case behind ``carbon254 benchmark epf``."""

    runner: RunModels

    def run(
        self,
        history: EpfHistory,
        specs: Sequence[ModelSpec],
        *,
        count: int = TEST_DAYS,
        before: int = 0,
        stride: int = 1,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> EpfResult:
        """Forecast the file's last ``count`` days, refitted daily, or as many that end ``before`` days earlier.

        Choices are made with ``before`` = `TEST_DAYS`, so that the test period stays unseen, and may look at every
        ``stride``-th day only. Raises `InvalidRequest`
        for more days than the file has, and what `RunModels` raises.
        """
        days = history.days(count, before=before)[::stride]
        if count < 1 or before < 0 or days[0] <= history.first:
            raise InvalidRequest(
                f"{history.market} has {len(history.prices)} days, too few for {count} that end {before} days earlier."
            )
        conditions, origins = Conditions(origin=_GATE), Origins(Rule.parse(_GATE), GRID.zone)
        wanted = self.runner.wanted(specs, days)
        done = 0

        def on_days(more: int) -> None:
            nonlocal done
            done += more
            on_progress(done, wanted.count)

        said = self.runner.run(wanted, history.knowledge(), origins, conditions, on_days=on_days)
        ours = {one.name: [said[self.runner.settled(one)][day] for day in days] for one in specs}
        starts = GRID.starts(days[0], days[-1])
        table = table_of(history.series, UNIT, GRID, ours, 1, (starts, history.at(starts)))
        failures = {
            name: [f"{one.day}: {one.message}" for one in told if not one.ok]
            for name, told in ours.items()
        }
        return EpfResult(table, {name: one for name, one in failures.items() if one})


def compare(history: EpfHistory, ours: ForecastTable, published: ForecastTable | None) -> list[Row]:
    """A row for each forecast: our scores, those of its published twin, and how far apart the two are on average.

    ``better_p`` is Diebold and Mariano's p: small where the forecast (ours, where there is one) beats the published
    LEAR ensemble by more than luck; that is our own ensemble where nothing is published. Published scores are worked
    out again, on the same days.
    """
    starts = np.unique(ours.interval_start)
    theirs = None
    if published is not None:
        theirs = published.take(np.isin(published.interval_start, starts))
    mine, said = _hours(ours, starts), _hours(theirs, starts)
    scored, published_scores = _scores(ours), _scores(theirs)
    best = {**mine, **said}.get(ENSEMBLE)
    actual = history.at(starts)
    nothing = np.full(len(starts), np.nan)
    return [
        {
            "forecast": name,
            **{key: scored.get(name, {}).get(key, np.nan) for key in METRICS},
            **{
                f"published_{key}": published_scores.get(name, {}).get(key, np.nan)
                for key in METRICS
            },
            "apart": mae(said.get(name, nothing), mine.get(name, nothing)),
            "better_p": _better(actual, best, mine.get(name, said.get(name)), starts),
        }
        for name in dict.fromkeys([*said, *mine])
    ]


def side_by_side(table: ForecastTable) -> bytes:
    """The forecasts as CSV in the form of the published files: a row an hour, a column for each model."""
    starts, first = np.unique(table.interval_start, return_index=True)
    columns = {ACTUAL: table.actual[first], **_hours(table, starts)}
    frame = pd.DataFrame(columns, index=pd.DatetimeIndex(starts))
    return frame.to_csv(lineterminator="\n").encode()


def _hours(table: ForecastTable | None, starts: Column) -> dict[str, Column]:
    """What each model said of the hours, ``NaN`` where it said nothing."""
    made: dict[str, Column] = {}
    if table is None:
        return made
    for name in table.models:
        own = table.of(name)
        made[name] = np.full(len(starts), np.nan)
        made[name][np.searchsorted(starts, own.interval_start)] = own.value
    return made


def _scores(table: ForecastTable | None) -> dict[str, Row]:
    """Scores by model; as in the published rMAE, the naive forecast knows scored days alone and has no first week."""
    if table is None or not len(table):
        return {}
    similar = np.where(table.days < table.days.min() + _WEEK, np.nan, table.naive())
    return {row["model"]: row for row in scores(evolve(table, similar=similar))}


def _better(actual: Column, first: Column | None, second: Column | None, starts: Column) -> float:
    if first is None or second is None or first is second:
        return float("nan")
    days = starts.astype("datetime64[D]")
    try:
        return diebold_mariano(daily_differences(actual, first, second, days)).p_value
    except InvalidRequest:  # too few days
        return float("nan")
