"""Finding a function by its name and running it so that only errors of ours come out; executors share this."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from carbon254.core.domain.errors import BY_CODE, Carbon254Error, InvalidRequest, PluginBroken


def find_function(path: str) -> Callable[[Any], Any]:
    """The function of ``package.module:function``. Raises `InvalidRequest` when there is none."""
    module, mark, name = path.partition(":")
    if not mark or not name.isidentifier():
        raise InvalidRequest(f"'{path}' names no function: use package.module:function.")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except (ImportError, ValueError) as error:
        raise InvalidRequest(f"'{path}' names no function: {error}.") from None
    if not callable(found):
        raise InvalidRequest(f"'{path}' names no function: '{module}' has no such one.")
    return found  # type: ignore[no-any-return]


def call(path: str, item: Any) -> Any:
    """Run the function for an item. Raises errors of ours; all else, even an exit, becomes `PluginBroken`."""
    try:
        return find_function(path)(item)
    except Carbon254Error:
        raise
    except (Exception, SystemExit) as error:
        raise PluginBroken(f"'{path}' failed: {type(error).__name__}: {error}") from error


def flatten(error: Carbon254Error) -> tuple[str, str]:
    """An error as plain text that any process can read: its code and message."""
    known = next(c for c in type(error).__mro__ if BY_CODE.get(getattr(c, "code", "")) is c)
    return known.code, str(error)


def restore(code: str, message: str) -> Carbon254Error:
    """The error that `flatten` made flat."""
    return BY_CODE[code](message)
