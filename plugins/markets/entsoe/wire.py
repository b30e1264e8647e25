"""The platform's XML as plain values: envelope, time series, periods and points.

Elements are found by local name: namespaces differ from year to year (``publicationdocument:7:0``, ``7:3``).
A data row of a document is a ``Point``. Format: IEC 62325-451 as served by https://web-api.tp.entsoe.eu/api.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import numpy as np
from attrs import field, frozen
from lxml import etree

from carbon254.core.domain.errors import DocumentDamaged, FeedFormatChanged, InvalidRequest
from carbon254.core.domain.observations import Column
from carbon254.core.domain.time import Window, parse_instant
from carbon254.ports.unpacking import local_name

CATEGORY = "imbalance_Price.category"
QUALITY = "quality"
_NUMERIC = frozenset("0123456789.+-eE")
_DIGITS = frozenset("0123456789")


@frozen(eq=False)
class Points:
    """The points of a period as columns; ``row`` counts the document's points from 0, NaN is an empty value."""

    position: Column
    value: Column
    row: Column
    category: Column | None = None  # text, where points carry one
    quality: Column | None = None

    def take(self, chosen: Column) -> Points:
        """The points that a mask or index names."""
        category = None if self.category is None else self.category[chosen]
        quality = None if self.quality is None else self.quality[chosen]
        return Points(
            self.position[chosen], self.value[chosen], self.row[chosen], category, quality
        )


@frozen(eq=False)
class Period:
    """A span of one resolution; positions count from its start."""

    window: Window
    resolution: str
    points: Points = field(repr=False)


@frozen(eq=False)
class Series:
    """A ``TimeSeries``: what its header says, by local name, and its periods in document order."""

    facts: Mapping[str, str]
    periods: tuple[Period, ...]

    def need(self, name: str) -> str:
        """A fact that must be there. Raises `FeedFormatChanged` that names it."""
        if name not in self.facts:
            raise FeedFormatChanged(f"element {name} is missing from a TimeSeries.")
        return self.facts[name]


@frozen(eq=False)
class Envelope:
    """The head of a document and its series."""

    process: str
    created: datetime
    revision: int
    status: str | None
    area: str | None
    window: Window
    series: tuple[Series, ...]
    points: int
    added: tuple[str, ...] = ()  # names in points that we do not read


def read_envelope(root: etree._Element, name: str, kind: str, value: str) -> Envelope:
    """Read a whole document of type ``kind``, whose points carry the element ``value``.

    Raises `FeedFormatChanged` and `DocumentDamaged` that name what is wrong.
    """
    facts = _facts(root)
    if _need(facts, "type", name) != kind:
        raise FeedFormatChanged(f"{name}: document type {facts['type']} is not {kind}.")
    added: set[str] = set()
    rows, series = 0, []
    for element in root.iterchildren("{*}TimeSeries"):
        one, rows = _series(element, value, rows, added)
        series.append(one)
    if not series:
        raise DocumentDamaged(f"{name}: the document holds no TimeSeries.")
    return Envelope(
        process=facts.get("process.processType", ""),
        created=_instant(_need(facts, "createdDateTime", name)),
        revision=_revision(facts.get("revisionNumber", "0")),
        status=facts.get("docStatus"),
        area=facts.get("area_Domain.mRID"),
        window=_header_window(root, name),
        series=tuple(series),
        points=rows,
        added=tuple(sorted(added)),
    )


def _children(element: etree._Element) -> Iterator[etree._Element]:
    """Child elements, without comments and processing instructions."""
    return element.iterchildren(etree.Element)


def _facts(element: etree._Element) -> dict[str, str]:
    """Text of the child elements by local name; of those with one child (psrType, docStatus), that child's."""
    facts = {}
    for child in _children(element):
        name = local_name(child)
        if name in ("TimeSeries", "Period"):
            continue
        inner = list(_children(child))
        if not inner:
            facts[name] = (child.text or "").strip()
        elif name == "MktPSRType":
            facts |= {local_name(one): (one.text or "").strip() for one in inner}
        elif len(inner) == 1:
            facts[name] = (inner[0].text or "").strip()
    return facts


def _need(facts: Mapping[str, str], wanted: str, name: str) -> str:
    if not facts.get(wanted):
        raise FeedFormatChanged(
            f"{name}: element {wanted} is missing from the head of the document."
        )
    return facts[wanted]


def _instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except InvalidRequest as error:
        raise FeedFormatChanged(f"an instant is not written in UTC: {error}") from None


def _revision(text: str) -> int:
    if not text.isdecimal() or len(text) > 6:
        raise FeedFormatChanged(f"revisionNumber '{text}' is no small whole number.")
    return int(text)


def _interval(element: etree._Element) -> Window:
    start, end = element.findtext("{*}start"), element.findtext("{*}end")
    if not start or not end:
        raise FeedFormatChanged(f"{local_name(element)} has no start or no end.")
    try:
        return Window(_instant(start), _instant(end))
    except InvalidRequest as error:
        raise FeedFormatChanged(f"{local_name(element)}: {error}") from None


def _header_window(root: etree._Element, name: str) -> Window:
    for child in _children(root):
        if local_name(child) in ("period.timeInterval", "time_Period.timeInterval"):
            return _interval(child)
    raise FeedFormatChanged(
        f"{name}: element period.timeInterval or time_Period.timeInterval is missing."
    )


def _series(element: etree._Element, value: str, row: int, added: set[str]) -> tuple[Series, int]:
    periods = []
    for child in element.iterchildren("{*}Period"):
        period = _period(child, value, row, added)
        row += len(period.points.row)
        periods.append(period)
    if not periods:
        raise FeedFormatChanged("a TimeSeries holds no Period.")
    return Series(_facts(element), tuple(periods)), row


def _period(element: etree._Element, value: str, row: int, added: set[str]) -> Period:
    interval = element.find("{*}timeInterval")
    resolution = element.findtext("{*}resolution")
    if interval is None or not resolution:
        raise FeedFormatChanged("a Period has no timeInterval or no resolution.")
    return Period(_interval(interval), resolution.strip(), _points(element, value, row, added))


def _texts(period: etree._Element, name: str) -> list[str]:
    return [(element.text or "").strip() for element in period.iter("{*}" + name)]


def _points(period: etree._Element, value: str, row: int, added: set[str]) -> Points:
    """The points of a period, column by column: a month of quarter hours is no loop over elements in Python."""
    count = sum(1 for _ in period.iterchildren("{*}Point"))
    if not count:
        raise FeedFormatChanged("a Period holds no Point.")
    columns = {name: _texts(period, name) for name in ("position", value, CATEGORY, QUALITY)}
    _check_points(period, count, value, columns, added)
    return Points(
        position=_positions(columns["position"]),
        value=_numbers(columns[value], value),
        row=np.arange(row, row + count),
        category=np.array(columns[CATEGORY]) if columns[CATEGORY] else None,
        quality=np.array(columns[QUALITY]) if columns[QUALITY] else None,
    )


def _check_points(
    period: etree._Element,
    count: int,
    value: str,
    columns: Mapping[str, list[str]],
    added: set[str],
) -> None:
    """Refuse points that lack an element or hold it twice; note elements that we do not read."""
    present = [name for name, texts in columns.items() if texts or name in ("position", value)]
    for name in present:
        if len(columns[name]) != count or _uneven(period, name):
            raise FeedFormatChanged(
                f"element {name} stands {len(columns[name])} times in {count} points of a Period; "
                "each point must have it once."
            )
    if _elements(period) > 4 + count * (1 + len(present)):
        known = {"Point", *present, "timeInterval", "start", "end", "resolution"}
        added.update(
            {local_name(element) for element in period.iter(etree.Element)} - known - {"Period"}
        )


def _uneven(period: etree._Element, name: str) -> bool:
    """Whether some point does not hold the element exactly once (the counts may agree by accident)."""
    parents = {element.getparent() for element in period.iter("{*}" + name)}
    return len(parents) != sum(1 for _ in period.iter("{*}" + name))


def _elements(period: etree._Element) -> int:
    return int(period.xpath("count(.//*)"))  # type: ignore[arg-type]


def _positions(texts: list[str]) -> Column:
    if not all(texts) or not _DIGITS.issuperset("".join(texts)) or max(map(len, texts)) > 7:
        raise FeedFormatChanged("a position of a Point is no whole number.")
    return np.array(texts, dtype=np.int64)


def _numbers(texts: list[str], name: str) -> Column:
    """Nearest float64 of each text; empty text is NaN, never 0."""
    if not _NUMERIC.issuperset("".join(texts)):
        odd = next(text for text in texts if not _NUMERIC.issuperset(text))
        raise FeedFormatChanged(f"{name} '{odd[:40]}' is no number.")
    try:
        values = np.array([float(text) if text else np.nan for text in texts])
    except ValueError as error:
        raise FeedFormatChanged(f"{name}: {error}.") from None
    if np.isinf(values).any():
        raise FeedFormatChanged(f"{name} holds a number that is too large.")
    return values
