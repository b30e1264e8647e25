"""Five-minute ex-post prices: ``/api/MarketPricing/GetRealTimeFiveMinExPost/{Current|Rolling|Previous}``.

JSON ``{"headers": ["INTERVAL","CPNODE","LMP","MLC","MCC"], "data": [[…], …]}``, numbers as text, USD/MWh.
INTERVAL marks the END of the five minutes, EST. These are preliminary; corrections come in weekly files.
A data row is an element of ``data``. The document does not state the kind of a CPNode: it comes from the market's
list, and what is not listed is a node. Locators: part `STATED` or `DERIVED`, row = element, field = column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import (
    DocumentDamaged,
    FeedFormatChanged,
    NotFound,
    NotPublishedYet,
)
from carbon254.core.domain.observations import Column, Finding, Reading, instant64
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.plugins.markets.miso import numbers, prices
from carbon254.plugins.markets.miso.answers import parse_object
from carbon254.plugins.markets.miso.labels import read_iso
from carbon254.plugins.markets.miso.numbers import read_number
from carbon254.plugins.markets.miso.places import kinds_by_name
from carbon254.ports.unpacking import need_columns, pack_locators

RUN: Final = "real_time-ex_post"
HEADERS: Final = ("INTERVAL", "CPNODE", "LMP", "MLC", "MCC")
CHUNK: Final = 150_000  # data rows of one reading: a whole day is 750 000
_ROW = re.compile(rb'\[(?:[^\[\]"]|"(?:[^"\\]|\\.)*")*\]')
_FIVE = np.timedelta64(5, "m")


def recognise(document: Document) -> tuple[str, ...]:
    """`real_time_lmp` for JSON whose headers name CPNODE and INTERVAL."""
    body = document.body
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    found = start and b'"CPNODE"' in body and b'"INTERVAL"' in body
    return ("real_time_lmp",) if found else ()


def read(card: MarketCard, document: Document) -> Reading | Iterator[Reading]:
    """Read five-minute prices with all their parts, in chunks when it is a day's. Raises as `Market.read`."""
    name = document.name
    found = parse_object(document, ("headers", "data"))
    headers, data = found["headers"], found["data"]
    if not isinstance(headers, list) or not isinstance(data, list):
        raise FeedFormatChanged(f"{name}: headers and data are not both lists.")
    if not all(isinstance(header, str) for header in headers):
        raise FeedFormatChanged(f"{name}: a header is no text.")
    need_columns(headers, HEADERS, name)
    if not data:
        raise NotPublishedYet(f"{name}: MISO has approved no interval yet.")
    if not all(isinstance(row, list) and len(row) == len(headers) for row in data):
        raise DocumentDamaged(f"{name}: a row does not have {len(headers)} columns.")
    reader = _Reader(card, name, headers)
    if len(data) <= CHUNK:
        return reader.reading(data, 0)
    return (reader.reading(data[at : at + CHUNK], at) for at in range(0, len(data), CHUNK))


class _Reader:
    """Turns rows of one document into readings."""

    def __init__(self, card: MarketCard, name: str, headers: list[str]) -> None:
        self._card, self._name = card, name
        self._kinds = kinds_by_name(card)
        self._at = {header: headers.index(header) for header in HEADERS}
        added = [header for header in headers if header not in HEADERS]
        self._findings = (
            [Finding("added_column", f"not read: {', '.join(added)}", len(added))] if added else []
        )

    def reading(self, rows: Sequence[list[Any]], first: int) -> Reading:
        """The rows, of which the first is number ``first`` of the document, ordered by node and interval."""
        columns = list(zip(*rows, strict=True))
        ends = self._ends(columns[self._at["INTERVAL"]])
        node, names = self._words(columns[self._at["CPNODE"]], "CPNODE")
        order = np.lexsort((ends, node))
        lmp, mcc, mlc = (
            self._numbers(columns[self._at[part]], part)[order] for part in prices.COMPONENTS
        )
        values = np.stack([lmp, numbers.energy(lmp, mcc, mlc, self._name), mcc, mlc])
        fields = np.array([self._at[part] for part in ("LMP", "LMP", "MCC", "MLC")])[:, None]
        derived = np.array([prices.STATED, prices.DERIVED, prices.STATED, prices.STATED])[:, None]
        codes = (node[order] * 4 + np.arange(4)[:, None]).ravel()
        by_code = np.argsort(codes, kind="stable")
        value = values.ravel()[by_code]
        end = np.tile(ends[order], 4)[by_code]
        series = [
            one
            for name in names
            for one in prices.series_of(self._card.id, RUN, self._kinds.get(name, "node"), name)
        ]
        return Reading(
            series,
            (prices.UNIT,) * len(series),
            code=codes[by_code],
            interval_start=end - _FIVE,
            interval_end=end,
            value=value,
            locator=pack_locators(derived, order + first, fields).ravel()[by_code],
            state=np.where(np.isnan(value), State.MISSING, State.OK),
            finality=np.full(len(value), Finality.PRELIMINARY),
            flags=np.where(codes[by_code] % 4 == 1, np.uint32(Flag.DERIVED), np.uint32(0)),
            rows_read=len(rows),
            findings=self._findings if first == 0 else [],
        )

    def _ends(self, labels: Sequence[Any]) -> Column:
        codes, words = self._words(labels, "INTERVAL")
        ends: Column = np.array([instant64(read_iso(word, self._name)) for word in words])[codes]
        return ends

    def _words(self, texts: Sequence[Any], column: str) -> tuple[Column, list[str]]:
        """Codes in the order of first use, and the words."""
        if not all(isinstance(text, str) and text for text in texts):
            raise FeedFormatChanged(f"{self._name}: {column} is empty or no text.")
        codes: dict[str, int] = {}
        found = np.array([codes.setdefault(text, len(codes)) for text in texts], dtype=np.int64)
        return found, list(codes)

    def _numbers(self, texts: Sequence[Any], column: str) -> Column:
        try:
            values = np.array(
                [
                    float(text) if text and isinstance(text, str) else read_number(text, self._name)
                    for text in texts
                ]
            )
        except ValueError:
            raise FeedFormatChanged(f"{self._name}: a number of {column} cannot be read.") from None
        if not np.isfinite(values[[text not in ("", None) for text in texts]]).all():
            raise FeedFormatChanged(f"{self._name}: a number of {column} is not finite.")
        return values


def first_label(document: Document) -> str | None:
    """The earliest INTERVAL of a document as its text; None where there is none."""
    found = set(re.findall(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)"', document.body))
    return min(found).decode() if found else None


def locate(document: Document, locator: Locator) -> bytes:
    """The element of ``data`` that a number stands in."""
    rows = (m[0] for m in _ROW.finditer(document.body) if b'"CPNODE"' not in m[0])
    for number, row in enumerate(rows):
        if number == locator.row:
            return row
    raise NotFound(f"{document.name}: there is no row {locator.row} in data.")
