"""The columns of the auction table, found by their names as EEX wrote them in different years.

Names differ in case, spaces, line breaks and in how the unit is written (``€/tCO2``); the last column that we read
was called Country until 2025 and is called Zone since. What a beneficiary received stands in columns whose names end
in its two letters, as in ``Austria (AT)``; their set changes, and they are left alone whoever they are.
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


NUMBERS: Final = (
    Column("Auction Price", _EUR_PER_T, "price", "EUR/t"),
    Column("Minimum Bid", _EUR_PER_T, "price-min", "EUR/t"),
    Column("Maximum Bid", _EUR_PER_T, "price-max", "EUR/t"),
    Column("Mean", _EUR_PER_T, "price-mean", "EUR/t"),
    Column("Median", _EUR_PER_T, "price-median", "EUR/t"),
    Column("Auction Volume", _T, "allowances_offered", "t"),
    Column("Total Amount of Bids", _T, "allowances_bid", "t"),
    Column("Number of bids submitted", _NONE, "bids", "1"),
    Column("Number of successful bids", _NONE, "bids-successful", "1"),
    Column("Cover Ratio", _NONE, "cover_ratio", "1"),
    Column("Total Number of Bidders", _NONE, "bidders", "1"),
    Column("Number of Successful Bidders", _NONE, "bidders-successful", "1"),
    Column("Total Revenue", _EUR, "revenue", "EUR"),
)
WORDS: Final = ("Date", "Time", "Contract", "Status")
ZONE: Final = ("Zone", "Country")
LEFT_ALONE: Final = (
    "Auction Name",
    "Average number of bids per bidder",
    "Average bid size",
    "Average volume bid per bidder",
    "Standard deviation of bid volume per bidder",
    "Average volume won per bidder",
    "Standard deviation of volume won per bidder",
)


@frozen
class Table:
    """Where the columns stand, by their title; and what stands there that we do not know."""

    place: dict[str, int]
    findings: tuple[Finding, ...]


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
    return {plain(word) for word in WORDS} <= names


def find_columns(cells: dict[int, Cell], document: str) -> Table:
    """Find the columns in the head of the table. Raises `FeedFormatChanged` for one that is missing or twice."""
    found: dict[str, tuple[int, str]] = {}
    for column, header in cells.items():
        if not isinstance(header, str) or not header.strip():
            continue
        name, unit = name_and_unit(header)
        if name in found:
            raise FeedFormatChanged(f"{document}: column '{header}' stands twice.")
        found[name] = (column, unit)
    place = {title: found.pop(plain(title))[0] for title in WORDS if plain(title) in found}
    for wanted in NUMBERS:
        if (there := found.pop(plain(wanted.title), None)) is not None:
            _check_unit(wanted, there[1], document)
            place[wanted.title] = there[0]
    zones = [found.pop(plain(title))[0] for title in ZONE if plain(title) in found]
    if len(zones) == 1:
        place["Zone"] = zones[0]
    wanted_titles = (*WORDS, *(column.title for column in NUMBERS), "Zone")
    if missing := [title for title in wanted_titles if title not in place]:
        raise FeedFormatChanged(
            f"{document}: column {', '.join(missing)} is missing; left are {', '.join(found)}."
        )
    return Table(place, _findings(found))


def _check_unit(wanted: Column, unit: str, document: str) -> None:
    if unit not in wanted.wire:
        raise FeedFormatChanged(
            f"{document}: column '{wanted.title}' comes in '{unit}', we know {sorted(wanted.wire)}."
        )


def _findings(left: dict[str, tuple[int, str]]) -> tuple[Finding, ...]:
    known = {plain(title) for title in LEFT_ALONE}
    added = [name for name in left if name not in known and not _BENEFICIARY.fullmatch(name)]
    return tuple(Finding("added_column", f"column '{name}' is not read") for name in added)
