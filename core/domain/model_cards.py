"""The facts a model declares about itself, read from ``model.toml`` without importing its code (DESIGN §4)."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen
from attrs.validators import in_

from carbon254.core.domain._building import Builder
from carbon254.core.domain.cards import explain
from carbon254.core.domain.errors import Carbon254Error, PluginBroken

KINDS: Final = (
    "forecaster",
    "curve_builder",
    "simulator",
    "valuer",
    "risk_measure",
    "optimiser",
    "surveillance_rule",
)
_TOKEN: Final = re.compile(r"[a-z][a-z0-9_]*")


def _token(card: ModelCard, attribute: Any, value: str) -> None:
    if not _TOKEN.fullmatch(value):
        raise PluginBroken(f"model id '{value}': only a-z, 0-9 and '_' are allowed.")


@frozen(kw_only=True)
class ModelCard:
    """Everything that is true of a model without asking its code.

    ``extra`` is the optional dependency group that it needs (``pip install 'carbon254[gbm]'``).
    """

    id: str = field(validator=_token)
    version: str
    kind: str = field(validator=in_(KINDS))
    title: str
    summary: str = ""
    licence: str
    owners: tuple[str, ...]
    sources: tuple[str, ...] = ()  # papers and standards that it is written from
    extra: str = ""
    path: Path = field(default=Path(), eq=False, repr=False)


def read_model_card(path: Path) -> ModelCard:
    """Read a ``model.toml``. Raises `PluginBroken` that names the key that is wrong."""
    where = f"{path.parent.name}/{path.name}"
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
        return _structure({**facts, "path": str(path)})
    except Carbon254Error as error:
        raise PluginBroken(f"{where}: {error}") from None
    except (OSError, tomllib.TOMLDecodeError, ExceptionGroup, ValueError, TypeError) as error:
        raise PluginBroken(f"{where}: {explain(error)}") from None


def _structure(facts: dict[str, Any]) -> ModelCard:
    try:
        made: ModelCard = Builder({Path: Path}, {}).build(ModelCard, facts)
    except Exception:  # the converter says what is wrong, or converts  # noqa: BLE001
        from cattrs import Converter

        converter = Converter(forbid_extra_keys=True)
        converter.register_structure_hook(Path, lambda value, _: Path(value))
        return converter.structure(facts, ModelCard)
    return made
