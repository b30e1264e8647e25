"""From the data rows of OASIS CSV documents to columns of numbers, without a loop over rows.

Place, category and both instants are few texts in many rows: each text is read once and stands in the columns as
its number in a table. A data row is a line of a CSV member after the header; all of them are read, none ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from attrs import field, frozen

from carbon254.core.domain.cards import DatasetCard
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import DocumentDamaged, FeedFormatChanged, InvalidRequest
from carbon254.core.domain.observations import Column, Finding, instant64
from carbon254.core.domain.time import parse_instant
from carbon254.core.domain.vocabulary import State
from carbon254.plugins.markets.caiso import oasis
from carbon254.ports.unpacking import need_columns, pack_locators

START: Final = "INTERVALSTARTTIME_GMT"
END: Final = "INTERVALENDTIME_GMT"
_TEXT: Final = pa.dictionary(pa.int32(), pa.string())


@frozen
class Layout:
    """Which columns hold what: the place, the category that decides the series, the number under one of its names.

    ``categories`` are the category's words in the card; ``fixed`` names a column that must hold one of ``words``.
    """

    place: str
    category: str
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    fixed: str | None = None
    words: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns that are read as text."""
        return (START, END, self.place, self.category, *([self.fixed] if self.fixed else []))


@frozen(eq=False)
class Rows:
    """Columns of data rows: numbers of place, category and instants in their tables, the value (NaN where empty)."""

    place: Column
    category: Column
    start: Column
    end: Column
    value: Column
    state: Column
    locator: Column

    def __len__(self) -> int:
        return len(self.place)

    def take(self, rows: Column) -> Rows:
        """The rows that a mask or index names."""
        return Rows(*(column[rows] for column in self.columns()))

    def columns(self) -> tuple[Column, ...]:
        """All columns in their order."""
        columns = (self.place, self.category, self.start, self.end)
        return (*columns, self.value, self.state, self.locator)

    @staticmethod
    def joined(parts: Sequence[Rows]) -> Rows:
        """Stack rows."""
        if len(parts) == 1:
            return parts[0]
        return Rows(*map(np.concatenate, zip(*(part.columns() for part in parts), strict=True)))


@frozen(eq=False)
class Tables:
    """The texts seen so far in a document, with their numbers."""

    layout: Layout
    places: dict[str, int] = field(factory=dict)
    times: dict[str, int] = field(factory=dict)

    def instants(self) -> Column:
        """The instants of the time table. Raises `FeedFormatChanged` for text that is no instant with an offset."""
        return np.array([_instant(text) for text in self.times], dtype="datetime64[us]")


def _instant(text: str) -> np.datetime64:
    try:
        return instant64(parse_instant(text))
    except InvalidRequest as error:
        raise FeedFormatChanged(f"{START}, {END}: {error}") from None


def read_rows(
    document: Document, card: DatasetCard, tables: Tables, findings: list[Finding]
) -> Iterator[Rows]:
    """Read the document's rows in batches, filling the tables. Raises as `oasis.members` and `oasis.batches`."""
    layout = tables.layout
    for member in oasis.members(document, card.max_unpacked_bytes):
        number = _number_column(member, layout)
        added = sorted(set(member.header) - set(card.columns))
        findings += [
            Finding("added_column", f"{member.name}: column '{new}' is new.") for new in added
        ]
        column = member.header.index(number)
        line = 1
        types = {**dict.fromkeys(layout.texts, _TEXT), number: pa.float64()}
        for batch in oasis.batches(member, types):
            lines = np.arange(line, line + len(batch))
            line += len(batch)
            if len(batch):
                yield _rows(
                    batch, tables, number, pack_locators(member.part, lines, column), member.name
                )


def _number_column(member: oasis.Member, layout: Layout) -> str:
    """The column of the number, after all columns that matter were found, once each."""
    wanted = (*layout.texts, *layout.numbers)
    if not set(wanted) & set(member.header):
        raise DocumentDamaged(
            f"{member.name}: this is no CSV of OASIS; it begins {member.header[0][:60]!r}."
        )
    found = [name for name in layout.numbers if name in member.header] or [layout.numbers[0]]
    need_columns(member.header, (*layout.texts, found[0]), member.name)
    if twice := [name for name in wanted if member.header.count(name) > 1]:
        raise FeedFormatChanged(f"{member.name}: column {', '.join(twice)} stands twice.")
    if len(found) > 1:
        raise FeedFormatChanged(
            f"{member.name}: columns {', '.join(found)} could all be the number."
        )
    return found[0]


def _rows(batch: Any, tables: Tables, number: str, locators: Column, name: str) -> Rows:
    layout = tables.layout
    coded = partial(_coded, batch, name)
    if layout.fixed:
        coded(layout.fixed, _closed(layout.fixed, layout.words, name))
    values, given = _plain(batch.column(number), np.float64), _given(batch.column(number))
    if not np.all(np.isfinite(values[given])):
        raise FeedFormatChanged(f"{name}: column {number} holds what is no finite number.")
    return Rows(
        place=coded(layout.place, _open(tables.places)),
        category=coded(layout.category, _closed(layout.category, layout.categories, name)),
        start=coded(START, _open(tables.times)),
        end=coded(END, _open(tables.times)),
        value=np.where(given, values, np.nan),
        state=np.where(given, np.uint8(State.OK), np.uint8(State.MISSING)),
        locator=locators,
    )


def _open(table: dict[str, int]) -> Callable[[str], int]:
    return lambda text: table.setdefault(text, len(table))


def _closed(column: str, words: tuple[str, ...], name: str) -> Callable[[str], int]:
    def number(text: str) -> int:
        if text not in words:
            raise FeedFormatChanged(
                f"{name}: {column} '{text}' is unknown; known are {', '.join(words)}."
            )
        return words.index(text)

    return number


def _coded(batch: Any, name: str, column: str, number: Callable[[str], int]) -> Column:
    """The numbers of a dictionary column's texts; each text is decoded and looked up once."""
    texts_in_rows = batch.column(column)
    try:
        texts = texts_in_rows.dictionary.to_pylist()
    except UnicodeDecodeError:
        raise DocumentDamaged(f"{name}: column {column} is not UTF-8.") from None
    numbers = np.array([number(text) for text in texts], dtype=np.int32)
    codes: Column = numbers[_plain(texts_in_rows.indices, np.int32)]
    return codes


def _plain(array: Any, dtype: npt.DTypeLike) -> Column:
    """The numbers of an Arrow array as they lie in memory; Arrow's own ``to_numpy`` would import pandas."""
    numbers = np.frombuffer(array.buffers()[1], dtype=dtype)
    return numbers[array.offset : array.offset + len(array)]


def _given(array: Any) -> Column:
    """Which values of an Arrow array are there."""
    bits = array.buffers()[0]
    if bits is None:
        return np.ones(len(array), dtype=bool)
    given = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), bitorder="little").view(bool)
    return given[array.offset : array.offset + len(array)]
