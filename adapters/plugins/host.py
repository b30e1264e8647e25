"""`MarketCatalogue` and `Extensions` over the entry-point group ``carbon254.markets``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from carbon254.adapters.plugins.installed import Installed
from carbon254.core.domain.cards import MarketCard, read_card

if TYPE_CHECKING:
    from carbon254.ports.catalogue import Exporter, QualityCheck
    from carbon254.ports.markets import Market

GROUP: Final = "carbon254.markets"


class PluginHost(Installed[MarketCard, "Market"]):
    """The markets installed in this environment, or those of the entry points handed in."""

    kind: ClassVar = "market"

    def read_card(self, path: Path) -> MarketCard:
        return read_card(path)

    def protocol(self) -> type[Any]:
        from carbon254.ports.markets import Market

        return Market

    def market(self, market: str) -> Market:
        return self.plugin(market)

    def _load(self, name: str) -> Market:
        _ = self.cards()[name].places  # a list that cannot be read is found here, not in a question
        return super()._load(name)

    def parser_version(self, market: str) -> str:
        return self.digest(market)

    def quality_checks(self) -> Mapping[str, QualityCheck]:
        return self._answers("carbon254_quality_checks")

    def exporters(self) -> Mapping[str, Exporter]:
        return self._answers("carbon254_exporters")

    def announce(self, event: Mapping[str, Any]) -> None:
        for market, manager in list(self._managers.items()):
            try:
                manager.hook.carbon254_on_event(event=event)
            except Exception as error:  # whoever listens must not undo what happened  # noqa: BLE001
                warnings.warn(
                    f"plugin '{market}' failed on an event: {type(error).__name__}: {error}",
                    stacklevel=2,
                )

    def _answers(self, hook: str) -> dict[str, Any]:
        """What all plugins answer to a hook, by ``market.name``; one that fails is set aside."""
        found: dict[str, Any] = {}
        for market in list(self.cards()):
            try:
                self.market(market)
                for answer in getattr(self._managers[market].hook, hook)():
                    found |= {f"{market}.{name}": made for name, made in answer.items()}
            except Exception as error:  # the plugin's own code  # noqa: BLE001
                self._aside.setdefault(market, f"{type(error).__name__}: {error}")
        return found
