"""Compile kernels with numba where it is installed (extra ``fast``); without it they run in numpy, more slowly."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Return the function compiled, or itself without numba; what is compiled is kept beside the source."""
    try:
        from numba import njit
    except ImportError:
        return function
    make = partial(njit, error_model="numpy", fastmath={"contract", "reassoc"})
    try:
        return cast(F, make(cache=True)(function))
    except RuntimeError:  # nowhere to keep it
        return cast(F, make()(function))


def compiled_or(plain: F) -> Callable[[F], F]:
    """Return the decorated loops compiled, or without numba ``plain``, which does the same with whole arrays."""

    def choose(loops: F) -> F:
        made = compiled(loops)
        return plain if made is loops else made

    return choose
