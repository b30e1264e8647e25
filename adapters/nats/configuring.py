"""Configuration for a server that others run: users by the policy, passwords from a file or from variables."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, cast

from carbon254.adapters.nats.doorkeeper import user_of
from carbon254.adapters.nats.permissions import RELAY, Password, render, user_name
from carbon254.adapters.nats.server import write_private
from carbon254.core.domain.errors import Conflict, InvalidRequest
from carbon254.core.usecases.grant_streams import Reader

_HEAD: Final = (
    "# Users of the streams, by 'carbon254 nats permissions': write it anew, do not change it.\n"
)


def configuration(readers: Iterable[Reader], passwords: Path | None) -> str:
    """Users with their grants. ``passwords`` is a JSON file by user; who is missing in it is given one there.

    Raises `InvalidRequest` for a file that is no JSON, `Conflict` where two users would share a variable.
    """
    known = None if passwords is None else _read(passwords)
    found = [one for one in readers if one.grants]
    names = [user_name(one.principal.tenant, one.principal.name) for one in found]
    if known is None:
        _refuse_shared(names)
    elif missing := [name for name in (RELAY, *names) if name not in known]:
        known |= {name: secrets.token_urlsafe(24) for name in missing}
        write_private(cast(Path, passwords), json.dumps(known, indent=2) + "\n")
    users = [user_of(one, _password(name, known)) for one, name in zip(found, names, strict=True)]
    return _HEAD + render(users, _password(RELAY, known))


def variable_of(user: str) -> str:
    """The variable of the server's environment that holds a user's password."""
    return "NATS_PASSWORD_" + re.sub(r"[^A-Z0-9]", "_", user.upper())


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{path} cannot be read as JSON: {error}.") from None
    if not isinstance(found, dict) or not all(isinstance(word, str) for word in found.values()):
        raise InvalidRequest(f"{path} is no table of passwords by user.")
    return found


def _password(user: str, known: Mapping[str, str] | None) -> Password:
    return Password(variable=variable_of(user)) if known is None else Password(known[user])


def _refuse_shared(users: Iterable[str]) -> None:
    seen: dict[str, str] = {variable_of(RELAY): RELAY}
    for user in users:
        name = variable_of(user)
        if seen.setdefault(name, user) != user:
            raise Conflict(
                f"users {seen[name]} and {user} would share the variable {name}: use --passwords."
            )
