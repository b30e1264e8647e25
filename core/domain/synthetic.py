"""Made-up readings: what the demo, load tests and the conformance kit feed to a market's ``write``.

A value is a function of (series, instant, seed) alone, so overlapping windows agree and a reading can be made
again on any machine. Values look like a market's (days, weeks, spikes, negative prices); they mean nothing.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
from attrs import evolve, frozen

from carbon254.core.domain import vocabulary
from carbon254.core.domain.cards import DatasetCard, MarketCard
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import INSTANT, NAT, Column, Reading, instant64
from carbon254.core.domain.schedule import Rule
from carbon254.core.domain.series import SeriesId, unescape
from carbon254.core.domain.synthetic_shapes import Clockwork, auction, raw_values
from carbon254.core.domain.time import Window, day_window, days_in, interval_count
from carbon254.core.domain.vocabulary import Finality

SPAN_DAYS: Final = {"month": 31, "two_days": 2, "year": 365}
PRICE_PARTS: Final = ("price_energy", "price_congestion", "price_loss", "price_ghg", "price_adder")
_GLOB: Final = frozenset("*?[")
_LEAD: Final = timedelta(
    hours=12
)  # a forecast whose rule names no earlier time is issued this long before its day


def sample_window(dataset: DatasetCard, anchor_day: date) -> Window:
    """The span of the dataset's sample that ends with the anchor's operating day; one day without a sample."""
    days = SPAN_DAYS[dataset.sample.span] if dataset.sample else 1
    first, last = (
        day_window(day, dataset.day_zone, dataset.day_start)
        for day in (anchor_day - timedelta(days - 1), anchor_day)
    )
    return Window(first.start, last.end)


def sample_series(card: MarketCard, dataset: str) -> tuple[SeriesId, ...]:
    """The series of the dataset's sample, its patterns (``*``, ``?``) filled from the card and the location list.

    Raises `InvalidRequest` for a pattern that names nothing, or a series that the dataset does not feed.
    """
    facts = card.dataset(dataset)
    found: dict[SeriesId, None] = {}
    for pattern in facts.sample.series if facts.sample else ():
        made = tuple(_expand(card, facts, pattern))
        if not made or not all(facts.feeds(one) for one in made):
            raise InvalidRequest(
                f"'{card.id}': the sample of '{dataset}' names '{pattern}', which it does not feed."
            )
        found.update(dict.fromkeys(made))
    return tuple(found)


def unit_of(card: MarketCard, dataset: DatasetCard, series: SeriesId) -> str:
    """The unit of a series by card and vocabulary, such as ``EUR/MWh``, ``MW`` or ``t``."""
    default = vocabulary.check_measure(series.measure).unit
    if "CUR" not in default:
        return default
    if dataset.unit and "/" in default and "/" in dataset.unit:
        return dataset.unit
    place = card.place(series.kind, series.location)
    qualifier = series.measure.partition("-")[2].upper()
    currency = (
        qualifier
        if qualifier in vocabulary.currencies()
        else (place and place.currency) or card.currency
    )
    return default.replace("CUR", currency)


def synthesise(card: MarketCard, dataset: str, window: Window, seed: int = 254) -> Reading:
    """Make up what the dataset's sample series hold for the intervals that start in the window.

    Every row is ``ok`` and as final as the dataset; a total is the exact sum of those of its parts that are in the
    sample. Forecasts are issued by the card's rule. Raises `InvalidRequest` where a day is no multiple of
    the resolution.
    """
    facts = card.dataset(dataset)
    series = sample_series(card, dataset)
    decimals = facts.sample.decimals if facts.sample else 2
    grids = _grids(facts, series, window)
    values: dict[SeriesId, Column] = {}
    if facts.class_ == "events":
        for group, members in _by_place(series).items():
            values |= auction(group, members, grids[members[0]].clockwork, seed)
    else:
        for one in series:
            limits = _limits(card, one, window)
            values[one] = raw_values(one, grids[one].clockwork, seed, decimals, limits)
        for total, parts in _totals(facts, series).items():
            values[total] = _decimal_sum([values[part] for part in parts], decimals)
    return _assemble(card, facts, series, grids, values)


def earlier_statement(reading: Reading, finality: Finality) -> Reading:
    """What an earlier, less final document may have said of the same intervals.

    Every sixth hour of UTC its prices, and with them their energy part, are 1.25 higher, so that parts still add up.
    """
    moved = {
        code for code, one in enumerate(reading.series) if one.measure in ("price", "price_energy")
    }
    hours = reading.interval_start.astype("datetime64[h]").view(np.int64)
    other = np.isin(reading.code, list(moved)) & (hours % 6 == 0)
    return evolve(
        reading,
        value=np.where(other, reading.value + 1.25, reading.value),
        finality=np.full(len(reading), int(finality)),
    )


def expand(card: MarketCard, pattern: str) -> Iterator[SeriesId]:
    """Series of any dataset that ``run/measure/kind/location`` names, patterns filled from card and location list."""
    seen: dict[SeriesId, None] = {}
    for facts in card.datasets.values():
        for one in _expand(card, facts, pattern):
            if facts.feeds(one):
                seen[one] = None
    yield from seen


def _expand(card: MarketCard, facts: DatasetCard, pattern: str) -> Iterator[SeriesId]:
    parts = pattern.split("/", 3)
    if len(parts) != 4:
        raise InvalidRequest(
            f"'{card.id}': sample '{pattern}' is not of the form run/measure/kind/location."
        )
    run, measure, kind, location = parts
    for a in _matching(run, facts.runs):
        for b in _matching(measure, facts.measures):
            for c in _matching(kind, facts.kinds):
                codes = tuple(dict.fromkeys(place.code for place in card.places if place.kind == c))
                for d in _matching(unescape(location), codes):
                    yield SeriesId(card.id, a, b, c, d)


def _matching(pattern: str, words: tuple[str, ...]) -> tuple[str, ...]:
    if _GLOB.isdisjoint(pattern):
        return (pattern,)
    return tuple(word for word in words if fnmatch.fnmatchcase(word, pattern))


def _by_place(series: tuple[SeriesId, ...]) -> dict[SeriesId, tuple[SeriesId, ...]]:
    """Series of one run and location together, under the first of them."""
    groups: dict[tuple[str, str, str], list[SeriesId]] = {}
    for one in series:
        groups.setdefault((one.run, one.kind, one.location), []).append(one)
    return {members[0]: tuple(members) for members in groups.values()}


def _totals(facts: DatasetCard, series: tuple[SeriesId, ...]) -> dict[SeriesId, list[SeriesId]]:
    """Which series of the sample are sums of which others of it."""
    have = set(series)
    rules = [(a.total, (*a.parts, *a.optional)) for a in facts.adds_up]
    if "price" not in {total for total, _ in rules}:
        rules.append(("price", PRICE_PARTS))
    found: dict[SeriesId, list[SeriesId]] = {}
    for one in series:
        for total, parts in rules:
            others = [SeriesId(one.market, one.run, part, one.kind, one.location) for part in parts]
            if one.measure == total and (there := [part for part in others if part in have]):
                found.setdefault(one, there)
    return found


def _decimal_sum(parts: list[Column], decimals: int) -> Column:
    """Add up in whole numbers of the last digit; dividing once gives the float64 nearest to the decimal."""
    scale = 10.0**decimals
    total = np.sum([np.rint(part * scale).astype(np.int64) for part in parts], axis=0)
    result: Column = total / scale
    return result


def _limits(
    card: MarketCard, series: SeriesId, window: Window
) -> tuple[float | None, float | None]:
    run = card.runs[series.run]
    if not series.measure.startswith("price"):
        return None, None
    day = window.start.date()
    return next(
        ((limit.floor, limit.cap) for limit in run.limits if limit.holds_on(day)), (None, None)
    )


# ---------------------------------------------------------------- intervals


@frozen(eq=False)
class _Grid:
    """Intervals of a series, when each was forecast, and where each stands in its day and week."""

    start: Column
    end: Column
    issued: Column
    clockwork: Clockwork


def _grids(
    facts: DatasetCard, series: tuple[SeriesId, ...], window: Window
) -> dict[SeriesId, _Grid]:
    days = list(days_in(window, facts.day_zone, facts.day_start)) if window.length else []
    spans = [day_window(day, facts.day_zone, facts.day_start) for day in days]
    slots = {
        one: slot for slot, members in enumerate(_by_place(series).values()) for one in members
    }
    made: dict[object, _Grid] = {}
    grids: dict[SeriesId, _Grid] = {}
    for one in series:
        steps = tuple(
            _step(facts, one, day, span, slots[one]) for day, span in zip(days, spans, strict=True)
        )
        key = (steps, one.run if one.stage == "forecast" else "")
        if key not in made:
            made[key] = _grid(facts, one, list(zip(days, spans, steps, strict=True)), window)
        grids[one] = made[key]
    return grids


def _step(
    facts: DatasetCard, series: SeriesId, day: date, span: Window, slot: int
) -> tuple[timedelta, timedelta]:
    """How far apart intervals start and how long they are; zero apart: none on this day."""
    if facts.class_ == "events":
        return (
            (span.length, span.length)
            if _auction_is_held(slot, day)
            else (timedelta(0), timedelta(0))
        )
    length = facts.resolution_of(series, day)
    if length is None and facts.class_ == "irregular" and facts.max_gap:
        return facts.max_gap, timedelta(0)  # instants
    if length == timedelta(0) and facts.max_gap:
        return facts.max_gap, timedelta(0)
    return length or timedelta(0), length or timedelta(0)


def _auction_is_held(slot: int, day: date) -> bool:
    """The first place of the sample has auctions on Monday, Tuesday and Thursday, the others every other week."""
    if slot == 0:
        return day.weekday() in (0, 1, 3)
    return day.weekday() == (2, 4)[slot % 2] and day.isocalendar().week % 2 == slot // 2 % 2


def _grid(
    facts: DatasetCard,
    series: SeriesId,
    days: list[tuple[date, Window, tuple[timedelta, timedelta]]],
    window: Window,
) -> _Grid:
    starts, ends, issued, hours, ordinals = [], [], [], [], []
    offset = facts.day_start.hour + facts.day_start.minute / 60
    for day, span, (step, length) in days:
        if not step:
            continue
        count = interval_count(span, step)
        start = instant64(span.start) + np.arange(count) * np.timedelta64(step)
        start = start[(start >= instant64(window.start)) & (start < instant64(window.end))]
        starts.append(start)
        ends.append(start + np.timedelta64(length))
        issued.append(_issued(facts, series, day, span, start))
        hours.append((start - instant64(span.start)) / np.timedelta64(1, "h") + offset)
        ordinals.append(np.full(len(start), day.toordinal()))
    start = _join(starts, INSTANT)
    clockwork = Clockwork(
        start.view(np.int64) // 1_000_000, _join(hours, np.float64), _join(ordinals, np.int64)
    )
    return _Grid(start, _join(ends, INSTANT), _join(issued, INSTANT), clockwork)


def _join(parts: list[Column], dtype: Any) -> Column:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype)


def issue_rule(facts: DatasetCard, run: str) -> Rule | None:
    """The card's rule of when a run's forecasts are issued (``enums.issued``, by run), where it has one."""
    for name in ("issued", "issued_at"):
        if text := facts.enums.get(name, {}).get(run):
            return Rule.parse(text)
    return None


def _issued(facts: DatasetCard, series: SeriesId, day: date, span: Window, start: Column) -> Column:
    if series.stage != "forecast":
        return np.full(len(start), NAT)
    rule = issue_rule(facts, series.run)
    if rule and rule.anchor == "start":
        return start + np.timedelta64(rule.offset)
    if rule is None and facts.due.anchor in ("D", "BD"):
        rule = facts.due
    moment = rule.on(day, facts.day_zone) if rule else span.start - _LEAD
    return np.full(len(start), instant64(moment))


def _assemble(
    card: MarketCard,
    facts: DatasetCard,
    series: tuple[SeriesId, ...],
    grids: dict[SeriesId, _Grid],
    values: dict[SeriesId, Column],
) -> Reading:
    counts = [len(grids[one].start) for one in series]
    finality = Finality[facts.finality.upper()]

    def stacked(name: str) -> Column:
        return _join([getattr(grids[one], name) for one in series], INSTANT)

    return Reading(
        series,
        tuple(unit_of(card, facts, one) for one in series),
        np.repeat(np.arange(len(series)), counts),
        stacked("start"),
        stacked("end"),
        _join([values[one] for one in series], np.float64),
        finality=np.full(sum(counts), int(finality)),
        issued_at=stacked("issued"),
    )
