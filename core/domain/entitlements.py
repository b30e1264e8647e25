"""Who may see which series: a `Principal`, its compiled `Scope`, and `Permitted`, which only a scope makes.

Reading ports accept nothing but a ``Permitted[Selection]``, so that no door can forget to ask.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, Generic, Literal, TypeVar, get_args

from attrs import evolve, field, frozen

from carbon254.core.domain.errors import InvalidRequest, NotEntitled
from carbon254.core.domain.series import SeriesId, unescape
from carbon254.core.domain.time import Window, utc_or_none

T = TypeVar("T")
_WILD: Final = re.compile(r"([*?[])")
_ESCAPED: Final = re.compile(
    "=(2A|3F|5B)"
)  # the same in a written series id, where they are literal
_QUOTED: Final = re.compile(r"\[([*?[])\]")  # as `SeriesPattern.literal` writes them

Action = Literal["read", "export", "stream", "audit", "administer"]
"""What a principal does. ``read``: answers, lists, counts, coverage, provenance, quality, the board. ``export``: every
format but JSON, and files. ``stream``: subscriptions. ``audit``: the audit log and others' decisions. ``administer``:
keys, and starting jobs."""
ACTIONS: Final[tuple[str, ...]] = get_args(Action)
OF_SERIES: Final = ("read", "export", "stream")  # the others have no series
HOUSE: Final = "house"  # the tenant of those who run the platform; every other is a customer


@frozen
class Principal:
    """Who calls: a name within a tenant, with roles. ``key`` is the public id of the API key, never its secret."""

    name: str
    tenant: str
    roles: tuple[str, ...] = field(converter=tuple[str, ...])
    key: str = ""


OWNER: Final = Principal("owner", HOUSE, ("owner",))
"""Who runs a command on the data folder itself: may all that the folder's files allow. No key has this role."""


def _fits(text: str, pattern: str) -> bool:
    return pattern == "*" or fnmatch.fnmatchcase(text, pattern)


def _literally(escaped: re.Match[str]) -> str:
    return f"[{chr(int(escaped[1], 16))}]"


@frozen(cache_hash=True)
class SeriesPattern:
    """Which series: each of the five parts a literal, or a shell pattern with ``*``, ``?`` and ``[…]``.

    Parts that are left out at the end are ``*``: ``caiso/day_ahead`` is every series of that run.
    """

    market: str = "*"
    run: str = "*"
    measure: str = "*"
    kind: str = "*"
    location: str = "*"

    @classmethod
    def parse(cls, text: str) -> SeriesPattern:
        """Read a pattern in the written form of series ids.

        >>> SeriesPattern.parse("caiso/*/price").matches(SeriesId.parse("caiso/day_ahead/price/hub/TH_NP15"))
        True
        """
        parts = text.strip().split("/", 4)
        if not all(parts):
            raise InvalidRequest(
                f"pattern '{text}': expected market/run/measure/kind/location, '*' for any."
            )
        return cls(*parts[:4], *(unescape(_ESCAPED.sub(_literally, part)) for part in parts[4:]))

    @classmethod
    def literal(cls, *parts: str) -> SeriesPattern:
        """A pattern of whole parts: only a part that is exactly ``*`` stands for any.

        >>> SeriesPattern.literal("caiso", "*", "*", "node", "A*1").location
        'A[*]1'
        """
        return cls(*(part if part == "*" else _WILD.sub(r"[\1]", part) for part in parts))

    @classmethod
    def exactly(cls, series: SeriesId) -> SeriesPattern:
        """A pattern of one series, whatever its parts are written with."""
        parts = (series.market, series.run, series.measure, series.kind, series.location)
        return cls(*(_WILD.sub(r"[\1]", part) for part in parts))

    def matches(self, series: SeriesId) -> bool:
        """Whether the series is one of these."""
        parts = (series.market, series.run, series.measure, series.kind)
        return self.leads_to(parts) and _fits(series.location, self.location)

    def leads_to(self, parts: tuple[str, str, str, str]) -> bool:
        """Whether series of this market, run, measure and kind may be among these."""
        own = (self.market, self.run, self.measure, self.kind)
        return all(map(_fits, parts, own))


@frozen
class Selection:
    """A question to the store: which series, over which window, on which clock.

    ``as_of``: what had been recorded by then (None: the last committed). ``published_by``: what the market had
    published by then. Exact ``series`` outside a scope are refused, ``patterns`` filter.
    """

    series: tuple[SeriesId, ...] = field(default=(), converter=tuple[SeriesId, ...])
    patterns: tuple[SeriesPattern, ...] = field(default=(), converter=tuple[SeriesPattern, ...])
    window: Window | None = None
    as_of: datetime | None = field(default=None, converter=utc_or_none)
    published_by: datetime | None = field(default=None, converter=utc_or_none)

    def at(self, as_of: datetime) -> Selection:
        """The same question as of another instant."""
        return evolve(self, as_of=as_of)


@frozen
class Permitted(Generic[T]):
    """A question together with the scope that allowed it. Made by `Scope.restrict` alone."""

    value: T
    scope: Scope
    _seal: object = field(repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self._seal is not _SEAL:
            raise TypeError("Permitted is made by Scope.restrict, not by hand.")
        object.__setattr__(
            self, "_seal", None
        )  # spent: `attrs.evolve` cannot carry it to another question


_SEAL: Final = object()


Verdict = bool | Callable[[str], bool]  # of all locations alike, or by location
_MOST_KNOWN: Final = 4096


@frozen
class Scope:
    """A compiled filter over series ids: a series is seen when an allow matches and no deny does."""

    allow: tuple[SeriesPattern, ...] = field(default=(), converter=tuple[SeriesPattern, ...])
    deny: tuple[SeriesPattern, ...] = field(default=(), converter=tuple[SeriesPattern, ...])
    # What was found of market, run, measure and kind: thousands of locations share it.
    _known: dict[tuple[str, str, str, str], Verdict] = field(
        factory=dict, init=False, repr=False, eq=False, hash=False
    )

    @classmethod
    def everything(cls) -> Scope:
        """The scope of jobs, and of the owner of the data folder."""
        return cls((SeriesPattern(),))

    @classmethod
    def of(cls, series: Iterable[SeriesId]) -> Scope:
        """The scope of work on these series: it shows them and no other."""
        return cls(map(SeriesPattern.exactly, series))

    def without(self, patterns: Iterable[SeriesPattern]) -> Scope:
        """This scope less what the patterns match."""
        return Scope(self.allow, (*self.deny, *patterns))

    def allows(self, series: SeriesId) -> bool:
        """Whether this scope shows the series. Nothing allowed means nothing shown."""
        verdict = self._verdict(series.market, series.run, series.measure, series.kind)
        return verdict if isinstance(verdict, bool) else verdict(series.location)

    def filter(self, series: Iterable[SeriesId]) -> list[SeriesId]:
        """Those of the series that this scope shows."""
        known, judge = self._known, self._verdict
        found = []
        for one in series:
            verdict = known.get((one.market, one.run, one.measure, one.kind))
            if verdict is None:
                verdict = judge(one.market, one.run, one.measure, one.kind)
            if verdict is True or (verdict is not False and verdict(one.location)):
                found.append(one)
        return found

    def _verdict(self, *parts: str) -> Verdict:
        """What this scope says of all series of a market, run, measure and kind."""
        market, run, measure, kind = parts
        key = (market, run, measure, kind)
        if (found := self._known.get(key)) is not None:
            return found
        verdict = _judge(_locations(self.allow, key), _locations(self.deny, key))
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[key] = verdict
        return verdict

    def restrict(self, selection: Selection) -> Permitted[Selection]:
        """Allow a question. Raises `NotEntitled` for an exact series outside the scope, whether it exists or not."""
        for one in selection.series:
            if not self.allows(one):
                raise NotEntitled(f"{one} is outside what you may see.", series=str(one))
        return Permitted(selection, self, _SEAL)

    def restrict_any(self, value: Any) -> Permitted[Any]:
        """Attach this scope to a question that names no series; the answering side filters by it."""
        return Permitted(value, self, _SEAL)


@frozen
class _Locations:
    """Which locations some patterns match: all, those that are named, and those that fit an expression."""

    names: frozenset[str]
    expression: re.Pattern[str] | None
    all: bool

    def hold(self, location: str) -> bool:
        named = location in self.names
        return named or (self.expression is not None and bool(self.expression.match(location)))


def _locations(patterns: Iterable[SeriesPattern], parts: tuple[str, str, str, str]) -> _Locations:
    """Which locations of a market, run, measure and kind the patterns match."""
    wanted = {pattern.location for pattern in patterns if pattern.leads_to(parts)}
    plain = {
        one: _QUOTED.sub(r"\1", one) for one in wanted if not _WILD.search(_QUOTED.sub("", one))
    }
    wild = sorted(one for one in wanted if one not in plain)
    expression = re.compile("|".join(map(fnmatch.translate, wild))) if wild else None
    return _Locations(frozenset(plain.values()), expression, "*" in wanted)


def _judge(allowed: _Locations, denied: _Locations) -> Verdict:
    """What is allowed and not denied, as quick to ask as can be."""
    if denied.all or not (allowed.all or allowed.names or allowed.expression):
        return False
    if not denied.names and denied.expression is None:
        if allowed.all:
            return True
        return allowed.names.__contains__ if allowed.expression is None else allowed.hold
    if not allowed.all and allowed.expression is None and denied.expression is None:
        return (allowed.names - denied.names).__contains__
    return lambda one: (allowed.all or allowed.hold(one)) and not denied.hold(one)
