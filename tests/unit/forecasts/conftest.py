"""A desk with a stored history of German prices, load and wind, and fakes for all that forecasts need.

The cards are ENTSO-E's own: the gate closes at noon in Brussels on the day before.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attrs import define, field

from carbon254.core.domain.backtests import AskedModel, BacktestPlan, Conditions, Target
from carbon254.core.domain.cards import MarketCard, read_card
from carbon254.core.domain.day_grid import DayGrid
from carbon254.core.domain.documents import Document
from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.observations import (
    NAT,
    Batch,
    Column,
    Observations,
    instant64,
)
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.vocabulary import PublishedBasis
from carbon254.core.usecases.compare_forecasts import CompareForecasts
from carbon254.core.usecases.execute_model import execute
from carbon254.core.usecases.forecast_subjects import ForecastSubjects
from carbon254.core.usecases.ingest_documents import IngestDocuments
from carbon254.core.usecases.keep_models import KeepModels
from carbon254.core.usecases.own_documents import OwnCatalogue
from carbon254.core.usecases.query_series import QuerySeries
from carbon254.core.usecases.reread_documents import RereadDocuments
from carbon254.core.usecases.run_backtest import RunBacktest
from carbon254.core.usecases.run_forecast import RunForecast
from carbon254.core.usecases.run_models import RunModels
from carbon254.core.usecases.trace_number import TraceNumber
from carbon254.ports.models import Forecaster
from carbon254.ports.testing.fakes.archive import MemoryArchive, MemoryJournal
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.compute import SerialExecutor
from carbon254.ports.testing.fakes.executions import MemoryExecutionLog, MemoryWorkers
from carbon254.ports.testing.fakes.models import Average, ModelShelf, Repeat, Stumble
from carbon254.ports.testing.fakes.records import MemoryRecordStore
from carbon254.ports.testing.fakes.storage import MemorySeriesStore
from carbon254.ports.testing.models import made_up

ROOT = Path(__file__).resolve().parents[3]
ZONE = "10Y1001A1001A82H"
PRICE = SeriesId.parse(f"entsoe/day_ahead-sdac/price/zone/{ZONE}")
LOAD = SeriesId.parse(f"entsoe/forecast-day_ahead/load/zone/{ZONE}")
WIND = SeriesId.parse(f"entsoe/forecast-day_ahead/generation_wind_onshore/zone/{ZONE}")
EVERYTHING = Scope.everything()
GRID = DayGrid("Europe/Brussels", timedelta(hours=1))
# Local clock of the day before at which each is published, and whether it is issued then.
SAID = {PRICE: (13, False), LOAD: (10, True), WIND: (18, True)}


class OneMarket:
    """The card's market, which knows no document of an operator."""

    def __init__(self, card: MarketCard) -> None:
        self.card = card

    def recognise(self, document: Document) -> tuple[str, ...]:
        return ()

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody asks the market to {name}")


class Cards:
    """A catalogue of one market."""

    def __init__(self, card: MarketCard) -> None:
        self._market = OneMarket(card)

    def cards(self) -> Mapping[str, MarketCard]:
        return {"entsoe": self._market.card}

    def market(self, market: str) -> Any:
        if market != "entsoe":
            raise NotFound(f"no market '{market}' is installed.")
        return self._market

    def parser_version(self, market: str) -> str:
        return "1"

    def set_aside(self) -> Mapping[str, str]:
        return {}


@define
class Desk:
    """Stores and use cases; `fill` writes history as it was published, `say` a single number."""

    catalogue: Cards
    models: ModelShelf
    work: str
    clock: PinnedClock = field(factory=lambda: PinnedClock(datetime(2026, 1, 1, tzinfo=UTC)))
    archive: MemoryArchive = field(factory=MemoryArchive)
    journal: MemoryJournal = field(factory=MemoryJournal)
    store: MemorySeriesStore = field(factory=MemorySeriesStore)
    records: MemoryRecordStore = field(factory=MemoryRecordStore)
    log: MemoryExecutionLog = field(factory=MemoryExecutionLog)
    living: set[str] = field(factory=set)
    executor: SerialExecutor = field(factory=SerialExecutor)
    batches: int = 0

    @property
    def ingest(self) -> IngestDocuments:
        return IngestDocuments(
            OwnCatalogue(self.catalogue), self.archive, self.journal, self.store, self.records, self.clock
        )  # fmt: skip

    @property
    def workers(self) -> MemoryWorkers:
        return MemoryWorkers(self.living, "this")

    @property
    def runner(self) -> RunModels:
        return RunModels(
            KeepModels(self.models, self.records),
            lambda: self.executor,
            self.archive,
            self.log,
            self.log,
            self.workers,
            self.work,
        )

    @property
    def subjects(self) -> ForecastSubjects:
        return ForecastSubjects(self.store, self.catalogue.cards())

    @property
    def forecast(self) -> RunForecast:
        return RunForecast(self.subjects, self.runner, self.ingest)

    @property
    def backtest(self) -> RunBacktest:
        return RunBacktest(self.subjects, self.runner, self.ingest)

    @property
    def query(self) -> QuerySeries:
        return QuerySeries(self.store, self.catalogue, self.clock)

    @property
    def comparison(self) -> CompareForecasts:
        return CompareForecasts(self.subjects, self.query, self.backtest)

    @property
    def trace(self) -> TraceNumber:
        return TraceNumber(self.store, self.archive, self.journal, OwnCatalogue(self.catalogue))

    @property
    def reread(self) -> RereadDocuments:
        return RereadDocuments(self.ingest)

    def record(
        self,
        series: SeriesId,
        starts: Column,
        values: Column,
        published: Column,
        *,
        issued: bool = False,
        minutes: int = 60,
        basis: PublishedBasis = PublishedBasis.RULE,
        at: datetime | None = None,
        synthetic: bool = False,
        **columns: Any,
    ) -> None:
        """Write rows of a series as one document."""
        self.batches += 1
        name = f"d{self.batches}"
        when = at or self.clock.now()
        batch = Batch("entsoe", "x", name, name, "1", name, when, synthetic=synthetic)
        count = len(starts)
        columns.setdefault("flags", np.full(count, (1 << 21) if synthetic else 0))
        self.store.record(
            Observations(
                (series,), ("EUR/MWh" if series.measure == "price" else "MW",), (batch,),
                np.zeros(count), starts, starts + np.timedelta64(minutes, "m"), values,
                published_at=published, published_basis=np.full(count, int(basis)),
                issued_at=published if issued else np.full(count, NAT), **columns,
            ),
            now=when,
        )  # fmt: skip

    def fill(self, first: date, last: date, *, seed: int = 1, **options: Any) -> None:
        """History of all three series, each day's numbers published at its hour of the day before."""
        count = (last - first).days + 1
        for series, matrix in zip(
            (PRICE, LOAD, WIND), made_up(count, 24, seed).values(), strict=True
        ):
            hour, issued = SAID[series]
            starts = GRID.starts(first, last)
            self.record(
                series, starts, GRID.flatten(matrix, first), published_at(starts, hour),
                issued=issued, **options,
            )  # fmt: skip

    def say(
        self, series: SeriesId, start: str, value: float, published: datetime, **options: Any
    ) -> None:
        """Another word on one interval."""
        self.record(
            series, np.array([instant64(datetime.fromisoformat(start))]), np.array([value]),
            np.array([instant64(published)]), **options,
        )  # fmt: skip

    def rows(self) -> Observations:
        """Everything that is stored."""
        return self.store.read(EVERYTHING.restrict(Selection(patterns=(SeriesPattern(),))))


def published_at(starts: Column, hour: int) -> Column:
    """For each interval the instant of an hour of the day before its operating day, in Brussels."""
    days, place = np.unique(GRID.days_of(starts), return_inverse=True)
    midnights = [GRID.window(day - timedelta(1)).start for day in days.tolist()]
    edges = np.array([instant64(one + timedelta(hours=hour)) for one in midnights])
    moments: Column = edges[place]
    return moments


def gate(day: date) -> datetime:
    """Noon in Brussels on the day before, on days without a clock change."""
    return GRID.window(day - timedelta(1)).start + timedelta(hours=12)


def plan(
    start: date, end: date, *models: AskedModel, exogenous: Sequence[SeriesId] = (), **more: Any
) -> BacktestPlan:
    """A plan for the German price."""
    conditions = Conditions(**{name: more.pop(name) for name in list(more) if name in CONDITIONS})
    return BacktestPlan(
        targets=(Target(series=PRICE, exogenous=exogenous),), models=models or (AskedModel(model="repeat"),),
        start=start, end=end, conditions=conditions, **more,
    )  # fmt: skip


CONDITIONS = ("days", "origin", "refit", "window", "gap", "live_since", "seed")


@pytest.fixture
def make_desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Desk]]:
    """Make a desk over these models, or the fakes."""
    card = read_card(ROOT / "plugins/markets/entsoe/market.toml")
    made: list[Any] = []

    def make(*models: Forecaster) -> Desk:
        shelf = ModelShelf(*(models or (Repeat(), Average(), Stumble())))
        name = f"work_of_a_test_{len(made)}"
        module = types.ModuleType(name)
        module.execute = lambda task: execute(shelf, task)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)
        made.append(Desk(Cards(card), shelf, f"{name}:execute"))
        return made[-1]

    yield make
    for one in made:
        one.executor.close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


def lines(body: bytes) -> list[Any]:
    """JSON lines."""
    return [json.loads(line) for line in body.splitlines()]
