"""All that the platform does over one data folder or database, put together by ``config``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import field, frozen

from carbon254.core.domain.entitlements import Scope
from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import parse_instant, parse_window
from carbon254.core.usecases.admit_calls import AdmitCalls
from carbon254.core.usecases.check_quality import CheckQuality
from carbon254.core.usecases.compare_forecasts import CompareForecasts
from carbon254.core.usecases.describe_series import DescribeSeries
from carbon254.core.usecases.explain_decisions import ExplainDecisions
from carbon254.core.usecases.fetch_documents import FetchDocuments
from carbon254.core.usecases.find_locations import FindLocations
from carbon254.core.usecases.find_series import FindSeries
from carbon254.core.usecases.grant_streams import GrantStreams
from carbon254.core.usecases.ingest_documents import IngestDocuments, Outcome
from carbon254.core.usecases.make_samples import MakeSamples
from carbon254.core.usecases.manage_keys import ManageKeys
from carbon254.core.usecases.publish_checkpoint import PublishCheckpoint
from carbon254.core.usecases.query_series import QuerySeries
from carbon254.core.usecases.read_documents import ReadDocuments
from carbon254.core.usecases.read_values import ReadValues
from carbon254.core.usecases.relay_messages import RelayMessages
from carbon254.core.usecases.reread_documents import RereadDocuments
from carbon254.core.usecases.run_backtest import RunBacktest
from carbon254.core.usecases.run_forecast import RunForecast
from carbon254.core.usecases.run_jobs import RunJobs
from carbon254.core.usecases.show_board import ShowBoard
from carbon254.core.usecases.summarise_store import SummariseStore
from carbon254.core.usecases.trace_number import Provenance, TraceNumber
from carbon254.core.usecases.verify_audit import VerifyAudit
from carbon254.core.usecases.watch_executions import WatchExecutions
from carbon254.ports.audit import AuditLog, AuditProofs, Signer
from carbon254.ports.catalogue import Extensions, MarketCatalogue
from carbon254.ports.clock import Clock
from carbon254.ports.fetching import DocumentFolder
from carbon254.ports.jobs import Background
from carbon254.ports.log import Log
from carbon254.ports.records import RecordStore
from carbon254.ports.storage import SeriesStore

if TYPE_CHECKING:
    from pandas import DataFrame


@frozen
class Platform:
    """The use cases, and the ports that the edges ask for facts. Close it, or use it in a ``with``."""

    catalogue: MarketCatalogue
    extensions: Extensions
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
    forecast: RunForecast
    backtest: RunBacktest
    comparison: CompareForecasts
    executions: WatchExecutions
    behind: Background  # work that goes on behind an answer
    jobs: RunJobs
    streams: GrantStreams
    relay: Callable[[], RelayMessages]  # opens the bus
    values: ReadValues
    describe: DescribeSeries
    locations: FindLocations
    admit: AdmitCalls
    audit: AuditLog
    proofs: AuditProofs
    signer: Signer
    keys: ManageKeys
    decisions: ExplainDecisions
    checkpoint: PublishCheckpoint
    verify: VerifyAudit
    log: Log
    files: Callable[[Iterable[str | Path]], DocumentFolder]
    upkeep: Callable[[], object] = field(default=lambda: None, repr=False)  # after a large ingest
    _close: Callable[[], None] = field(default=lambda: None, repr=False)

    @property
    def synthetic(self) -> bool:
        """Whether the folder holds made-up documents."""
        return self.records.get("nature") == "synthetic"

    def frame(
        self,
        series: str,
        start: str | None = None,
        end: str | None = None,
        *,
        as_of: str | None = None,
        published_by: str | None = None,
        history: bool = False,
        vintages: bool = False,
        unit: str | None = None,
        lead: str | None = None,
    ) -> DataFrame:
        """Read series into a pandas frame, one row an interval, indexed by ``interval_start`` in UTC.

        ``series`` is an id or a pattern; days are the market's operating days, the end day included. A gap is a
        row with a ``state`` and no value. Of forecasts the latest issue counts, with ``lead`` (``P1D``) the latest
        of those that were issued so long before the interval, with ``vintages`` every one. Raises as `QuerySeries.run`.
        """
        from carbon254.core.usecases.frames import frame_of
        from carbon254.core.usecases.questions import question_of

        question = question_of(
            self.catalogue, series, start, end, as_of=as_of, published_by=published_by, history=history,
            vintages=vintages, unit=unit, lead=lead,
        )  # fmt: skip
        return frame_of(self.query.run(question, Scope.everything()))

    def export(self, exporter: str, frame: DataFrame) -> bytes:
        """Write a frame in a plugin's format, named ``market.name``. Raises `NotFound`."""
        known = self.extensions.exporters()
        if exporter not in known:
            raise NotFound(
                f"no exporter '{exporter}' is installed; there are {', '.join(known) or 'none'}."
            )
        return known[exporter](frame)

    def download(
        self, market: str, dataset: str, start: str, end: str | None = None
    ) -> list[Outcome]:
        """Fetch a market's documents of a window and take them in; what does not come is named in an outcome."""
        zone_name = self.catalogue.market(market).card.dataset(dataset).day_zone
        return self.fetch.run(market, dataset, parse_window(start, end, zone_name))

    def take(self, *paths: str | Path, synthetic: bool = False) -> list[Outcome]:
        """Take in documents from files and folders, each recognised by its content."""
        return self.ingest.run(self.files(paths), synthetic=synthetic)

    def number(self, series: str, start: str, *, as_of: str | None = None) -> Provenance:
        """Trace the number of the interval that starts at an instant, or with an operating day, to its bytes."""
        one = SeriesId.parse(series)
        card = self.catalogue.cards().get(one.market)
        moment = parse_window(start, None, card.zone if card else "UTC").start
        return self.trace.run(
            one, moment, Scope.everything(), as_of=parse_instant(as_of) if as_of else None
        )

    def close(self) -> None:
        """Give up stores and locks."""
        self._close()

    def __enter__(self) -> Platform:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
