"""Which questions to OASIS cover a window (``SingleZip``, CSV, no account)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from carbon254.core.domain.cards import MarketCard
from carbon254.core.domain.documents import Request
from carbon254.core.domain.errors import FeedUnavailable, InvalidRequest, NotPublishedYet, TooLarge
from carbon254.core.domain.time import Window, day_window, days_in
from carbon254.plugins.markets.caiso.places import LISTED

URL: Final = "https://oasis.caiso.com/oasisapi/SingleZip"
_MINUTE: Final = timedelta(minutes=1)

_PRICES: Final[Mapping[str, Mapping[str, str]]] = {
    "day_ahead_lmp": {"queryname": "PRC_LMP", "market_run_id": "DAM", "version": "12"},
    "fmm_lmp": {"queryname": "PRC_RTPD_LMP", "market_run_id": "RTPD", "version": "3"},
    "rtd_lmp": {"queryname": "PRC_INTVL_LMP", "market_run_id": "RTM", "version": "3"},
    "hasp_lmp": {"queryname": "PRC_HASP_LMP", "market_run_id": "HASP", "version": "3"},
}
_LOAD: Final[tuple[Mapping[str, str], ...]] = (
    {"market_run_id": "ACTUAL"},
    {"market_run_id": "DAM"},
    {"market_run_id": "2DA"},
    {"market_run_id": "7DA"},
    {"market_run_id": "RTM", "execution_type": "RTPD"},
    {"market_run_id": "RTM", "execution_type": "RTD"},
)


def requests(card: MarketCard, dataset: str, window: Window) -> Iterator[Request]:
    """Yield the questions that cover the window: hubs and zones for prices, all areas for load.

    OASIS allows a question to touch 31 calendar days (error 1004): the card's window for one request is 30 days,
    which touch 31 days of GMT.
    """
    for span in spans(window, card.dataset(dataset).window, card.zone):
        for question in _questions(card, dataset, span):
            when = {"startdatetime": _gmt(span.start), "enddatetime": _gmt(span.end)}
            try:
                yield Request(URL, params={**question, **when, "resultformat": "6"})
            except (FeedUnavailable, NotPublishedYet, TooLarge, InvalidRequest):
                continue  # the host has told of it; the other questions have answers of their own


def _questions(card: MarketCard, dataset: str, span: Window) -> Iterator[Mapping[str, str]]:
    if dataset == "load":
        for question in _LOAD:
            yield {"queryname": "SLD_FCST", "version": "1", **question}
        return
    days = list(days_in(span, card.zone))
    codes = [p.code for p in card.places if p.kind in LISTED and any(map(p.holds_on, days))]
    yield {**_PRICES[dataset], "node": ",".join(codes)}


def spans(window: Window, longest: timedelta, zone: str) -> Iterator[Window]:
    """Cut a window at local midnights into spans of whole days, none with more days than ``longest`` has."""
    days = list(days_in(window, zone)) if window.length else []
    for first in range(0, len(days), max(longest.days, 1)):
        last = min(first + max(longest.days, 1), len(days)) - 1
        start, end = day_window(days[first], zone).start, day_window(days[last], zone).end
        yield Window(max(start, window.start), min(end, window.end))


def _gmt(moment: datetime) -> str:
    """An instant as OASIS writes it, up to the next minute where it lies within one."""
    rest = timedelta(seconds=moment.second, microseconds=moment.microsecond)
    return (moment + (_MINUTE - rest if rest else rest)).strftime("%Y%m%dT%H:%M-0000")
