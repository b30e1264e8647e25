"""The installed markets: their cards without their code, and their code on demand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from carbon254.core.domain.cards import MarketCard
from carbon254.ports.markets import Market

if TYPE_CHECKING:
    from carbon254.core.domain.cards import DatasetCard
    from carbon254.core.domain.observations import Observations
    from carbon254.core.domain.quality import QualityFinding

QualityCheck: TypeAlias = "Callable[[Observations, DatasetCard], Iterable[QualityFinding]]"
Exporter: TypeAlias = "Callable[[Any], bytes]"  # takes a pandas frame


class Extensions(Protocol):
    """What plugins add besides markets (``ports/hooks.py``); names are ``market.name``."""

    def quality_checks(self) -> Mapping[str, QualityCheck]:
        """Further quality checks."""
        ...

    def exporters(self) -> Mapping[str, Exporter]:
        """Further output formats."""
        ...

    def announce(self, event: Mapping[str, Any]) -> None:
        """Tell loaded plugins of an event; one that fails is warned about and changes nothing."""
        ...


class MarketCatalogue(Protocol):
    """What is installed. A broken plugin is set aside with its reason; the others are there."""

    def cards(self) -> Mapping[str, MarketCard]:
        """Cards by market id, in the order of the ids."""
        ...

    def market(self, market: str) -> Market:
        """A market's code. Raises `NotFound` for one that is not installed, `PluginBroken` for one that fails."""
        ...

    def parser_version(self, market: str) -> str:
        """A short digest of the market's code and card: another parser, another version."""
        ...

    def set_aside(self) -> Mapping[str, str]:
        """Plugins that could not be used, with the reason."""
        ...
