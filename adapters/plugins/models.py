"""`ModelCatalogue` over the entry-point group ``carbon254.models``; see `host` for how plugins are found."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from carbon254.adapters.plugins.entries import Entry, installed
from carbon254.adapters.plugins.folders import folder_of, version_of
from carbon254.core.domain.errors import Carbon254Error, NotFound, PluginBroken
from carbon254.core.domain.model_cards import ModelCard, read_model_card

if TYPE_CHECKING:
    from carbon254.ports.models import Forecaster

GROUP: Final = "carbon254.models"


class ModelHost:
    """The models installed in this environment, or those of the entry points handed in."""

    def __init__(self, found: Iterable[Entry] | None = None) -> None:
        self._entries = sorted(
            installed(GROUP) if found is None else found, key=lambda entry: entry.name
        )
        self._cards: dict[str, ModelCard] | None = None
        self._aside: dict[str, str] = {}
        self._models: dict[str, Forecaster] = {}
        self._versions: dict[str, str] = {}
        self._guard = threading.RLock()

    def cards(self) -> Mapping[str, ModelCard]:
        with self._guard:
            if self._cards is None:
                self._cards = {}
                for entry in self._entries:
                    self._add_card(entry, self._cards)
            return {name: card for name, card in self._cards.items() if name not in self._aside}

    def _add_card(self, entry: Entry, cards: dict[str, ModelCard]) -> None:
        try:
            card = read_model_card(folder_of(entry) / "model.toml")
            if card.id != entry.name:
                raise PluginBroken(f"entry point '{entry.name}' leads to the card of '{card.id}'.")
            if entry.name in cards:
                raise PluginBroken(
                    f"model '{entry.name}' is installed twice: uninstall one of the two packages."
                )
            cards[entry.name] = card
        except Carbon254Error as error:
            self._aside[entry.name] = str(error)
        except Exception as error:  # whatever is wrong with a plugin concerns it alone  # noqa: BLE001
            self._aside[entry.name] = f"{type(error).__name__}: {error}"

    def set_aside(self) -> Mapping[str, str]:
        self.cards()
        return dict(self._aside)

    def model(self, model: str) -> Forecaster:
        with self._guard:
            if model in self._models:
                return self._models[model]
            if model not in self.cards():
                if model in self._aside:
                    raise PluginBroken(f"model '{model}' is set aside: {self._aside[model]}")
                raise NotFound(
                    f"no model '{model}' is installed; there are {', '.join(self.cards())}."
                )
            try:
                self._models[model] = self._load(model)
            except (Exception, SystemExit) as error:  # the plugin's own code ran
                self._aside[model] = f"{type(error).__name__}: {error}"
                raise PluginBroken(
                    f"model '{model}' cannot be loaded: {self._aside[model]}"
                ) from error
            return self._models[model]

    def _load(self, model: str) -> Forecaster:
        import pluggy

        from carbon254.ports import hooks
        from carbon254.ports.models import Forecaster

        entry = next(entry for entry in self._entries if entry.name == model)
        manager = pluggy.PluginManager(hooks.NAMESPACE)
        manager.add_hookspecs(hooks)
        card = self.cards()[model]
        manager.register(importlib.import_module(entry.module), name=model)
        manager.check_pending()
        made = manager.hook.carbon254_model(card=card)
        if not isinstance(made, Forecaster):
            raise PluginBroken(
                f"'carbon254_model' returned {type(made).__name__}, which is no Forecaster."
            )
        if made.card != card:
            raise PluginBroken(
                "'carbon254_model' returned a model with another card than the one handed in."
            )
        return made

    def version(self, model: str) -> str:
        with self._guard:
            if model not in self._versions:
                if model not in self.cards():
                    raise NotFound(f"no model '{model}' is installed.")
                card = self.cards()[model]
                self._versions[model] = f"{card.version}+{version_of(card.path.parent)}"
            return self._versions[model]
