"""Which requests cover a window: one for each place, span and process, with paging where the platform pages.

https://transparency.entsoe.eu/content/static_content/Static%20content/web%20api/Guide.html: GET with
``periodStart`` and ``periodEnd`` as ``YYYYMMDDHHMM`` in UTC, the token as ``securityToken``, 400 requests a minute.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta

from attrs import frozen

from carbon254.core.domain.cards import MarketCard, Place
from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.errors import FeedUnavailable, InvalidRequest, NotPublishedYet, TooLarge
from carbon254.core.domain.time import Window, day_window, days_in
from carbon254.plugins.markets.entsoe.curve import DAY_ZONE
from carbon254.plugins.markets.entsoe.meaning import CONTRACT
from carbon254.ports.unpacking import is_zip

URL = "https://web-api.tp.entsoe.eu/api"
PAGE = 100  # documents (TimeSeries) of one answer
_LAST_OFFSET = 4800
_SERIES = re.compile(rb"<(?:[\w.-]+:)?TimeSeries[\s>]")


@frozen
class Question:
    """Fixed parameters, the parameters that name the place, and the processes to ask for."""

    fixed: Mapping[str, str]
    domains: tuple[str, ...]
    processes: tuple[str, ...] = ()
    paged: bool = False


QUESTIONS = {
    "day_ahead_prices": Question(
        {"documentType": "A44", CONTRACT: "A01"}, ("in_Domain", "out_Domain"), paged=True
    ),
    "intraday_prices": Question(
        {"documentType": "A44", CONTRACT: "A07"}, ("in_Domain", "out_Domain"), paged=True
    ),
    "load": Question({"documentType": "A65"}, ("outBiddingZone_Domain",), ("A16",)),
    "load_forecast": Question(
        {"documentType": "A65"}, ("outBiddingZone_Domain",), ("A01", "A31", "A32", "A33")
    ),
    "generation": Question({"documentType": "A75"}, ("in_Domain",), ("A16",)),
    "generation_forecast": Question({"documentType": "A71"}, ("in_Domain",), ("A01",)),
    "wind_solar_forecast": Question({"documentType": "A69"}, ("in_Domain",), ("A01", "A40", "A18")),
    "imbalance_prices": Question({"documentType": "A85"}, ("controlArea_Domain",), paged=True),
    "flows": Question({"documentType": "A11"}, ("out_Domain", "in_Domain")),
    "net_positions": Question(
        {"documentType": "A25", "businessType": "B09", CONTRACT: "A01"}, ("in_Domain", "out_Domain")
    ),
}


def requests(card: MarketCard, dataset: str, window: Window) -> Generator[Request, Document, None]:
    """Yield the requests that cover a window in whole delivery days of Brussels."""
    question = QUESTIONS[dataset]
    for span, ends in _spans(window, card.dataset(dataset).window):
        for place in _places(card, "border" if dataset == "flows" else "zone", ends):
            for process in question.processes or ("",):
                try:
                    yield from _pages(question, place, process, span)
                except (FeedUnavailable, NotPublishedYet, TooLarge, InvalidRequest):
                    continue  # the host has told of it; the other places have answers of their own


def _spans(window: Window, longest: timedelta) -> Iterator[tuple[Window, tuple[date, date]]]:
    """The window in whole delivery days, cut to spans of no more than ``longest``; with first and last day."""
    days = list(days_in(window, DAY_ZONE))
    step = max(longest.days, 1)
    for start in range(0, len(days), step):
        part = days[start : start + step]
        yield (
            Window(day_window(part[0], DAY_ZONE).start, day_window(part[-1], DAY_ZONE).end),
            (part[0], part[-1]),
        )


def _places(card: MarketCard, kind: str, days: tuple[date, date]) -> Iterator[Place]:
    for place in card.places:
        if place.kind == kind and place.expected and any(place.holds_on(day) for day in days):
            yield place


def _pages(
    question: Question, place: Place, process: str, span: Window
) -> Generator[Request, Document, None]:
    """One request, or as many as the answers are full: the last full one may be followed by "no data"."""
    params = dict(question.fixed)
    codes = place.code.split(">") if ">" in place.code else [place.code] * len(question.domains)
    params |= dict(zip(question.domains, codes, strict=True))
    params |= {"processType": process} if process else {}
    params |= {"periodStart": stamp(span.start), "periodEnd": stamp(span.end)}
    name = document_name(params["documentType"], process, place.code, span)
    offset = 0
    while True:
        page = {"offset": str(offset)} if offset else {}
        answer = yield Request(
            URL,
            params=params | page,
            credentials={"securityToken": "entsoe_token"},
            name=name if not offset else name.replace(".xml", f"_{offset}.xml"),
        )
        offset += PAGE
        if not question.paged or _documents(answer) < PAGE or offset > _LAST_OFFSET:
            return


def _documents(answer: Document | None) -> int:
    """How many documents of the platform's count an answer holds; of a zip, its members."""
    if answer is None:
        return 0
    if is_zip(answer.body):
        return answer.body.count(b"PK\x01\x02")
    return len(_SERIES.findall(answer.body))


def stamp(instant: datetime) -> str:
    """An instant as the platform writes it in parameters and names."""
    return instant.astimezone(UTC).strftime("%Y%m%d%H%M")


def document_name(kind: str, process: str, code: str, span: Window) -> str:
    """What a document is called: the platform's own names say neither place nor process."""
    parts = (kind, process, code.replace(">", "_"), f"{stamp(span.start)}-{stamp(span.end)}")
    return "_".join(part for part in parts if part) + ".xml"
