"""Who may see which series: a compiled `Scope`, and `Permitted`, which only a scope makes.

Reading ports accept nothing but a ``Permitted[Selection]``, so that no door can forget to ask.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from attrs import evolve, field, frozen

from carbon254.core.domain.errors import InvalidRequest, NotEntitled
from carbon254.core.domain.series import SeriesId, unescape
from carbon254.core.domain.time import Window, utc_or_none

T = TypeVar("T")
_PARTS: Final = ("market", "run", "measure", "kind", "location")


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
        return cls(*parts[:4], *(unescape(part) for part in parts[4:]))

    def matches(self, series: SeriesId) -> bool:
        """Whether the series is one of these."""
        return all(
            pattern == "*" or fnmatch.fnmatchcase(getattr(series, part), pattern)
            for part, pattern in zip(
                _PARTS, (self.market, self.run, self.measure, self.kind, self.location), strict=True
            )
        )


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


@frozen
class Scope:
    """A compiled filter over series ids: a series is seen when an allow matches and no deny does."""

    allow: tuple[SeriesPattern, ...] = field(default=(), converter=tuple[SeriesPattern, ...])
    deny: tuple[SeriesPattern, ...] = field(default=(), converter=tuple[SeriesPattern, ...])

    @classmethod
    def everything(cls) -> Scope:
        """The scope of jobs, and of the owner of the data folder."""
        return cls((SeriesPattern(),))

    def allows(self, series: SeriesId) -> bool:
        """Whether this scope shows the series. Nothing allowed means nothing shown."""
        if any(pattern.matches(series) for pattern in self.deny):
            return False
        return any(pattern.matches(series) for pattern in self.allow)

    def filter(self, series: Iterable[SeriesId]) -> list[SeriesId]:
        """Those of the series that this scope shows."""
        return [one for one in series if self.allows(one)]

    def restrict(self, selection: Selection) -> Permitted[Selection]:
        """Allow a question. Raises `NotEntitled` for an exact series outside the scope, whether it exists or not."""
        for one in selection.series:
            if not self.allows(one):
                raise NotEntitled(f"{one} is outside what you may see.")
        return Permitted(selection, self, _SEAL)

    def restrict_any(self, value: Any) -> Permitted[Any]:
        """Attach this scope to a question that names no series; the answering side filters by it."""
        return Permitted(value, self, _SEAL)
