"""The columns of the auction table, found by their names as EEX wrote them in different years.

Names differ in case, spaces, line breaks and in how the unit is written (``€/tCO2``); the last column that we read
was called Country until 2025 and is called Zone since. What a beneficiary received stands in columns whose names end
in its two letters, as in ``Austria (AT)``; their set changes, and they are left alone whoever they are.

Workbooks until 2019 have no Status: they list successful auctions only. The oldest ones have other names for some
columns, and may lack columns that came later. One that is missing while another is not known may have been renamed.
"""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from carbon254.core.domain.errors import FeedFormatChanged
from carbon254.core.domain.observations import Finding
from carbon254.plugins.markets.eu_ets.workbook import Cell

_EUR_PER_T: Final = frozenset({"€/tco2", "eur/tco2", "€/t", "eur/t"})
_T: Final = frozenset({"", "tco2", "t"})
_EUR: Final = frozenset({"€", "eur"})
_NONE: Final = frozenset({""})
_UNITS: Final = _EUR_PER_T | _T | _EUR
_BENEFICIARY: Final = re.compile(r".+\([a-z]{2}\)")


@frozen
class Column:
    """A column of numbers: how it is called, which units its name may state, and what it is to us."""

    title: str
    wire: frozenset[str]
    measure: str
    unit: str
    once: str = ""  # how it was called in some years until 2016


NUMBERS: Final = (
    Column("Auction Price", _EUR_PER_T, "price", "EUR/t"),
    Column("Minimum Bid", _EUR_PER_T, "price-min", "EUR/t", "Minimal Price"),
    Column("Maximum Bid", _EUR_PER_T, "price-max", "EUR/t", "Maximal Price"),
    Column("Mean", _EUR_PER_T, "price-mean", "EUR/t", "Mean Price"),
    Column("Median", _EUR_PER_T, "price-median", "EUR/t", "Median Price"),
    Column("Auction Volume", _T, "allowances_offered", "t"),
    Column("Total Amount of Bids", _T, "allowances_bid", "t"),
    Column("Number of bids submitted", _NONE, "bids", "1"),
    Column("Number of successful bids", _NONE, "bids-successful", "1"),
    Column("Cover Ratio", _NONE, "cover_ratio", "1"),
    Column("Total Number of Bidders", _NONE, "bidders", "1"),
    Column(
        "Number of Successful Bidders",
        _NONE,
        "bidders-successful",
        "1",
        "Number of Succesful Bidders",
    ),
    Column("Total Revenue", _EUR, "revenue", "EUR"),
)
WORDS: Final = ("Date", "Time", "Contract", "Status", "Auction Name")
ZONE: Final = ("Zone", "Country")
NEEDED: Final = frozenset({"Date", "Contract", "Auction Price", "Auction Volume", "Zone"})
LEFT_ALONE: Final = (
    "Auction Details",  # what each beneficiary received, in one text
    "Certificate",
    "Innovation Fund",
    "Average number of bids per bidder",
    "Average bid size",
    "Average volume bid per bidder",
    "Standard deviation of bid volume per bidder",
    "Average volume won per bidder",
    "Standard deviation of volume won per bidder",
)


@frozen
class Table:
    """Where the columns stand, by their title; and what stands there that we do not know, or does not stand there."""

    place: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def has_status(self) -> bool:
        """Whether the workbook says how each auction ended, as all do since 2020."""
        return "Status" in self.place


def plain(header: str) -> str:
    """A header in lower case with single spaces and a plain 2 in CO2."""
    return " ".join(header.replace("₂", "2").split()).casefold()


def name_and_unit(header: str) -> tuple[str, str]:
    """A header's name and unit, both plain; the unit is empty where it states none.

    >>> name_and_unit("Auction Price €/tCO2")
    ('auction price', '€/tco2')
    """
    name, _, last = plain(header).rpartition(" ")
    unit = last.strip("()[]")
    return (name, unit) if name and unit in _UNITS else (plain(header), "")


def is_header(cells: dict[int, Cell]) -> bool:
    """Whether a row is the head of the table."""
    names = {plain(text) for text in cells.values() if isinstance(text, str)}
    return {"date", "contract"} <= names


def find_columns(cells: dict[int, Cell], document: str) -> Table:
    """Find the columns in the head of the table. Raises `FeedFormatChanged` for one that is missing or twice."""
    found = _named(cells, document)
    place = {title: found.pop(plain(title))[0] for title in WORDS if plain(title) in found}
    for wanted in NUMBERS:
        if (there := found.pop(plain(wanted.title), None)) is not None:
            _check_unit(wanted, there[1], document)
            place[wanted.title] = there[0]
    zones = [found.pop(plain(title))[0] for title in ZONE if plain(title) in found]
    if len(zones) == 1:
        place["Zone"] = zones[0]
    added = [name for name in found if not _is_left_alone(name)]
    missing = _missing(place)
    if missing and (added or "Status" in place or set(missing) & NEEDED):
        raise FeedFormatChanged(
            f"{document}: column {', '.join(missing)} is missing; left are {', '.join(found)}."
        )
    findings = [Finding("added_column", f"column '{name}' is not read") for name in added]
    findings += [Finding("missing_column", f"there is no column '{title}'") for title in missing]
    return Table(place, tuple(findings))


def _named(cells: dict[int, Cell], document: str) -> dict[str, tuple[int, str]]:
    """Place and unit of each column by its name of today, plain."""
    today = {plain(one.once): plain(one.title) for one in NUMBERS if one.once}
    today["auction time"] = "time"
    found: dict[str, tuple[int, str]] = {}
    for column, header in cells.items():
        if not isinstance(header, str) or not header.strip():
            continue
        name, unit = name_and_unit(header)
        name = today.get(name, name)
        if name in found:
            raise FeedFormatChanged(f"{document}: column '{header}' stands twice.")
        found[name] = (column, unit)
    return found


def _check_unit(wanted: Column, unit: str, document: str) -> None:
    if unit not in wanted.wire:
        raise FeedFormatChanged(
            f"{document}: column '{wanted.title}' comes in '{unit}', we know {sorted(wanted.wire)}."
        )


def _missing(place: dict[str, int]) -> list[str]:
    """Titles of columns that are not there; before there was a Status, the name of an auction says its zone."""
    titles = ["Date", "Time", "Contract", *(column.title for column in NUMBERS)]
    if "Status" in place or "Auction Name" not in place:
        titles.append("Zone")
    return [title for title in titles if title not in place]


def _is_left_alone(name: str) -> bool:
    return name in map(plain, LEFT_ALONE) or _BENEFICIARY.fullmatch(name) is not None
