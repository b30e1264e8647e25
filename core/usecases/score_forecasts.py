"""Score forecasts against what came: errors by group, bands, significance, and what trading on them earns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from attrs import asdict

from carbon254.core.domain.battery_value import score_value
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecast_table import GROUPINGS, ForecastTable
from carbon254.core.domain.metrics import score_points
from carbon254.core.domain.metrics_quantiles import score_band, score_quantiles
from carbon254.core.domain.observations import Column
from carbon254.core.domain.significance import (
    automatic_lags,
    daily_differences,
    diebold_mariano,
    giacomini_white,
)

Row = dict[str, Any]


def scores(table: ForecastTable, by: str | None = None) -> list[Row]:
    """One row for each model, or for each model and group; `GROUPINGS` are the groups there are.

    Raises `InvalidRequest` for another grouping.
    """
    if by is not None and by not in GROUPINGS:
        raise InvalidRequest(f"forecasts are not scored by '{by}': use {', '.join(GROUPINGS)}.")
    naive = table.naive()
    names, group = (
        (["all"], np.zeros(len(table), dtype=np.int64)) if by is None else table.group(by)
    )
    found = []
    for number, model in enumerate(table.models):
        for place, name in enumerate(names):
            rows = np.flatnonzero((table.model == number) & (group == place))
            if len(rows) or by is None:
                found.append(_row(table, model, by, name, rows, naive))
    return found


def _row(
    table: ForecastTable, model: str, by: str | None, name: str, rows: Column, naive: Column
) -> Row:
    actual, value = table.actual[rows], table.value[rows]
    made: Row = {"series": str(table.series), "model": model}
    if by is not None:
        made[by] = name
    points = score_points(actual, value, naive=naive[rows], scale=table.mase_scale)
    return made | asdict(points) | _bands(table, rows)


def _bands(table: ForecastTable, rows: Column) -> Row:
    """Pinball and CRPS of all levels that the model has, coverage and width of its widest band."""
    fan = table.quantiles[rows]
    there = [n for n in range(len(table.levels)) if len(rows) and not np.isnan(fan[:, n]).all()]
    empty = dict.fromkeys(
        ("pinball", "crps", "nominal", "coverage", "width", "winkler"), float("nan")
    )
    if not there:
        return empty
    levels = [table.levels[n] for n in there]
    quantiles = score_quantiles(table.actual[rows], fan[:, there], levels)
    made = empty | {"pinball": quantiles.pinball, "crps": quantiles.crps}
    low, high = there[0], there[-1]
    if low == high or abs(levels[0] + levels[-1] - 1) > 1e-9:
        return made
    nominal = levels[-1] - levels[0]
    band = score_band(table.actual[rows], fan[:, low], fan[:, high], nominal)
    return made | {
        "nominal": round(nominal, 6), "coverage": band.coverage, "width": band.width, "winkler": band.winkler,
    }  # fmt: skip


def calibration(table: ForecastTable) -> list[Row]:
    """For each model and level the share of actuals that did not exceed the quantile."""
    found = []
    for model in table.models:
        own = table.of(model)
        for place, level in enumerate(table.levels):
            quantile = own.quantiles[:, place]
            there = ~(np.isnan(quantile) | np.isnan(own.actual))
            if there.any():
                share = float((own.actual[there] <= quantile[there]).mean())
                found.append(
                    {"model": model, "level": level, "share": share, "count": int(there.sum())}
                )
    return found


def reliability(table: ForecastTable, days: int = 90) -> list[Row]:
    """How evenly each model's widest band covers: in all, in the worst and best hour, and in the worst ``days`` on end.

    The last is ``NaN`` for fewer days. A band that covers well only on average is too narrow when it is needed.
    """
    found = []
    for whole in scores(table):
        if np.isnan(whole["coverage"]):
            continue
        own = table.of(whole["model"])
        hours = [row["coverage"] for row in scores(own, "hour") if row["scored"]]
        found.append(
            {
                "model": whole["model"], "nominal": whole["nominal"], "coverage": whole["coverage"],
                "least_hour": min(hours), "most_hour": max(hours), "days": days,
                "worst_days": _worst_days(own, days),
            }
        )  # fmt: skip
    return found


def _worst_days(own: ForecastTable, days: int) -> float:
    """The least share of actuals inside the widest band over so many days on end, of rows that have both."""
    levels = np.flatnonzero(~np.isnan(own.quantiles).all(axis=0))
    edges = own.quantiles[:, levels[[0, -1]]]
    there = ~np.isnan(own.actual) & ~np.isnan(edges).any(axis=1)
    own, edges = own.take(there), edges[there]
    inside = (edges[:, 0] <= own.actual) & (own.actual <= edges[:, 1])
    place = (own.days - own.days.min()).astype(np.int64) if len(own) else np.zeros(0, np.int64)
    if not len(place) or place.max() + 1 < days:
        return float("nan")
    hits, count = np.bincount(place, inside), np.bincount(place)
    window = np.ones(days)
    share = np.convolve(hits, window, "valid") / np.maximum(np.convolve(count, window, "valid"), 1)
    return float(share.min())


def significance(table: ForecastTable) -> list[Row]:
    """Tests between any two models: is the second better than the first by more than luck?"""
    rows = []
    for first, second in combinations(table.models, 2):
        rows += [_test(table, first, second), _test(table, second, first)]
    return rows


def _test(table: ForecastTable, first: str, second: str) -> Row:
    made: Row = {"series": str(table.series), "model": first, "against": second}
    actual, one, other, days = aligned(table, first, second)
    try:
        difference = daily_differences(actual, one, other, days)
        plain = diebold_mariano(difference)
        hac = diebold_mariano(difference, hac_lags=automatic_lags(len(difference)))
        conditional = giacomini_white(difference)
    except InvalidRequest as error:  # too few days
        return made | {"days": 0, "difference": float("nan"), "note": str(error)}
    return made | {
        "days": plain.days, "difference": plain.difference, "dm": plain.statistic, "dm_p": plain.p_value,
        "dm_hac_p": hac.p_value, "gw_p": conditional.p_value,
    }  # fmt: skip


def aligned(table: ForecastTable, first: str, second: str) -> tuple[Column, Column, Column, Column]:
    """Actuals, both forecasts and days of the intervals that both models forecast.

    From the same origin, where either has spoken of an interval more than once; else whenever each has.
    """
    one, other = table.of(first), table.of(second)
    names = ["interval_start"] if _once(one) and _once(other) else ["origin", "interval_start"]
    keys = [
        np.rec.fromarrays([getattr(part, name).view(np.int64) for name in names])
        for part in (one, other)
    ]
    _, here, there = np.intersect1d(keys[0], keys[1], return_indices=True)
    return one.actual[here], one.value[here], other.value[there], one.days[here]


def _once(own: ForecastTable) -> bool:
    return len(np.unique(own.interval_start)) == len(own)


def value(table: ForecastTable) -> list[Row]:
    """What a battery earns that is scheduled on each model's first day, as a share of perfect foresight's margin.

    Nothing for a series that is no price.
    """
    rows: list[Row] = []
    if table.series.measure_name != "price":
        return rows
    for model in table.models:
        own = table.of(model)
        own = own.take(own.days == _first_days(own))
        if not len(own):
            continue
        own = own.take(np.argsort(own.interval_start, kind="stable"))
        made = score_value(own.actual, own.value, own.days, table.grid.resolution)
        rows.append({"series": str(table.series), "model": model} | asdict(made))
    return rows


def _first_days(table: ForecastTable) -> Column:
    """The first operating day of the forecast that each row belongs to."""
    origins, place = np.unique(table.origin, return_inverse=True)
    days = table.days
    first = np.full(
        len(origins), days.max() if len(days) else np.datetime64("NaT"), dtype=days.dtype
    )
    np.minimum.at(first, place, days)
    return first[place]


def finite(row: Row) -> Row:
    """The row as JSON has it, which has no NaN and no infinity: null is a score that there is not."""
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in row.items()
    }


def columns_of(rows: Sequence[Row]) -> dict[str, list[Any]]:
    """Rows as columns for a table, in the order of their first appearance."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def everything(table: ForecastTable) -> Iterator[tuple[str, list[Row]]]:
    """All tables of a report, by their title."""
    yield "all", scores(table)
    for by in GROUPINGS:
        yield by, scores(table, by)
