"""Writing documents as the platform serves them: A03 curves whose repeated positions are left out.

``read`` of them gives the reading back: intervals, values, states, finality, revision and ``block_filled``. Issue
instants are not on the wire; ``read`` makes them by the card's rule again. A row flagged ``block_filled`` is left
out, so it must equal the row before it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from attrs import frozen

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.observations import INSTANT, Column, Reading, from_instant64, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window, day_window, days_in
from carbon254.core.domain.vocabulary import Finality, Flag, State
from carbon254.plugins.markets.entsoe.asking import document_name, stamp
from carbon254.plugins.markets.entsoe.coupling import sequence_of
from carbon254.plugins.markets.entsoe.curve import DAY_ZONE
from carbon254.plugins.markets.entsoe.drawing import periods
from carbon254.plugins.markets.entsoe.templates import Head, head, series_head

_STATUS = {Finality.PRELIMINARY: "A01", Finality.FINAL: "A02"}
_TYPES = {
    "day_ahead_prices": "A44",
    "intraday_prices": "A44",
    "load": "A65",
    "load_forecast": "A65",
    "generation": "A75",
    "generation_forecast": "A71",
    "wind_solar_forecast": "A69",
    "imbalance_prices": "A85",
    "flows": "A11",
    "net_positions": "A25",
}
_DAILY = ("day_ahead_prices", "intraday_prices")  # a period holds one delivery day


@frozen(eq=False)
class Sheet:
    """The rows of one document: one place, process, finality and revision, in the reading's order."""

    location: str
    run: str
    finality: int
    revision: int
    rows: Column


def write(card: MarketCard, dataset: str, reading: Reading) -> Iterable[Document]:
    """Yield one document for each place, process, finality and revision of the reading.

    Raises `InvalidRequest` for what the platform's format cannot carry.
    """
    _refuse_what_is_lost(dataset, reading)
    for sheet in _sheets(dataset, reading):
        yield _document(card, dataset, reading, sheet)


def _refuse_what_is_lost(dataset: str, reading: Reading) -> None:
    carried = (
        Flag.BLOCK_FILLED | Flag.SYNTHETIC | (Flag(0) if "prices" in dataset else Flag.ESTIMATED)
    )
    if np.any(reading.flags & ~np.uint32(carried)):
        raise InvalidRequest(
            "the platform's format carries block_filled and, for quantities, estimated only."
        )
    if np.any(reading.state > State.MISSING):
        raise InvalidRequest("the platform's format carries numbers and missing numbers only.")
    if not np.isin(reading.finality, [int(status) for status in _STATUS]).all():
        raise InvalidRequest("the platform's format carries preliminary and final numbers only.")


def _sheets(dataset: str, reading: Reading) -> Iterator[Sheet]:
    """Rows by document; runs of one price document stand together, those of a forecast are processes of their own."""
    one_process = dataset in (*_DAILY, "net_positions")
    of_code = [(s.location, "" if one_process else s.run) for s in reading.series]
    names = sorted(set(of_code))
    number = np.array([names.index(name) for name in of_code], dtype=np.int64)[reading.code]
    keys = np.column_stack(
        [number, reading.finality.astype(np.int64), reading.source_rank.astype(np.int64)]
    )
    found, which = np.unique(keys, axis=0, return_inverse=True)
    for place, (name, finality, revision) in enumerate(found.tolist()):
        rows = np.flatnonzero(which.reshape(-1) == place)
        location, run = names[name]
        yield Sheet(location, run, finality, revision, rows)


def _document(card: MarketCard, dataset: str, reading: Reading, sheet: Sheet) -> Document:
    part = reading.take(sheet.rows)
    window = _window(reading, part)
    facts = card.dataset(dataset)
    status = _STATUS[Finality(sheet.finality)]
    process = _process(card, dataset, sheet.run)
    shown = dataset == "imbalance_prices" or Finality(sheet.finality).word != facts.finality
    top = Head(
        _TYPES[dataset],
        process,
        sheet.revision,
        _created(part),
        status if shown else None,
        sheet.location,
        window,
    )
    lines = list(head(top))
    for number, (series, rows) in enumerate(_series(dataset, part), start=1):
        unit = part.units[part.series.index(series)]
        lines += series_head(card, dataset, series, unit, number)
        lines += periods(
            dataset, part.take(np.arange(rows.start, rows.stop)), _category(card, dataset, series)
        )
        lines.append("  </TimeSeries>")
    lines.append(f"</{top.root}>\n")
    name = document_name(top.type, process or "", sheet.location, window)
    if sheet.revision > 1:
        name = name.replace(".xml", f"_r{sheet.revision}.xml")
    if len({int(f) for f in reading.finality}) > 1:
        name = name.replace(".xml", f"_{status}.xml")
    body = "\n".join(lines).encode()
    return (
        _zipped(name, body, window)
        if dataset == "imbalance_prices"
        else Document(name, body, "text/xml")
    )


def _zipped(name: str, body: bytes, window: Window) -> Document:
    """Imbalance prices come as a zip of one document for each status; ours hold one, with a fixed time stamp."""
    member = f"001-IMBALANCE_PRICES_R3_{stamp(window.start)}-{stamp(window.end)}.xml"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, body)
    return Document(name.replace(".xml", ".zip"), file.getvalue(), "application/zip")


def _window(reading: Reading, part: Reading) -> Window:
    """What the document says it covers: what the reading says, else whole days of its rows."""
    if reading.covers is not None:
        return reading.covers
    first, last = from_instant64(part.interval_start.min()), from_instant64(part.interval_end.max())
    assert first is not None
    assert last is not None
    days = list(days_in(Window(first, last), DAY_ZONE))
    return Window(day_window(days[0], DAY_ZONE).start, day_window(days[-1], DAY_ZONE).end)


def _created(part: Reading) -> datetime:
    """When the platform replied: what the reading says, else the end of its last interval."""
    if part.document_stamp is not None:
        return part.document_stamp
    last = from_instant64(part.interval_end.max())
    assert last is not None
    return last


def _process(card: MarketCard, dataset: str, run: str) -> str | None:
    words = card.dataset(dataset).enums.get("process.processType")
    if words is None:
        return "A16" if dataset == "imbalance_prices" else None
    return next(code for code, word in words.items() if word == run)


def _series(dataset: str, part: Reading) -> Iterator[tuple[SeriesId, slice]]:
    """The series of a document with their rows.

    Prices come day by day, and the later sequence first: the order on the wire is not that of the sequences.
    """
    bounds = np.flatnonzero(np.diff(part.code, prepend=-1, append=-1)).tolist()
    spans = [(part.series[part.code[low]], slice(low, high)) for low, high in pairwise(bounds)]
    if dataset not in _DAILY:
        yield from sorted(spans, key=lambda span: span[0])
        return
    daily = [(series, day) for series, rows in spans for day in _days(part, rows)]
    begins = part.interval_start
    yield from sorted(daily, key=lambda one: (begins[one[1].start], _late_sequence(one[0])))


def _late_sequence(series: SeriesId) -> tuple[int, SeriesId]:
    return -int(sequence_of(series.run) or 1), series


def _days(part: Reading, rows: slice) -> Iterator[slice]:
    """Rows of a series by delivery day; a day whose first row repeats the day before stays with that day."""
    begins = part.interval_start[rows]
    first, last = from_instant64(begins[0]), from_instant64(begins[-1])
    assert first is not None
    assert last is not None
    days = list(days_in(Window(first, last + timedelta(microseconds=1)), DAY_ZONE))
    midnight = np.array([instant64(day_window(day, DAY_ZONE).start) for day in days[1:]], INSTANT)
    filled = part.flags[rows] & np.uint32(Flag.BLOCK_FILLED)
    cuts = [cut for cut in np.searchsorted(begins, midnight).tolist() if not filled[cut]]
    for low, high in pairwise(sorted({0, *cuts, len(begins)})):
        yield slice(rows.start + low, rows.start + high)


def _category(card: MarketCard, dataset: str, series: SeriesId) -> str | None:
    words = card.dataset(dataset).enums.get("imbalance_Price.category", {})
    return next((code for code, word in words.items() if word == series.measure), None)
