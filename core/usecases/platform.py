"""All that the platform does over one data folder or database, put together by ``config``."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from carbon254.core.usecases.check_quality import CheckQuality
from carbon254.core.usecases.fetch_documents import FetchDocuments
from carbon254.core.usecases.find_series import FindSeries
from carbon254.core.usecases.ingest_documents import IngestDocuments
from carbon254.core.usecases.make_samples import MakeSamples
from carbon254.core.usecases.query_series import QuerySeries
from carbon254.core.usecases.read_documents import ReadDocuments
from carbon254.core.usecases.reread_documents import RereadDocuments
from carbon254.core.usecases.show_board import ShowBoard
from carbon254.core.usecases.summarise_store import SummariseStore
from carbon254.core.usecases.trace_number import TraceNumber
from carbon254.ports.catalogue import MarketCatalogue
from carbon254.ports.clock import Clock
from carbon254.ports.records import RecordStore
from carbon254.ports.storage import SeriesStore


@frozen
class Platform:
    """The use cases, and the ports that the edges ask for facts. Close it, or use it in a ``with``."""

    catalogue: MarketCatalogue
    clock: Clock
    store: SeriesStore
    records: RecordStore
    ingest: IngestDocuments
    fetch: FetchDocuments
    reread: RereadDocuments
    read: ReadDocuments
    samples: MakeSamples
    query: QuerySeries
    find: FindSeries
    trace: TraceNumber
    quality: CheckQuality
    board: ShowBoard
    summary: SummariseStore
    upkeep: Callable[[], object] = field(default=lambda: None, repr=False)  # after a large ingest
    _close: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def synthetic(self) -> bool:
        """Whether the folder holds made-up documents."""
        return self.records.get("nature") == "synthetic"

    def close(self) -> None:
        """Give up stores and locks."""
        self._close()

    def __enter__(self) -> Platform:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
