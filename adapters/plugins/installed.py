"""Plugins of one kind: cards found without their code, code loaded on demand, a broken one set aside.

Cards are found through the import system's finders, without importing the plugin. A plugin that fails is set aside
with its reason; the others still load.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from carbon254.adapters.plugins.entries import Entry, installed
from carbon254.adapters.plugins.folders import folder_of, version_of
from carbon254.core.domain.errors import Carbon254Error, NotFound, PluginBroken


class Card(Protocol):
    """What every card has."""

    @property
    def id(self) -> str: ...

    @property
    def path(self) -> Path: ...


C = TypeVar("C", bound=Card)
M = TypeVar("M")


class Installed(Generic[C, M]):
    """The plugins of a kind installed in this environment, or those of the entry points handed in.

    ``kind`` is the word for one, which its entry-point group, its card's file and its hook are named after.
    """

    kind: ClassVar[str]

    def __init__(self, found: Iterable[Entry] | None = None) -> None:
        group = f"carbon254.{self.kind}s"
        self._entries = sorted(
            installed(group) if found is None else found, key=lambda entry: entry.name
        )
        self._cards: dict[str, C] | None = None
        self._aside: dict[str, str] = {}
        self._made: dict[str, M] = {}
        self._managers: dict[str, Any] = {}
        self._versions: dict[
            str, str
        ] = {}  # of the code that is loaded, whatever the files become meanwhile
        self._guard = threading.RLock()

    def read_card(self, path: Path) -> C:
        """Read a card."""
        raise NotImplementedError

    def protocol(self) -> type[Any]:
        """What a hook must answer with; imported when it is needed."""
        raise NotImplementedError

    def cards(self) -> Mapping[str, C]:
        with self._guard:
            if self._cards is None:
                self._cards = {}
                for entry in self._entries:
                    self._add_card(entry, self._cards)
            return {name: card for name, card in self._cards.items() if name not in self._aside}

    def _add_card(self, entry: Entry, cards: dict[str, C]) -> None:
        try:
            card = self.read_card(folder_of(entry) / f"{self.kind}.toml")
            if card.id != entry.name:
                raise PluginBroken(f"entry point '{entry.name}' leads to the card of '{card.id}'.")
            if entry.name in cards:
                raise PluginBroken(
                    f"{self.kind} '{entry.name}' is installed twice: uninstall one of the two packages."
                )
            cards[entry.name] = card
        except Carbon254Error as error:
            self._aside[entry.name] = str(error)
        except Exception as error:  # whatever is wrong with a plugin concerns it alone  # noqa: BLE001
            self._aside[entry.name] = f"{type(error).__name__}: {error}"

    def set_aside(self) -> Mapping[str, str]:
        self.cards()
        return dict(self._aside)

    def plugin(self, name: str) -> M:
        """A plugin's code. Raises `NotFound` for one that is not installed, `PluginBroken` for one that fails."""
        with self._guard:
            if name in self._made:
                return self._made[name]
            if name not in self.cards():
                if name in self._aside:
                    raise PluginBroken(f"{self.kind} '{name}' is set aside: {self._aside[name]}")
                raise NotFound(
                    f"no {self.kind} '{name}' is installed; there are {', '.join(self.cards())}."
                )
            try:
                self._made[name] = self._load(name)
            except (
                Exception,
                SystemExit,
            ) as error:  # the plugin's own code ran: what it raised concerns it alone
                self._aside[name] = f"{type(error).__name__}: {error}"
                raise PluginBroken(
                    f"{self.kind} '{name}' cannot be loaded: {self._aside[name]}"
                ) from error
            return self._made[name]

    def _load(self, name: str) -> M:
        import pluggy

        from carbon254.ports import hooks

        entry = next(entry for entry in self._entries if entry.name == name)
        manager = pluggy.PluginManager(hooks.NAMESPACE)
        manager.add_hookspecs(hooks)
        card, hook = self.cards()[name], f"carbon254_{self.kind}"
        manager.register(importlib.import_module(entry.module), name=name)
        manager.check_pending()
        made = getattr(manager.hook, hook)(card=card)
        if not isinstance(made, wanted := self.protocol()):
            raise PluginBroken(
                f"'{hook}' returned {type(made).__name__}, which is no {wanted.__name__}."
            )
        if made.card != card:
            raise PluginBroken(
                f"'{hook}' returned a {self.kind} with another card than the one handed in."
            )
        self._managers[name] = manager
        return made  # type: ignore[no-any-return]

    def digest(self, name: str) -> str:
        """A digest of a plugin's code and card. Raises `NotFound`."""
        with self._guard:
            if name not in self._versions:
                if name not in self.cards():
                    raise NotFound(f"no {self.kind} '{name}' is installed.")
                self._versions[name] = version_of(self.cards()[name].path.parent)
            return self._versions[name]
