"""Build attrs values from parsed TOML without generating code for it: ``carbon254 markets`` must start at once.

Only what needs no conversion but those handed in is built here; anything else raises `Unusual`, and the caller
asks cattrs, which converts, or says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from attrs import NOTHING, Attribute, fields, has

Maker = Callable[[Any], Any]

_PLAIN: Final = (str, int, bool)


class Unusual(Exception):  # a decision, not an error
    """The value is not of the simple form that is expected."""


class Builder:
    """Makes values of attrs classes; ``makers`` convert those of other types, ``renamed`` gives keys other names."""

    def __init__(self, makers: Mapping[Any, Maker], renamed: Mapping[str, str]) -> None:
        self._makers: dict[Any, Maker] = dict(makers)
        self._renamed = renamed

    def build(self, wanted: Any, value: Any) -> Any:
        """The value as ``wanted``. Raises `Unusual`, or what the class raises."""
        return self._maker(wanted)(value)

    def _maker(self, wanted: Any) -> Maker:
        found = self._makers.get(wanted)
        if found is None:
            found = self._makers[wanted] = self._made(wanted)
        return found

    def _made(self, wanted: Any) -> Maker:
        if wanted in _PLAIN:
            return _exactly(wanted)
        if has(wanted):
            return self._class(wanted)
        return _SIMPLE.get(wanted) or self._generic(wanted, get_origin(wanted), get_args(wanted))

    def _generic(self, wanted: Any, origin: Any, arguments: tuple[Any, ...]) -> Maker:
        if origin in (Union, UnionType) and len(arguments) == 2 and NoneType in arguments:
            return self._optional(next(one for one in arguments if one is not NoneType))
        if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
            return self._sequence(arguments[0])
        if isinstance(origin, type) and issubclass(origin, Mapping) and arguments[0] is str:
            return self._mapping(arguments[1])
        if origin is Literal:
            return _one_of(frozenset(arguments))
        raise Unusual(str(wanted))

    def _optional(self, wanted: Any) -> Maker:
        make = self._maker(wanted)
        return lambda value: None if value is None else make(value)

    def _sequence(self, wanted: Any) -> Maker:
        make, plain = self._maker(wanted), _exactly(list)
        return lambda value: tuple([make(item) for item in plain(value)])

    def _mapping(self, wanted: Any) -> Maker:
        make, plain = self._maker(wanted), _exactly(dict)
        return lambda value: {key: make(item) for key, item in plain(value).items()}

    def _class(self, wanted: Any) -> Maker:
        hints = get_type_hints(wanted)
        members: tuple[Attribute[Any], ...] = fields(wanted)
        known = {
            self._renamed.get(a.name, a.name): (a.name, self._maker(hints[a.name]))
            for a in members
            if a.init
        }
        required = {a.name for a in members if a.init and a.default is NOTHING}
        plain = _exactly(dict)

        def make(value: Any) -> Any:
            given = {}
            for key, item in plain(value).items():
                if key not in known:
                    raise Unusual(key)
                name, maker = known[key]
                given[name] = maker(item)
            if not required <= given.keys():
                raise Unusual(str(wanted))
            return wanted(**given)

        return make


def _exactly(wanted: type) -> Maker:
    def make(value: Any) -> Any:
        if type(value) is not wanted:
            raise Unusual(str(value))
        return value

    return make


def _number(value: Any) -> float:
    if type(value) not in (int, float):
        raise Unusual(str(value))
    return float(value)


def _one_of(words: frozenset[Any]) -> Maker:
    def make(value: Any) -> Any:
        if value not in words:
            raise Unusual(str(value))
        return value

    return make


_SIMPLE: Final[Mapping[Any, Maker]] = {Any: lambda value: value, float: _number}
