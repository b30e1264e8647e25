"""The ``series`` table: which number a series has in the store, its unit, and its longest interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from attrs import evolve, frozen
from psycopg import Connection

from carbon254.core.domain.entitlements import Scope, SeriesPattern
from carbon254.core.domain.observations import Column, Observations
from carbon254.core.domain.series import SeriesId
from carbon254.ports import recording

_PARTS: Final = ("market", "run", "measure", "kind", "location")


@frozen(eq=False)
class Known:
    """A series that the store knows."""

    series: SeriesId
    code: int
    unit: str
    longest: int  # microseconds


class Book:
    """What was read of the table. Codes and units never change; ``longest`` does, and a new book is begun."""

    def __init__(self, lengths: int) -> None:
        self.lengths = lengths
        self.of: dict[SeriesId, Known] = {}
        self.coded: dict[int, Known] = {}

    def add(self, known: Iterable[Known]) -> None:
        """Keep what was read or committed."""
        for one in known:
            self.of[one.series] = self.coded[one.code] = one

    def load(self, connection: Connection[Any], series: Iterable[SeriesId]) -> None:
        """Read those of the series that are not in the book."""
        by_text = {str(one): one for one in series if one not in self.of}
        if by_text:
            query = "SELECT id, code, unit, longest FROM series WHERE id = ANY(%s)"
            rows = connection.execute(query, [list(by_text)])
            self.add(
                Known(by_text[text], code, unit, longest) for text, code, unit, longest in rows
            )

    def load_codes(self, connection: Connection[Any], codes: Iterable[int]) -> None:
        """Read the series of those codes that are not in the book."""
        if missing := [code for code in codes if code not in self.coded]:
            query = "SELECT code, id, unit, longest FROM series WHERE code = ANY(%s)"
            rows = connection.execute(query, [missing])
            self.add(
                Known(SeriesId.parse(text), code, unit, longest)
                for code, text, unit, longest in rows
            )

    def codes(self, series: Sequence[SeriesId]) -> Column:
        """The codes of series that are in the book."""
        return np.fromiter((self.of[one].code for one in series), dtype=np.int32, count=len(series))

    def match(
        self,
        connection: Connection[Any],
        series: Sequence[SeriesId],
        patterns: Sequence[SeriesPattern],
        scope: Scope,
    ) -> list[Known]:
        """Series that are named, and those of the patterns that the scope shows, by their codes."""
        self.load(connection, series)
        found = {self.of[one].code for one in series if one in self.of}
        for pattern in patterns:
            found.update(
                one.code for one in self._like(connection, pattern) if scope.allows(one.series)
            )
        return [self.coded[code] for code in sorted(found)]

    def _like(self, connection: Connection[Any], pattern: SeriesPattern) -> list[Known]:
        exact = {
            part: text for part in _PARTS if not set("*?[") & set(text := getattr(pattern, part))
        }
        where = " AND ".join(f"{part} = %s" for part in exact) or "true"
        query = f"SELECT code FROM series WHERE {where}"  # noqa: S608 - our own names
        codes = [row[0] for row in connection.execute(query.encode(), list(exact.values()))]
        self.load_codes(connection, codes)
        return [one for code in codes if pattern.matches((one := self.coded[code]).series)]


class Names:
    """The current book, shared by all threads."""

    def __init__(self) -> None:
        self._book = Book(-1)

    @property
    def book(self) -> Book:
        """The book as it is; whoever uses it finds out whether it is of today."""
        return self._book

    def at(self, lengths: int) -> Book:
        """The book of a state of the table; an old one is given up when a longer interval has come since."""
        book = self._book
        if book.lengths == lengths:
            return book
        fresh = Book(lengths)
        if lengths > book.lengths:
            self._book = fresh
        return fresh

    def keep(self, book: Book) -> None:
        """Share what a transaction added, now that it is committed."""
        shared = self.at(book.lengths)
        if shared is not book:
            shared.add(book.of.values())


def assign(connection: Connection[Any], book: Book, observations: Observations) -> Book:
    """Give new series their codes and keep longer intervals, in the writer's transaction.

    Returns the book to go on with; it holds what is not committed yet. Raises `FeedFormatChanged` when a series
    comes in another unit.
    """
    book.load(connection, observations.series)
    longest = recording.longest(observations).tolist()
    missing = sum(one not in book.of for one in observations.series)
    free = _free_code(connection) if missing else 0
    fresh: list[Known] = []
    grown: list[Known] = []
    for series, unit, length in zip(observations.series, observations.units, longest, strict=True):
        known = book.of.get(series)
        if known is None:
            fresh.append(Known(series, free + len(fresh), unit, length))
            continue
        recording.check_unit(series, unit, known.unit)
        if length > known.longest:
            grown.append(evolve(known, longest=length))
    if not (fresh or grown):
        return book
    _insert(connection, fresh)
    _lengthen(connection, grown)
    pending = Book(book.lengths + bool(grown))
    pending.add(book.of[one] for one in observations.series if one in book.of)
    pending.add([*fresh, *grown])
    return pending


def _free_code(connection: Connection[Any]) -> int:
    row = connection.execute("SELECT coalesce(max(code) + 1, 0) FROM series").fetchone()
    assert row is not None
    return int(row[0])


def _insert(connection: Connection[Any], fresh: Sequence[Known]) -> None:
    if not fresh:
        return
    with connection.cursor().copy("COPY series FROM STDIN") as copy:
        for one in fresh:
            s = one.series
            parts = (s.market, s.run, s.measure, s.kind, s.location)
            copy.write_row((one.code, str(s), *parts, one.unit, one.longest))


def _lengthen(connection: Connection[Any], grown: Sequence[Known]) -> None:
    if not grown:
        return
    codes, longest = [one.code for one in grown], [one.longest for one in grown]
    connection.execute(
        "UPDATE series SET longest = new.longest FROM unnest(%s::int4[], %s::int8[]) AS new (code, longest) "
        "WHERE series.code = new.code",
        [codes, longest],
    )
    connection.execute("UPDATE meta SET value = (value::int8 + 1)::text WHERE name = 'lengths'")
