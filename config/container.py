"""Where objects are put together, and the only place that does."""

from __future__ import annotations

import secrets
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
from carbon254.adapters.files.checkpoints import FileCheckpoints
from carbon254.adapters.files.folder import Folder
from carbon254.adapters.files.journal import FileJournal
from carbon254.adapters.files.workers import OwnerAlone
from carbon254.adapters.jobs.behind import Behind
from carbon254.adapters.plugins.host import PluginHost
from carbon254.adapters.plugins.models import ModelHost
from carbon254.adapters.telemetry.logs import tell
from carbon254.config.settings import Settings
from carbon254.core.domain.checkpoints import ORIGIN
from carbon254.core.domain.errors import Carbon254Error
from carbon254.core.domain.observations import Observations
from carbon254.core.domain.streams import Message
from carbon254.core.usecases.admit_calls import AdmitCalls
from carbon254.core.usecases.capture_prices import CapturePrices
from carbon254.core.usecases.check_quality import CheckQuality
from carbon254.core.usecases.compare_forecasts import CompareForecasts
from carbon254.core.usecases.describe_series import DescribeSeries
from carbon254.core.usecases.explain_decisions import ExplainDecisions
from carbon254.core.usecases.fetch_documents import FetchDocuments
from carbon254.core.usecases.find_locations import FindLocations
from carbon254.core.usecases.find_missed_work import FindMissedWork
from carbon254.core.usecases.find_series import FindSeries
from carbon254.core.usecases.forecast_subjects import ForecastSubjects
from carbon254.core.usecases.grant_streams import GrantStreams
from carbon254.core.usecases.ingest_documents import IngestDocuments
from carbon254.core.usecases.keep_models import KeepModels
from carbon254.core.usecases.make_samples import MakeSamples
from carbon254.core.usecases.manage_keys import ManageKeys
from carbon254.core.usecases.own_documents import OwnCatalogue
from carbon254.core.usecases.platform import Platform
from carbon254.core.usecases.publish_checkpoint import PublishCheckpoint
from carbon254.core.usecases.query_series import QuerySeries
from carbon254.core.usecases.raise_alarms import RaiseAlarms
from carbon254.core.usecases.read_documents import ReadDocuments
from carbon254.core.usecases.read_values import ReadValues
from carbon254.core.usecases.relay_messages import RelayMessages
from carbon254.core.usecases.reread_documents import RereadDocuments
from carbon254.core.usecases.run_backtest import RunBacktest
from carbon254.core.usecases.run_forecast import RunForecast
from carbon254.core.usecases.run_jobs import RunJobs
from carbon254.core.usecases.run_models import RunModels
from carbon254.core.usecases.show_board import ShowBoard
from carbon254.core.usecases.summarise_store import SummariseStore
from carbon254.core.usecases.take_queued import TakeQueued
from carbon254.core.usecases.trace_number import TraceNumber
from carbon254.core.usecases.verify_audit import VerifyAudit
from carbon254.core.usecases.watch_executions import WatchExecutions
from carbon254.ports.clock import Clock
from carbon254.ports.log import Log
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


def _workers(settings: Settings) -> Any:
    if settings.store == "postgres":
        from carbon254.adapters.postgres.workers import PostgresWorkers

        return PostgresWorkers(settings.dsn)
    return OwnerAlone()


def _giving_up(executor: providers.Resource[Any]) -> Callable[[], None]:
    """How to end what is computed; an executor that nobody has asked for is not made for that."""

    def give_up() -> None:
        if executor.initialized:
            executor().close()

    return give_up


def _executor(settings: Settings) -> Any:
    from carbon254.adapters.compute import ProcessExecutor

    return ProcessExecutor(settings.threads)


def _bus(settings: Settings, clock: Clock) -> Any:
    if settings.nats:
        from carbon254.adapters.nats.bus import NatsBus
        from carbon254.adapters.nats.connection import Address

        return NatsBus(Address(url=settings.nats))
    from carbon254.adapters.bus.memory import MemoryBus

    return MemoryBus(clock)


def _encode(rows: Observations) -> bytes:
    from carbon254.adapters.arrow.columns import encode

    return encode(rows)


def _audit_log(settings: Settings) -> Any:
    if settings.store == "postgres":
        from carbon254.adapters.postgres.audit import PostgresAuditLog

        return PostgresAuditLog(settings.dsn)
    from carbon254.adapters.sqlmodel.sqlite_audit import SqliteAuditLog

    return SqliteAuditLog(settings.data / "audit.sqlite")


def _policy(settings: Settings) -> Any:
    from carbon254.adapters.casbin.policy import SHIPPED, CasbinPolicy

    return CasbinPolicy(settings.policies or SHIPPED)


def _signer(settings: Settings) -> Any:
    from carbon254.adapters.files.seal import NoteSigner, owners_secret

    return NoteSigner(ORIGIN, owners_secret(settings.data / "secrets" / "audit.ed25519"))


def _masks(settings: Settings) -> Callable[[str], str]:
    from carbon254.adapters.files.seal import Masks, owners_secret

    return Masks(owners_secret(settings.data / "secrets" / "audit.salt"))


def _keys(records: Any) -> Any:
    return records.keys()


def _new_id() -> str:
    """An id that cannot be guessed."""
    return secrets.token_hex(8)


def _clock(records: RecordStore, wanted: datetime | None) -> Clock:
    """The machine's clock, or the instant to which the folder was pinned when it was new."""
    if wanted is not None and records.get(CLOCK_FACT) is None and records.get("nature") is None:
        records.put(CLOCK_FACT, wanted.isoformat())
    pinned = records.get(CLOCK_FACT)
    return FixedClock(datetime.fromisoformat(pinned)) if pinned else SystemClock()


def _made_up(records: RecordStore) -> Callable[[], bool]:
    return lambda: records.get("nature") == "synthetic"


def _closing(make: Callable[..., Any], *arguments: Any, **options: Any) -> Iterator[Any]:
    made = make(*arguments, **options)
    yield made
    made.close()


def _folder(settings: Settings, name: str) -> Path:
    return settings.data / name


def _publishing(bus: providers.Provider[Any]) -> Callable[[Message], None]:
    """How to publish one message; the bus is opened by the first."""

    def publish(message: Message) -> None:
        bus().publish([message])

    return publish


class Container(containers.DeclarativeContainer):
    """Every shared object, made once, when first asked for; resources are closed by `shutdown_resources`."""

    settings = providers.Dependency(instance_of=Settings)
    catalogue = Shared(PluginHost)
    beside = providers.Object(False)
    journal = providers.Resource(
        _closing, FileJournal, providers.Callable(_folder, settings, "journal"), read_only=beside
    )
    archive = Shared(FileArchive, providers.Callable(_folder, settings, "archive"))
    records = providers.Resource(_closing, _record_store, settings)
    store = providers.Resource(_closing, _series_store, settings)
    pinned: providers.Object[datetime | None] = providers.Object(None)
    clock = Shared(_clock, records, pinned)
    machine_clock = Shared(
        SystemClock
    )  # keys and the audit live by it, whatever the data's clock says
    audit = providers.Resource(_closing, _audit_log, settings)
    keys = Shared(_keys, records)
    policy = Shared(_policy, settings)
    masks = Shared(_masks, settings)
    log: providers.Object[Log] = providers.Object(tell)
    admit = Shared(
        AdmitCalls, keys, policy, audit, machine_clock, catalogue.provided.cards, providers.Object(_new_id), masks, log,
    )  # fmt: skip
    manage_keys = Shared(ManageKeys, admit)
    decisions = Shared(ExplainDecisions, audit, policy)
    signer = Shared(_signer, settings)
    book = Shared(FileCheckpoints, providers.Callable(_folder, settings, "audit/checkpoints.txt"))
    checkpoint = Shared(
        PublishCheckpoint, audit, book, signer, machine_clock, catalogue.provided.announce
    )
    verify = Shared(VerifyAudit, audit, book, signer)
    fetcher = providers.Resource(_closing, HttpFetcher, clock)
    executor = providers.Resource(_closing, _executor, settings)
    own = Shared(OwnCatalogue, catalogue)
    models = Shared(ModelHost)
    executions = Shared(_execution_log, records)
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
    quality = Shared(CheckQuality, store, find, records, catalogue, clock, reread, catalogue)
    board = Shared(ShowBoard, query, find, catalogue, clock)
    summary = Shared(SummariseStore, store, catalogue, clock)
    subjects = Shared(ForecastSubjects, store, catalogue.provided.cards.call())
    work: providers.Object[str] = providers.Object(WORK)
    workers = providers.Resource(_closing, _workers, settings)
    named = Shared(KeepModels, models, records)
    runner = Shared(
        RunModels, named, executor.provider, archive, executions, executions, workers, work, beside
    )
    watch = Shared(WatchExecutions, executions, workers, clock)
    behind = Shared(Behind, log, providers.Callable(_giving_up, executor.provider))
    forecast = Shared(RunForecast, subjects, runner, ingest)
    backtest = Shared(RunBacktest, subjects, runner, ingest)
    queued = Shared(TakeQueued, forecast, backtest, behind)
    comparison = Shared(CompareForecasts, subjects, query, backtest)
    missed = Shared(FindMissedWork, store, catalogue, clock)
    bus = providers.Resource(_closing, _bus, settings, clock)  # opened by who publishes first
    streams = Shared(GrantStreams, admit)
    relay = providers.Factory(  # a new one knows nothing of what another relay did in between
        RelayMessages, store, store, bus, catalogue, clock, providers.Object(_encode)
    )
    alarms = Shared(
        RaiseAlarms,
        records,
        catalogue,
        clock,
        catalogue.provided.announce,
        providers.Callable(_publishing, bus.provider),
    )
    jobs = Shared(
        RunJobs, fetch, missed, quality, alarms, records, checkpoint.provided.run, queued.provided.run,
        settings.provided.credentials,
    )  # fmt: skip
    values = Shared(ReadValues, query, find, catalogue, Shared(CapturePrices, query, catalogue))
    describe = Shared(DescribeSeries, find, catalogue)
    locations = Shared(FindLocations, records, catalogue)


def open_platform(
    settings: Settings, pinned: datetime | None = None, *, beside: bool = False, **parts: Any
) -> Platform:
    """Open the data folder or database of the settings; the clock of a new one is ``pinned``, for a demo.

    ``beside`` the folder's owner, a process on a shared database answers and announces, and takes nothing in.
    Raises `StoreBusy` when another process owns it, `StoreUnavailable`, `DiskFull`.
    """
    made = Container(settings=settings, pinned=pinned, beside=beside, **parts)
    try:
        made.journal()
        return _platform(made)
    except BaseException:
        _shut(made)
        raise


def _platform(made: Container) -> Platform:
    """The use cases of a container, each made now."""
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
        executions=made.watch(),
        behind=made.behind(),
        jobs=made.jobs(),
        streams=made.streams(),
        relay=made.relay,
        values=made.values(),
        describe=made.describe(),
        locations=made.locations(),
        **_admitting(made),
        files=Folder,
        upkeep=upkeep,
        close=lambda: _close(made),
    )


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


def _admitting(made: Container) -> dict[str, Any]:
    """Who calls, what they may do, and what is written down of it."""
    return {
        "admit": made.admit(), "audit": made.audit(), "proofs": made.audit(), "signer": made.signer(),
        "keys": made.manage_keys(), "decisions": made.decisions(), "checkpoint": made.checkpoint(),
        "verify": made.verify(), "log": made.log(),
    }  # fmt: skip


def _close(made: Container) -> None:
    """End work in hand and sign what the audit log has come to, then shut.

    A head that cannot be signed now is signed the next time.
    """
    try:
        made.behind().close()
        made.checkpoint().run()
    except Carbon254Error as error:
        made.log()("checkpoint failed", code=error.code, message=str(error))
    finally:
        _shut(made)


def _shut(made: Container) -> None:
    made.shutdown_resources()
