"""``forecast`` and ``models``: forecast a series, and what there is to forecast it with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carbon254.adapters.cli import options
from carbon254.adapters.cli.asking import (
    Days,
    Exogenous,
    Gap,
    LiveSince,
    Origin,
    Refit,
    Seed,
    SlidingWindow,
    conditions_of,
    model_of,
)
from carbon254.adapters.cli.options import As, Data, Format, Output, example

if TYPE_CHECKING:
    from carbon254.core.usecases.keep_models import NamedModel
    from carbon254.core.usecases.platform import Platform
    from carbon254.core.usecases.run_forecast import ForecastRequest, MadeForecast
    from carbon254.ports.models import ModelCatalogue

Series = Annotated[
    str | None, typer.Argument(help="market/run/measure/kind/location", show_default=False)
]
Model = Annotated[str, typer.Option("--model", "-m", help="MODEL or MODEL:{JSON}.")]
Day = Annotated[
    str | None,
    typer.Option(
        "--day", help="First delivery day, YYYY-MM-DD.", show_default="the first whose gate is open"
    ),
]
Configuration = Annotated[
    str,
    typer.Option(
        "--configuration",
        help="The name that model and parameters are kept under.",
        show_default="the model's",
    ),
]
Replay = Annotated[
    str | None,
    typer.Option(
        "--replay", help="Execute a kept forecast again, by its document's digest, and compare."
    ),
]
Keep = Annotated[
    str | None,
    typer.Option("--keep", help="NAME=MODEL[:{JSON}]: name a model with parameters for ever."),
]
Plot = Annotated[Path | None, typer.Option("--plot", help="Draw it into this PNG.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog=example(
        "carbon254 forecast caiso/day_ahead/price/hub/TH_NP15_GEN-APND --model lear",
        "carbon254 forecast entsoe/day_ahead-sdac/price/zone/10YNL----------L --model 'lear:{\"windows\":[56,84]}' \\",
        "    -x entsoe/forecast-day_ahead/load/zone/10YNL----------L --configuration nl_short --plot nl.png",
        "carbon254 forecast --replay 3f6c…",
    ))(forecast)  # fmt: skip
    app.command(epilog=example(
        "carbon254 models",
        "carbon254 models lear --format json",
        "carbon254 models --keep 'nl_short=lear:{\"windows\":[56,84]}'",
    ))(models)  # fmt: skip


def forecast(
    context: typer.Context,
    series: Series = None,
    model: Model = "naive",
    exogenous: Exogenous = None,
    day: Day = None,
    configuration: Configuration = "",
    replay: Replay = None,
    days: Days = 1,
    origin: Origin = "",
    refit: Refit = 1,
    window: SlidingWindow = None,
    gap: Gap = None,
    live_since: LiveSince = None,
    seed: Seed = 254,
    plot: Plot = None,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """Forecast a series and keep the numbers as a vintage of run forecast-CONFIGURATION.

    For a day whose gate is open the origin is now; for an earlier day it is the gate closure, with nothing known
    that was published later.
    """
    from carbon254.core.domain.errors import InvalidRequest
    from carbon254.core.domain.series import SeriesId
    from carbon254.core.domain.time import parse_day
    from carbon254.core.usecases.run_forecast import ForecastRequest

    if (series is None) == (replay is None):
        raise InvalidRequest("name a series to forecast, or --replay a kept one.")
    with options.platform(context, data) as platform:
        if replay is not None:
            _replay(platform, replay)
            return
        asked = model_of(model)
        request = ForecastRequest(
            series=SeriesId.parse(series or ""),
            exogenous=[SeriesId.parse(one) for one in exogenous or []],
            model=asked.model,
            parameters=asked.parameters,
            configuration=configuration or asked.label,
            day=parse_day(day) if day else None,
            conditions=conditions_of(days, origin, refit, window, gap, live_since, seed),
        )
        made = run(platform, request)
        if plot is not None:
            draw(platform, made, plot)
    show(made, form, output)


def run(platform: Platform, request: ForecastRequest) -> MadeForecast:
    """Make the forecast with a progress bar over its days and those of its members."""
    from carbon254.adapters.cli.progress import bar
    from carbon254.core.domain.entitlements import Scope

    day = request.day or platform.clock.now().date()
    wanted = platform.forecast.runner.wanted([request.spec], [day])
    with bar("forecasting", wanted.count) as step:

        def on_days(count: int) -> None:
            for _ in range(count):
                step()

        return platform.forecast.run(request, Scope.everything(), on_days=on_days)


def _replay(platform: Platform, digest: str) -> None:
    from carbon254.core.domain.entitlements import Scope
    from carbon254.core.domain.errors import Conflict

    if not platform.forecast.replay(digest, Scope.everything()):
        raise Conflict(
            f"forecast {digest} does not come out the same: another model, version or store, "
            "or other libraries (as numba) than then."
        )
    typer.echo("the same, bit for bit.")


def show(made: MadeForecast, form: Format, output: Path | None) -> None:
    """Print the forecast's intervals and what it is."""
    from carbon254.adapters.cli.output import write
    from carbon254.adapters.cli.rows import instants
    from carbon254.core.domain.forecasts import level_name

    columns: dict[str, Any] = {
        "interval_start": instants(made.forecast.horizon.interval_start),
        "interval_end": instants(made.forecast.horizon.interval_end),
        "value": made.forecast.value.tolist(),
    }
    if made.forecast.quantiles is not None:
        for level, values in zip(made.forecast.levels, made.forecast.quantiles, strict=True):
            columns[level_name(level)] = values.tolist()
    write(columns, form, output, title=str(made.series[0]), notes=list(notes(made)))


def notes(made: MadeForecast) -> list[str]:
    """What a reader must be told of the forecast."""
    from carbon254.adapters.cli.output import SYNTHETIC
    from carbon254.core.domain.time import format_instant

    facts = made.execution.facts
    told = [
        f"{facts['model']} {facts['version']}, {made.unit}, as of {format_instant(made.origin)}; seed {facts['seed']}",
        f"document {made.execution.result}",
    ]
    calibration = [f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
                   for name, value in facts["notes"].items()]  # fmt: skip
    if calibration:
        told.append("calibration: " + ", ".join(calibration))
    return [SYNTHETIC, *told] if made.synthetic else told


def draw(platform: Platform, made: MadeForecast, path: Path) -> None:
    """Draw the forecast, with what came where it is known."""
    from carbon254.adapters.cli.forecast_plots import draw_forecast, save
    from carbon254.core.domain.entitlements import Scope
    from carbon254.core.domain.series import SeriesId
    from carbon254.core.domain.time import Window
    from carbon254.core.usecases.query_series import Question

    horizon = made.forecast.horizon
    window = horizon.grid.window(horizon.first, horizon.last)
    target = SeriesId.parse(made.execution.facts["target"])
    (actual,) = platform.query.run(
        Question((target,), window=Window(window.start, window.end)), Scope.everything()
    )
    save(draw_forecast(made, actual), path)
    typer.echo(f"wrote {path}", err=True)


def models(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="Show this model's parameters.")] = None,
    keep: Keep = None,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """List the models, or one model's parameters with their defaults; or name a model with parameters for ever.

    A name of yours stands wherever a model is asked for: in forecasts, backtests and as a member of another.
    """
    import json

    from carbon254.adapters.cli.output import write
    from carbon254.core.domain.schemas import json_schema

    catalogue = options.doors(context).models()
    if keep is None:
        named = _named(context, data)
    else:
        model, named = _keep(context, keep, data)
    if model is None:
        _list(catalogue, named, form, output)
        return
    one = named.get(model)
    installed = one.model if one else model
    found = json_schema(catalogue.model(installed).Parameters)["properties"]
    values = one.parameters if one else {name: told.get("default") for name, told in found.items()}
    write(
        {
            "parameter": list(found),
            "value" if one else "default": [json.dumps(values.get(name)) for name in found],
            "type": [_type(told) for told in found.values()],
            "what": [told.get("description", "") for told in found.values()],
        },
        form, output, title=f"{f'{model}: ' if one else ''}{installed} {catalogue.version(installed)}",
    )  # fmt: skip


def _list(
    catalogue: ModelCatalogue, named: Mapping[str, NamedModel], form: Format, output: Path | None
) -> None:
    from carbon254.adapters.cli.output import write

    cards = catalogue.cards()
    shown = [(name, cards[name], "") for name in cards]
    shown += [
        (name, cards[one.model], one.model) for name, one in named.items() if one.model in cards
    ]
    write(
        {
            "model": [name for name, _, _ in shown],
            "of": [of for _, _, of in shown],
            "version": [card.version for _, card, _ in shown],
            "kind": [card.kind for _, card, _ in shown],
            "title": [card.title for _, card, _ in shown],
            "extra": [card.extra for _, card, _ in shown],
        },
        form, output, notes=[f"set aside: {name}: {why}" for name, why in catalogue.set_aside().items()],
    )  # fmt: skip


def _keep(
    context: typer.Context, text: str, data: Path | None
) -> tuple[str, Mapping[str, NamedModel]]:
    """Keep what is named; returns its name, and all that was named."""
    from carbon254.core.domain.errors import InvalidRequest
    from carbon254.core.usecases.keep_models import NamedModel

    asked = model_of(text)
    if not asked.label:
        raise InvalidRequest(f"'{text}' has no name: use NAME=MODEL[:{{JSON}}].")
    made = NamedModel(name=asked.label, model=asked.model, parameters=asked.parameters)
    with options.platform(context, data, new=True) as platform:
        named = platform.forecast.runner.named
        return named.keep(made).name, named.named()


def _named(context: typer.Context, data: Path | None) -> Mapping[str, NamedModel]:
    """What was named in the data folder, if there is one."""
    from carbon254.core.domain.errors import NotFound

    try:
        with options.platform(context, data) as platform:
            return platform.forecast.runner.named.named()
    except NotFound:
        return {}


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    if schema.get("type") == "array" and isinstance(schema.get("items"), dict):
        return f"list of {_type(schema['items'])}"
    return str(schema.get("type", "any"))
