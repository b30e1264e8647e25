"""Hourly prices of a day: ``YYYYMMDD_`` with ``da_expost_lmp.csv``, ``da_exante_lmp``, ``rt_lmp_prelim`` or ``_final``.

A preamble (title, MM/DD/YYYY, blank, "All Hours-Ending are Eastern Standard Time (EST)"), then
``Node,Type,Value,HE 1..HE 24`` and three lines for each node: LMP, MCC, MLC in USD/MWh. Always 24 hours.
Real-time reports write the day as M/D/YYYY, and two decimals where day-ahead ones write ``.9``; both of a day have the
title "Realtime Market LMPs", so that the name alone says whether it is preliminary or final.
A data row is a line after the header. Locators: part `STATED` or `DERIVED`, row = line after the header from 0,
blank ones not counted, field = column; a derived energy part names the LMP line and stands for the node's three.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from attrs import frozen

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import DocumentDamaged, FeedFormatChanged, NotFound
from carbon254.core.domain.observations import Column, Finding, Reading, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import day_window
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.plugins.markets.miso import numbers, prices
from carbon254.plugins.markets.miso.answers import refuse_answers
from carbon254.plugins.markets.miso.labels import EST
from carbon254.plugins.markets.miso.places import hubs, kind_of_typed
from carbon254.ports.unpacking import need_columns, pack_locators

HOURS: Final = tuple(f"HE {hour}" for hour in range(1, 25))
KEYS: Final = ("Node", "Type", "Value")
RUNS: Final = {
    "day_ahead_lmp": "day_ahead-ex_post",
    "day_ahead_ex_ante_lmp": "day_ahead-ex_ante",
    "real_time_hourly_lmp": "real_time-hourly",
}
_TITLES: Final = (
    (re.compile(r"day[- ]?ahead.*ex[- ]?post", re.IGNORECASE), "day_ahead_lmp"),
    (re.compile(r"day[- ]?ahead.*ex[- ]?ante", re.IGNORECASE), "day_ahead_ex_ante_lmp"),
    (re.compile(r"real[- ]?time", re.IGNORECASE), "real_time_hourly_lmp"),
)
_NAME = re.compile(r"(?:(\d{8})_|(?<![a-z]))(da_expost|da_exante|rt)_lmp(?:_(prelim|final))?")
_NAMED: Final = {
    "da_expost": "day_ahead_lmp",
    "da_exante": "day_ahead_ex_ante_lmp",
    "rt": "real_time_hourly_lmp",
}
_FINALITY: Final = {"prelim": Finality.PRELIMINARY, "final": Finality.FINAL}
_DAY = re.compile(r"(\d\d?)/(\d\d?)/(\d{4})")  # real-time reports write no leading zeros
_T = TypeVar("_T")


@frozen
class Page:
    """The preamble and header of a report: what it is, of which day, and where its lines begin."""

    dataset: str | None
    day: date | None
    finality: Finality | None
    columns: tuple[str, ...]
    start: int


def recognise(document: Document) -> tuple[str, ...]:
    """The dataset of an hourly price report, by its title, else by its name; empty for anything else."""
    header = _header(document.body)
    if header is None:
        return ()
    try:
        page = _open(document, *header)
    except FeedFormatChanged:
        return tuple(RUNS)  # one of ours that says two things: let reading it say which
    return (page.dataset,) if page.dataset else ()


def read(card: MarketCard, dataset: str, document: Document) -> Reading:
    """Read a day of prices with all their parts. Raises as `Market.read`."""
    refuse_answers(document)
    page = _checked_page(document, dataset)
    table, seen = _lines(document, page)
    grid = _Grid(document.name, table)
    window = day_window(page.day or date.min, EST)
    count = len(grid.nodes)
    values = grid.values()
    kinds, listed = card.datasets[dataset].enums["Type"], hubs(card)
    series: list[SeriesId] = []
    for node, type_ in zip(grid.nodes, grid.types, strict=True):
        kind = kind_of_typed(kinds, listed, type_, node, document.name)
        series += prices.series_of(card.id, RUNS[dataset], kind, node)
    starts = instant64(window.start) + np.arange(24) * np.timedelta64(1, "h")
    size = count * 4 * 24
    return Reading(
        series,
        (prices.UNIT,) * len(series),
        code=np.repeat(np.arange(count * 4, dtype=np.int32), 24),
        interval_start=np.tile(starts, count * 4),
        interval_end=np.tile(starts + np.timedelta64(1, "h"), count * 4),
        value=values.reshape(size),
        locator=grid.locators([page.columns.index(hour) for hour in HOURS]).reshape(size),
        state=np.where(np.isnan(values.reshape(size)), State.MISSING, State.OK),
        finality=np.full(size, page.finality),
        flags=np.broadcast_to(_FLAGS, (count, 4, 24)).reshape(size),
        covers=window,
        rows_read=seen,
        findings=(*_added(page), *grid.findings),
    )


_FLAGS = np.array([0, Flag.DERIVED, 0, 0], dtype=np.uint32).reshape(1, 4, 1)


def _header(body: bytes) -> tuple[list[str], bytes, int] | None:
    """The preamble's lines, the header line and where the data begins; None when there is no header."""
    at = 0
    preamble: list[str] = []
    for _ in range(20):
        end = body.find(b"\n", at)
        line = body[at : end if end >= 0 else len(body)].strip(b"\xef\xbb\xbf\r\n")
        if line.startswith(b"Node,"):
            return preamble, line, end + 1 if end >= 0 else len(body)
        if end < 0:
            return None
        preamble.append(line.decode("utf-8", "replace").strip())
        at = end + 1
    return None


def _open(document: Document, preamble: list[str], header: bytes, start: int) -> Page:
    name, title = document.name, preamble[0] if preamble else ""
    named = _NAME.search(name) or _NAME.search(document.url)
    titled = next((dataset for pattern, dataset in _TITLES if pattern.search(title)), None)
    dataset = _agreed(f"{name}: kind of report", titled, _NAMED[named[2]] if named else None)
    days = [match for line in preamble if (match := _DAY.fullmatch(line.strip(" ,")))]
    written = _date(f"{days[0][3]}{days[0][1]:0>2}{days[0][2]:0>2}", name) if days else None
    dated = _date(named[1], name) if named and named[1] else None
    day = _agreed(f"{name}: operating day", written, dated)
    if any("Hours-Ending are" in line and "(EST)" not in line for line in preamble):
        raise FeedFormatChanged(
            f"{name}: the hours are no longer said to be Eastern Standard Time (EST)."
        )
    columns = tuple(column.strip() for column in header.decode("utf-8", "replace").split(","))
    finality = (
        Finality.FINAL if dataset != "real_time_hourly_lmp" else _finality(name, title, named)
    )
    return Page(dataset, day, finality, columns, start)


def _agreed(what: str, written: _T | None, named: _T | None) -> _T | None:
    if written is not None and named is not None and written != named:
        raise FeedFormatChanged(f"{what}: the document says {written}, its name {named}.")
    return written if written is not None else named


def _date(text: str, name: str) -> date:
    try:
        return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a label, not an instant
    except ValueError:
        raise FeedFormatChanged(f"{name}: '{text}' is no day.") from None


def _finality(name: str, title: str, named: re.Match[str] | None) -> Finality | None:
    titled = {word for word in _FINALITY if word in title.lower()}
    written = _FINALITY[titled.pop()] if len(titled) == 1 else None
    return _agreed(
        f"{name}: finality", written, _FINALITY[named[3]] if named and named[3] else None
    )


def _checked_page(document: Document, dataset: str) -> Page:
    name = document.name
    header = _header(document.body)
    if header is None:
        if document.body.count(b"\n") < 5:
            raise DocumentDamaged(f"{name}: cut before the line of column names.")
        raise FeedFormatChanged(
            f"{name}: there is no line of column names that begins with 'Node,'."
        )
    if not document.body.endswith(b"\n"):
        raise DocumentDamaged(f"{name}: cut within its last line.")
    page = _open(document, *header)
    if page.dataset != dataset:
        raise FeedFormatChanged(
            f"{name}: this is no document of {dataset} but of {page.dataset or 'none we know'}."
        )
    if page.day is None:
        raise FeedFormatChanged(
            f"{name}: neither the preamble nor the name says the operating day."
        )
    if page.finality is None:
        raise FeedFormatChanged(
            f"{name}: neither title nor name says whether this is preliminary or final."
        )
    need_columns(page.columns, (*KEYS, *HOURS), name)
    if more := [c for c in page.columns if c.startswith("HE ") and c not in HOURS]:
        raise FeedFormatChanged(f"{name}: column {', '.join(more)}; a day in EST has 24 hours.")
    return page


def _added(page: Page) -> list[Finding]:
    added = [column for column in page.columns if column not in (*KEYS, *HOURS)]
    return [Finding("added_column", f"not read: {', '.join(added)}", len(added))] if added else []


def _lines(document: Document, page: Page) -> tuple[pa.Table, int]:
    """The lines as a table: keys as dictionaries, hours as float64, blank hours null; and how many they are."""
    bad: list[object] = []

    def note(row: object) -> str:
        bad.append(row)
        return "skip"

    key, number = pa.dictionary(pa.int32(), pa.string()), pa.float64()
    types = {**dict.fromkeys(KEYS, key), **dict.fromkeys(HOURS, number)}
    try:
        table = pc.read_csv(
            pa.BufferReader(pa.py_buffer(document.body).slice(page.start)),
            pc.ReadOptions(column_names=page.columns, block_size=1 << 26, use_threads=False),
            pc.ParseOptions(invalid_row_handler=note),
            pc.ConvertOptions(
                column_types=types, include_columns=[*KEYS, *HOURS], null_values=[""]
            ),
        )
    except pa.ArrowInvalid as error:
        if document.body[page.start :].strip():
            raise FeedFormatChanged(f"{document.name}: a line cannot be read ({error}).") from None
        table = None
    if bad:
        raise DocumentDamaged(
            f"{document.name}: {len(bad)} lines do not have {len(page.columns)} columns."
        )
    if table is None or not table.num_rows:
        raise DocumentDamaged(f"{document.name}: there are no prices after the column names.")
    return table.unify_dictionaries(), table.num_rows


class _Grid:
    """Lines turned into nodes: for each, the lines of its LMP, MCC and MLC. Repeated equal lines count once."""

    def __init__(self, name: str, table: pa.Table) -> None:
        self._name = name
        node, type_, component = (_codes(table.column(key)) for key in KEYS)
        self.nodes: list[str] = node[1]
        if "" in self.nodes:
            raise FeedFormatChanged(f"{name}: a line names no Node.")
        self._matrix = np.column_stack([_floats(table.column(hour), name) for hour in HOURS])
        self.findings: list[Finding] = []
        self._line = self._place(node[0], _parts(component, name))
        kinds = type_[0][self._line]
        if (kinds != kinds[:, :1]).any():
            row = int(np.flatnonzero((kinds != kinds[:, :1]).any(axis=1))[0])
            raise FeedFormatChanged(f"{name}: the lines of {self.nodes[row]} differ in Type.")
        self.types = [type_[1][code] for code in kinds[:, 0]]

    def _place(self, node: Column, component: Column) -> Column:
        slot = node * 3 + component
        found = np.full(len(self.nodes) * 3, -1, dtype=np.int64)
        found[slot[::-1]] = np.arange(len(slot))[::-1]  # the first line of each slot wins
        if (found < 0).any():
            absent = np.flatnonzero(found < 0)
            label = f"{self.nodes[absent[0] // 3]} {prices.COMPONENTS[absent[0] % 3]}"
            raise DocumentDamaged(
                f"{self._name}: cut: {len(absent)} lines are missing, such as {label}."
            )
        if len(slot) > len(found):
            self._collapse(slot, found)
        return found.reshape(-1, 3)

    def _collapse(self, slot: Column, found: Column) -> None:
        first = self._matrix[found[slot]]
        differs = ~((self._matrix == first) | (np.isnan(self._matrix) & np.isnan(first))).all(
            axis=1
        )
        if differs.any():
            node = self.nodes[slot[np.flatnonzero(differs)[0]] // 3]
            raise FeedFormatChanged(
                f"{self._name}: the lines of {node} stand twice with different prices."
            )
        self.findings.append(
            Finding("duplicates", "lines stand more than once", len(slot) - len(found))
        )

    def values(self) -> Column:
        """Values by node, measure (in the order of `prices.MEASURES`) and hour."""
        lmp, mcc, mlc = (self._matrix[self._line[:, part]] for part in range(3))
        return np.stack([lmp, numbers.energy(lmp, mcc, mlc, self._name), mcc, mlc], axis=1)

    def locators(self, fields: list[int]) -> Column:
        """Locators in the shape of `values`."""
        lmp, mcc, mlc = self._line.T
        rows = np.stack([lmp, lmp, mcc, mlc], axis=1)[:, :, None]
        part = np.array([prices.STATED, prices.DERIVED, prices.STATED, prices.STATED]).reshape(
            1, 4, 1
        )
        return pack_locators(part, rows, np.array(fields))


# Arrow's own to_numpy would import pandas, which takes longer than reading the document.


def _codes(column: pa.ChunkedArray) -> tuple[Column, list[str]]:
    """Dictionary codes and words of a column."""
    array = column.combine_chunks()
    return np.from_dlpack(array.indices).astype(np.int64), array.dictionary.to_pylist()


def _floats(column: pa.ChunkedArray, name: str) -> Column:
    """Numbers of a column, NaN where it is null. Raises `FeedFormatChanged` for NaN or infinity as text."""
    array = column.combine_chunks()
    valid, data = array.buffers()
    values = np.frombuffer(data, np.float64, len(array), array.offset * 8)
    stated = np.ones(len(array), dtype=bool)
    if valid is not None:
        bits = np.unpackbits(np.frombuffer(valid, np.uint8), bitorder="little")
        stated = bits[array.offset : array.offset + len(array)].astype(bool)
    if not np.isfinite(values[stated]).all():
        raise FeedFormatChanged(f"{name}: a price is not finite.")
    return np.where(stated, values, np.nan)


def _parts(component: tuple[Column, list[str]], name: str) -> Column:
    codes, words = component
    if unknown := [str(word) for word in words if word not in prices.COMPONENTS]:
        raise FeedFormatChanged(
            f"{name}: Value {', '.join(unknown)} is not one of {', '.join(prices.COMPONENTS)}."
        )
    found: Column = np.array([prices.COMPONENTS.index(word) for word in words])[codes]
    return found


def locate(document: Document, locator: Locator) -> bytes:
    """The line that a number stands in; for a derived energy part the node's lines, in their order."""
    header = _header(document.body)
    lines = [line for line in document.body[header[2] if header else 0 :].splitlines() if line]
    if locator.row >= len(lines):
        raise NotFound(f"{document.name}: there is no line {locator.row} after the column names.")
    line = lines[locator.row]
    if locator.part == prices.STATED:
        return line
    node = line.split(b",", 1)[0] + b","
    return b"\n".join(one for one in lines if one.startswith(node))
