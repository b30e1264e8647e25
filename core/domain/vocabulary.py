"""The closed words, read from ``tables/vocabulary.toml`` and ``tables/runs.toml`` (VOCABULARY §2–§7)."""

from __future__ import annotations

import re
import tomllib
from enum import IntEnum, IntFlag
from functools import cache
from pathlib import Path
from typing import Any

from attrs import frozen

from carbon254.core.domain.errors import InvalidRequest

TABLES = Path(__file__).with_name("tables")


@cache
def table(name: str) -> dict[str, Any]:
    """Return a data table of the vocabulary as parsed TOML; treat it as read-only."""
    with (TABLES / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


_WORDS = table("vocabulary")


class State(IntEnum):
    """What is known of an interval. The first four are stored, the others derived when read."""

    OK = 0
    MISSING = 1
    NOT_APPLICABLE = 2
    QUARANTINED = 3
    PENDING = 4
    LATE = 5
    WITHHELD = 6

    @property
    def word(self) -> str:
        return self.name.lower()


class Finality(IntEnum):
    """How final the operator says a number is; a greater one outranks a smaller."""

    INDICATIVE = 0
    PRELIMINARY = 1
    FINAL = 2
    CORRECTED = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class PublishedBasis(IntEnum):
    """Where a row's ``published_at`` comes from."""

    CLAIM = 0
    OBSERVED = 1
    RULE = 2
    UNKNOWN = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class Flag(IntFlag):
    """Marks of a row: bits 0–15 are the operator's words, bits 16 and up are ours (VOCABULARY §7.1)."""

    ESTIMATED = 1 << 0
    SUBSTITUTED = 1 << 1
    ADMINISTERED = 1 << 2
    CAPPED = 1 << 3
    FLOORED = 1 << 4
    SCALED = 1 << 5
    MANUAL = 1 << 6
    SUSPENDED = 1 << 7
    INTERVENTION = 1 << 8
    SCARCITY = 1 << 9
    LOAD_SHED = 1 << 10
    DECOUPLED = 1 << 11
    UNDER_REVIEW = 1 << 12
    CANCELLED = 1 << 13
    RETRACTED = 1 << 14
    BLOCK_FILLED = 1 << 16
    DERIVED = 1 << 17
    RESCALED = 1 << 18
    PARTIAL = 1 << 19
    SUSPECT = 1 << 20
    SYNTHETIC = 1 << 21
    CONVERTED = 1 << 22

    @classmethod
    def words(cls, bits: int) -> tuple[str, ...]:
        """The words of the bits that are set, lowest bit first.

        >>> Flag.words((1 << 16) | (1 << 3))
        ('capped', 'block_filled')
        """
        return tuple((member.name or "").lower() for member in cls if member.value & bits)


KNOWN_FLAGS = int(sum(Flag))


@cache
def stages() -> frozenset[str]:
    """The stages of a run."""
    return frozenset(_WORDS["stages"])


@cache
def kinds() -> frozenset[str]:
    """The twelve kinds of location."""
    return frozenset(_WORDS["kinds"])


def natures() -> frozenset[str]:
    """What a run's number does: settles, is binding, advisory, an index, measured or estimated."""
    return frozenset(_WORDS["natures"])


@cache
def currencies() -> frozenset[str]:
    """ISO 4217 codes of the currencies in use."""
    return frozenset(_WORDS["currencies"])


@cache
def fuels() -> frozenset[str]:
    """The closed list of fuels."""
    return frozenset(_WORDS["fuels"]["words"])


def fuel_children() -> dict[str, list[str]]:
    """Parent fuel to the fuels that add up into it."""
    return dict(_WORDS["fuels"]["children"])


def reserved_markets() -> frozenset[str]:
    """Market ids no plugin may take: rates, fuel prices and users' own series live there."""
    return frozenset(_WORDS["reserved_markets"])


def runs_of(market: str) -> frozenset[str]:
    """The runs of one of the 26 markets; empty for a market that is not among them."""
    return frozenset(table("runs").get(market, ()))


@frozen
class MeasureFacts:
    """Default unit (``CUR`` stands for the currency) and basis of a measure."""

    unit: str
    basis: str


_QUANTILE = re.compile(r"p\d\d(_\d)?")


@cache
def _lower_currencies() -> frozenset[str]:
    return frozenset(word.lower() for word in currencies())


def _qualifier_allowed(groups: list[str], qualifier: str) -> bool:
    return (
        qualifier in groups
        or ("currency" in groups and qualifier in _lower_currencies())
        or ("ancillary" in groups and qualifier in _WORDS["ancillary"]["words"])
        or ("quantile" in groups and _QUANTILE.fullmatch(qualifier) is not None)
        or (
            "pair" in groups
            and set(qualifier.split("_")) <= _lower_currencies()
            and len(qualifier) == 7
        )
    )


def _by_fuel(name: str) -> dict[str, Any] | None:
    for stem, facts in _WORDS["measures"].items():
        if (
            facts.get("by_fuel")
            and name.startswith(stem + "_")
            and name[len(stem) + 1 :] in fuels()
        ):
            return dict(facts)
    return None


@cache
def check_measure(measure: str) -> MeasureFacts:
    """Return the facts of a measure such as ``price``, ``price-gbp`` or ``generation_solar``.

    Raises `InvalidRequest` for a name, fuel or qualifier that the vocabulary does not have.
    """
    name, hyphen, qualifier = measure.partition("-")
    facts = _WORDS["measures"].get(name) or _by_fuel(name)
    if facts is None or (name in _WORDS["measures"] and facts.get("total") is False):
        raise InvalidRequest(f"measure '{measure}': '{name}' is not in the vocabulary.")
    if hyphen and not _qualifier_allowed(facts.get("qualifiers", []), qualifier):
        raise InvalidRequest(f"measure '{measure}': '{name}' takes no qualifier '{qualifier}'.")
    return MeasureFacts(facts["unit"], facts["basis"])
