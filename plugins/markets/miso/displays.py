"""The JSON behind MISO's displays: ``RealTimeTotalLoad``, ``WindSolar/getsolarforecast`` and ``FuelMix``.

Each says in ``RefId`` to which interval it belongs ("27-Jul-2026 - Interval 08:10 EST"): the end of that interval
orders documents (`document_stamp`), and is when the forecasts in it were issued. Numbers are text.
A data row is an element of a list of numbers. Locators: part = list (0 is the first named below), row = element.

* load: ``LoadInfo`` with ``ClearedMW`` (day-ahead cleared demand by hour), ``MediumTermLoadForecast`` (by hour
  ending) and ``FiveMinTotalLoad`` (``Time`` is the end of five minutes), all of the day of RefId
* solar forecast: ``Forecast`` with ``DateTimeEST``, the start of the hour, and ``HourEndingEST``
* fuel mix: ``Fuel.Type`` with ``INTERVALEST``, the end of five minutes, ``CATEGORY`` and ``ACT``
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from attrs import Factory, define

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import FeedFormatChanged, NotFound, NotPublishedYet
from carbon254.core.domain.observations import Finding, Reading, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import State
from carbon254.plugins.markets.miso.answers import need_keys, parse_object
from carbon254.plugins.markets.miso.labels import (
    FIVE_MINUTES,
    HOUR,
    instant,
    local,
    midnight,
    read_clock,
    read_hour,
    read_reference,
)
from carbon254.plugins.markets.miso.numbers import read_number
from carbon254.plugins.markets.miso.places import SYSTEM
from carbon254.ports.unpacking import SeriesTable

LISTS: Final = {
    "load": ("ClearedMW", "MediumTermLoadForecast", "FiveMinTotalLoad"),
    "solar_forecast": ("Forecast",),
    "fuel_mix": ("Type",),
}
CLEARED: Final = "day_ahead-ex_post"
FORECAST: Final = "forecast-mtlf"
_OBJECT = re.compile(rb'\{(?:[^{}"]|"(?:[^"\\]|\\.)*")*\}')
_CLOCK = re.compile(r"(\d\d):(\d\d)")


def recognise(document: Document) -> tuple[str, ...]:
    """The dataset of a display's JSON. Wind and solar forecasts look alike: name or URL must say solar."""
    head = document.body[:4096]
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return ()
    if b'"LoadInfo"' in head:
        return ("load",)
    if b'"Fuel"' in head and b'"INTERVALEST"' in head:
        return ("fuel_mix",)
    if b'"HourEndingEST"' in head and b'"Forecast"' in document.body and _says_solar(document):
        return ("solar_forecast",)
    return ()


def _says_solar(document: Document) -> bool:
    return _sources(document) == {"solar"}


def _sources(document: Document) -> set[str]:
    """What name and URL say the forecast is of; the folder of both forecasts, ``WindSolar``, says nothing."""
    text = f"{document.name} {document.url}".lower().replace("windsolar", "")
    return {word for word in ("solar", "wind") if word in text}


@define
class _Rows:
    """Rows of a small document, one at a time."""

    name: str
    stamp: datetime
    table: SeriesTable = Factory(SeriesTable)
    rows: list[tuple[Any, ...]] = Factory(list)
    added: set[str] = Factory(set)

    def add(
        self,
        series: SeriesId,
        span: tuple[datetime, timedelta],
        value: object,
        where: Locator,
        *,
        issued: bool = False,
    ) -> None:
        """Add the value of a span that starts at an instant; ``issued`` for forecasts."""
        start, length = span
        self.rows.append(
            (
                self.table.code(series, "MW"),
                instant64(start),
                instant64(start + length),
                read_number(value, self.name),
                where.packed,
                instant64(self.stamp) if issued else np.datetime64("NaT", "us"),
            )
        )

    def keys(self, row: object, known: tuple[str, ...]) -> dict[str, Any]:
        """See that a row is an object with the keys; note others."""
        need_keys(row, known, self.name)
        assert isinstance(row, dict)
        self.added.update(set(row) - set(known))
        return row

    def reading(self, **more: Any) -> Reading:
        """The rows as a reading. Raises `NotPublishedYet` when there are none."""
        if not self.rows:
            raise NotPublishedYet(f"{self.name}: MISO serves no numbers yet.")
        code, start, end, value, locator, issued = (
            np.array(column) for column in zip(*self.rows, strict=True)
        )
        added = sorted(self.added)
        return Reading(
            self.table.series,
            self.table.units,
            code=code,
            interval_start=start,
            interval_end=end,
            value=value,
            locator=locator,
            state=np.where(np.isnan(value), State.MISSING, State.OK),
            issued_at=issued,
            document_stamp=self.stamp,
            findings=[Finding("added_column", f"not read: {', '.join(added)}", len(added))]
            if added
            else [],
            rows_read=len(self.rows),
            **more,
        )


def _elements(holder: Any, key: str, name: str) -> list[Any]:
    found = holder[key]
    if not isinstance(found, list):
        raise FeedFormatChanged(f"{name}: {key} is no list.")
    return found


def read_load(card: MarketCard, document: Document) -> Reading:
    """Read cleared, forecast and actual load of the system. Raises as `Market.read`."""
    name = document.name
    info = parse_object(document, ("LoadInfo",))["LoadInfo"]
    cleared, forecast, actual = LISTS["load"]
    need_keys(info, ("RefId", *LISTS["load"]), name)
    rows = _Rows(name, read_reference(info["RefId"], name))
    day = local(rows.stamp).date()
    series = {
        run: SeriesId(card.id, run, "load", "system", SYSTEM)
        for run in (CLEARED, FORECAST, "actual")
    }
    for number, row in enumerate(_elements(info, cleared, name)):
        inner = rows.keys(
            rows.keys(row, ("ClearedMWHourly",))["ClearedMWHourly"], ("Hour", "Value")
        )
        rows.add(
            series[CLEARED], _hour(day, inner["Hour"], name), inner["Value"], Locator(0, number)
        )
    for number, row in enumerate(_elements(info, forecast, name)):
        inner = rows.keys(rows.keys(row, ("Forecast",))["Forecast"], ("HourEnding", "LoadForecast"))
        span = _hour(day, inner["HourEnding"], name)
        rows.add(series[FORECAST], span, inner["LoadForecast"], Locator(1, number), issued=True)
    for number, row in enumerate(_elements(info, actual, name)):
        inner = rows.keys(rows.keys(row, ("Load",))["Load"], ("Time", "Value"))
        end = _time(rows.stamp, inner["Time"], name)
        rows.add(
            series["actual"], (end - FIVE_MINUTES, FIVE_MINUTES), inner["Value"], Locator(2, number)
        )
    return rows.reading()


def _hour(day: date, text: object, name: str) -> tuple[datetime, timedelta]:
    return midnight(day) + (read_hour(text, name) - 1) * HOUR, HOUR


def _time(stamp: datetime, text: object, name: str) -> datetime:
    match = _CLOCK.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise FeedFormatChanged(f"{name}: Time {text!r} is not of the form HH:MM.")
    day = local(stamp)
    end = instant(day.year, day.month, day.day, int(match[1]), int(match[2]))
    if end > stamp:
        # A label after the document's own interval would be yesterday's: the day cannot be told, so nobody guesses.
        raise FeedFormatChanged(
            f"{name}: Time {text} stands after the interval of RefId; its day cannot be told."
        )
    return end


def read_solar_forecast(card: MarketCard, document: Document) -> Reading:
    """Read the hourly solar forecast of the system. Raises as `Market.read`."""
    name = document.name
    found = parse_object(document, ("MktDay", "RefId", "Forecast"))
    if "wind" in _sources(document):
        raise FeedFormatChanged(f"{name}: name or URL say that this is the wind forecast.")
    rows = _Rows(name, read_reference(found["RefId"], name))
    series = SeriesId(card.id, "forecast-solar", "generation_solar", "system", SYSTEM)
    for number, row in enumerate(_elements(found, "Forecast", name)):
        inner = rows.keys(row, ("DateTimeEST", "HourEndingEST", "Value"))
        start = read_clock(inner["DateTimeEST"], name)
        if local(start).hour + 1 != (hour := read_hour(inner["HourEndingEST"], name)):
            raise FeedFormatChanged(
                f"{name}: {inner['DateTimeEST']} is not the start of hour ending {hour}."
            )
        rows.add(series, (start, HOUR), inner["Value"], Locator(0, number), issued=True)
    return rows.reading()


def read_fuel_mix(card: MarketCard, document: Document) -> Reading:
    """Read generation by fuel. Raises as `Market.read`, for a category that the card does not know above all."""
    name = document.name
    found = parse_object(document, ("RefId", "TotalMW", "Fuel"))
    need_keys(found["Fuel"], ("Type",), name)
    rows = _Rows(name, read_reference(found["RefId"], name))
    measures = card.datasets["fuel_mix"].enums["CATEGORY"]
    for number, row in enumerate(_elements(found["Fuel"], "Type", name)):
        inner = rows.keys(row, ("INTERVALEST", "CATEGORY", "ACT", "FUEL_CATEGORY"))
        measure = measures.get(str(inner["CATEGORY"]))
        if measure is None:
            raise FeedFormatChanged(
                f"{name}: CATEGORY '{inner['CATEGORY']}' is not one of {', '.join(measures)}."
            )
        end = read_clock(inner["INTERVALEST"], name)
        series = SeriesId(card.id, "actual", measure, "system", SYSTEM)
        rows.add(series, (end - FIVE_MINUTES, FIVE_MINUTES), inner["ACT"], Locator(0, number))
    return rows.reading()


def locate(dataset: str, document: Document, locator: Locator) -> bytes:
    """The innermost object that a number stands in."""
    key = LISTS[dataset][locator.part] if locator.part < len(LISTS[dataset]) else "?"
    start = document.body.find(b'"%s"' % key.encode())
    objects = _OBJECT.finditer(document.body, max(start, 0))
    for number, found in enumerate(objects):
        if start >= 0 and number == locator.row:
            return found[0]
    raise NotFound(f"{document.name}: there is no element {locator.row} in {key}.")
