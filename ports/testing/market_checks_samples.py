"""Checks that hold a market's samples against answers typed by hand, and its identities against its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np

from carbon254.core.domain import vocabulary
from carbon254.core.domain.cards import AddsUp, DatasetCard, MarketCard
from carbon254.core.domain.errors import Carbon254Error
from carbon254.core.domain.observations import NAT, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import day_window, operating_day, zone
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.ports.testing.levels import NotApplicable
from carbon254.ports.testing.market_golden import Answer
from carbon254.ports.testing.market_kit import Key, Kit, Row, repeated, rows_of

FEWEST_ANSWERS: Final = 5
_NOT_SAID: Final = int(NAT.view(np.int64))
_DAY: Final = timedelta(hours=24)


def micros(instant: datetime) -> int:
    """An instant as microseconds since 1970."""
    return int(instant64(instant).view(np.int64))


def spoken(microseconds: int) -> str:
    """Microseconds since 1970 as people read an instant."""
    return "none" if microseconds == _NOT_SAID else f"{np.datetime64(microseconds, 'us')}Z"


# ---------------------------------------------------------------- answers


def check_golden(kit: Kit, dataset: str) -> Iterator[str]:
    """Every answer typed by hand is what `read` says, in value, unit, state and whatever else it names."""
    for path in kit.readable(dataset):
        kit.read(dataset, path)  # a sample that cannot be read is a problem even without an answer
    for answer in kit.golden.answers(dataset):
        if answer.document not in kit.documents(dataset):
            yield f"{answer}: there is no such sample"
            continue
        yield from _compare(answer, rows_of(kit.read(dataset, answer.document)), kit.card.id)


def _compare(answer: Answer, rows: dict[Key, Row], market: str) -> Iterator[str]:
    series = SeriesId.parse(answer.series)
    if series.market != market:
        yield f"{answer}: the series belongs to another market"
    found = [
        (key, row)
        for key, row in rows.items()
        if (key.series, key.start, key.end) == (series, micros(answer.start), micros(answer.end))
        and (answer.issued_at is None or key.issued_at == micros(answer.issued_at))
    ]
    if not found:
        yield f"{answer}: {_absent(series, answer, rows)}"
    elif len(found) > 1:
        yield f"{answer}: issued {len(found)} times; say issued_at"
    else:
        yield from (f"{answer}: {difference}" for difference in _differences(answer, found[0][1]))


def _absent(series: SeriesId, answer: Answer, rows: dict[Key, Row]) -> str:
    own = sorted((key.start, key.end) for key in rows if key.series == series)
    if not own:
        return "the reading has no such series"
    near = min(own, key=lambda span: abs(span[0] - micros(answer.start)))
    return f"the reading has no such interval; nearest is [{spoken(near[0])}, {spoken(near[1])})"


def _differences(answer: Answer, row: Row) -> Iterator[str]:
    state = State(row.state).word
    if state != answer.state:
        yield f"state is {state}, the answer is {answer.state}"
    elif answer.value is not None and row.value != answer.value:
        yield f"value is {row.value}, the answer is {answer.value}"
    if row.unit != answer.unit:
        yield f"unit is {row.unit}, the answer is {answer.unit}"
    if answer.flags is not None and set(Flag.words(row.flags)) != set(answer.flags):
        yield f"flags are {list(Flag.words(row.flags))}, the answer is {list(answer.flags)}"
    if answer.finality is not None and Finality(row.finality).word != answer.finality:
        yield f"finality is {Finality(row.finality).word}, the answer is {answer.finality}"
    if answer.published_at is not None and row.published_at != micros(answer.published_at):
        yield f"published_at is {spoken(row.published_at)}, the answer is {answer.published_at.isoformat()}"


def check_enough_answers(kit: Kit, dataset: str) -> Iterator[str]:
    """At least five answers, among them a clock-change day and a negative price where the card says they exist."""
    answers = kit.golden.answers(dataset)
    facts = kit.facts(dataset)
    if (
        len({(a.series, a.start) for a in answers}) < FEWEST_ANSWERS
        and dataset not in kit.golden.exempt
    ):
        yield f"{len(answers)} answers; five different ones are needed (or [exempt] {dataset} = why)"
    if not answers:
        return
    lengths = day_lengths(facts, answers)
    if (
        facts.class_ != "events"
        and dataset not in kit.golden.no_clock_change
        and has_clock_changes(facts, {day.year for day in lengths})
        and all(length == _DAY for length in lengths.values())
    ):
        yield f"no answer on a day of 23 or 25 hours, which {facts.day_zone} has"
    if (
        may_be_negative(kit.card, facts)
        and dataset not in kit.golden.no_negative
        and not any(a.value is not None and a.value < 0 and _is_price(a) for a in answers)
    ):
        yield "no answer is a negative price, which the card's limits allow"


def _is_price(answer: Answer) -> bool:
    return SeriesId.parse(answer.series).measure.partition("-")[0] == "price"


def day_lengths(facts: DatasetCard, answers: tuple[Answer, ...]) -> dict[date, timedelta]:
    """The operating days that the answers speak of, and how long each is."""
    days = {operating_day(a.start, facts.day_zone, facts.day_start) for a in answers}
    return {day: day_window(day, facts.day_zone, facts.day_start).length for day in days}


def has_clock_changes(facts: DatasetCard, years: set[int]) -> bool:
    """Whether the dataset's days are not all 24 hours long in these years."""
    changing = zone(facts.day_zone)
    offsets = {
        datetime(year, month, 15, tzinfo=changing).utcoffset()
        for year in years
        for month in range(1, 13)
    }
    return len(offsets) > 1


def may_be_negative(card: MarketCard, facts: DatasetCard) -> bool:
    """Whether the dataset holds clearing prices that no floor keeps from being negative."""
    prices = [
        m
        for m in facts.measures
        if m.startswith("price") and "CUR" in vocabulary.check_measure(m).unit
    ]
    floors = [limit.floor for run in facts.runs for limit in card.runs[run].limits]
    floored = bool(floors) and all(floor is not None and floor >= 0 for floor in floors)
    return bool(prices) and card.kind == "power" and not floored


def check_clock_changes(kit: Kit, dataset: str) -> Iterator[str]:
    """Both clock changes, the short day and the long one, have answers."""
    facts, answers = kit.facts(dataset), kit.golden.answers(dataset)
    lengths = day_lengths(facts, answers)
    if (
        facts.class_ == "events"
        or not answers
        or not has_clock_changes(facts, {day.year for day in lengths})
    ):
        raise NotApplicable("no clock changes in this dataset's days")
    if dataset in kit.golden.no_clock_change:
        raise NotApplicable(kit.golden.no_clock_change[dataset])
    if not any(length < _DAY for length in lengths.values()):
        yield "no answer on the short day of spring"
    if not any(length > _DAY for length in lengths.values()):
        yield "no answer on the long day of autumn"


def check_revised(kit: Kit, dataset: str) -> Iterator[str]:
    """Two samples tell of one interval differently, as when the market revises."""
    if dataset in kit.golden.no_revision:
        raise NotApplicable(kit.golden.no_revision[dataset])
    told: dict[Key, tuple[float, int, int, int]] = {}
    for path in kit.readable(dataset):
        for key, row in rows_of(kit.read(dataset, path)).items():
            said = (row.value, row.state, row.finality, row.source_rank)
            if repr(told.setdefault(key, said)) != repr(said):
                return
    yield f"no sample revises another (or [no_revision] {dataset} = why)"


def check_refusals(kit: Kit, dataset: str) -> Iterator[str]:
    """Documents that must be refused are, with the code that the answers name."""
    refusals = [refusal for refusal in kit.golden.refusal if refusal.dataset == dataset]
    for refusal in refusals:
        if refusal.document not in kit.documents(dataset):
            yield f"{refusal.document}: there is no such sample"
            continue
        try:
            kit.read_afresh(dataset, kit.documents(dataset)[refusal.document])
        except Carbon254Error as error:
            if error.code != refusal.code:
                yield f"{refusal.document} was refused with {error.code}, the answer is {refusal.code}"
        else:
            yield f"{refusal.document} was read, but must be refused with {refusal.code}"
    if not refusals:
        raise NotApplicable("no sample is there to be refused")


# ---------------------------------------------------------------- identity


def check_identity(kit: Kit, dataset: str) -> Iterator[str]:
    """Every series read is one that the card feeds, in its unit; no run disappears into another."""
    facts, card = kit.facts(dataset), kit.card
    hubs = {place.code for place in card.places if place.kind == "hub"}
    for path in kit.readable(dataset):
        readings = kit.read(dataset, path)
        series = {s: unit for r in readings for s, unit in zip(r.series, r.units, strict=True)}
        for one, unit in series.items():
            if one.market != card.id:
                yield f"{path}: {one} belongs to another market"
            if not facts.feeds(one):
                yield f"{path}: {one} is not fed by this dataset: its runs, measures and kinds are in the card"
            if not unit_fits(one, unit):
                yield f"{path}: {one} comes in {unit}, the vocabulary says {vocabulary.check_measure(one.measure).unit}"
            if one.kind == "hub" and one.location not in hubs:
                yield f"{path}: {one.location} is no hub of the market's list"
        yield from _check_runs(
            kit, dataset, path, {r.series[code].run for r in readings for code in np.unique(r.code)}
        )


def _check_runs(kit: Kit, dataset: str, path: str, runs: set[str]) -> Iterator[str]:
    answers = [SeriesId.parse(a.series) for a in kit.golden.answers(dataset) if a.document == path]
    for run in sorted({a.run for a in answers} - runs):
        yield f"{path}: no row of run '{run}' was read, though the answers have some: runs are never merged"


def unit_fits(series: SeriesId, unit: str) -> bool:
    """Whether a unit is the measure's, in any currency; prices of allowances are by the tonne."""
    default = vocabulary.check_measure(series.measure).unit
    if "CUR" not in default:
        return unit == default
    currency, slash, rest = unit.partition("/")
    known = currency in vocabulary.currencies() or (
        currency[-1:] == "c" and currency[:-1] in vocabulary.currencies()
    )
    wanted = default.partition("/")[2]
    same = (
        {wanted}
        | ({"t"} if series.stage == "auction" else set())
        | ({"kWh", "MWh"} if wanted == "MWh" else set())
    )
    return known and (rest in same if slash else not wanted)


def check_rows_exist(kit: Kit, dataset: str) -> Iterator[str]:
    """Each sample holds numbers, each once: an empty reading is no answer."""
    if not kit.readable(dataset):
        yield f"there is no sample in samples/{dataset}"
    for path in kit.readable(dataset):
        readings = kit.read(dataset, path)
        if not sum(len(reading) for reading in readings):
            yield f"{path}: an empty reading without a word; raise NotPublishedYet where the operator has no data"
        for key in repeated(readings)[:3]:
            yield f"{path}: {key.series} at {spoken(key.start)} stands in two chunks"
        found = Counter[str]()
        for reading in readings:
            found.update({finding.rule: finding.count for finding in reading.findings})
        if found["duplicates"] and dataset not in kit.golden.duplicates:
            yield f"{path}: {found['duplicates']} identical rows (or [duplicates] {dataset} = why)"


def check_adds_up(kit: Kit, dataset: str) -> Iterator[str]:
    """Parts add up to the total within the tolerance that the card states."""
    facts = kit.facts(dataset)
    if not facts.adds_up:
        raise NotApplicable("the card states no sum")
    for path in kit.readable(dataset):
        rows = rows_of(kit.read(dataset, path))
        for rule in facts.adds_up:
            for key, row in rows.items():
                if key.series.measure == rule.total and row.state == State.OK:
                    yield from _check_sum(path, key, row.value, rule, rows)


def _check_sum(
    path: str, key: Key, total: float, rule: AddsUp, rows: dict[Key, Row]
) -> Iterator[str]:
    summed = 0.0
    for measure in (*rule.parts, *rule.optional):
        one = key.series
        part = rows.get(
            key._replace(series=SeriesId(one.market, one.run, measure, one.kind, one.location))
        )
        if part is None and measure in rule.parts:
            yield f"{path}: {one} at {spoken(key.start)} has no {measure}"
            return
        if part is not None and part.state in (State.MISSING, State.QUARANTINED):
            return
        summed += part.value if part is not None and part.state == State.OK else 0.0
    if abs(summed - total) > rule.tolerance + 1e-9:
        yield f"{path}: {key.series} at {spoken(key.start)} is {total}, its parts are {summed:.6f}"
