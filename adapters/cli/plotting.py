"""Pictures of series: steps over local time, gaps left open, made-up values said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carbon254.adapters.cli.output import refusal
from carbon254.core.domain.errors import InvalidRequest, NotFound
from carbon254.core.domain.time import zone
from carbon254.core.usecases.find_series import gaps_of
from carbon254.core.usecases.query_series import SeriesAnswer

_MOST = 12


def draw(answers: Sequence[SeriesAnswer], path: Path, zones: Mapping[str, str]) -> None:
    """Draw the answers into a PNG, each value over its own interval in the market's local time.

    Raises `InvalidRequest` without matplotlib or with too many series, `NotFound` with nothing to draw.
    """
    try:
        import matplotlib
    except ImportError:
        raise InvalidRequest("plots need matplotlib: pip install 'carbon254[plot]'.") from None
    shown = [one for one in answers if len(one)]
    if not shown:
        raise NotFound("there is nothing to draw in this window.")
    if len(shown) > _MOST:
        raise InvalidRequest(
            f"{len(shown)} series do not fit into one picture; name {_MOST} at most."
        )
    matplotlib.use("Agg")
    from matplotlib import pyplot

    name = zones.get(shown[0].series.market, "UTC")
    figure, axes = pyplot.subplots(figsize=(11, 5), dpi=120)
    words = {"gap": "no value"}  # one entry of the legend for all gaps
    for one in shown:
        moments, values = _steps(one)
        axes.plot(moments, values, linewidth=1.3, label=_label(one, shown))
        _shade(axes, one, words)
    axes.axhline(0, color="0.6", linewidth=0.7)
    axes.set_ylabel(" / ".join(sorted({one.unit for one in shown})))
    axes.set_xlabel(name)
    axes.xaxis_date(tz=zone(name))
    axes.margins(x=0.01)
    axes.grid(visible=True, alpha=0.25)
    axes.legend(fontsize=8, frameon=False)
    title = str(shown[0].series) if len(shown) == 1 else f"{len(shown)} series"
    axes.set_title(
        ("SYNTHETIC · " if any(one.synthetic for one in shown) else "") + title,
        loc="left",
        fontsize=10,
    )
    figure.autofmt_xdate()
    try:
        figure.savefig(path, bbox_inches="tight", format="png")
    except OSError as error:
        raise refusal(path, error) from None
    finally:
        pyplot.close(figure)


def _shade(axes: Any, one: SeriesAnswer, words: dict[str, str]) -> None:
    """Mark where the series has no value; the first mark is told in the legend."""
    for gap, _ in gaps_of(one):
        label = words.pop("gap", None)
        axes.axvspan(gap.start, gap.end, color="0.5", alpha=0.15, linewidth=0, label=label)


def _label(one: SeriesAnswer, shown: Sequence[SeriesAnswer]) -> str:
    same = (
        len({(other.series.market, other.series.run, other.series.measure) for other in shown}) == 1
    )
    return one.series.location if same else str(one.series)


def _steps(one: SeriesAnswer) -> tuple[Any, Any]:
    """Start and end of each interval with its value twice, and a break after each gap."""
    moments = np.stack([one.interval_start, one.interval_end], axis=1).ravel()
    return moments, np.repeat(one.value, 2)
