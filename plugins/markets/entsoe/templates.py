"""The text of the platform's documents, element by element, in the order of its schemas."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.sax.saxutils import escape

import numpy as np
from attrs import frozen

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import Window
from carbon254.plugins.markets.entsoe.coupling import has_two_auctions, sequence_of
from carbon254.plugins.markets.entsoe.meaning import CONTRACT, SEQUENCE

_NAMESPACES = {
    "Publication_MarketDocument": "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3",
    "GL_MarketDocument": "urn:iec62325.351:tc57wg16:451-6:generationloaddocument:3:0",
    "Balancing_MarketDocument": "urn:iec62325.351:tc57wg16:451-6:balancingdocument:4:4",
}
_ROOTS = {
    "A44": "Publication_MarketDocument",
    "A11": "Publication_MarketDocument",
    "A25": "Publication_MarketDocument",
}
_PLATFORM = "10X1001A1001A450"
_REGION = "REGION_CODE-----"


@frozen
class Head:
    """What the head of a document says."""

    type: str
    process: str | None
    revision: int
    created: datetime
    status: str | None
    place: str
    window: Window

    @property
    def root(self) -> str:
        """The name of the root element."""
        return (
            "Balancing_MarketDocument"
            if self.type == "A85"
            else _ROOTS.get(self.type, "GL_MarketDocument")
        )


def instant(moment: datetime, form: str = "%Y-%m-%dT%H:%MZ") -> str:
    """An instant as the platform writes it: UTC, without seconds in intervals."""
    return moment.astimezone(UTC).strftime(form)


def number(value: float) -> str:
    """A number as the platform writes it: no exponent, no trailing zeros; nothing where there is none."""
    return "" if np.isnan(value) else np.format_float_positional(value, trim="-")


def _element(indent: int, name: str, text: str, attributes: str = "") -> str:
    return f"{'  ' * indent}<{name}{attributes}>{escape(text)}</{name}>"


def _code(indent: int, name: str, text: str) -> str:
    return _element(indent, name, text, ' codingScheme="A01"')


def _interval(indent: int, name: str, window: Window) -> Iterator[str]:
    yield f"{'  ' * indent}<{name}>"
    yield _element(indent + 1, "start", instant(window.start))
    yield _element(indent + 1, "end", instant(window.end))
    yield f"{'  ' * indent}</{name}>"


def head(top: Head) -> Iterator[str]:
    """The lines down to the first series."""
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield f'<{top.root} xmlns="{_NAMESPACES[top.root]}">'
    created = instant(top.created, "%Y-%m-%dT%H:%M:%SZ")
    yield _element(1, "mRID", hashlib.sha256(repr(top).encode()).hexdigest()[:32])
    yield _element(1, "revisionNumber", str(top.revision))
    yield _element(1, "type", top.type)
    if top.process:
        yield _element(1, "process.processType", top.process)
    for party, role in (("sender", "A32"), ("receiver", "A33")):
        yield _code(1, f"{party}_MarketParticipant.mRID", _PLATFORM)
        yield _element(1, f"{party}_MarketParticipant.marketRole.type", role)
    yield _element(1, "createdDateTime", created)
    if top.status:
        yield f"  <docStatus><value>{top.status}</value></docStatus>"
    if top.type == "A85":
        yield _code(1, "area_Domain.mRID", top.place)
    period = (
        "time_Period.timeInterval" if top.root == "GL_MarketDocument" else "period.timeInterval"
    )
    yield from _interval(1, period, top.window)


def series_head(
    card: MarketCard, dataset: str, series: SeriesId, unit: str, count: int
) -> Iterator[str]:
    """The lines of a series down to its first period."""
    yield "  <TimeSeries>"
    yield _element(2, "mRID", str(count))
    if dataset in ("day_ahead_prices", "intraday_prices", "imbalance_prices"):
        yield from _price_head(dataset, series, unit)
    elif dataset in ("flows", "net_positions"):
        yield from _exchange_head(dataset, series)
    else:
        yield from _quantity_head(card, dataset, series)


def _price_head(dataset: str, series: SeriesId, unit: str) -> Iterator[str]:
    imbalance = dataset == "imbalance_prices"
    if not imbalance:
        yield _element(2, "auction.type", "A01")
    yield _element(2, "businessType", "A19" if imbalance else "A62")
    if not imbalance:
        yield _code(2, "in_Domain.mRID", series.location)
        yield _code(2, "out_Domain.mRID", series.location)
        yield _element(2, CONTRACT, "A01" if dataset == "day_ahead_prices" else "A07")
    yield _element(2, "currency_Unit.name", unit.partition("/")[0])
    yield _element(2, "price_Measure_Unit.name", "MWH")
    sequence = sequence_of(series.run)
    if sequence is None and has_two_auctions(series.location) and not imbalance:
        sequence = "1"
    if sequence:
        yield _element(2, SEQUENCE, sequence)
    yield _element(2, "curveType", "A03")


def _exchange_head(dataset: str, series: SeriesId) -> Iterator[str]:
    if dataset == "flows":
        out, into = series.location.split(">")
    else:
        out, into = series.location, _REGION
        yield _element(2, "auction.type", "A01")
    yield _element(2, "businessType", "A66" if dataset == "flows" else "B09")
    yield _code(2, "in_Domain.mRID", into)
    yield _code(2, "out_Domain.mRID", out)
    if dataset == "net_positions":
        yield _element(2, CONTRACT, "A07" if series.stage == "intraday" else "A01")
        if sequence := sequence_of(series.run):
            yield _element(2, SEQUENCE, sequence)
    yield _element(2, "quantity_Measure_Unit.name", "MAW")
    yield _element(2, "curveType", "A03")


def _quantity_head(card: MarketCard, dataset: str, series: SeriesId) -> Iterator[str]:
    stem, _, fuel = series.measure.partition("_")
    out = stem == "consumption" or dataset in ("load", "load_forecast")
    yield _element(2, "businessType", _business(card, dataset, series.measure, fuel))
    yield _element(2, "objectAggregation", "A08" if fuel else "A01")
    yield _code(2, f"{'out' if out else 'in'}BiddingZone_Domain.mRID", series.location)
    yield _element(2, "quantity_Measure_Unit.name", "MAW")
    yield _element(2, "curveType", "A03")
    if fuel:
        code = _code_of(card, dataset, "psrType", fuel)
        yield f"    <MktPSRType><psrType>{code}</psrType></MktPSRType>"


def _business(card: MarketCard, dataset: str, measure: str, fuel: str) -> str:
    if dataset in ("load", "load_forecast"):
        return _code_of(card, dataset, "businessType", measure)
    if dataset == "wind_solar_forecast":
        return "A94" if fuel == "solar" else "A93"
    return "A01"


def _code_of(card: MarketCard, dataset: str, enum: str, word: str) -> str:
    for code, ours in card.dataset(dataset).enums[enum].items():
        if ours == word:
            return code
    raise InvalidRequest(f"dataset '{dataset}' has no code for '{word}'.")


def period_text(window: Window, resolution: str) -> Iterator[str]:
    """The lines of a period down to its first point."""
    yield "    <Period>"
    yield from _interval(3, "timeInterval", window)
    yield _element(3, "resolution", resolution)


def point(
    dataset: str, position: int, value: float, category: str | None, quality: str | None
) -> Iterator[str]:
    """The lines of a point."""
    yield "      <Point>"
    yield _element(4, "position", str(position))
    if dataset == "imbalance_prices":
        yield _element(4, "imbalance_Price.amount", number(value))
        if category:
            yield _element(4, "imbalance_Price.category", category)
    else:
        yield _element(4, "quantity" if "prices" not in dataset else "price.amount", number(value))
        if quality:
            yield _element(4, "quality", quality)
    yield "      </Point>"
