"""Which documents cover a window, from AEMO's directory listings.

``Reports/Current`` holds one zip for each run of about two days, ``Reports/ARCHIVE`` bundles of a day or a week for
about a year, and the monthly archive (MMSDM) one zip for each table and month, under another name from 2024-08 on.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import datetime, timedelta
from urllib.parse import unquote, urljoin

from attrs import frozen

from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.errors import FeedUnavailable, NotPublishedYet, TooLarge
from carbon254.core.domain.time import Window
from carbon254.plugins.markets.nem.mms import MARKET_TIME
from carbon254.plugins.markets.nem.tables import TABLES

BASE = "https://nemweb.com.au"
FOLDERS = {
    "dispatch": ("DispatchIS_Reports", "DISPATCHIS"),
    "trading": ("TradingIS_Reports", "TRADINGIS"),
    "unit_output": ("Dispatch_SCADA", "DISPATCHSCADA"),
}
_MONTHLY = f"{BASE}/Data_Archive/Wholesale_Electricity/MMSDM"
_RENAMED = (2024, 8)  # from this month on the table's name stands between number signs
_REGION_SUMS_UNTIL = (2021, 9)  # the trading table of demand ends with 30-minute settlement
_HREF = re.compile(rb"""<a\s[^>]*href\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
_STEP = timedelta(minutes=5)
_DAY = timedelta(days=1)


@frozen(order=True)
class Listed:
    """A file of a listing and the span of the labels that it may hold, in UTC, both ends included."""

    first: datetime
    last: datetime
    name: str
    url: str

    def request(self) -> Request:
        """The request for the file."""
        return Request(self.url, name=self.name)


def requests(dataset: str, window: Window) -> Generator[Request, Document, None]:
    """Yield listings and then the documents with labels of the window's intervals.

    A label ends its interval, so labels lie in ``(start, end]``; for unit output, whose rows are instants, in
    ``[start, end)``. Raises `FeedUnavailable` where a listing lists nothing and `NotPublishedYet` where the window
    lies after all that is listed.
    """
    folder, stem = FOLDERS[dataset]
    first, last = _labels(dataset, window)
    if last < first:
        return
    listing = yield Request(f"{BASE}/Reports/Current/{folder}/", role="index")
    current = _listed(listing, stem)
    if not current:
        raise FeedUnavailable(
            f"{listing.name}: the listing of {folder} holds no report; ask again later."
        )
    oldest, newest = current[0].first, max(one.last for one in current)
    if first > newest:
        raise NotPublishedYet(f"{folder}: the newest report is for {newest:%Y-%m-%dT%H:%MZ}.")
    if first < oldest:
        yield from _older(dataset, first, min(last, oldest - _STEP))
    for one in current:
        if first <= one.first <= last:
            yield from _tried(one.request())


def _tried(request: Request) -> Generator[Request, Document, None]:
    """Ask for a report. One that fails keeps the others from nothing: they are complete in themselves."""
    try:
        yield request
    except (FeedUnavailable, NotPublishedYet, TooLarge):
        return  # the host has told of it


def _labels(dataset: str, window: Window) -> tuple[datetime, datetime]:
    """First and last label of a window: labels are whole multiples of five minutes."""
    shift = timedelta(0) if dataset == "unit_output" else _STEP
    return _up(window.start) + shift, _up(window.end) - _STEP + shift


def _up(moment: datetime) -> datetime:
    rest = (moment - moment.replace(hour=0, minute=0, second=0, microsecond=0)) % _STEP
    return moment + (_STEP - rest if rest else timedelta(0))


def _older(dataset: str, first: datetime, last: datetime) -> Generator[Request, Document, None]:
    folder, stem = FOLDERS[dataset]
    listing = yield Request(f"{BASE}/Reports/ARCHIVE/{folder}/", role="index")
    bundles = _listed(listing, stem)
    oldest = bundles[0].first if bundles else last + _STEP
    if first < oldest:
        yield from _monthly(dataset, first, min(last, oldest))
    for one in bundles:
        if one.first <= last and first <= one.last:
            yield from _tried(one.request())


def _listed(listing: Document, stem: str) -> list[Listed]:
    """Reports of a listing in the order of their labels; the same label may stand twice, the later one rules."""
    pattern = re.compile(
        rf"PUBLIC_{stem}_(?:(\d{{12}})_\w+|(\d{{8}})(?:_(\d{{8}}))?)\.zip", re.IGNORECASE
    )
    found = set()
    for href in _HREF.findall(listing.body):
        url = urljoin(listing.url or BASE, href.decode("latin-1"))
        name = unquote(url.rpartition("/")[2])
        if match := pattern.fullmatch(name):
            found.add(Listed(*_span(*match.groups()), name, url))
    return sorted(found)


def _span(stamp: str | None, first: str | None, last: str | None) -> tuple[datetime, datetime]:
    if stamp is not None:
        label = _market_time(stamp, "%Y%m%d%H%M")
        return label, label
    start = _market_time(str(first), "%Y%m%d")
    # Whether a bundle's day begins at midnight or at 04:00 is not told: both are allowed for.
    return start, _market_time(last or str(first), "%Y%m%d") + _DAY + timedelta(hours=4)


def _market_time(text: str, form: str) -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=MARKET_TIME)


def _monthly(dataset: str, first: datetime, last: datetime) -> Generator[Request, Document, None]:
    """The monthly archives; a month holds the labels from its 00:05 to the next month's 00:00."""
    year, month = _month(first)
    while (year, month) <= _month(last):
        for table in TABLES:
            ended = table.archive == "TRADINGREGIONSUM" and (year, month) > _REGION_SUMS_UNTIL
            if table.dataset == dataset and table.archive and not ended:
                yield from _tried(archive_request(table.archive, year, month))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _month(label: datetime) -> tuple[int, int]:
    inside = (label - _STEP).astimezone(MARKET_TIME)
    return inside.year, inside.month


def archive_name(table: str, year: int, month: int) -> str:
    """The file name of a table's monthly archive, without its ending."""
    if (year, month) < _RENAMED:
        return f"PUBLIC_DVD_{table}_{year}{month:02}010000"
    return f"PUBLIC_ARCHIVE#{table}#FILE01#{year}{month:02}010000"


def archive_request(table: str, year: int, month: int) -> Request:
    """The request of a monthly archive; its number signs are escaped twice, as the server wants them."""
    name = archive_name(table, year, month) + ".zip"
    folder = f"{_MONTHLY}/{year}/MMSDM_{year}_{month:02}/MMSDM_Historical_Data_SQLLoader/DATA"
    return Request(f"{folder}/{name.replace('#', '%2523')}", name=name)
