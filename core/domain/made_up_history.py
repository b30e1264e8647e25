"""A long made-up history as a document of our own: what a demo learns from, and says that it is made up.

An operator's format may serve a day at a time: eight hundred documents for what one says here. The values are those
of `synthesise`, so that the days which a market also writes in its own format are the same.
"""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
from attrs import evolve

from carbon254.core.domain.cards import DatasetCard, MarketCard, Sample
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import DocumentDamaged, InvalidRequest
from carbon254.core.domain.observations import (
    INSTANT,
    NAT,
    Column,
    Reading,
    from_instant64,
    instant64,
)
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.synthetic import sample_series, synthesise
from carbon254.core.domain.time import Window, format_instant, parse_instant

DATASET: Final = "own_history"
_MARK: Final = b'{"carbon254":"made_up_history"'


def make_history(card: MarketCard, series: SeriesId, like: str, window: Window) -> Document:
    """The document of a series, made up as the dataset ``like`` would be, over the intervals that start in a window.

    The dataset need not feed the series: a measure that no document of the market holds yet can be made up too.
    """
    facts = card.dataset(like)
    wider = evolve(
        facts,
        measures=tuple(dict.fromkeys((*facts.measures, series.measure))),
        kinds=tuple(dict.fromkeys((*facts.kinds, series.kind))),
        sample=_sample(card, facts, like, series),
    )
    made = synthesise(evolve(card, datasets={**card.datasets, like: wider}), like, window)
    place = made.series.index(series)
    made = made.take(made.code == place)
    head = {
        "carbon254": "made_up_history",
        "market": series.market,
        "series": str(series),
        "unit": made.units[place],
        "note": "SYNTHETIC: made-up values, not the market's",
    }
    columns = (made.interval_start, made.interval_end, made.issued_at)
    rows = [
        [*(_text(moment) for moment in moments), value]
        for *moments, value in zip(*columns, made.value.tolist(), strict=True)
    ]
    body = b"".join(
        json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in (head, *rows)
    )
    name = f"history-{series.market}-{series.run}-{series.measure}-{window.start:%Y%m%d}-{window.end:%Y%m%d}"
    return Document(f"{name}.ndjson", body, "application/x-ndjson")


def _sample(card: MarketCard, facts: DatasetCard, like: str, series: SeriesId) -> Sample:
    """The series, with those of the dataset's own sample that it adds up from: its values are the sample's."""
    beside = [
        one
        for one in sample_series(card, like)
        if (one.run, one.kind, one.location) == (series.run, series.kind, series.location)
    ]
    wanted = beside if series in beside else [series]
    patterns = tuple(str(one).partition("/")[2] for one in wanted)
    return Sample(
        span="month", series=patterns, decimals=facts.sample.decimals if facts.sample else 2
    )


def _text(moment: np.datetime64) -> str | None:
    instant = from_instant64(moment)
    return None if instant is None else format_instant(instant)


def market_of_history(document: Document) -> str | None:
    """The market of a made-up history; None for any other document."""
    if not document.body.startswith(_MARK):
        return None
    try:
        return str(json.loads(document.body.split(b"\n", 1)[0])["market"])
    except (ValueError, KeyError):
        return None


def read_history(document: Document) -> Reading:
    """The numbers of a made-up history. Raises `DocumentDamaged`."""
    try:
        head, *rows = [json.loads(line) for line in document.body.splitlines()]
        series, unit = SeriesId.parse(head["series"]), str(head["unit"])
        start, end, issued = (_instants([row[place] for row in rows]) for place in range(3))
        value = np.array([row[3] for row in rows], dtype=np.float64)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, InvalidRequest) as error:
        raise DocumentDamaged(f"{document.name}: {error}") from None
    if not rows:
        raise DocumentDamaged(f"{document.name}: it holds no interval.")
    line = np.arange(1, len(rows) + 1, dtype=np.int64)
    return Reading(
        (series,),
        (unit,),
        np.zeros(len(rows)),
        start,
        end,
        value,
        locator=line << 16 | 3,
        issued_at=issued,
    )


def _instants(texts: list[str | None]) -> Column:
    known: dict[str, np.datetime64] = {}

    def read(text: str | None) -> np.datetime64:
        if text is None:
            return NAT
        if text not in known:
            known[text] = instant64(parse_instant(text))
        return known[text]

    return np.array([read(text) for text in texts], dtype=INSTANT)


def due_of_all(card: MarketCard) -> dict[str, Any]:
    """When numbers of each run of the market are due, by the first dataset that feeds it."""
    found: dict[str, Any] = {}
    datasets: list[DatasetCard] = list(card.datasets.values())
    for facts in datasets:
        for run in facts.runs:
            found.setdefault(run, facts.due_for(run))
    return found
