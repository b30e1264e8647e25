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

from carbon254.core.domain.errors import SettingsInvalid

PREFIX: Final = "CARBON254_"
FILE: Final = "carbon254.toml"
_NOT_SETTINGS: Final = frozenset(
    {"CARBON254_CONFIG", "CARBON254_RECORDED", "CARBON254_REQUIRE_RECORDED", "CARBON254_DEBUG"}
)


@frozen(kw_only=True)
class Settings:
    """What can be set. ``data`` is the folder; ``store`` is ``duckdb`` (embedded) or ``postgres`` (with ``dsn``).

    ``nats`` is the address of a message server, ``nats://host:4222``; without one, messages stay in the process.
    """

    data: Path = Path("data")
    port: int = field(default=8254, validator=[ge(0), le(65535)])
    store: str = field(default="duckdb", validator=in_(("duckdb", "postgres")))
    dsn: str = field(default="", repr=False)
    nats: str = field(default="", repr=False)
    memory_limit: str = "1GB"
    threads: int = field(default=2, validator=ge(1))
    requests_a_minute: int = field(default=1200, validator=ge(1))  # of one principal, over HTTP
    policies: Path | None = None  # a folder of policy lines in place of the platform's own
    credentials: Mapping[str, str] = field(factory=dict, repr=False)


def load(
    environment: Mapping[str, str] | None = None, folder: Path | None = None, **options: Any
) -> Settings:
    """Read settings: file, environment, then ``options`` that are not None. Raises `SettingsInvalid`."""
    found = os.environ if environment is None else environment
    file = Path(found.get("CARBON254_CONFIG", (folder or Path()) / FILE))
    if "CARBON254_CONFIG" in found and not file.exists():
        raise SettingsInvalid(f"CARBON254_CONFIG names {file}, which does not exist.")
    facts = _from_file(file)
    for key, value in _from_environment(found).items():
        facts[key] = _joined(key, facts.get(key, {}), value)
    facts.update({key: value for key, value in options.items() if value is not None})
    return _structure(facts, str(file))


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid(f"{path} cannot be read: {error}") from None


def _joined(key: str, of_file: Any, of_environment: Any) -> Any:
    """Keys of a table add up, anything else is replaced."""
    if not isinstance(of_environment, dict):
        return of_environment
    if not isinstance(of_file, dict):
        raise SettingsInvalid(
            f"setting '{key}' is wrong: it is a table, such as {key}.name = \"value\"."
        )
    return {**of_file, **of_environment}


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, value in environment.items():
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS:
            continue
        key, _, part = name.removeprefix(PREFIX).lower().partition("__")
        facts[key] = _joined(key, facts.get(key, {}), {part: value} if part else value)
    return facts


def _structure(facts: Mapping[str, Any], where: str) -> Settings:
    known = [a.name for a in fields(Settings)]
    if unknown := sorted(set(facts) - set(known)):
        raise SettingsInvalid(
            f"unknown setting '{unknown[0]}' in {where} or the environment; use {', '.join(known)}."
        )
    converter = Converter(detailed_validation=False)
    converter.register_structure_hook(int, _whole)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(Path, _path)
    for name in facts:
        try:
            converter.structure({name: facts[name]}, Settings)
        except (ValueError, TypeError) as error:
            raise SettingsInvalid(f"setting '{name}' is wrong: {error.args[0]}.") from None
        except AttributeError:  # not a mapping
            raise SettingsInvalid(
                f"setting '{name}' is wrong: it is a table of names and texts."
            ) from None
    made = converter.structure(dict(facts), Settings)
    if made.store == "postgres" and not made.dsn:
        raise SettingsInvalid(
            "setting 'dsn' is not set: store = 'postgres' needs the database's address."
        )
    return made


def _path(value: Any, _: Any) -> Path:
    return (value if isinstance(value, Path) else Path(_text(value, str))).expanduser()


def _whole(value: Any, _: Any) -> int:
    if type(value) is not int and not (isinstance(value, str) and value.strip().isdecimal()):
        raise ValueError(f"{value!r} is no whole number")
    return int(value)


def _text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("it is a text in quotes")  # the value is not repeated: it may be a secret
    return value
