"""Logs for machines: one line of JSON an event, with the ids of request, trace, principal and decision; no secrets."""

from __future__ import annotations

import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog

_SECRETS: Final = re.compile(
    r"(c254_[0-9a-f]{0,12})_?[0-9A-Za-z]*|(?i:\bBearer\s+)\S+|(?<=://)[^/\s@]*@"
)
_SECRET_NAMES: Final = frozenset(
    ("authorization", "token", "secret", "password", "dsn", "credentials", "cookie", "api_key")
)


def write_json(stream: TextIO | None = None) -> None:
    """Have events written from now on, to standard error or a stream."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            mask_secrets,
            structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False),
        ],
        logger_factory=structlog.WriteLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )


def tell(event: str, **facts: object) -> None:
    """Write an event, where somebody wants to read them; empty facts are left out."""
    if structlog.is_configured():
        given = {name: fact for name, fact in facts.items() if fact != ""}
        structlog.get_logger().info(event, **given)


def mask_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Put stars where a secret would stand, by its name or by its looks."""
    return {
        name: "***" if name.lower() in _SECRET_NAMES else _masked(value)
        for name, value in event.items()
    }


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return _SECRETS.sub(_stars, value)
    if isinstance(value, MutableMapping):
        return mask_secrets(None, "", value)
    if isinstance(value, list | tuple):
        return [_masked(one) for one in value]
    return value


def _stars(found: re.Match[str]) -> str:
    if found[1]:
        return f"{found[1]}_***"
    return "***@" if found[0].endswith("@") else f"{found[0].split()[0]} ***"
