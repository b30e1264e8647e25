"""Checks of the rows themselves: all accounted for, each traceable, each written back as it was read."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

import numpy as np

from carbon254.core.domain.cards import DatasetCard
from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.observations import Reading
from carbon254.core.domain.synthetic import synthesise
from carbon254.core.domain.time import Window, day_window, operating_day
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.ports.testing.levels import NotApplicable
from carbon254.ports.testing.market_checks_samples import spoken
from carbon254.ports.testing.market_kit import Key, Kit, Row, repeated, rows_of, whole
from carbon254.ports.unpacking import Unpacked

_SAMPLED: Final = 200  # rows a document whose locators are followed
_NUMBER: Final = re.compile(rb"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w])")
_OURS: Final = int(Flag.BLOCK_FILLED | Flag.DERIVED | Flag.RESCALED | Flag.PARTIAL | Flag.SUSPECT)
_IGNORED_FLAGS: Final = int(Flag.SYNTHETIC)
_SEED: Final = 254


# ---------------------------------------------------------------- balance


def check_balance(kit: Kit, dataset: str) -> Iterator[str]:
    """Every data row of a document is read, or ignored for a reason that the card gives."""
    facts, counted = kit.facts(dataset), 0
    for path in kit.readable(dataset):
        readings = kit.read(dataset, path)
        ignored: dict[str, int] = {}
        for reading in readings:
            for reason, count in reading.rows_ignored.items():
                ignored[reason] = ignored.get(reason, 0) + count
        for reason in sorted(set(ignored) - set(facts.rows_ignored)):
            yield f"{path}: rows are ignored for '{reason}', a reason that the card does not give"
        if any(count < 0 for count in ignored.values()):
            yield f"{path}: a negative number of rows is ignored"
        total = sum(reading.rows_read for reading in readings) + sum(ignored.values())
        for golden in kit.golden.rows:
            if (golden.dataset, golden.document) == (dataset, path):
                counted += 1
                if golden.rows != total:
                    yield f"{path}: {total} data rows are accounted for, the document has {golden.rows}"
    if not counted:
        yield f'no sample\'s data rows were counted by eye: add [[rows]] dataset = "{dataset}" with document and rows'


# ---------------------------------------------------------------- locators


def check_locators(kit: Kit, dataset: str) -> Iterator[str]:
    """The fragment that a locator names stands in the document, and holds the number."""
    factors = (Fraction(1), *(Fraction(wire.factor) for wire in kit.facts(dataset).unit_wire))
    for path, document in kit.readable(dataset).items():
        unpacked = Unpacked(document, kit.facts(dataset).max_unpacked_bytes)
        members = [unpacked.read(member) for member in unpacked.members]
        rows = list(rows_of(kit.read(dataset, path)).items())
        for key, row in rows[:: max(1, len(rows) // _SAMPLED)]:
            fragment = kit.market.locate(document, Locator.unpack(row.locator))
            where = f"{path}: {key.series} at {spoken(key.start)}"
            if not fragment or not _stands_in(fragment, members):
                yield f"{where}: its fragment {fragment[:80]!r} does not stand in the document"
            elif (
                row.state == State.OK
                and not row.flags & Flag.DERIVED
                and not _holds(fragment, row.value, factors)
            ):
                yield f"{where}: its fragment {fragment[:200]!r} does not hold {row.value}"


def _stands_in(fragment: bytes, members: list[bytes]) -> bool:
    """A fragment of several lines, each of which stands somewhere, counts too."""
    return any(fragment in member for member in members) or all(
        any(line in member for member in members) for line in fragment.split(b"\n")
    )


def _holds(fragment: bytes, value: float, factors: Iterable[Fraction]) -> bool:
    """Whether the number stands in the fragment: as text, or as the eight bytes of a binary format such as BIFF."""
    numbers = [Fraction(token.decode()) for token in _NUMBER.findall(fragment)]
    return struct.pack("<d", value) in fragment or any(
        float(number * factor) == value for number in numbers for factor in factors
    )


# ---------------------------------------------------------------- round trip


def check_samples_round_trip(kit: Kit, dataset: str) -> Iterator[str]:
    """What was read from a sample, written and read again, is the same."""
    _needs_write(kit, dataset)
    for path in kit.readable(dataset):
        reading = whole(kit.read(dataset, path))
        yield from (
            f"{path}: {problem}" for problem in round_trip(kit, dataset, reading, made_up=False)
        )


def check_synthetic_round_trip(kit: Kit, dataset: str) -> Iterator[str]:
    """Made-up readings of ordinary, short and long days, written and read again, are the same."""
    _needs_write(kit, dataset)
    tried = 0
    for name, window in windows(kit, dataset).items():
        reading = synthesise(kit.card, dataset, window, _SEED)
        if len(reading):
            tried += 1
            yield from (
                f"{name} {window}: {problem}"
                for problem in round_trip(kit, dataset, reading, made_up=True)
            )
    if not tried:
        yield "the sample in the card makes no row on any of the days tried"


def _needs_write(kit: Kit, dataset: str) -> None:
    if not kit.facts(dataset).writes:
        raise NotApplicable("the card says writes = false")


def windows(kit: Kit, dataset: str) -> Mapping[str, Window]:
    """Windows of whole operating days: ordinary, short, long, two days, over the end of a year."""
    facts = kit.facts(dataset)
    answered = [
        operating_day(a.start, facts.day_zone, facts.day_start) for a in kit.golden.answers(dataset)
    ]
    day = max(answered, default=date(2025, 6, 4))
    while _days(facts, day, 1).length != timedelta(hours=24):
        day += timedelta(1)
    width = 15 if facts.class_ == "events" else 1
    found = {
        "an ordinary day": _days(facts, day, width),
        "two days": _days(facts, day, width + 1),
        "the end of a year": _days(facts, date(day.year, 12, 31), width + 1),
    }
    for other in (date(day.year, 1, 1) + timedelta(n) for n in range(365)):
        length = _days(facts, other, 1).length
        if length < timedelta(hours=24):
            found.setdefault("a short day", _days(facts, other, width))
        elif length > timedelta(hours=24):
            found.setdefault("a long day", _days(facts, other, width))
    return found


def _days(facts: DatasetCard, first: date, count: int) -> Window:
    last = first + timedelta(count - 1)
    spans = [day_window(day, facts.day_zone, facts.day_start) for day in (first, last)]
    return Window(spans[0].start, spans[1].end)


def round_trip(kit: Kit, dataset: str, reading: Reading, *, made_up: bool) -> Iterator[str]:
    """Write a reading, read what was written, and say how the two differ."""
    documents = list(kit.market.write(dataset, reading))
    if not documents:
        yield "nothing was written"
        return
    again = list(kit.market.write(dataset, reading))
    if [(d.name, d.body) for d in documents] != [(d.name, d.body) for d in again]:
        yield "written twice, the documents differ (zip members need a fixed time)"
    for document in documents:
        if dataset not in kit.market.recognise(document):
            yield f"the written {document.name} is not recognised"
    back = [chunk for document in documents for chunk in kit.read_afresh(dataset, document)]
    for key in repeated(back)[:3]:
        yield f"{key.series} at {spoken(key.start)} is written twice"
    yield from _compare(rows_of([reading]), rows_of(back), kit.facts(dataset), made_up=made_up)


def _compare(
    before: Mapping[Key, Row], after: Mapping[Key, Row], facts: DatasetCard, *, made_up: bool
) -> Iterator[str]:
    ignored = _IGNORED_FLAGS | (_OURS if made_up else 0)
    claims = facts.published_claim == "publication" and not made_up
    for key, row in before.items():
        other = after.get(key)
        if other is None:
            yield f"{_name(key)} is gone; nearest after: {_nearest(key, after)}"
            continue
        yield from (
            f"{_name(key)}: {text}" for text in _differences(row, other, ignored, claims=claims)
        )
    known = {key.series for key in before}
    for key, row in after.items():
        # Made-up readings may lack rows that a document always has, such as a part that does not exist yet.
        if (
            key not in before
            and (key.series in known or not made_up or row.state == State.OK)
            and not (made_up and row.flags & Flag.DERIVED)
        ):
            yield f"{_name(key)} was not in what was written"


def _differences(row: Row, other: Row, ignored: int, *, claims: bool) -> Iterator[str]:
    if row.value != other.value and not (math.isnan(row.value) and math.isnan(other.value)):
        yield f"{row.value} became {other.value}"
    if row.unit != other.unit:
        yield f"{row.unit} became {other.unit}"
    if row.state != other.state:
        yield f"state {State(row.state).word} became {State(other.state).word}"
    if row.finality != other.finality:
        yield f"{Finality(row.finality).word} became {Finality(other.finality).word}"
    if (row.flags ^ other.flags) & ~ignored:
        yield f"flags {Flag.words(row.flags)} became {Flag.words(other.flags)}"
    if claims and row.published_at != other.published_at:
        yield f"published_at {spoken(row.published_at)} became {spoken(other.published_at)}"


def _name(key: Key) -> str:
    issued = "" if key.issued_at == np.iinfo(np.int64).min else f" issued {spoken(key.issued_at)}"
    return f"{key.series} [{spoken(key.start)}, {spoken(key.end)}){issued}"


def _nearest(key: Key, rows: Mapping[Key, Row]) -> str:
    own = [other for other in rows if other.series == key.series]
    return (
        _name(min(own, key=lambda o: abs(o.start - key.start) + abs(o.end - key.end)))
        if own
        else "no such series"
    )


def written(kit: Kit, dataset: str, window: Window) -> list[Document]:
    """Documents of made-up numbers, as the demo has them."""
    return list(kit.market.write(dataset, synthesise(kit.card, dataset, window, _SEED)))
