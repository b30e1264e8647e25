"""Prices of two auctions in one CSV a day: ``auction,hub,slot,price,energy,congestion``, slots counted from 1."""

import csv
import io
from collections.abc import Generator, Iterator
from datetime import date, timedelta
from typing import Any

import numpy as np

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document, Locator, Request
from carbon254.core.domain.errors import DocumentDamaged, FeedFormatChanged
from carbon254.core.domain.observations import Reading, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, day_window, days_in, interval_count, operating_day
from carbon254.core.domain.vocabulary import Finality
from carbon254.ports.unpacking import SeriesTable, decode, need_columns, pack_locators, refuse_html

ZONE = "Europe/Berlin"
MEASURES = {"price": "price", "energy": "price_energy", "congestion": "price_congestion"}
COLUMNS = ["auction", "hub", "slot", *MEASURES]
HOUR = np.timedelta64(3600, "s")
MARK = b"demo exchange;"


class Feed:
    def __init__(self, card: MarketCard) -> None:
        self.card = card

    def recognise(self, document: Document) -> tuple[str, ...]:
        return ("prices",) if document.body.startswith(MARK) else ()

    def requests(self, dataset: str, window: Window) -> Generator[Request, Document, None]:
        for day in days_in(window, ZONE):
            yield Request(self.url(day))

    def url(self, day: date) -> str:
        return f"https://data.demo.example/prices_{day:%Y%m%d}.csv"

    def read(self, dataset: str, document: Document) -> Reading | Iterator[Reading]:
        refuse_html(document)
        if not document.body.startswith(MARK):
            raise DocumentDamaged(f"{document.name}: the first line is missing.")
        first, *lines = decode(document.body, document.name).splitlines()
        day, expected, finality = self.head(first)
        rows, ignored = [], 0
        for number, line in enumerate(lines[1:], 2):
            if line.startswith("#"):
                ignored += 1
            else:
                rows.append((number, self.row(line, document.name)))
        need_columns(lines[0].split(",") if lines else (), COLUMNS, document.name)
        if len(rows) + ignored != expected:
            raise DocumentDamaged(
                f"{document.name}: {expected} rows are promised, {len(rows) + ignored} are there."
            )
        return self.reading(day, rows, ignored, finality)

    def head(self, line: str) -> tuple[date, int, Finality]:
        try:
            _, day, expected, word = line.split(";")
            return date.fromisoformat(day), int(expected), Finality[word.upper()]
        except (ValueError, KeyError):
            raise DocumentDamaged(f"'{line}' is no first line.") from None

    def row(self, line: str, name: str) -> dict[str, str]:
        fields = next(csv.reader([line]), [])
        if len(fields) != len(COLUMNS):
            raise DocumentDamaged(f"{name}: '{line}' has {len(fields)} fields.")
        row = dict(zip(COLUMNS, fields, strict=True))
        if row["auction"] not in ("first", "second"):
            raise FeedFormatChanged(f"{name}: auction '{row['auction']}' is not known.")
        return row

    def reading(
        self, day: date, rows: list[tuple[int, dict[str, str]]], ignored: int, finality: Finality
    ) -> Reading:
        table, made = SeriesTable(), []
        for number, row in rows:
            for n, (column, measure) in enumerate(MEASURES.items()):
                series = SeriesId("demo", self.run(row), measure, "hub", row["hub"])
                code = table.code(series, "EUR/MWh")
                made.append(
                    (code, self.start(day, int(row["slot"])), self.value(row[column]), number, n)
                )
        code, start, value, line, place = map(np.array, zip(*made, strict=True))
        return Reading(
            table.series,
            table.units,
            code,
            start,
            start + HOUR,
            value,
            locator=pack_locators(0, line, place),
            finality=np.full(len(code), int(finality)),
            rows_read=len(rows),
            rows_ignored={"comment": ignored} if ignored else {},
        )

    def run(self, row: dict[str, str]) -> str:
        return f"day_ahead-{row['auction']}"

    def value(self, text: str) -> float:
        return float(text)

    def start(self, day: date, slot: int) -> np.datetime64:
        return instant64(day_window(day, ZONE).start) + (slot - 1) * HOUR

    def locate(self, document: Document, locator: Locator) -> bytes:
        return document.body.splitlines()[locator.row]

    def write(self, dataset: str, reading: Reading) -> Iterator[Document]:
        days: dict[date, dict[tuple[str, str, int], dict[str, float]]] = {}
        for code, start, value in zip(
            reading.code, reading.interval_start, reading.value, strict=True
        ):
            series, instant = reading.series[code], start.item().replace(tzinfo=None)
            day = operating_day(_aware(instant), ZONE)
            slot = int((start - instant64(day_window(day, ZONE).start)) / HOUR) + 1
            row = days.setdefault(day, {}).setdefault(
                (series.run.partition("-")[2], series.location, slot), {}
            )
            row[series.measure] = value
        finality = Finality(int(reading.finality[0])).word
        for day, rows in days.items():
            yield self.document(day, rows, finality)

    def document(self, day: date, rows: dict[Any, dict[str, float]], finality: str) -> Document:
        out = io.StringIO(newline="")
        out.write(f"demo exchange;{day};{len(rows)};{finality}\n")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for key, row in sorted(rows.items()):
            writer.writerow([*key, *(row[measure] for measure in MEASURES.values())])
        return Document(f"prices_{day:%Y%m%d}.csv", out.getvalue().encode(), "text/csv")


def _aware(instant: Any) -> Any:
    from datetime import UTC

    return instant.replace(tzinfo=UTC)


def slots(day: date) -> int:
    return interval_count(day_window(day, ZONE), timedelta(hours=1))
