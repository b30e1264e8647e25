"""MISO's translator: recognises, asks for, reads, locates and writes its documents."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Final

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document, Locator, Request
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.time import Window
from carbon254.plugins.markets.miso import (
    day_prices,
    displays,
    interval_prices,
    load_report,
    requests,
    writer,
)

_FAMILIES: Final = {
    "day_ahead_lmp": "da_expost_lmp.csv",
    "day_ahead_ex_ante_lmp": "da_exante_lmp.csv",
}


class Feed:
    """Stateless but for its card; see the modules of the datasets for their formats."""

    def __init__(self, card: MarketCard) -> None:
        self.card = card

    def recognise(self, document: Document) -> tuple[str, ...]:
        return (
            day_prices.recognise(document)
            or displays.recognise(document)
            or interval_prices.recognise(document)
            or load_report.recognise(document)
        )

    def requests(self, dataset: str, window: Window) -> Generator[Request, Document, None]:
        self.card.dataset(dataset)
        if dataset in _FAMILIES:
            return requests.day_ahead(_FAMILIES[dataset], window)
        if dataset == "load":
            return iter_one(requests.display("RealTimeTotalLoad", "RealTimeTotalLoad.json"))
        if dataset == "solar_forecast":
            return iter_one(requests.display("WindSolar/getsolarforecast", "getSolarForecast.json"))
        asking = {
            "real_time_hourly_lmp": requests.real_time_hourly,
            "real_time_lmp": requests.real_time_lmp,
            "load_daily": requests.load_daily,
            "fuel_mix": requests.fuel_mix,
        }
        return asking[dataset](window)

    def read(self, dataset: str, document: Document) -> Reading | Iterable[Reading]:
        self.card.dataset(dataset)
        if dataset in day_prices.RUNS:
            return day_prices.read(self.card, dataset, document)
        reading = {
            "real_time_lmp": interval_prices.read,
            "load": displays.read_load,
            "solar_forecast": displays.read_solar_forecast,
            "fuel_mix": displays.read_fuel_mix,
            "load_daily": load_report.read,
        }
        return reading[dataset](self.card, document)

    def locate(self, document: Document, locator: Locator) -> bytes:
        found = self.recognise(document)
        if not found:
            raise InvalidRequest(f"{document.name}: this is no document of MISO's.")
        if found[0] in day_prices.RUNS:
            return day_prices.locate(document, locator)
        if found[0] == "real_time_lmp":
            return interval_prices.locate(document, locator)
        if found[0] == "load_daily":
            return load_report.locate(document, locator)
        return displays.locate(found[0], document, locator)

    def write(self, dataset: str, reading: Reading) -> Iterable[Document]:
        if not self.card.dataset(dataset).writes:
            raise InvalidRequest(f"miso/{dataset}: MISO's .xls (BIFF) is read only.")
        return writer.write(self.card, dataset, reading)


def iter_one(request: Request) -> Generator[Request, Document, None]:
    """A display that serves only what is current."""
    yield request
