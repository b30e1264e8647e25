"""Compile kernels with numba where it is installed (extra ``fast``); without it they run in numpy, more slowly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: Final = {"error_model": "numpy", "fastmath": {"contract", "reassoc"}}


def compiled(function: F) -> F:
    """Return the function compiled, or itself without numba; what is compiled is kept beside the source."""
    try:
        from numba import njit
    except ImportError:
        return function
    try:
        return cast(F, njit(cache=True, **_OPTIONS)(function))
    except RuntimeError:  # nowhere to keep it
        return cast(F, njit(**_OPTIONS)(function))


def compiled_or(plain: F) -> Callable[[F], F]:
    """Return the decorated loops compiled, or without numba ``plain``, which does the same with whole arrays."""

    def choose(loops: F) -> F:
        made = compiled(loops)
        return plain if made is loops else made

    return choose
