"""Hourly load by region, forecast and actual: ``YYYYMMDD_df_al.xls`` (BIFF), read with the optional package xlrd.

Banner rows ("Published Date:", "Reporting Period:"), then for each of seven days a header row ("Market Day",
"HourEnding", "LRZ1 MTLF (MWh)", "LRZ1 ActualLoad (MWh)" … "MISO ActualLoad (MWh)"), a title and 24 rows. The sheet
says MWh, so both are `load_energy`. Columns are found by name: since 2026-04-27 blank ones stand between them.
A data row is a row that begins with a date and an hour. Actual load that is blank for hours after the published
date is not published yet and not read; before it, it is missing. Locators: part 0, row and column of the sheet.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import DocumentDamaged, FeedFormatChanged
from carbon254.core.domain.observations import Finding, Reading, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import State
from carbon254.plugins.markets.miso.answers import refuse_answers
from carbon254.plugins.markets.miso.labels import HOUR, midnight
from carbon254.plugins.markets.miso.places import SYSTEM
from carbon254.ports.biff import BLANK, DATE, NUMBER, TEXT, cell_record, is_xls, open_xls
from carbon254.ports.unpacking import SeriesTable, need_columns

AREAS: Final = ("LRZ1", "LRZ2_7", "LRZ3_5", "LRZ4", "LRZ6", "LRZ8_9_10")
RUNS: Final = {"MTLF": "forecast-mtlf", "ActualLoad": "actual"}
_COLUMN = re.compile(r"(\w+) (MTLF|ActualLoad) \((\w+)\)")
_ZONE_LOAD = re.compile(rb"LRZ\w+ ActualLoad")


def recognise(document: Document) -> tuple[str, ...]:
    """`load_daily` for a BIFF document with the actual load of a zone: other reports have it by region."""
    if not is_xls(document.body):
        return ()
    text = document.body.replace(b"\0", b"")  # characters have 8 or 16 bits
    return ("load_daily",) if _ZONE_LOAD.search(text) else ()


def read(card: MarketCard, document: Document) -> Reading:
    """Read forecast and actual load in MWh. Raises as `Market.read`, and `SettingsInvalid` without xlrd."""
    book, sheet = _sheet(document)
    published = _published(document.name, book, sheet)
    columns: dict[int, tuple[SeriesId, str]] = {}
    table, rows, seen, added = SeriesTable(), [], 0, set[str]()
    for number in range(sheet.nrows):
        cells = sheet.row(number)
        if cells[0].ctype == TEXT and cells[0].value.strip() == "Market Day":
            columns = _columns(card, document.name, cells, added)
        elif cells[0].ctype == DATE:
            seen += 1
            start = _start(document.name, book, cells, columns, number)
            for column, (series, run) in columns.items():
                value = _value(document.name, cells[column], number)
                if run == "actual" and value is None and start + HOUR > published:
                    continue
                rows.append(
                    (
                        table.code(series, "MWh"),
                        start,
                        value,
                        Locator(0, number, column).packed,
                        run,
                    )
                )
        elif any(cell.ctype == NUMBER for cell in cells):
            raise FeedFormatChanged(
                f"{document.name}: row {number + 1} has numbers but no Market Day."
            )
    if not rows:
        raise DocumentDamaged(f"{document.name}: the sheet holds no hours.")
    return _reading(table, rows, published, seen, added)


def _reading(
    table: SeriesTable, rows: list[Any], published: datetime, seen: int, added: set[str]
) -> Reading:
    code, start, value, locator, run = zip(*rows, strict=True)
    starts = np.array([instant64(one) for one in start])
    values = np.array([np.nan if one is None else one for one in value])
    issued = [
        instant64(published) if one != "actual" else np.datetime64("NaT", "us") for one in run
    ]
    return Reading(
        table.series,
        table.units,
        code=np.array(code),
        interval_start=starts,
        interval_end=starts + np.timedelta64(1, "h"),
        value=values,
        locator=np.array(locator),
        state=np.where(np.isnan(values), State.MISSING, State.OK),
        issued_at=np.array(issued),
        document_stamp=published,
        rows_read=seen,
        findings=[Finding("added_column", f"not read: {', '.join(sorted(added))}", len(added))]
        if added
        else [],
    )


def _sheet(document: Document) -> tuple[Any, Any]:
    refuse_answers(document)
    book = open_xls(document)
    return book, book.sheet_by_index(0)


def _published(name: str, book: Any, sheet: Any) -> datetime:
    for number in range(min(sheet.nrows, 20)):
        cells = sheet.row(number)
        if cells[0].ctype == TEXT and cells[0].value.strip() == "Published Date:":
            dates = [cell for cell in cells if cell.ctype == DATE]
            if dates:
                return _day(book, dates[0])
    raise FeedFormatChanged(f"{name}: there is no 'Published Date:' with a date.")


def _day(book: Any, cell: Any) -> datetime:
    from xlrd.xldate import xldate_as_datetime

    return midnight(xldate_as_datetime(cell.value, book.datemode).date())


def _columns(
    card: MarketCard, name: str, cells: list[Any], added: set[str]
) -> dict[int, tuple[SeriesId, str]]:
    """Series and run by column of a header row; names of columns that are not loads go to ``added``."""
    texts = {
        at: str(cell.value).strip() for at, cell in enumerate(cells) if str(cell.value).strip()
    }
    wanted = [f"{place} {word} (MWh)" for place in (*AREAS, SYSTEM) for word in RUNS]
    need_columns(texts.values(), ["Market Day", "HourEnding", *wanted], name)
    found = {}
    for at, text in texts.items():
        match = _COLUMN.fullmatch(text)
        if match is None:
            added.update({text} - {"Market Day", "HourEnding"})
            continue
        if text not in wanted:
            raise FeedFormatChanged(f"{name}: column '{text}' is not one of {', '.join(wanted)}.")
        kind = "system" if match[1] == SYSTEM else "area"
        run = RUNS[match[2]]
        found[at] = (SeriesId(card.id, run, "load_energy", kind, match[1]), run)
    return found


def _start(name: str, book: Any, cells: list[Any], columns: Any, number: int) -> datetime:
    hours = [cell.value for cell in cells[1 : min(columns, default=1)] if cell.ctype == NUMBER]
    if len(hours) != 1 or hours[0] not in range(1, 25):
        raise FeedFormatChanged(
            f"{name}: row {number + 1} has no hour ending of 1 to 24 after its Market Day."
        )
    return _day(book, cells[0]) + timedelta(hours=hours[0] - 1)


def _value(name: str, cell: Any, number: int) -> float | None:
    if cell.ctype in BLANK or cell.value == "":
        return None
    if cell.ctype != NUMBER:
        raise FeedFormatChanged(
            f"{name}: row {number + 1} holds {cell.value!r} where load is expected."
        )
    return float(cell.value)


def locate(document: Document, locator: Locator) -> bytes:
    """The BIFF record that holds the cell; for a cell that holds nothing, that of the row's Market Day."""
    _sheet(document)
    return cell_record(document, 0, locator.row, locator.field)
