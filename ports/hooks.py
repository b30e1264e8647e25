"""Hooks that plugins answer, with pluggy (DESIGN §3). Each starts with ``carbon254_``.

A market's module answers `carbon254_market`, a model's `carbon254_model`; ``docs/plugins.md`` has an example of
every hook.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pluggy

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.model_cards import ModelCard
from carbon254.ports.markets import Market
from carbon254.ports.models import Forecaster

NAMESPACE = "carbon254"
hookspec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)


@hookspec(firstresult=True)
def carbon254_market(card: MarketCard) -> Market:  # type: ignore[empty-body]
    """Return the market whose card the host hands in."""


@hookspec(firstresult=True)
def carbon254_model(card: ModelCard) -> Forecaster:  # type: ignore[empty-body]
    """Return the model whose card the host hands in."""


@hookspec
def carbon254_quality_checks() -> Mapping[str, Callable[..., Any]]:  # type: ignore[empty-body]
    """Return further quality checks by name; each takes ``(observations, dataset_card)`` and returns findings."""


@hookspec
def carbon254_on_event(event: Mapping[str, Any]) -> None:
    """Hear of an event, such as ``ObservationsRecorded``, after its commit."""


@hookspec
def carbon254_exporters() -> Mapping[str, Callable[..., bytes]]:  # type: ignore[empty-body]
    """Return further output formats by name; each takes a pandas frame and returns bytes."""
