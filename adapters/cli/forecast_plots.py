"""Pictures of forecasts: with bands against actuals, error by hour, calibration, and one against another over time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from carbon254.adapters.cli import output
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.forecast_table import ForecastTable
from carbon254.core.domain.time import zone
from carbon254.core.usecases.score_forecasts import aligned, calibration, scores

if TYPE_CHECKING:
    from carbon254.core.usecases.query_series import SeriesAnswer
    from carbon254.core.usecases.run_forecast import MadeForecast

_SHOWN_DAYS: Final = 14
_MOST: Final = 8
Figure = Any


def _figure(title: str, *, synthetic: bool) -> tuple[Figure, Any]:
    try:
        import matplotlib
    except ImportError:
        raise InvalidRequest("plots need matplotlib: pip install 'carbon254[plot]'.") from None
    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5), dpi=110)
    axes = figure.add_subplot()
    axes.set_title(("SYNTHETIC · " if synthetic else "") + title, loc="left", fontsize=10)
    axes.grid(visible=True, alpha=0.25)
    return figure, axes


def _finished(figure: Figure, axes: Any, *, legend: bool = True) -> Figure:
    if legend and axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    return figure


def png(figure: Figure) -> bytes:
    """The picture's bytes."""
    sink = io.BytesIO()
    figure.savefig(sink, format="png")
    return sink.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write a picture. Raises as `output.save`."""
    output.save(path, png(figure))


def draw_forecast(made: MadeForecast, actual: SeriesAnswer | None = None) -> Figure:
    """One forecast with its bands, and what came as far as it is known."""
    horizon, forecast = made.forecast.horizon, made.forecast
    target = str(made.execution.facts["target"])
    figure, axes = _figure(f"{target}, {horizon.first}", synthetic=made.synthetic)
    start, end = horizon.interval_start, horizon.interval_end
    if forecast.quantiles is not None:
        _bands(axes, start, end, forecast.quantiles.T, forecast.levels)
    _steps(axes, start, end, forecast.value, made.execution.configuration, linewidth=1.6)
    if actual is not None and np.isfinite(actual.value).any():
        _steps(
            axes,
            actual.interval_start,
            actual.interval_end,
            actual.value,
            "actual",
            color="black",
            linewidth=1.0,
        )
    _local_time(axes, horizon.grid.zone, made.unit)
    return _finished(figure, axes)


def draw_last_days(table: ForecastTable, *, synthetic: bool) -> Figure:
    """The last two weeks of a table: actuals, and what each model said of an interval last, with its bands."""
    figure, axes = _figure(f"{table.series}, last {_SHOWN_DAYS} days", synthetic=synthetic)
    days = table.days
    shown = (
        table.take(days > days.max() - np.timedelta64(_SHOWN_DAYS, "D")) if len(table) else table
    )
    for number, model in enumerate(shown.models[:_MOST]):
        own, hue = _latest(shown.of(model)), f"C{number}"
        if own.levels and np.isfinite(own.quantiles).any():
            there = np.flatnonzero(np.isfinite(own.quantiles).all(axis=0))
            levels = tuple(own.levels[n] for n in there.tolist())
            _bands(axes, own.interval_start, own.interval_end, own.quantiles[:, there], levels, hue)
        _steps(
            axes, own.interval_start, own.interval_end, own.value, model, color=hue, linewidth=1.2
        )
    starts, first = np.unique(shown.interval_start, return_index=True)
    _steps(
        axes,
        starts,
        shown.interval_end[first],
        shown.actual[first],
        "actual",
        color="black",
        linewidth=1.0,
    )
    _local_time(axes, table.grid.zone, table.unit)
    return _finished(figure, axes)


def draw_by_hour(table: ForecastTable, *, synthetic: bool) -> Figure:
    """Mean absolute error by hour of the local day."""
    figure, axes = _figure("mean absolute error by hour", synthetic=synthetic)
    rows = scores(table, "hour")
    for model in table.models:
        own = [row for row in rows if row["model"] == model]
        axes.plot(
            [int(row["hour"]) for row in own],
            [row["mae"] for row in own],
            marker="o",
            markersize=3,
            label=model,
        )
    axes.set_xlabel(f"hour in {table.grid.zone}")
    axes.set_ylabel(table.unit)
    axes.set_ylim(bottom=0)
    return _finished(figure, axes)


def draw_calibration(table: ForecastTable, *, synthetic: bool) -> Figure | None:
    """The share of actuals below each quantile against its level; None where there are no quantiles."""
    rows = calibration(table)
    if not rows:
        return None
    figure, axes = _figure(
        "calibration: share of actuals not above the quantile", synthetic=synthetic
    )
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    for model in table.models:
        own = [row for row in rows if row["model"] == model]
        if own:
            axes.plot(
                [row["level"] for row in own],
                [row["share"] for row in own],
                marker="o",
                label=model,
            )
    axes.set_xlabel("level")
    axes.set_ylabel("share")
    return _finished(figure, axes)


def draw_cumulative(table: ForecastTable, *, synthetic: bool) -> Figure | None:
    """How far each model is ahead of the first, in absolute error summed up over time; None for one model."""
    if len(table.models) < 2:
        return None
    first = table.models[0]
    figure, axes = _figure(
        f"absolute error less than that of {first}, summed up", synthetic=synthetic
    )
    for model in table.models[1 : _MOST + 1]:
        actual, one, other, days = aligned(table, first, model)
        gain = np.nan_to_num(np.abs(one - actual) - np.abs(other - actual))
        known, place = np.unique(days, return_inverse=True)
        axes.plot(known, np.cumsum(np.bincount(place, gain)) if len(known) else [], label=model)
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set_ylabel(f"{table.unit} × intervals")
    figure.autofmt_xdate()
    return _finished(figure, axes)


def all_of(table: ForecastTable, *, synthetic: bool) -> Iterator[tuple[str, Figure]]:
    """Every picture of a table by its name."""
    for name, figure in (
        ("forecasts", draw_last_days(table, synthetic=synthetic)),
        ("by_hour", draw_by_hour(table, synthetic=synthetic)),
        ("calibration", draw_calibration(table, synthetic=synthetic)),
        ("cumulative", draw_cumulative(table, synthetic=synthetic)),
    ):
        if figure is not None:
            yield name, figure


def _latest(own: ForecastTable) -> ForecastTable:
    """Of each interval the forecast of the latest origin, in order of time."""
    order = np.lexsort((own.origin, own.interval_start))
    start = own.interval_start[order]
    return own.take(order[np.append(start[1:] != start[:-1], True)] if len(order) else order)


def _steps(axes: Any, start: Any, end: Any, values: Any, label: str, **style: Any) -> None:
    """Each value over its own interval; a hole between two intervals stays open."""
    moments, (heights,) = _drawn(start, end, [values])
    axes.plot(moments, heights, label=label, **style)


def _bands(
    axes: Any, start: Any, end: Any, fan: Any, levels: tuple[float, ...], hue: str = "C0"
) -> None:
    """Bands between quantiles that lie symmetrically, the widest, which alone is named, the palest."""
    named = False
    for low in range(len(levels) // 2):
        high = len(levels) - 1 - low
        if abs(levels[low] + levels[high] - 1) < 1e-9:
            moments, edges = _drawn(start, end, [fan[:, low], fan[:, high]])
            share = round(100 * (levels[high] - levels[low]))
            axes.fill_between(
                moments, *edges, alpha=0.18, linewidth=0, color=hue,
                label=None if named else f"{share} % band",
            )  # fmt: skip
            named = True


def _drawn(start: Any, end: Any, rows: list[Any]) -> tuple[Any, list[Any]]:
    """Both ends of each interval with its values, and NaN behind those that the next does not follow on."""
    holes = 2 * (np.flatnonzero(start[1:] != end[:-1]) + 1)
    moments = np.stack([start, end], axis=1).ravel()
    heights = [np.insert(np.repeat(one, 2), holes, np.nan) for one in rows]
    return np.insert(moments, holes, moments[holes - 1]), heights


def _local_time(axes: Any, zone_name: str, unit: str) -> None:
    axes.xaxis_date(tz=zone(zone_name))
    axes.set_xlabel(zone_name)
    axes.set_ylabel(unit)
    axes.axhline(0, color="0.6", linewidth=0.7)
    axes.margins(x=0.01)
    axes.figure.autofmt_xdate()
