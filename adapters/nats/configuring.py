"""Configuration for a server that others run: users by the policy, passwords from a file or from variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from carbon254.adapters.nats.doorkeeper import user_of
from carbon254.adapters.nats.permissions import RELAY, Password, User, render, user_name
from carbon254.core.domain.errors import Conflict
from carbon254.core.usecases.grant_streams import Reader

_HEAD: Final = (
    "# Users of the streams, by 'carbon254 nats permissions': write it anew, do not change it.\n"
)


def configuration(readers: Iterable[Reader], passwords: Mapping[str, str] | None) -> str:
    """Users with their grants. Raises `Conflict` where two users would share a variable: give passwords then."""
    users = [
        user_of(one, _password(user_name(one.principal.tenant, one.principal.name), passwords))
        for one in readers
        if one.grants
    ]
    _refuse_shared(users)
    return _HEAD + render(users, _password(RELAY, passwords))


def variable_of(user: str) -> str:
    """The variable of the server's environment that holds a user's password."""
    return "NATS_PASSWORD_" + re.sub(r"[^A-Z0-9]", "_", user.upper())


def _password(user: str, passwords: Mapping[str, str] | None) -> Password:
    return Password(variable=variable_of(user)) if passwords is None else Password(passwords[user])


def _refuse_shared(users: Iterable[User]) -> None:
    seen: dict[str, str] = {variable_of(RELAY): RELAY}
    for user in users:
        name = user.password.variable
        if name and seen.setdefault(name, user.name) != user.name:
            raise Conflict(
                f"users {seen[name]} and {user.name} would share the variable {name}: use --passwords."
            )
