"""Follow a number back: the row, its document and receipt, the fragment it stands in, and a second reading."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from attrs import frozen

from carbon254.core.domain.documents import Document, Locator, Receipt
from carbon254.core.domain.entitlements import Scope, Selection
from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.observations import Batch, Observations, Reading, instant64
from carbon254.core.domain.revisions import current_rows
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, format_instant
from carbon254.ports.archive import DocumentArchive, Journal
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.markets import chunks
from carbon254.ports.storage import SeriesStore


@frozen(eq=False)
class Provenance:
    """Where a number comes from. ``reread`` is what the parser reads at the same place today; ``same`` if equal."""

    row: Observations  # one row
    batch: Batch
    receipt: Receipt
    locator: Locator
    fragment: bytes
    parser_version: str
    reread: float | None
    same: bool


@frozen
class TraceNumber:
    """The use case behind ``carbon254 provenance``."""

    store: SeriesStore
    archive: DocumentArchive
    journal: Journal
    catalogue: MarketCatalogue

    def run(
        self,
        series: SeriesId,
        start: datetime,
        scope: Scope,
        *,
        as_of: datetime | None = None,
        published_by: datetime | None = None,
    ) -> Provenance:
        """Trace the current value of the interval that starts at ``start``.

        Raises `NotFound` when there is no such row, `NotEntitled` outside the scope.
        """
        row = self._row(series, start, scope, as_of, published_by)
        batch = row.batches[row.batch[0]]
        receipt = self.journal.receipts()[batch.receipt]
        document = receipt.document(self.archive.get(batch.digest))
        locator = Locator.unpack(int(row.locator[0]))
        fragment = self.catalogue.market(batch.market).locate(document, locator)
        again = self._read_again(batch, document, row)
        value = None if np.isnan(row.value[0]) else float(row.value[0])
        version = self.catalogue.parser_version(batch.market)
        return Provenance(row, batch, receipt, locator, fragment, version, again, again == value)

    def _row(
        self, series: SeriesId, start: datetime, scope: Scope, as_of: datetime | None, published_by: datetime | None
    ) -> Observations:
        window = Window(start, start + timedelta(microseconds=1))
        rows = self.store.read(scope.restrict(Selection((series,), (), window, as_of, published_by)))
        rows = current_rows(rows)
        here = np.flatnonzero(rows.interval_start == instant64(start))
        if not len(here):
            raise NotFound(f"{series} has no stored row that starts at {format_instant(start)}.")
        return rows.take(here[-1:])

    def _read_again(self, batch: Batch, document: Document, row: Observations) -> float | None:
        market = self.catalogue.market(batch.market)
        for reading in chunks(market.read(batch.dataset, document)):
            found = _find(reading, row)
            if found is not None:
                return None if np.isnan(reading.value[found]) else float(reading.value[found])
        return None


def _find(reading: Reading, row: Observations) -> int | None:
    series = row.series[row.code[0]]
    if series not in reading.series:
        return None
    here = (
        (reading.code == reading.series.index(series))
        & (reading.interval_start == row.interval_start[0])
        & (reading.interval_end == row.interval_end[0])
        & (reading.locator == row.locator[0])
    )
    found = np.flatnonzero(here)
    return int(found[0]) if len(found) else None
