"""Which documents cover a window. MISO's reports are dated files; its displays know only now, today and yesterday."""

from __future__ import annotations

from collections.abc import Generator
from datetime import date, timedelta
from typing import Final

from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.errors import NotPublishedYet
from carbon254.core.domain.time import Window, days_in
from carbon254.plugins.markets.miso.interval_prices import first_label
from carbon254.plugins.markets.miso.labels import EST, FIVE_MINUTES, read_clock, read_iso

REPORTS: Final = "https://docs.misoenergy.org/marketreports/"
DISPLAYS: Final = "https://public-api.misoenergy.org/api/"
# The host of the reports turns some clients away that do not look like a browser.
_HEADERS: Final = {"User-Agent": "Mozilla/5.0 (compatible; 254Carbon)"}

Asking = Generator[Request, Document, None]


def report(day: date, family: str) -> Request:
    """The request of a dated report, such as ``da_expost_lmp.csv``."""
    name = f"{day:%Y%m%d}_{family}"
    return Request(REPORTS + name, headers=_HEADERS, name=name)


def display(path: str, name: str) -> Request:
    """The request of a display's JSON."""
    return Request(DISPLAYS + path, name=name)


def day_ahead(family: str, window: Window) -> Asking:
    """One report for each operating day."""
    for day in days_in(window, EST):
        yield report(day, family)


def real_time_hourly(window: Window) -> Asking:
    """The final report of each operating day; where there is none yet, the preliminary one (kept for four days)."""
    for day in days_in(window, EST):
        try:
            yield report(day, "rt_lmp_final.csv")
        except NotPublishedYet:
            yield report(day, "rt_lmp_prelim.csv")


def load_daily(window: Window) -> Asking:
    """The reports published on each day, and on the one after the last: a day's actual load comes with the next."""
    days = list(days_in(window, EST))
    for day in [*days, *(day + timedelta(1) for day in days[-1:])]:
        yield report(day, "df_al.xls")


def real_time_lmp(window: Window) -> Asking:
    """The newest interval; when the window starts before it the day so far (16 MB), then the day before (47 MB)."""
    for path in ("Current", "Rolling", "Previous"):
        document = yield display(
            f"MarketPricing/GetRealTimeFiveMinExPost/{path}",
            f"GetRealTimeFiveMinExPost_{path}.json",
        )
        label = first_label(document)
        if label and read_iso(label, document.name) - FIVE_MINUTES <= window.start:
            return


def fuel_mix(window: Window) -> Asking:
    """The newest interval; when the window starts before it today's, then yesterday's."""
    for path in ("FuelMix", "FuelMix/Today", "FuelMix/Yesterday"):
        document = yield display(path, path.replace("/", "_") + ".json")
        label = _first_clock(document)
        if label and read_clock(label, document.name) - FIVE_MINUTES <= window.start:
            return


def _first_clock(document: Document) -> str | None:
    # The documents list intervals in time order.
    _, found, rest = document.body.partition(b'"INTERVALEST"')
    return (
        rest.split(b'"')[1].decode("ascii", "replace") if found and rest.count(b'"') >= 2 else None
    )
