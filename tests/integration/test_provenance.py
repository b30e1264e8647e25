"""From a number back to the bytes: 500 of 500, a hundred of each market.

What a fragment says is read here with code of our own, which knows the markets' formats and not their plugins.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pytest
from attrs import frozen

from carbon254.adapters.plugins.host import PluginHost
from carbon254.core.domain.documents import Document
from carbon254.core.domain.entitlements import Scope, Selection, SeriesPattern
from carbon254.core.domain.observations import Observations, Reading
from carbon254.core.domain.revisions import current_rows
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.synthetic import synthesise
from carbon254.core.domain.time import day_window
from carbon254.core.domain.vocabulary import Flag, State
from carbon254.core.usecases.ingest_documents import IngestDocuments
from carbon254.core.usecases.trace_number import Provenance, TraceNumber
from carbon254.ports.testing.fakes.archive import MemoryArchive, MemoryJournal
from carbon254.ports.testing.fakes.clock import PinnedClock
from carbon254.ports.testing.fakes.records import MemoryRecordStore
from carbon254.ports.testing.fakes.storage import MemorySeriesStore

MARKETS = ("caiso", "entsoe", "eu_ets", "miso", "nem")
NUMBERS = 100
EVERYTHING = Scope.everything()
# A day of 25 hours in Europe and an ordinary one elsewhere; the auctions of a year.
DAY = date(2025, 10, 26)


def unpacked(document: Document) -> Iterator[bytes]:
    """The document's bytes, and those of its members."""
    yield document.body
    if document.body[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(document.body)) as packed:
            for name in packed.namelist():
                yield packed.read(name)


# ------------------------------------------------------------ what a fragment says, by market


def line(fragment: bytes) -> list[str]:
    (found,) = csv.reader([fragment.decode()])
    return found


def of_caiso(found: Provenance, series: SeriesId, start: datetime) -> Decimal:
    """A line of OASIS: the interval in GMT first, the place by name, the number in the locator's column."""
    fields = line(found.fragment)
    assert fields[0] == f"{start:%Y-%m-%dT%H:%M:%S}-00:00"
    assert series.location in fields
    return Decimal(fields[found.locator.field])


def of_entsoe(found: Provenance, series: SeriesId, start: datetime) -> Decimal:
    """A Point with one number."""
    (number,) = re.findall(
        rb"<(?:price\.amount|quantity|imbalance_Price\.amount)>([^<]*)<", found.fragment
    )
    return Decimal(number.decode())


def of_eu_ets(found: Provenance, series: SeriesId, start: datetime) -> Decimal:
    """A row of the sheet; what was sold stands where the offered volume does."""
    cells = dict(re.findall(rb'<c r="([A-Z]+)\d+"[^>]*><v>([^<]*)</v>', found.fragment))
    column, number = "", found.locator.field + 1
    while number:
        number, letter = divmod(number - 1, 26)
        column = chr(65 + letter) + column
    return Decimal(cells[column.encode()].decode())


def of_miso(found: Provenance, series: SeriesId, start: datetime) -> Decimal:
    """A line of a report, or an element of a display. The energy part is LMP − MCC − MLC of the fragment."""
    text = found.fragment.decode()
    if text.startswith("{"):
        said = json.loads(text)
        return Decimal(said.get("Value", said.get("ACT")))
    if text.startswith("["):
        _, place, lmp, mlc, mcc = json.loads(text)
        assert place == series.location
        parts = {"price": lmp, "price_loss": mlc, "price_congestion": mcc}
        energy = Decimal(lmp) - Decimal(mlc) - Decimal(mcc)
        return energy if series.measure == "price_energy" else Decimal(parts[series.measure])
    lines = {fields[2]: fields for fields in csv.reader(text.splitlines())}
    assert {fields[0] for fields in lines.values()} == {series.location}
    # Hour ending 1 is the fourth field and starts at midnight in a zone that is five hours behind all year.
    field = 3 + (start.hour - 5) % 24
    said = {word: Decimal(fields[field] or "0") for word, fields in lines.items()}
    if series.measure == "price_energy":
        return said["LMP"] - said["MCC"] - said["MLC"]
    return said[{"price": "LMP", "price_congestion": "MCC", "price_loss": "MLC"}[series.measure]]


def of_nem(found: Provenance, series: SeriesId, start: datetime) -> Decimal:
    """A line of a report; some quantities are written in the other direction, and are flagged."""
    fields = line(found.fragment)
    assert fields[0] == "D"
    assert series.location in fields
    turned = int(found.row.flags[0]) & Flag.DERIVED
    return Decimal(fields[found.locator.field]) * (-1 if turned else 1)


SAYS: dict[str, Callable[[Provenance, SeriesId, datetime], Decimal]] = {
    "caiso": of_caiso,
    "entsoe": of_entsoe,
    "eu_ets": of_eu_ets,
    "miso": of_miso,
    "nem": of_nem,
}


# ------------------------------------------------------------ a hundred of each


@frozen
class Stored:
    """A market's samples, ingested."""

    trace: TraceNumber
    rows: Observations
    documents: dict[str, Document]


@pytest.fixture(scope="module")
def stored(catalogue: PluginHost) -> Callable[[str], Stored]:
    """Ingest a day of every dataset that a market can write, two months of the auctions."""

    def make(market: str) -> Stored:
        archive, journal, store = MemoryArchive(), MemoryJournal(), MemorySeriesStore()
        clock = PinnedClock(datetime(2025, 12, 1, tzinfo=UTC))
        ingest = IngestDocuments(catalogue, archive, journal, store, MemoryRecordStore(), clock)
        card = catalogue.cards()[market]
        documents: dict[str, Document] = {}
        for dataset, facts in card.datasets.items():
            if facts.sample is None or not facts.writes:
                continue
            window = day_window(DAY, facts.day_zone, facts.day_start)
            if facts.class_ == "events":
                window = type(window)(datetime(2025, 8, 1, tzinfo=UTC), window.end)
            for one in catalogue.market(market).write(dataset, synthesise(card, dataset, window)):
                documents[one.digest] = one
        outcomes = ingest.run(documents.values(), market=market, synthetic=True)
        assert {one.status for one in outcomes} == {"recorded"}
        rows = store.read(EVERYTHING.restrict(Selection(patterns=(SeriesPattern(market),))))
        return Stored(
            TraceNumber(store, archive, journal, catalogue), current_rows(rows), documents
        )

    return make


@pytest.mark.parametrize("market", MARKETS)
def test_a_hundred_numbers_of_a_market_are_found_in_their_documents(
    stored: Callable[[str], Stored], market: str
) -> None:
    world = stored(market)
    numbers = np.flatnonzero(world.rows.state == State.OK).tolist()
    measures = set()
    for row in random.Random(254).sample(numbers, NUMBERS):
        series = world.rows.series[world.rows.code[row]]
        start = world.rows.interval_start[row].item().replace(tzinfo=UTC)
        value = float(world.rows.value[row])
        found = world.trace.run(series, start, EVERYTHING)
        assert float(found.row.value[0]) == value
        document = world.documents[found.batch.digest]
        assert found.receipt.name == document.name
        inside = list(unpacked(document))
        for part in found.fragment.splitlines() if market == "miso" else [found.fragment]:
            assert part
            assert any(part in body for body in inside), (series, start, part)
        assert float(SAYS[market](found, series, start)) == value, (series, start, found.fragment)
        assert (found.reread, found.same) == (value, True)
        measures.add((series.run, series.measure_name))
    assert len(measures) >= 4, measures


def test_a_number_that_a_curve_leaves_out_is_traced_to_the_point_it_repeats(
    catalogue: PluginHost,
) -> None:
    """An A03 curve says 50.00 for the 24 hours of a day in one Point."""
    (sample,) = catalogue.market("entsoe").write("day_ahead_prices", _flat())
    assert sample.body.count(b"<Point>") == 1
    archive, journal, store = MemoryArchive(), MemoryJournal(), MemorySeriesStore()
    clock = PinnedClock(datetime(2025, 12, 1, tzinfo=UTC))
    IngestDocuments(catalogue, archive, journal, store, MemoryRecordStore(), clock).run([sample])
    series = SeriesId.parse("entsoe/day_ahead-sdac/price/zone/10YNL----------L")
    start = datetime(2025, 6, 5, 0, tzinfo=UTC)
    found = TraceNumber(store, archive, journal, catalogue).run(series, start, EVERYTHING)
    assert int(found.row.flags[0]) & Flag.BLOCK_FILLED
    assert b"<position>1</position>" in found.fragment
    assert of_entsoe(found, series, start) == Decimal("50.00")
    assert found.same


def _flat() -> Reading:
    """Hours of one price, each after the first flagged as filled."""
    start = np.datetime64("2025-06-04T22:00", "us") + np.arange(24) * np.timedelta64(1, "h")
    flags = np.full(24, int(Flag.BLOCK_FILLED), dtype=np.uint32)
    flags[0] = 0
    series = SeriesId.parse("entsoe/day_ahead-sdac/price/zone/10YNL----------L")
    return Reading(
        (series,),
        ("EUR/MWh",),
        np.zeros(24),
        start,
        start + np.timedelta64(1, "h"),
        np.full(24, 50.0),
        flags=flags,
    )
