"""Writes what `read` reads, in MISO's formats and under its names: samples, demo history and load tests.

Prices have two decimals. A day's report always has 24 hours: hours outside the reading are blank, which reads as
missing. The energy part is not on the wire: it must be what the other three make it.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import Finality, State
from carbon254.plugins.markets.miso import displays, interval_prices, prices
from carbon254.plugins.markets.miso.labels import (
    FIVE_MINUTES,
    HOUR,
    plain_est,
    write_clock,
    write_reference,
)
from carbon254.plugins.markets.miso.numbers import write_cents, write_number, write_price

_CSV: Final = "application/octet-stream"  # what the blob store says of its .csv
_JSON: Final = "application/json"
_NOTE: Final = ",,,All Hours-Ending are Eastern Standard Time (EST)"
_HEADER: Final = "Node,Type,Value," + ",".join(f"HE {hour}" for hour in range(1, 25))
_STATED: Final = ("price", "price_congestion", "price_loss")  # in the order of prices.COMPONENTS
_REPORTS: Final = {
    ("day_ahead_lmp", Finality.FINAL): ("Day Ahead Market ExPost LMPs", "da_expost_lmp"),
    ("day_ahead_ex_ante_lmp", Finality.FINAL): ("Day Ahead Market ExAnte LMPs", "da_exante_lmp"),
    ("real_time_hourly_lmp", Finality.PRELIMINARY): (
        "Realtime Market LMPs",
        "rt_lmp_prelim",
    ),
    ("real_time_hourly_lmp", Finality.FINAL): ("Realtime Market LMPs", "rt_lmp_final"),
}


class _Row(NamedTuple):
    """A row of a reading; start and end without a zone, on MISO's clock."""

    series: SeriesId
    start: datetime
    end: datetime
    value: float
    finality: int
    issued: datetime | None


def write(card: MarketCard, dataset: str, reading: Reading) -> Iterator[Document]:
    """Write the documents of a dataset. Raises `InvalidRequest` for rows that the format cannot say."""
    if not np.isin(reading.state, (State.OK, State.MISSING)).all():
        raise InvalidRequest(f"miso/{dataset}: only numbers and missing ones can be written.")
    rows = list(_rows(reading))
    if dataset == "real_time_lmp":
        return _interval_prices(rows)
    if dataset == "load":
        return _load(rows)
    if dataset == "solar_forecast":
        return _solar_forecast(rows)
    if dataset == "fuel_mix":
        return _fuel_mix(card, rows)
    return _day_prices(card, dataset, rows)


def _rows(reading: Reading) -> Iterator[_Row]:
    instants = (reading.interval_start, reading.interval_end, reading.issued_at)
    starts, ends, issues = (plain_est(column).tolist() for column in instants)
    plain = (reading.code.tolist(), reading.value.tolist(), reading.finality.tolist())
    for start, end, issued, code, value, finality in zip(starts, ends, issues, *plain, strict=True):
        yield _Row(reading.series[code], start, end, value, finality, issued)


def _refuse(condition: bool, message: str) -> None:
    if condition:
        raise InvalidRequest(f"miso: {message}")


def _need_length(rows: Iterable[_Row], length: timedelta, dataset: str) -> None:
    _refuse(
        any(row.end - row.start != length for row in rows),
        f"intervals of {dataset} are {length} long.",
    )


def _document(name: str, content: Any) -> Document:
    return Document(name, json.dumps(content, separators=(",", ":")).encode(), _JSON)


# ---------------------------------------------------------------- prices

_Cents = dict[str, float]  # by measure; NaN is missing


def _priced(dataset: str, rows: Iterable[_Row]) -> dict[tuple[str, str, datetime], _Cents]:
    """The parts of a price in cents, by place, kind and start."""
    made: dict[tuple[str, str, datetime], _Cents] = defaultdict(dict)
    for row in rows:
        one = row.series
        _refuse(one.measure not in prices.MEASURES, f"{dataset} holds prices and their parts only.")
        cents = row.value * 100
        made[one.location, one.kind, row.start][one.measure] = (
            cents if math.isnan(cents) else round(cents)
        )
    for key, parts in made.items():
        lacks = [measure for measure in _STATED if measure not in parts]
        _refuse(
            bool(lacks),
            f"{key[0]} has no {', '.join(lacks)} at {key[2]} EST; a report states all three.",
        )
        energy = parts["price"] - parts["price_congestion"] - parts["price_loss"]
        given = parts.get("price_energy", energy)
        same = energy == given or (math.isnan(energy) and math.isnan(given))
        _refuse(
            not same,
            f"price_energy of {key[0]} at {key[2]} EST is not price less congestion less loss.",
        )
    return made


def _day_prices(card: MarketCard, dataset: str, rows: list[_Row]) -> Iterator[Document]:
    _need_length(rows, HOUR, dataset)
    kinds = {kind: word for word, kind in card.datasets[dataset].enums["Type"].items()} | {
        "aggregate": "Hub"
    }
    reports: dict[tuple[date, int], list[_Row]] = defaultdict(list)
    for row in rows:
        reports[row.start.date(), row.finality].append(row)
    for (day, code), own in reports.items():
        finality = Finality(code)
        _refuse(
            (dataset, finality) not in _REPORTS, f"{dataset} has no report that is {finality.word}."
        )
        title, family = _REPORTS[dataset, finality]
        real_time = dataset == "real_time_hourly_lmp"
        lines = [
            title,
            f"{day.month}/{day.day}/{day.year}" if real_time else f"{day:%m/%d/%Y}",
            "",
            _NOTE,
            _HEADER,
            *_lines(_priced(dataset, own), kinds, write_price if real_time else write_cents),
        ]
        yield Document(f"{day:%Y%m%d}_{family}.csv", "\n".join([*lines, ""]).encode(), _CSV)


def _lines(
    priced: Mapping[tuple[str, str, datetime], _Cents],
    kinds: Mapping[str, str],
    write: Callable[[float], str],
) -> Iterator[str]:
    """All LMP lines, then MCC, then MLC, as the reports have them."""
    places: dict[str, tuple[str, dict[int, _Cents]]] = {}
    for (place, kind, start), parts in priced.items():
        known, hours = places.setdefault(place, (kind, {}))
        _refuse(kind != known or kind not in kinds, f"{place} cannot be a {kind} in this report.")
        hours[start.hour] = parts
    for component, measure in zip(prices.COMPONENTS, _STATED, strict=True):
        for place, (kind, hours) in places.items():
            texts = (write(hours[hour][measure]) if hour in hours else "" for hour in range(24))
            yield f"{place},{kinds[kind]},{component}," + ",".join(texts)


def _interval_prices(rows: list[_Row]) -> Iterator[Document]:
    _need_length(rows, FIVE_MINUTES, "real_time_lmp")
    _refuse(
        any(row.finality != Finality.PRELIMINARY for row in rows), "real_time_lmp is preliminary."
    )
    days: dict[date, list[list[str]]] = defaultdict(list)
    priced = _priced("real_time_lmp", rows)
    for place, _, start in sorted(priced, key=lambda key: (key[2], key[0])):
        parts, end = priced[place, _, start], start + FIVE_MINUTES
        texts = [write_price(parts[one]) for one in ("price", "price_loss", "price_congestion")]
        days[end.date()].append([f"{end:%Y-%m-%dT%H:%M:%S}", place, *texts])
    for day, data in days.items():
        name = f"GetRealTimeFiveMinExPost_{day:%Y%m%d}.json"
        yield _document(name, {"headers": list(interval_prices.HEADERS), "data": data})


# ---------------------------------------------------------------- displays


def _load(rows: list[_Row]) -> Iterator[Document]:
    """A document for each day of cleared and actual load, and for each time at which a forecast was issued."""
    made: dict[tuple[date, datetime | None], dict[str, list[Any]]] = defaultdict(_empty_lists)
    for row in rows:
        value, hour = write_number(row.value), str(row.start.hour + 1)
        run, length = row.series.run, row.end - row.start
        if run == "actual" and length == FIVE_MINUTES:
            entry = {"Load": {"Time": f"{row.end:%H:%M}", "Value": value}}
            made[row.end.date(), None]["FiveMinTotalLoad"].append(entry)
        elif run == displays.CLEARED and length == HOUR:
            made[row.start.date(), None]["ClearedMW"].append(
                {"ClearedMWHourly": {"Hour": hour, "Value": value}}
            )
        elif run == displays.FORECAST and length == HOUR and row.issued:
            _refuse(
                row.issued.date() != row.start.date(),
                "the load forecast is of the day on which it was issued.",
            )
            forecast = {"Forecast": {"HourEnding": hour, "LoadForecast": value}}
            made[row.start.date(), row.issued]["MediumTermLoadForecast"].append(forecast)
        else:
            raise InvalidRequest(f"miso: {row.series} of {length} is not in the display of load.")
    for (day, issued), lists in made.items():
        yield _load_document(day, issued, lists)


def _empty_lists() -> dict[str, list[Any]]:
    return {name: [] for name in displays.LISTS["load"]}


def _load_document(day: date, issued: datetime | None, lists: dict[str, list[Any]]) -> Document:
    last = max((entry["Load"]["Time"] for entry in lists["FiveMinTotalLoad"]), default="23:55")
    clock = issued or datetime.combine(day, datetime.strptime(last, "%H:%M").time())  # noqa: DTZ007
    name = (
        f"RealTimeTotalLoad_{clock:%Y%m%dT%H%M}.json"
        if issued
        else f"RealTimeTotalLoad_{day:%Y%m%d}.json"
    )
    return _document(name, {"LoadInfo": {"RefId": write_reference(clock), **lists}})


def _solar_forecast(rows: list[_Row]) -> Iterator[Document]:
    _need_length(rows, HOUR, "solar_forecast")
    vintages: dict[datetime, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        _refuse(row.issued is None, "a forecast needs issued_at.")
        assert row.issued is not None
        value = "" if math.isnan(row.value) else f"{row.value:.2f}"
        entry = {
            "DateTimeEST": write_clock(row.start),
            "HourEndingEST": str(row.start.hour + 1),
            "Value": value,
        }
        vintages[row.issued].append(entry)
    for issued, forecast in vintages.items():
        content = {
            "MktDay": f"{issued:%m-%d-%Y}",
            "RefId": write_reference(issued),
            "Forecast": forecast,
        }
        yield _document(f"getSolarForecast_{issued:%Y%m%dT%H%M}.json", content)


def _fuel_mix(card: MarketCard, rows: list[_Row]) -> Iterator[Document]:
    """A document for each day, as ``FuelMix/Today`` serves it, whose TotalMW is 0."""
    _need_length(rows, FIVE_MINUTES, "fuel_mix")
    words = {measure: word for word, measure in card.datasets["fuel_mix"].enums["CATEGORY"].items()}
    days: dict[date, list[_Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.end, row.series.measure)):
        days[row.end.date()].append(row)
    for day, own in days.items():
        entries = [_fuel(row.end, words[row.series.measure], row.value) for row in own]
        content = {"RefId": write_reference(own[-1].end), "TotalMW": "0", "Fuel": {"Type": entries}}
        yield _document(f"FuelMix_{day:%Y%m%d}.json", content)


def _fuel(end: datetime, word: str, value: float) -> dict[str, str]:
    shown = "" if math.isnan(value) else f"{value:,.0f}"
    text = write_number(value)
    return {
        "INTERVALEST": write_clock(end),
        "CATEGORY": word,
        "ACT": text,
        "FUEL_CATEGORY": f"{word}  ({shown} MW)",
    }
