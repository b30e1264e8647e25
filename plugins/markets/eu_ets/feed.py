"""The feed of EEX's auction reports: a workbook a year, made anew after each auction, served without a login."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Final

from attrs import define

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document, Locator, Request
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.time import Window, days_in
from carbon254.plugins.markets.eu_ets import table, writer
from carbon254.plugins.markets.eu_ets.books import holds_auctions, open_part

FOLDER: Final = "https://public.eex-group.com/eex/eua-auction-report/"
XLSX_SINCE: Final = 2020


@define
class Feed:
    """The auctions. Locators: part = member of the zip, row = row of the sheet from 0, field = column, A being 0."""

    card: MarketCard

    def recognise(self, document: Document) -> tuple[str, ...]:
        """The one dataset, where the document is a workbook that has the sheet of auctions."""
        return (table.DATASET,) if holds_auctions(document, self._limit) else ()

    def requests(self, dataset: str, window: Window) -> Generator[Request, Document, None]:
        """The workbook of each year that the window touches, oldest first."""
        facts = self.card.dataset(dataset)
        for year in dict.fromkeys(day.year for day in days_in(window, facts.day_zone)):
            yield Request(FOLDER + writer.file_name(year, ".xls" if year < XLSX_SINCE else ".xlsx"))

    def read(self, dataset: str, document: Document) -> Reading:
        """Read a workbook."""
        self.card.dataset(dataset)
        return table.read(self.card, document)

    def locate(self, document: Document, locator: Locator) -> bytes:
        """The XML of the auction's row; in an .xls the record of the cell."""
        return open_part(document, locator.part, self._limit).fragment(locator.row, locator.field)

    def write(self, dataset: str, reading: Reading) -> Iterable[Document]:
        """A workbook for each year of auctions."""
        self.card.dataset(dataset)
        return writer.write(self.card, reading)

    @property
    def _limit(self) -> int:
        return self.card.dataset(table.DATASET).max_unpacked_bytes
