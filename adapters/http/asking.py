"""Query strings into attrs classes: one class says what may be asked, parses it, and stands in the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from keyword import iskeyword
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import NOTHING, Attribute

from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import parse_day, parse_instant

T = TypeVar("T")
Reader = Callable[[str], Any]

_TRUTH: Final = {"true": True, "false": False}


def camel(name: str) -> str:
    """``as_of`` as ``asOf``; an underscore at the end, which keeps a name from being a keyword, stays."""
    first, *rest = name.rstrip("_").split("_")
    kept = "_" if name.endswith("_") else ""
    return first + "".join(part.capitalize() for part in rest) + kept


def written(alias: str) -> str:
    """A parameter as it stands in a query."""
    return alias.rstrip("_")


def _in_camel_case(_: type, fields: list[Attribute[Any]]) -> list[Attribute[Any]]:
    return [one.evolve(alias=camel(one.name)) for one in fields]


parameters: Final[Any] = attrs.frozen(kw_only=True, field_transformer=_in_camel_case)


def param(doc: str, **options: Any) -> Any:
    """A parameter with its text; without a default it is needed."""
    return attrs.field(metadata={"doc": doc}, **options)


def _truth(text: str) -> bool:
    if text not in _TRUTH:
        raise InvalidRequest(f"'{text}' is neither true nor false.")
    return _TRUTH[text]


def _whole(text: str) -> int:
    if not text.isascii() or not text.removeprefix("-").isdigit() or len(text) > 12:
        raise InvalidRequest(f"'{text}' is no whole number.")
    return int(text)


def _instant(text: str) -> datetime:
    if " " in text.strip():
        raise InvalidRequest(
            f"'{text}' is no instant: in a URL, '+' must be written %2B, as in 2025-11-02T00:00%2B01:00."
        )
    return parse_instant(text)


_READERS: Final[Mapping[Any, Reader]] = {
    str: str,
    bool: _truth,
    int: _whole,
    datetime: _instant,
    date: parse_day,
    SeriesId: SeriesId.parse,
}


def _one_of(words: tuple[str, ...]) -> Reader:
    def read(text: str) -> str:
        if text not in words:
            raise InvalidRequest(f"'{text}' is not one of {', '.join(words)}.")
        return text

    return read


def _reader(hint: Any) -> tuple[Reader, bool]:
    """How a text becomes a value of the type, and whether it may be given several times."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (hint,) = [one for one in inside if one is not NoneType]
        return _reader(hint)
    if origin is tuple:
        return _reader(inside[0])[0], True
    if origin is Literal:
        return _one_of(inside), False
    return _READERS[hint], False


@cache
def _readers(cls: Any) -> Mapping[str, tuple[Reader, bool]]:
    hints = get_type_hints(cls)
    return {written(one.alias): _reader(hints[one.name]) for one in attrs.fields(cls)}


@cache
def _needed(cls: Any) -> frozenset[str]:
    return frozenset(written(one.alias) for one in attrs.fields(cls) if one.default is NOTHING)


def read(cls: Callable[..., T], given: Mapping[str, str | Sequence[str]]) -> T:
    """A value of the class out of a query's parameters. Raises `InvalidRequest` that names the parameter."""
    known = _readers(cls)
    values = {name: _value(name, text, known) for name, text in given.items()}
    if lacking := _needed(cls) - values.keys():
        raise InvalidRequest(f"parameter '{min(lacking)}' is needed.")
    try:
        return cls(**{f"{name}_" if iskeyword(name) else name: one for name, one in values.items()})
    except (ValueError, TypeError) as error:  # what attrs' validators raise
        raise InvalidRequest(_told(error)) from None


def _value(name: str, text: str | Sequence[str], known: Mapping[str, tuple[Reader, bool]]) -> Any:
    if name not in known:
        there = ", ".join(known) or "none"
        raise InvalidRequest(f"there is no parameter '{name[:64]}' here; there are: {there}.")
    reader, many = known[name]
    try:
        if many:
            return tuple(reader(one) for one in ([text] if isinstance(text, str) else text))
        if not isinstance(text, str):
            raise InvalidRequest("it is given more than once.")
        return reader(text)
    except InvalidRequest as error:
        raise InvalidRequest(f"{name}: {error}") from None


def _told(error: Exception) -> str:
    """What a validator of attrs says, with the parameter's own name."""
    text = str(error.args[0]) if error.args else str(error)
    return text.replace("'", "") + "."
