"""Credentials: put in by name, taken out of every text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

from carbon254.adapters.fetch.network import is_loopback
from carbon254.adapters.fetch.targets import Target
from carbon254.core.domain.documents import Request
from carbon254.core.domain.errors import InvalidRequest, SettingsInvalid
from carbon254.ports.fetching import FetchLimits

_SHORTEST = 4  # shorter values would blot out ordinary text


def values(request: Request, limits: FetchLimits) -> Mapping[str, str]:
    """Parameter or header names with the credentials' values. Raises `SettingsInvalid` when one is not set."""
    for name in request.credentials.values():
        if not limits.credentials.get(name):
            raise SettingsInvalid(
                f"The credential '{name}' is not set: add it to the market's credentials."
            )
    return {where: limits.credentials[name] for where, name in request.credentials.items()}


def refuse_in_clear(request: Request, target: Target) -> None:
    """Raise `InvalidRequest` when credentials would travel unencrypted to another machine."""
    if request.credentials and target.url.scheme != "https" and not is_loopback(target.url.host):
        raise InvalidRequest(
            f"Credentials for '{target.url.host}' need https: they are never sent over http."
        )


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text with every secret, plain or URL-encoded, replaced by ``***``."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            for form in {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}:
                text = text.replace(form, "***")
    return text
