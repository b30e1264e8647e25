"""The installed markets: their cards without their code, and their code on demand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from carbon254.core.domain.cards import MarketCard
from carbon254.ports.markets import Market


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
