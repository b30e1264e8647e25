"""Telling the operator what happens, for machines to read: an event's name and its facts."""

from __future__ import annotations

from collections.abc import Callable

Log = Callable[..., None]
"""``log("call finished", request="…", outcome="ok")``. Never given a secret; it may drop what nobody wants to read."""


def silent(event: str, **facts: object) -> None:
    """Say nothing."""
