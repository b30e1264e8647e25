"""Where objects are put together, and the only place that does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from dependency_injector import containers, providers

from carbon254.adapters.clock import FixedClock, SystemClock
from carbon254.adapters.fetch.http import HttpFetcher
from carbon254.adapters.files.archive import FileArchive
from carbon254.adapters.files.folder import Folder
from carbon254.adapters.files.journal import FileJournal
from carbon254.adapters.plugins.host import PluginHost
from carbon254.adapters.plugins.models import ModelHost
from carbon254.config.settings import Settings
from carbon254.core.usecases.check_quality import CheckQuality
from carbon254.core.usecases.compare_forecasts import CompareForecasts
from carbon254.core.usecases.fetch_documents import FetchDocuments
from carbon254.core.usecases.find_series import FindSeries
from carbon254.core.usecases.forecast_subjects import ForecastSubjects
from carbon254.core.usecases.ingest_documents import IngestDocuments
from carbon254.core.usecases.make_samples import MakeSamples
from carbon254.core.usecases.own_documents import OwnCatalogue
from carbon254.core.usecases.platform import Platform
from carbon254.core.usecases.query_series import QuerySeries
from carbon254.core.usecases.read_documents import ReadDocuments
from carbon254.core.usecases.reread_documents import RereadDocuments
from carbon254.core.usecases.run_backtest import RunBacktest
from carbon254.core.usecases.run_forecast import RunForecast
from carbon254.core.usecases.run_models import RunModels
from carbon254.core.usecases.show_board import ShowBoard
from carbon254.core.usecases.summarise_store import SummariseStore
from carbon254.core.usecases.trace_number import TraceNumber
from carbon254.ports.clock import Clock
from carbon254.ports.records import RecordStore

if TYPE_CHECKING:
    from carbon254.core.usecases.benchmark_epf import BenchmarkEpf

WORK = "carbon254.config.work:execute_model"
CLOCK_FACT = "clock"  # the pinned instant of a demo folder
Shared = providers.ThreadSafeSingleton


def _series_store(settings: Settings) -> Any:
    if settings.store == "postgres":
        from carbon254.adapters.postgres.store import PostgresSeriesStore

        return PostgresSeriesStore(settings.dsn)
    from carbon254.adapters.duckdb.store import DuckDbSeriesStore

    return DuckDbSeriesStore(
        settings.data / "series.duckdb",
        memory_limit=settings.memory_limit,
        threads=settings.threads,
    )


def _record_store(settings: Settings) -> Any:
    if settings.store == "postgres":
        from carbon254.adapters.sqlmodel.postgres import PostgresRecordStore

        return PostgresRecordStore(settings.dsn)
    from carbon254.adapters.sqlmodel.sqlite import SqliteRecordStore

    return SqliteRecordStore(settings.data / "records.sqlite")


def _execution_log(records: Any) -> Any:
    from carbon254.adapters.sqlmodel.executions import SqlExecutionLog

    return SqlExecutionLog(records)


def _executor(settings: Settings) -> Any:
    from carbon254.adapters.compute import ProcessExecutor

    return ProcessExecutor(settings.threads)


def _clock(records: RecordStore, wanted: datetime | None) -> Clock:
    """The machine's clock, or the instant to which the folder was pinned when it was new."""
    if wanted is not None and records.get(CLOCK_FACT) is None and records.get("nature") is None:
        records.put(CLOCK_FACT, wanted.isoformat())
    pinned = records.get(CLOCK_FACT)
    return FixedClock(datetime.fromisoformat(pinned)) if pinned else SystemClock()


def _made_up(records: RecordStore) -> Callable[[], bool]:
    return lambda: records.get("nature") == "synthetic"


def _closing(make: Callable[..., Any], *arguments: Any) -> Iterator[Any]:
    made = make(*arguments)
    yield made
    made.close()


def _folder(settings: Settings, name: str) -> Path:
    return settings.data / name


class Container(containers.DeclarativeContainer):
    """Every shared object, made once, when first asked for; resources are closed by `shutdown_resources`."""

    settings = providers.Dependency(instance_of=Settings)
    catalogue = Shared(PluginHost)
    journal = providers.Resource(
        _closing, FileJournal, providers.Callable(_folder, settings, "journal")
    )
    archive = Shared(FileArchive, providers.Callable(_folder, settings, "archive"))
    records = providers.Resource(_closing, _record_store, settings)
    store = providers.Resource(_closing, _series_store, settings)
    pinned: providers.Object[datetime | None] = providers.Object(None)
    clock = Shared(_clock, records, pinned)
    fetcher = providers.Resource(_closing, HttpFetcher, clock)
    executor = providers.Resource(_closing, _executor, settings)
    own = Shared(OwnCatalogue, catalogue)
    models = Shared(ModelHost)
    log = Shared(_execution_log, records)
    ingest = Shared(
        IngestDocuments,
        own,
        archive,
        journal,
        store,
        records,
        clock,
        catalogue.provided.announce,
    )
    fetch = Shared(FetchDocuments, ingest, fetcher, settings.provided.credentials)
    reread = Shared(RereadDocuments, ingest)
    read = Shared(ReadDocuments, catalogue)
    samples = Shared(MakeSamples, ingest)
    query = Shared(QuerySeries, store, catalogue, clock, providers.Callable(_made_up, records))
    find = Shared(FindSeries, store, query)
    trace = Shared(TraceNumber, store, archive, journal, own)
    quality = Shared(CheckQuality, store, records, catalogue, clock, reread, catalogue)
    board = Shared(ShowBoard, query, find, catalogue, clock)
    summary = Shared(SummariseStore, store, catalogue, clock)
    subjects = Shared(ForecastSubjects, store, catalogue.provided.cards.call())
    work: providers.Object[str] = providers.Object(WORK)
    runner = Shared(RunModels, models, executor.provider, archive, log, work)
    forecast = Shared(RunForecast, subjects, runner, ingest)
    backtest = Shared(RunBacktest, subjects, runner, ingest)
    comparison = Shared(CompareForecasts, subjects, query, backtest)


def open_platform(settings: Settings, pinned: datetime | None = None) -> Platform:
    """Open the data folder or database of the settings; the clock of a new one is ``pinned``, for a demo.

    Raises `StoreBusy` when another process owns it, `StoreUnavailable`, `DiskFull`.
    """
    made = Container(settings=settings, pinned=pinned)
    try:
        made.journal()
        upkeep = getattr(made.store(), "sort", lambda: None)
        return Platform(
            catalogue=made.catalogue(),
            extensions=made.catalogue(),
            clock=made.clock(),
            store=made.store(),
            records=made.records(),
            ingest=made.ingest(),
            fetch=made.fetch(),
            reread=made.reread(),
            read=made.read(),
            samples=made.samples(),
            query=made.query(),
            find=made.find(),
            trace=made.trace(),
            quality=made.quality(),
            board=made.board(),
            summary=made.summary(),
            forecast=made.forecast(),
            backtest=made.backtest(),
            comparison=made.comparison(),
            files=Folder,
            upkeep=upkeep,
            close=lambda: _shut(made),
        )
    except BaseException:
        _shut(made)
        raise


@contextmanager
def open_benchmark(keep: Path | None) -> Iterator[BenchmarkEpf]:
    """The open benchmark over a folder of its own: the one to ``keep``, or one that is removed at the end."""
    from carbon254.core.usecases.benchmark_epf import BenchmarkEpf

    with TemporaryDirectory(prefix="carbon254-") as passing:
        made = Container(settings=Settings(data=keep or Path(passing)))
        try:
            yield BenchmarkEpf(made.runner())
        finally:
            _shut(made)


def _shut(made: Container) -> None:
    made.shutdown_resources()
