"""The identity card of a series: what its number is, when it is due, how far it reaches and how it is revised."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from attrs import frozen

from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.entitlements import Scope, Selection
from carbon254.core.domain.errors import NotFound
from carbon254.core.domain.expectations import day_zone_of
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.synthetic import unit_of
from carbon254.core.domain.vocabulary import check_measure
from carbon254.core.usecases.find_series import FindSeries
from carbon254.ports.catalogue import MarketCatalogue


@frozen
class DatedWord:
    """A word, such as a run's nature, that holds for delivery days in ``[valid_from, valid_to)``."""

    word: str
    valid_from: date | None
    valid_to: date | None


@frozen
class DatedLength:
    """The length of an interval for delivery days in ``[valid_from, valid_to)``."""

    length: timedelta
    valid_from: date | None
    valid_to: date | None


@frozen
class Days:
    """Where the operating day is counted, and the operator's own labels, which end at the parser."""

    zone: str
    day_start: str
    label_zone: str
    label_marks: str


@frozen
class Reach:
    """First start, last end and number of rows of any age; the instant at which one was last recorded."""

    first: datetime
    last: datetime
    rows: int
    recorded_at: datetime


@frozen
class RevisionHabit:
    """How numbers change: the finality they come with, from when a gap is final, what orders documents."""

    finality: str
    final_after: timedelta | None
    published_claim: str
    kind_of_dataset: str


@frozen
class SeriesCard:
    """Everything that is true of a series. What no card says is None; a series without rows has no coverage."""

    series: SeriesId
    name: str
    unit: str
    basis: str
    intervals: str
    nature: tuple[DatedWord, ...]
    run_title: str
    resolution: tuple[DatedLength, ...]
    days: Days | None
    due: str | None
    gate_closure: str | None
    revisions: RevisionHabit | None
    coverage: Reach | None
    licence: str
    redistribution: str


@frozen
class DescribeSeries:
    """The use case behind ``GET /v1/series/{…}``."""

    find: FindSeries
    catalogue: MarketCatalogue

    def run(
        self,
        series: SeriesId,
        scope: Scope,
        *,
        as_of: datetime | None = None,
        published_by: datetime | None = None,
    ) -> SeriesCard:
        """Describe a series; the clocks say which rows its coverage counts.

        Raises `NotEntitled` outside the scope, `NotFound` where neither store nor card has it.
        """
        scope.restrict(Selection((series,)))
        entry = self.find.one(series, scope, as_of=as_of, published_by=published_by)
        card = self.catalogue.cards().get(series.market)
        facts = card.feeding(series) if card else None
        known = card is not None and card.place(series.kind, series.location) is not None
        if entry is None and not (facts and known):
            raise NotFound(f"there is no series {series}.")
        reach = None
        if entry is not None:
            reach = Reach(entry.first, entry.last, entry.rows, entry.recorded_at)
        unit = entry.unit if entry else (unit_of(card, facts, series) if card and facts else "")
        basis = check_measure(series.measure).basis
        return SeriesCard(
            series, _name(card, series), unit, basis, "half-open, UTC", **_of_run(card, series),
            **_of_dataset(card, facts, series), coverage=reach, licence=card.licence if card else "",
            redistribution=card.redistribution if card else "",
        )  # fmt: skip


def _name(card: MarketCard | None, series: SeriesId) -> str:
    place = card.place(series.kind, series.location) if card else None
    return place.name if place and place.name else series.location


def _of_run(card: MarketCard | None, series: SeriesId) -> dict[str, Any]:
    run = card.runs.get(series.run) if card else None
    if run is None:
        return {"nature": (), "run_title": "", "gate_closure": None}
    return {
        "nature": tuple(DatedWord(one.word, one.from_, one.to) for one in run.nature),
        "run_title": run.title,
        "gate_closure": run.gate_closure.text if run.gate_closure else None,
    }


def _of_dataset(
    card: MarketCard | None, facts: DatasetCard | None, series: SeriesId
) -> dict[str, Any]:
    if card is None or facts is None:
        return {"resolution": (), "days": None, "due": None, "revisions": None}
    lengths = (
        one
        for one in facts.resolution
        if (not one.locations or series.location in one.locations)
        and (not one.measures or series.measure in one.measures)
        and (not one.runs or series.run in one.runs)
    )
    clock = facts.day_start.isoformat("minutes")
    return {
        "resolution": tuple(DatedLength(one.length, one.from_, one.to) for one in lengths),
        "days": Days(day_zone_of(card, facts, series), clock, facts.label_zone, facts.label_marks),
        "due": facts.due_for(series.run).text,
        "revisions": RevisionHabit(
            facts.finality, facts.final_after, facts.published_claim, facts.class_
        ),
    }
