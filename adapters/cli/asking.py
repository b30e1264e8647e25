"""Models and conditions from the command line: ``[LABEL=]MODEL[:{JSON}]``, or a request from a file."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from carbon254.core.domain.backtests import AskedModel, Conditions

Exogenous = Annotated[
    list[str] | None,
    typer.Option(
        "--exogenous", "-x", help="A series to forecast from; may be given more than once."
    ),
]
Days = Annotated[int, typer.Option("--days", help="Whole days of the horizon.")]
Origin = Annotated[
    str,
    typer.Option(
        "--origin",
        help="When forecasts are made, as in 'D-1 12:00'.",
        show_default="the gate closure",
    ),
]
Refit = Annotated[int, typer.Option("--refit", help="Days between two fits.")]
SlidingWindow = Annotated[
    int | None,
    typer.Option("--window", help="Days of history that may be seen.", show_default="all"),
]
Gap = Annotated[
    str | None, typer.Option("--gap", help="A further delay of all that is published, as in PT2H.")
]
LiveSince = Annotated[
    str | None,
    typer.Option(
        "--live-since",
        help="From this instant on what we had recorded counts, not what was published.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of models that draw.")]


def model_of(text: str) -> AskedModel:
    """A model from ``[LABEL=]MODEL[:{JSON}]``. Raises `InvalidRequest`."""
    from carbon254.core.domain.backtests import AskedModel
    from carbon254.core.domain.errors import InvalidRequest

    head, colon, tail = text.partition(":")
    label, equals, model = head.rpartition("=")
    if not model or (equals and not label):
        raise InvalidRequest(f"'{text}' is no model: use [LABEL=]MODEL[:{{JSON}}].")
    return AskedModel(
        model=model, parameters=parameters_of(tail, model) if colon else {}, label=label
    )


def parameters_of(text: str, model: str) -> dict[str, Any]:
    """Parameters from JSON. Raises `InvalidRequest`."""
    from carbon254.core.domain.errors import InvalidRequest

    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidRequest(f"parameters of {model} are no JSON: {error}.") from None
    if not isinstance(found, dict):
        raise InvalidRequest(f"parameters of {model} are no JSON object: {text}.")
    return found


def conditions_of(
    days: int, origin: str, refit: int, window: int | None, gap: str | None, live_since: str | None, seed: int
) -> Conditions:  # fmt: skip
    """Conditions from options. Raises `InvalidRequest`."""
    from carbon254.core.domain.backtests import Conditions
    from carbon254.core.domain.schemas import build

    facts: dict[str, Any] = {
        "days": days, "origin": origin, "refit": refit, "window": window, "gap": gap or "PT0S",
        "live_since": live_since, "seed": seed,
    }  # fmt: skip
    return build(Conditions, facts, "conditions")


def request_file(path: Path) -> dict[str, Any]:
    """A request from TOML or JSON, by the file's name. Raises `InvalidRequest`, `NotFound`."""
    from carbon254.core.domain.errors import InvalidRequest, NotFound

    try:
        text = path.read_text(encoding="utf-8")
        found = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except FileNotFoundError:
        raise NotFound(f"{path} is not there.") from None
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}.") from None
    if not isinstance(found, dict):
        raise InvalidRequest(f"{path} holds no table of keys.")
    return {key: _dates_as_text(value) for key, value in found.items()}


def _dates_as_text(value: Any) -> Any:
    """TOML's own dates as ISO texts, as JSON has them."""
    if isinstance(value, dict):
        return {key: _dates_as_text(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_dates_as_text(one) for one in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
