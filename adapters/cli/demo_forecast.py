"""The end of the demo: tomorrow's price of one hub with its band, learnt from a long made-up history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from carbon254.adapters.cli.output import SYNTHETIC, Page, show
from carbon254.adapters.cli.tables import Styled
from carbon254.core.domain.errors import Carbon254Error
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import format_instant, zone
from carbon254.core.usecases.run_forecast import ForecastRequest, MadeForecast

if TYPE_CHECKING:
    from carbon254.core.usecases.platform import Platform

DAYS: Final = 800
HUB: Final = SeriesId.parse("caiso/day_ahead/price/hub/TH_NP15_GEN-APND")
LOAD: Final = SeriesId.parse("caiso/forecast-dam/load/area/CA ISO-TAC")
WIND: Final = SeriesId.parse("caiso/forecast-dam/generation_wind/hub/TH_NP15_GEN-APND")
LIKE: Final = {HUB: "day_ahead_lmp", LOAD: "load", WIND: "load"}
MODEL: Final = "bands"
PARAMETERS: Final[dict[str, Any]] = {
    "members": [{"model": "lear", "parameters": {"windows": [84, 364]}}],
    "window": 91,  # days whose errors the band is calibrated on
    "levels": [0.05, 0.25, 0.5, 0.75, 0.95],
}
REFIT: Final = 7
CONFIGURATION: Final = "demo"
_BAR: Final = 40


def learn_and_forecast(platform: Platform) -> None:
    """Take in the history where it is not there yet, forecast the day after now, and print it."""
    from carbon254.adapters.cli.forecasting import run

    for series, like in LIKE.items():
        if not platform.records.get(fact := f"history/{series}"):
            platform.samples.history(series, like, DAYS)
            platform.records.put(fact, "done")
    now = platform.clock.now()
    request = ForecastRequest(
        series=HUB,
        exogenous=(LOAD, WIND),
        model=MODEL,
        parameters=PARAMETERS,
        configuration=CONFIGURATION,
    )
    grid = platform.forecast.subjects.grid(HUB, now.date())
    tomorrow = grid.day_of(now) + timedelta(1)
    try:
        made = run(platform, evolve(request, day=tomorrow))
    except Carbon254Error as error:  # an optional package may lack: the demo goes on
        print(f"no forecast: {error}")
        return
    show(_Lines(made))


class _Lines:
    """The forecast as a table with the band drawn beside it."""

    def __init__(self, made: MadeForecast) -> None:
        self._made = made

    def __call__(self, page: Page) -> Iterable[str]:
        made, forecast = self._made, self._made.forecast
        yield ""
        title = f"{HUB.location}, {forecast.horizon.first:%a %d %b %Y}: {CONFIGURATION} forecast"
        yield page.line(Styled(title, "bold"))
        yield page.line(Styled(SYNTHETIC, "yellow"))
        yield from page.table(
            ["hour", made.unit, *self._band_names(), ""], self._rows(), self._right()
        )
        facts = made.execution.facts
        yield page.line(Styled(
            f"{facts['model']} around {_members(facts)}, on {DAYS} days of "
            f"prices with load and wind, as of {format_instant(made.origin)} (the gate closure). Learnt from made-up "
            "values, it says nothing of accuracy.", "dim",
        ))  # fmt: skip

    def _band_names(self) -> list[str]:
        if self._made.forecast.quantiles is None:
            return []
        low, high = self._made.forecast.levels[0], self._made.forecast.levels[-1]
        return [f"{low:.0%}", f"{high:.0%}"]

    def _right(self) -> list[bool]:
        return [False, True, *(True for _ in self._band_names()), False]

    def _rows(self) -> Iterable[list[str]]:
        forecast = self._made.forecast
        edges = (
            [] if forecast.quantiles is None else [forecast.quantiles[0], forecast.quantiles[-1]]
        )
        numbers = [forecast.value, *edges]
        low, high = min(x.min() for x in numbers), max(x.max() for x in numbers)
        local = zone(forecast.horizon.grid.zone)

        def at(value: float) -> int:
            place: int = round((value - low) / ((high - low) or 1.0) * (_BAR - 1))
            return place

        starts = forecast.horizon.interval_start
        for n, start in enumerate(starts):
            clock = start.item().replace(tzinfo=zone("UTC")).astimezone(local)
            bar = [" "] * _BAR
            if edges:
                for cell in range(at(edges[0][n]), at(edges[1][n]) + 1):
                    bar[cell] = "─"
            bar[at(forecast.value[n])] = "●"
            yield [f"{clock:%H:%M}", *(f"{x[n]:.2f}" for x in numbers), "".join(bar).rstrip()]


def _members(facts: Mapping[str, Any]) -> str:
    return ", ".join(sorted(set(facts["versions"]) - {facts["model"]}))
