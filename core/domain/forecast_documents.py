"""The document of a live forecast: what was executed, then a line for each interval (NDJSON).

It is archived and read like an operator's document, so that every forecast number leads to the execution it came from:
origin, model, version, parameters, digests of inputs, seed. Its `Locator`: row = line, field = column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import numpy as np
from attrs import field, frozen

from carbon254.core.domain.documents import Document, Locator
from carbon254.core.domain.errors import DocumentDamaged, FeedFormatChanged, InvalidRequest
from carbon254.core.domain.forecasts import Forecast, quantile_measure
from carbon254.core.domain.observations import INSTANT, Reading, from_instant64, instant64
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import format_instant, parse_instant

MEDIA_TYPE: Final = "application/x-ndjson"
DATASET: Final = "own_forecast"
_FORMAT: Final = 1
_MARK: Final = b'{"carbon254":"forecast"'
_TOKEN: Final = re.compile(r"[a-z0-9_]+")


def check_configuration(text: str) -> str:
    """A configuration's id, which becomes part of the run. Raises `InvalidRequest` where it is no token."""
    if not _TOKEN.fullmatch(text):
        raise InvalidRequest(f"configuration '{text}': only a-z, 0-9 and '_' are allowed.")
    return text


@frozen(kw_only=True)
class ForecastRecord:
    """Everything that replays the forecast bit for bit; ``facts`` is what else is worth keeping."""

    configuration: str
    target: SeriesId
    unit: str
    origin: datetime
    facts: Mapping[str, Any] = field(factory=dict)

    def series(self, levels: tuple[float, ...] = ()) -> tuple[SeriesId, ...]:
        """The series of the forecast: the point, then the quantiles."""
        one, run = self.target, f"forecast-{self.configuration}"
        measures = (
            one.measure,
            *(quantile_measure(one.measure, level) for level in levels),
        )
        return tuple(SeriesId(one.market, run, name, one.kind, one.location) for name in measures)


def write_forecast(record: ForecastRecord, made: Forecast) -> Document:
    """The document of a forecast; numbers are written so that they come back bit for bit."""
    series = record.series(made.levels)
    head = {
        "carbon254": "forecast",
        "format": _FORMAT,
        "configuration": record.configuration,
        "target": str(record.target),
        "unit": record.unit,
        "origin": format_instant(record.origin),
        "series": [str(one) for one in series],
        **record.facts,
    }
    numbers = (
        made.value[None] if made.quantiles is None else np.vstack([made.value, made.quantiles])
    )
    starts, ends = made.horizon.interval_start, made.horizon.interval_end
    lines = [_line(head)]
    for n, (start, end) in enumerate(zip(starts, ends, strict=True)):
        lines.append(_line([_text(start), _text(end), *numbers[:, n].tolist()]))
    name = f"forecast-{record.configuration}-{record.target.market}-{record.origin:%Y%m%dT%H%M%SZ}"
    return Document(f"{name}.ndjson", b"".join(lines), MEDIA_TYPE)


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _text(moment: np.datetime64) -> str:
    instant = from_instant64(moment)
    assert instant is not None
    return format_instant(instant)


def market_of(document: Document) -> str | None:
    """The market of a forecast's document; None for any other document."""
    if not document.body.startswith(_MARK):
        return None
    try:
        return str(json.loads(document.body.split(b"\n", 1)[0])["target"]).partition("/")[0]
    except (ValueError, KeyError):
        return None


def read_record(document: Document) -> dict[str, Any]:
    """The first line of a forecast's document. Raises `DocumentDamaged`, `FeedFormatChanged`."""
    try:
        head: dict[str, Any] = json.loads(document.body.split(b"\n", 1)[0])
    except ValueError:
        raise DocumentDamaged(f"{document.name}: the first line is no record.") from None
    if head.get("format") != _FORMAT:
        raise FeedFormatChanged(f"{document.name}: format {head.get('format')} is not known here.")
    return head


def read_forecast(document: Document) -> Reading:
    """The numbers of a forecast's document, issued and published at its origin. Raises as `read_record`."""
    head = read_record(document)
    try:
        rows = [json.loads(line) for line in document.body.splitlines()[1:]]
        starts = np.array([instant64(parse_instant(row[0])) for row in rows], dtype=INSTANT)
        ends = np.array([instant64(parse_instant(row[1])) for row in rows], dtype=INSTANT)
        series = [SeriesId.parse(text) for text in head["series"]]
        values = np.array([row[2:] for row in rows], dtype=np.float64).reshape(
            len(rows), len(series)
        )
        origin = instant64(parse_instant(head["origin"]))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise DocumentDamaged(f"{document.name}: {error}") from None
    if not rows:
        raise DocumentDamaged(f"{document.name}: it holds no interval.")
    count = len(series)
    line = np.arange(1, len(rows) + 1, dtype=np.int64)
    column = np.arange(2, count + 2, dtype=np.int64)
    locators = (line[None, :] << 16 | column[:, None]).ravel()
    moment = np.full(len(rows) * count, origin)
    return Reading(
        series, [head["unit"]] * count, np.repeat(np.arange(count), len(rows)), np.tile(starts, count),
        np.tile(ends, count), values.T.ravel(), locator=locators, issued_at=moment, published_at=moment,
    )  # fmt: skip


def locate_line(document: Document, locator: Locator) -> bytes:
    """The line that a number stands in. Raises `DocumentDamaged` where there is none."""
    lines = document.body.split(b"\n")
    if not 0 < locator.row < len(lines):
        raise DocumentDamaged(f"{document.name} has no line {locator.row}.")
    return lines[locator.row]
