"""Writes readings as AEMO's reports, in the layout of ``layouts.toml``; columns that we do not have stay empty.

Up to twelve intervals become one zip each, as in ``Reports/Current``; more become monthly archives, one zip for each
table and month. A row without a publication time leaves LASTCHANGED empty.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby

from attrs import define, field

from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Reading, from_instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.plugins.markets.nem import marks, tables
from carbon254.plugins.markets.nem.listing import FOLDERS, archive_name
from carbon254.plugins.markets.nem.mms import MARKET_TIME
from carbon254.plugins.markets.nem.tables import Field, Table

SINGLE_INTERVALS = 12
_STEP = timedelta(minutes=5)
_LATER = timedelta(
    seconds=5
)  # a report is made this long after its newest row, or after its interval began
_HALF_HOUR_UNTIL = datetime(2021, 10, 1, tzinfo=MARKET_TIME)
_OPERATORS = 0xFFFF  # bits of the operator's own flags; the others are the platform's and are not on the wire
_ANY_TABLE = Flag.INTERVENTION
_DISPATCHED = (
    Flag.ADMINISTERED
    | Flag.CAPPED
    | Flag.FLOORED
    | Flag.SCALED
    | Flag.MANUAL
    | Flag.SUSPENDED
    | Flag.UNDER_REVIEW
)
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@define
class _Row:
    """A data row in the making: numbers by column, and what the price columns carry."""

    numbers: dict[str, float | None] = field(factory=dict)
    flags: int = 0
    finality: int = Finality.FINAL
    published: datetime | None = None


_Key = tuple[datetime, int, str]  # label in UTC, run, place
_Rows = dict[_Key, _Row]


def write(dataset: str, reading: Reading) -> Iterator[Document]:
    """Yield the documents of a reading. Raises `InvalidRequest` for what the reports cannot say."""
    wanted = [table for table in tables.TABLES if table.dataset == dataset and table.archive]
    filled = {table.archive: _Rows() for table in wanted}
    homes = [_home(series, wanted) for series in reading.series]
    for row in range(len(reading)):
        table, one, run = homes[reading.code[row]]
        _put(filled[table.archive], (table, one, run), reading, row)
    labels = {key[0] for rows in filled.values() for key in rows}
    stamp = reading.document_stamp
    if len(labels) <= SINGLE_INTERVALS:
        for label in sorted(labels):
            parts = [(table, _of_label(filled[table.archive], label)) for table in wanted]
            yield _single(dataset, label, [(table, rows) for table, rows in parts if rows], stamp)
        return
    for table in wanted:
        for (year, month), rows in _by_month(filled[table.archive]):
            yield _archive(table, year, month, rows, stamp)


def _home(series: SeriesId, wanted: list[Table]) -> tuple[Table, Field, int]:
    """The table, the column and the run's number in the table that a series comes from."""
    for table in wanted:
        for one in table.fields:
            runs = tables.SCADA if one.measured else table.runs
            if (one.measure, table.kind) == (series.measure, series.kind) and series.run in runs:
                return table, one, runs.index(series.run)
    raise InvalidRequest(f"{series} stands in no table of the reports.")


def _put(rows: _Rows, home: tuple[Table, Field, int], reading: Reading, at: int) -> None:
    table, one, run = home
    start, end = (
        from_instant64(reading.interval_start[at]),
        from_instant64(reading.interval_end[at]),
    )
    assert start is not None
    assert end is not None
    label = end + _STEP if one.measured else end
    if table.runs != tables.SCADA and not one.measured and end - start != _length(table, label):
        raise InvalidRequest(
            f"An interval of {end - start} that ends {end:%Y-%m-%dT%H:%MZ} is none of {table.title}."
        )
    row = rows.setdefault((label, run, reading.series[reading.code[at]].location), _Row())
    state = reading.state[at]
    if state not in (State.OK, State.MISSING):
        raise InvalidRequest(f"The reports cannot say '{State(state).word}' ({table.title}).")
    value = float(reading.value[at])
    row.numbers[one.column] = (
        None if state == State.MISSING else (value if one.sign > 0 else 0.0 - value)
    )
    row.published = from_instant64(reading.published_at[at])
    flags = int(reading.flags[at]) & _OPERATORS
    _check_flags(table, one, flags)
    if one.priced and one.headline:
        row.flags, row.finality = flags, int(reading.finality[at])
    if flags & Flag.INTERVENTION and run == 0:
        row.flags |= Flag.INTERVENTION


def _check_flags(table: Table, one: Field, flags: int) -> None:
    allowed = int(_ANY_TABLE if table.runs == tables.DISPATCH else 0)
    if one.priced:
        allowed |= _DISPATCHED if table.flags else Flag.UNDER_REVIEW
    if strange := flags & ~allowed:
        raise InvalidRequest(f"{table.title} has no mark for: {', '.join(Flag.words(strange))}.")


def _of_label(rows: _Rows, label: datetime) -> _Rows:
    return {key: row for key, row in rows.items() if key[0] == label}


def _by_month(rows: _Rows) -> Iterator[tuple[tuple[int, int], _Rows]]:
    def month(key: _Key) -> tuple[int, int]:
        inside = (key[0] - _STEP).astimezone(MARKET_TIME)
        return inside.year, inside.month

    for number, keys in groupby(sorted(rows), month):
        yield number, {key: rows[key] for key in keys}


def _single(
    dataset: str, label: datetime, parts: list[tuple[Table, _Rows]], stamp: datetime | None
) -> Document:
    """One report of ``Reports/Current``."""
    _, stem = FOLDERS[dataset]
    made = stamp or _newest(rows for _, rows in parts)
    number = f"{int(made.timestamp()):016}"
    local = label.astimezone(MARKET_TIME)
    comment = f"C,NEMP.WORLD,{stem},AEMO,PUBLIC,{_comment_time(made)},{number},{stem},{number}"
    text = _report(comment, [line for table, rows in parts for line in _table(table, rows)])
    return _zipped(f"PUBLIC_{stem}_{local:%Y%m%d%H%M}_{number}", text)


def _archive(table: Table, year: int, month: int, rows: _Rows, stamp: datetime | None) -> Document:
    """One table's zip of the monthly archive."""
    made = stamp or _newest([rows])
    number = f"{int(made.timestamp()):015}"
    comment = f"C,SETP.WORLD,DVD_{table.archive},AEMO,PUBLIC,{_comment_time(made)},{number},MONTHLY_ARCHIVE,{number}"
    return _zipped(
        archive_name(table.archive, year, month), _report(comment, list(_table(table, rows)))
    )


def _newest(tables_: Iterable[_Rows]) -> datetime:
    """When a report with these rows could have been made: after the newest of them."""
    return (
        max(row.published or key[0] - _STEP for rows in tables_ for key, row in rows.items())
        + _LATER
    )


def _comment_time(made: datetime) -> str:
    return f"{made.astimezone(MARKET_TIME):%Y/%m/%d,%H:%M:%S}"


def _report(comment: str, lines: list[str]) -> bytes:
    footer = f'C,"END OF REPORT",{len(lines) + 2}'
    return "".join(f"{line}\r\n" for line in (comment, *lines, footer)).encode()


def _zipped(name: str, text: bytes) -> Document:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(f"{name}.CSV", _ZIP_TIME)
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, text)
    return Document(f"{name}.zip", packed.getvalue(), "application/x-zip-compressed")


def _table(table: Table, rows: _Rows) -> Iterator[str]:
    """The header and the data rows of a table, by label, place and run."""
    layout = tables.layouts()[table.title]
    lead = f"{table.report},{table.name},{layout.version}"
    yield f"I,{lead},{','.join(layout.columns)}"
    _check_twins(table, rows)
    for label, run, place in sorted(rows, key=lambda key: (key[0], key[2], key[1])):
        fields = _fields(table, (label, run, place), rows[label, run, place])
        yield f"D,{lead},{','.join(fields.get(column, '') for column in layout.columns)}"


def _check_twins(table: Table, rows: _Rows) -> None:
    for (label, run, place), row in rows.items():
        if run == 0 and row.flags & Flag.INTERVENTION and (label, 1, place) not in rows:
            raise InvalidRequest(
                f"{place} at {label:%Y-%m-%dT%H:%MZ} is flagged 'intervention' without a row of the physical run."
            )
        if any(one.headline and one.column not in row.numbers for one in table.fields):
            named = ", ".join(one.measure for one in table.fields if one.headline)
            raise InvalidRequest(f"{table.title} cannot be written without: {named} ({place}).")


def _fields(table: Table, key: _Key, row: _Row) -> dict[str, str]:
    label, run, place = key
    fields = {
        name: "" if value is None else number_text(value) for name, value in row.numbers.items()
    }
    fields |= {"SETTLEMENTDATE": _stamp(label), "RUNNO": "1", table.place: place}
    fields |= {"LASTCHANGED": _stamp(row.published) if row.published else ""}
    if table.runs == tables.DISPATCH:
        fields |= {"INTERVENTION": str(run), "DISPATCHINTERVAL": _dispatch_interval(label)}
    if table.runs == tables.TRADING:
        fields |= {"PERIODID": str(_period(label))}
    if table.priced:
        fields |= {"EEP": "0"} | _price_marks(table, row)
    return fields


def _price_marks(table: Table, row: _Row) -> dict[str, str]:
    firm = row.finality == Finality.FINAL
    written = {"PRICE_STATUS": "FIRM" if firm else "NOT FIRM"}
    if table.flags:
        if firm and row.flags & Flag.UNDER_REVIEW:
            raise InvalidRequest(
                "A dispatch price under review is written as NOT FIRM: its finality is preliminary."
            )
        written |= {"APCFLAG": str(marks.apc_bits(row.flags))}
        written |= {"MARKETSUSPENDEDFLAG": str(int(bool(row.flags & Flag.SUSPENDED)))}
    else:
        written |= {"INVALIDFLAG": str(int(firm and bool(row.flags & Flag.UNDER_REVIEW)))}
    return written


def number_text(value: float) -> str:
    """A number as the reports write it: the shortest text that reads back as the same number."""
    text = repr(value).removesuffix(".0")
    return text.upper()


def _stamp(moment: datetime) -> str:
    return f'"{moment.astimezone(MARKET_TIME):%Y/%m/%d %H:%M:%S}"'


def _dispatch_interval(label: datetime) -> str:
    """Trading day, which begins at 04:00, and the number of the interval in it: 20251226241 ends at 00:05."""
    elapsed = label.astimezone(MARKET_TIME) - timedelta(hours=4) - _STEP
    return f"{elapsed:%Y%m%d}{(elapsed.hour * 60 + elapsed.minute) // 5 + 1:03}"


def _length(table: Table, label: datetime) -> timedelta:
    halves = table.runs == tables.TRADING and label <= _HALF_HOUR_UNTIL
    return timedelta(minutes=30) if halves else _STEP


def _period(label: datetime) -> int:
    """Number of the interval in its calendar day; the one that ends at midnight is the last."""
    start = label.astimezone(MARKET_TIME) - _STEP
    minutes = 30 if label <= _HALF_HOUR_UNTIL else 5
    return (start.hour * 60 + start.minute) // minutes + 1
