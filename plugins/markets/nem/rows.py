"""Data rows of one table as columns of a reading.

A row's label is the end of its interval in UTC+10; dispatch intervals are 5 minutes long, trading intervals 30 minutes
up to the one that ends 2021-10-01 00:00 and 5 minutes after it. Measured columns are instants: UNIT_SCADA at its label,
METEREDMWFLOW at the start of the dispatch interval, where it was taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
from attrs import define, field
from pyarrow import csv

from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.observations import INSTANT, NAT, Column, Finding, Reading
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.plugins.markets.nem import marks, restated, tables
from carbon254.plugins.markets.nem.mms import Segment
from carbon254.plugins.markets.nem.tables import Field, Table
from carbon254.ports.unpacking import SeriesTable, need_columns, pack_locators

OFFSET = np.timedelta64(10, "h")
FIVE_MINUTES = np.timedelta64(5, "m")
HALF_HOUR = np.timedelta64(30, "m")
FIVE_MINUTE_SETTLEMENT = np.datetime64(
    "2021-10-01T00:00", "us"
)  # market time, start of the first interval
STATUS_SINCE = np.datetime64(
    "2018-04-01T00:00", "us"
)  # from here on documents without PRICE_STATUS are refused
_UNITS = {"price": "AUD/MWh", "price-original": "AUD/MWh"}
_TEXT = pa.dictionary(pa.int32(), pa.string())


@define
class Rows:
    """Rows of one table, parsed: what every series of the table has in common, and its columns by name."""

    table: Table
    where: str
    data: Any  # pyarrow.Table
    place: Column  # index into `places`
    places: list[str]
    start: Column
    end: Column
    run: Column  # index into the table's runs
    published: Column
    locator: Column  # of field 0; the position of a column is added
    positions: Mapping[str, int]

    def numbers(self, column: str) -> Column:
        """A column as floats, empty as nan. Raises `FeedFormatChanged` for what is no finite number."""
        values = self.data.column(column)
        numbers: Column = values.to_numpy().astype(np.float64)
        if np.isfinite(numbers).sum() != len(numbers) - values.null_count:
            raise FeedFormatChanged(f"{self.where}: {column} holds what is no finite number.")
        return numbers

    def __len__(self) -> int:
        return len(self.start)


def parse(segment: Segment, table: Table, part: int, document: str) -> Rows:
    """Parse the lines of a table. Raises `FeedFormatChanged` for missing columns and unreadable fields."""
    where = f"{document}, {table.title}"
    need_columns(segment.header.columns, table.needed, where)
    data = _load(segment, table, where)
    if data.num_rows != segment.rows:
        raise FeedFormatChanged(f"{where}: {segment.rows} lines hold {data.num_rows} rows.")
    _one_table(data, segment, where)
    if any(data.column(name).null_count for name in ("SETTLEMENTDATE", table.place)):
        raise FeedFormatChanged(f"{where}: a row has no SETTLEMENTDATE or no {table.place}.")
    coded = data.column(table.place).unify_dictionaries().combine_chunks()
    coded = coded if isinstance(coded, pa.DictionaryArray) else coded.chunk(0)
    label = data.column("SETTLEMENTDATE").to_numpy().astype(INSTANT)
    start = label - _lengths(table, label)
    rows = Rows(
        table, where, data,
        place=coded.indices.to_numpy(zero_copy_only=False),
        places=coded.dictionary.to_pylist(),
        start=start - OFFSET,
        end=label - OFFSET,
        run=np.zeros(len(label), dtype=np.int64),
        published=_published(data),
        locator=pack_locators(part, segment.line + np.arange(len(label)), 0),
        positions={name: n for n, name in reversed(list(enumerate(segment.header.columns)))},
    )  # fmt: skip
    if table.runs == tables.DISPATCH:
        rows.run = marks.switch(
            rows.numbers("INTERVENTION"), Flag(1), where, "INTERVENTION"
        ).astype(np.int64)
    if table.runs == tables.TRADING:
        _check_period(rows, label, label - start)
    return rows


def _load(segment: Segment, table: Table, where: str) -> Any:
    names = segment.header.columns
    wanted = [*table.needed, *(one for one in ("LASTCHANGED", "PRICE_STATUS") if one in names)]
    types = dict.fromkeys(wanted, pa.float64())
    types |= {"SETTLEMENTDATE": pa.timestamp("us"), "LASTCHANGED": pa.timestamp("us")}
    types |= {table.place: _TEXT, "PRICE_STATUS": pa.string()}
    # Columns are loaded by their position: a name may stand twice, and an empty name too.
    keys = {names.index(name): name for name in dict.fromkeys(wanted)} | {1: "report", 2: "table"}
    types |= {"report": _TEXT, "table": _TEXT}
    try:
        return csv.read_csv(
            pa.BufferReader(segment.body),
            read_options=csv.ReadOptions(
                column_names=[keys.get(n, f"-{n}") for n in range(len(names))], block_size=4 * 2**20
            ),
            parse_options=csv.ParseOptions(ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                include_columns=list(keys.values()),
                column_types={name: types[name] for name in keys.values()},
                timestamp_parsers=["%Y/%m/%d %H:%M:%S"],
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        raise FeedFormatChanged(f"{where}: {error}") from None


def _one_table(data: Any, segment: Segment, where: str) -> None:
    """Refuse rows of another table than that of the header above them."""
    for column, name in (("report", segment.header.report), ("table", segment.header.table)):
        found = set(data.column(column).unique().to_pylist())
        if strange := found - {name or None, name}:
            raise FeedFormatChanged(
                f"{where}: a row of '{strange.pop()}' stands under the header of '{name}'."
            )


def _lengths(table: Table, label: Column) -> Column:
    if table.runs == tables.SCADA:
        return np.zeros(len(label), dtype="timedelta64[us]")
    length = np.full(len(label), FIVE_MINUTES, dtype="timedelta64[us]")
    if table.runs == tables.TRADING:
        length[label <= FIVE_MINUTE_SETTLEMENT] = HALF_HOUR
    return length


def _check_period(rows: Rows, label: Column, length: Column) -> None:
    """PERIODID counts the intervals of the calendar day: it must agree with the length that the date implies."""
    midnight = (label - np.timedelta64(1, "us")).astype("datetime64[D]")
    expected = (label - midnight) / length
    given = rows.numbers("PERIODID")
    if (wrong := given != expected).any():
        row = np.flatnonzero(wrong)[0]
        raise FeedFormatChanged(
            f"{rows.where}: PERIODID {given[row]:g} of the interval that ends {label[row]} should be {expected[row]:g}."
        )


def _published(data: Any) -> Column:
    if "LASTCHANGED" not in data.column_names:
        return np.full(data.num_rows, NAT)
    changed: Column = data.column("LASTCHANGED").to_numpy().astype(INSTANT)
    return changed - OFFSET


def _twins(rows: Rows) -> Column:
    """Flags of rows of the pricing run whose physical twin stands in the document."""
    key = rows.end.view(np.int64) // 1_000_000 * len(rows.places) + rows.place
    physical = rows.run == 1
    twin = ~physical & np.isin(key, key[physical])
    return np.where(twin, np.uint32(Flag.INTERVENTION), np.uint32(0)).astype(np.uint32)


@define
class Gathered:
    """What the tables of a document gave so far, to become one reading."""

    market: str
    zones: frozenset[str]
    series: SeriesTable = field(factory=SeriesTable)
    parts: list[dict[str, Column]] = field(factory=list)
    stamps: dict[int, datetime | None] = field(factory=dict)  # when each file was made
    read: int = 0
    ignored: dict[str, int] = field(factory=dict)
    findings: list[Finding] = field(factory=list)

    def __len__(self) -> int:
        return sum(len(part["code"]) for part in self.parts)

    def ignore(self, reason: str, rows: int) -> None:
        """Count rows that are not read."""
        self.ignored[reason] = self.ignored.get(reason, 0) + rows

    def add(self, rows: Rows) -> None:
        """Add all series of a table. Raises `FeedFormatChanged` for a region that we do not know."""
        if rows.table.kind == "zone" and (unknown := set(rows.places) - self.zones):
            raise FeedFormatChanged(f"{rows.where}: there is no region '{min(unknown)}'.")
        common = (
            _twins(rows)
            if rows.table.runs == tables.DISPATCH
            else np.zeros(len(rows), dtype=np.uint32)
        )
        flags, finality = _price_marks(rows) if rows.table.priced else (common, None)
        for one in rows.table.fields:
            values = rows.numbers(one.column)
            for run in _runs_to_read(rows, one, values):
                chosen = np.flatnonzero(rows.run == run)
                kept = common[chosen]
                if one.priced:
                    kept = kept | flags[chosen] & (_ALL if one.headline else _OF_ORIGINAL)
                part = self._part(rows, one, run, chosen, values[chosen])
                part["flags"] = kept if one.sign > 0 else kept | np.uint32(Flag.DERIVED)
                if one.priced and finality is not None:
                    part["finality"] = finality[chosen]
                self.parts.append(part)
        self.read += len(rows)

    def _part(
        self, rows: Rows, one: Field, run: int, chosen: Column, values: Column
    ) -> dict[str, Column]:
        name = tables.SCADA[0] if one.measured else rows.table.runs[run]
        start, end = rows.start[chosen], rows.end[chosen]
        absent = np.isnan(values)
        return {
            "code": self._codes(rows, one, name, chosen),
            "interval_start": start,
            "interval_end": start if one.measured else end,
            "value": values if one.sign > 0 else 0.0 - values,
            "state": np.where(absent, State.MISSING, State.OK).astype(np.uint8),
            "finality": np.full(len(chosen), Finality.FINAL, dtype=np.uint8),
            "published_at": rows.published[chosen],
            "locator": rows.locator[chosen] | rows.positions[one.column],
        }

    def _codes(self, rows: Rows, one: Field, run: str, chosen: Column) -> Column:
        place = rows.place[chosen]
        codes = np.zeros(len(rows.places), dtype=np.int32)
        for used in np.unique(place).tolist():
            series = SeriesId(self.market, run, one.measure, rows.table.kind, rows.places[used])
            codes[used] = self.series.code(series, _UNITS.get(one.measure, "MW"))
        return codes[place]

    def reading(self, **facts: Any) -> Reading:
        """The reading of all that was gathered."""
        parts = self.parts or [_EMPTY]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in _COLUMNS}
        if self.parts and len(self.stamps) > 1:
            columns = self._newest(columns)
        facts |= columns
        facts |= {
            "series": self.series.series,
            "units": self.series.units,
            "findings": self.findings,
        }
        return Reading(rows_read=self.read, rows_ignored=self.ignored, **facts)

    def _newest(self, columns: dict[str, Column]) -> dict[str, Column]:
        """Leave out what a later file of the document states otherwise, with a finding."""
        old = restated.overruled(columns, self.stamps)
        if not old.any():
            return columns
        told = "numbers that a later report of the document states otherwise"
        self.findings.append(Finding("restated", told, int(old.sum())))
        return {name: values[~old] for name, values in columns.items()}


_COLUMNS = (
    "code", "interval_start", "interval_end", "value", "state", "finality", "published_at", "locator", "flags",
)  # fmt: skip
_EMPTY = dict.fromkeys(_COLUMNS, np.zeros(0))
_ALL = np.uint32(0xFFFFFFFF)
# What was done to the price that settles was not done to the one before it.
_OF_ORIGINAL = np.uint32(Flag.SUSPENDED | Flag.UNDER_REVIEW)


def _runs_to_read(rows: Rows, one: Field, values: Column) -> Iterator[int]:
    """Runs in which a column holds numbers; a measured column says the same under both and is read once."""
    for run in np.unique(rows.run).tolist():
        if one.measured and run > 0:
            continue
        if one.headline or not np.isnan(values[rows.run == run]).all():
            yield run


def _price_marks(rows: Rows) -> tuple[Column, Column]:
    """Flags and finality of the prices of a table."""
    table, where = rows.table, rows.where
    flags = np.zeros(len(rows), dtype=np.uint32)
    if table.flags:
        apc, price, original = (rows.numbers(name) for name in ("APCFLAG", "RRP", "ROP"))
        flags |= marks.apc_flags(apc, price, original, where)
        suspended = rows.numbers("MARKETSUSPENDEDFLAG")
        flags |= marks.switch(suspended, Flag.SUSPENDED, where, "MARKETSUSPENDEDFLAG")
    if table.invalid:
        flags |= marks.switch(rows.numbers("INVALIDFLAG"), Flag.UNDER_REVIEW, where, "INVALIDFLAG")
    finality = _finality(rows)
    flags[finality == Finality.PRELIMINARY] |= np.uint32(Flag.UNDER_REVIEW)
    return flags, finality


def _finality(rows: Rows) -> Column:
    """PRICE_STATUS. The legacy report, written when the run ends, does not say that a price is firm: preliminary.

    Archives of before 2018-04 may not have the column and are final.
    """
    if not rows.table.status:
        return np.full(len(rows), Finality.PRELIMINARY, dtype=np.uint8)
    if "PRICE_STATUS" in rows.data.column_names:
        return marks.finality(rows.data.column("PRICE_STATUS").combine_chunks(), rows.where)
    if len(rows) and rows.end.max() + OFFSET > STATUS_SINCE:
        need_columns(rows.data.column_names, ("PRICE_STATUS",), rows.where)
    return np.full(len(rows), Finality.FINAL, dtype=np.uint8)
