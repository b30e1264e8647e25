"""`MarketCatalogue` over the entry-point group ``carbon254.markets``.

Cards are found through the import system's finders, without importing the plugin. A plugin that fails is set aside
with its reason; the others still load.
"""

from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from carbon254.adapters.plugins.entries import Entry, installed
from carbon254.adapters.plugins.folders import folder_of, version_of
from carbon254.core.domain.cards import MarketCard, read_card
from carbon254.core.domain.errors import Carbon254Error, NotFound, PluginBroken

if TYPE_CHECKING:
    from carbon254.ports.catalogue import Exporter, QualityCheck
    from carbon254.ports.markets import Market

GROUP: Final = "carbon254.markets"


class PluginHost:
    """The markets installed in this environment, or those of the entry points handed in."""

    def __init__(self, found: Iterable[Entry] | None = None) -> None:
        self._entries = sorted(
            installed(GROUP) if found is None else found, key=lambda entry: entry.name
        )
        self._cards: dict[str, MarketCard] | None = None
        self._aside: dict[str, str] = {}
        self._markets: dict[str, Market] = {}
        self._managers: dict[str, Any] = {}
        self._versions: dict[
            str, str
        ] = {}  # of the code that is loaded, whatever the files become meanwhile
        self._guard = threading.RLock()

    def cards(self) -> Mapping[str, MarketCard]:
        with self._guard:
            if self._cards is None:
                self._cards = {}
                for entry in self._entries:
                    self._add_card(entry)
            return {name: card for name, card in self._cards.items() if name not in self._aside}

    def _add_card(self, entry: Entry) -> None:
        assert self._cards is not None
        try:
            card = read_card(folder_of(entry) / "market.toml")
            if card.id != entry.name:
                raise PluginBroken(f"entry point '{entry.name}' leads to the card of '{card.id}'.")
            if entry.name in self._cards:
                raise PluginBroken(
                    f"market '{entry.name}' is installed twice: uninstall one of the two packages."
                )
            self._cards[entry.name] = card
        except Carbon254Error as error:
            self._aside[entry.name] = str(error)
        except Exception as error:  # whatever is wrong with a plugin concerns it alone  # noqa: BLE001
            self._aside[entry.name] = f"{type(error).__name__}: {error}"

    def set_aside(self) -> Mapping[str, str]:
        self.cards()
        return dict(self._aside)

    def market(self, market: str) -> Market:
        with self._guard:
            if market in self._markets:
                return self._markets[market]
            if market not in self.cards():
                if market in self._aside:
                    raise PluginBroken(f"market '{market}' is set aside: {self._aside[market]}")
                raise NotFound(
                    f"no market '{market}' is installed; there are {', '.join(self.cards())}."
                )
            try:
                self._markets[market] = self._load(market)
            except (
                Exception,
                SystemExit,
            ) as error:  # the plugin's own code ran: what it raised concerns it alone
                self._aside[market] = f"{type(error).__name__}: {error}"
                raise PluginBroken(
                    f"market '{market}' cannot be loaded: {self._aside[market]}"
                ) from error
            return self._markets[market]

    def _load(self, market: str) -> Market:
        import pluggy

        from carbon254.ports import hooks
        from carbon254.ports.markets import Market

        entry = next(entry for entry in self._entries if entry.name == market)
        manager = pluggy.PluginManager(hooks.NAMESPACE)
        manager.add_hookspecs(hooks)
        card = self.cards()[market]
        _ = card.places  # a list of locations that cannot be read is found here and not in the middle of a question
        module = importlib.import_module(entry.module)
        manager.register(module, name=market)
        manager.check_pending()
        made = manager.hook.carbon254_market(card=card)
        if not isinstance(made, Market):
            raise PluginBroken(
                f"'carbon254_market' returned {type(made).__name__}, which is no Market."
            )
        if made.card != card:
            raise PluginBroken(
                "'carbon254_market' returned a market with another card than the one handed in."
            )
        self._managers[market] = manager
        return made

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

    def parser_version(self, market: str) -> str:
        with self._guard:
            if market not in self._versions:
                if market not in self.cards():
                    raise NotFound(f"no market '{market}' is installed.")
                self._versions[market] = version_of(self.cards()[market].path.parent)
            return self._versions[market]
