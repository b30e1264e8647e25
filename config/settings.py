"""Settings from ``carbon254.toml`` and the environment; a wrong or unknown key is named in the error.

``CARBON254_PORT=8300`` sets ``port``; ``CARBON254_CREDENTIALS__ENTSOE_TOKEN=…`` sets one key of a table. The
environment comes before the file, options of the command line come before both.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import field, fields, frozen
from attrs.validators import ge, in_, le
from cattrs import Converter
from cattrs.errors import BaseValidationError

from carbon254.core.domain.cards import explain
from carbon254.core.domain.errors import SettingsInvalid

PREFIX: Final = "CARBON254_"
FILE: Final = "carbon254.toml"
_NOT_SETTINGS: Final = frozenset({"CARBON254_CONFIG", "CARBON254_RECORDED", "CARBON254_REQUIRE_RECORDED"})


@frozen(kw_only=True)
class Settings:
    """What can be set. ``data`` is the folder; ``store`` is ``duckdb`` (embedded) or ``postgres`` (with ``dsn``)."""

    data: Path = Path("data")
    port: int = field(default=8254, validator=[ge(0), le(65535)])
    store: str = field(default="duckdb", validator=in_(("duckdb", "postgres")))
    dsn: str = field(default="", repr=False)
    memory_limit: str = "1GB"
    threads: int = field(default=2, validator=ge(1))
    credentials: Mapping[str, str] = field(factory=dict, repr=False)


def load(environment: Mapping[str, str] | None = None, folder: Path | None = None, **options: Any) -> Settings:
    """Read settings: file, environment, then ``options`` that are not None. Raises `SettingsInvalid`."""
    found = os.environ if environment is None else environment
    file = Path(found.get("CARBON254_CONFIG", (folder or Path()) / FILE))
    facts = _from_file(file)
    for key, value in _from_environment(found).items():
        facts[key] = {**facts.get(key, {}), **value} if isinstance(value, dict) else value
    facts.update({key: value for key, value in options.items() if value is not None})
    return _structure(facts, str(file))


def _from_file(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid(f"{path} cannot be read: {error}") from None


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS:
            continue
        key, _, part = name.removeprefix(PREFIX).lower().partition("__")
        if part:
            facts.setdefault(key, {})[part] = value
        else:
            facts[key] = value
    return facts


def _structure(facts: Mapping[str, Any], where: str) -> Settings:
    known = [a.name for a in fields(Settings)]
    if unknown := sorted(set(facts) - set(known)):
        raise SettingsInvalid(f"unknown setting '{unknown[0]}' in {where} or the environment; known are {', '.join(known)}.")
    converter = Converter()
    converter.register_structure_hook(Path, lambda value, _: Path(str(value)).expanduser())
    for name in facts:
        try:
            converter.structure({name: facts[name]}, Settings)
        except (BaseValidationError, ValueError, TypeError) as error:
            raise SettingsInvalid(f"setting '{name}' is wrong: {explain(error)}.") from None
    return converter.structure(dict(facts), Settings)
