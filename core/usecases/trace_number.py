"""Follow a number back: the row, its document and receipt, the fragment it stands in, and a second reading."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from attrs import frozen

from carbon254.core.domain.documents import Document, Locator, Receipt
from carbon254.core.domain.entitlements import Scope, Selection
from carbon254.core.domain.errors import Carbon254Error, NotFound, PluginBroken
from carbon254.core.domain.observations import Batch, Observations, Reading, as_int, instant64
from carbon254.core.domain.revisions import current_rows
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, format_instant
from carbon254.core.domain.vocabulary import Flag
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
        receipt = self.journal.receipts().get(batch.receipt)
        if receipt is None:
            raise NotFound(
                f"the journal has no receipt {batch.receipt} ({batch.document_name}): restore its files."
            )
        document = receipt.document(self.archive.get(batch.digest))
        again, place = self._read_again(batch, document, row)
        value = None if np.isnan(row.value[0]) else float(row.value[0])
        # The row of a document that only said a number again has the locator of the one that said it first.
        known = place if place is not None and again == value else int(row.locator[0])
        locator = Locator.unpack(known)
        # What a document took back by not holding it stands nowhere in it.
        stands = place is not None or not int(row.flags[0]) & Flag.RETRACTED
        fragment = self._located(batch.market, document, locator) if stands else b""
        version = self.catalogue.parser_version(batch.market)
        return Provenance(row, batch, receipt, locator, fragment, version, again, again == value)

    def _row(
        self,
        series: SeriesId,
        start: datetime,
        scope: Scope,
        as_of: datetime | None,
        published_by: datetime | None,
    ) -> Observations:
        window = Window(start, start + timedelta(microseconds=1))
        rows = self.store.read(
            scope.restrict(Selection((series,), (), window, as_of, published_by))
        )
        rows = current_rows(rows)
        here = np.flatnonzero(rows.interval_start == instant64(start))
        if not len(here):
            raise NotFound(f"{series} has no stored row that starts at {format_instant(start)}.")
        return rows.take(here[-1:])

    def _located(self, market: str, document: Document, locator: Locator) -> bytes:
        try:
            return self.catalogue.market(market).locate(document, locator)
        except Carbon254Error:
            raise
        except Exception as error:  # the plugin's own code
            raise PluginBroken(
                f"{market} cannot locate {locator}: {type(error).__name__}: {error}"
            ) from error

    def _read_again(
        self, batch: Batch, document: Document, row: Observations
    ) -> tuple[float | None, int | None]:
        """What the parser reads for the row's interval today, and where it stands; twice None when it reads nothing."""
        market = self.catalogue.market(batch.market)
        try:
            for reading in chunks(market.read(batch.dataset, document)):
                found = _find(reading, row)
                if found is not None:
                    value = reading.value[found]
                    return (None if np.isnan(value) else float(value)), int(reading.locator[found])
        except Carbon254Error:
            return None, None
        except Exception as error:  # the plugin's own code
            raise PluginBroken(
                f"{batch.market} failed on {document.name}: {type(error).__name__}: {error}"
            ) from error
        return None, None


def _find(reading: Reading, row: Observations) -> int | None:
    """The row of the same series, interval and issue."""
    series = row.series[row.code[0]]
    if series not in reading.series:
        return None
    here = (
        (reading.code == reading.series.index(series))
        & (reading.interval_start == row.interval_start[0])
        & (reading.interval_end == row.interval_end[0])
        & (as_int(reading.issued_at) == as_int(row.issued_at)[0])
    )
    found = np.flatnonzero(here)
    return int(found[0]) if len(found) else None
