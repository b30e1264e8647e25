"""``samples/golden.toml``: answers typed by hand in UTC, and what a market declares about its samples.

.. code-block:: toml

    [[answer]]      # dataset document series start end, value or state, unit; then what else should be compared
    [[rows]]        # dataset document rows: data rows of the document, counted by eye
    [[refusal]]     # dataset document code: the document must be refused with this code
    [[listing]]     # dataset document: what `requests` is answered where it asks for a listing
    [[document]]    # document, then name, media_type, url or headers, where the file's own do not say enough
    [exempt]            # dataset = "reason": fewer than five answers
    [undetectable_cut]  # dataset = "reason": a cut at the end of a line cannot be told from a shorter document
    [duplicates]        # dataset = "reason": a sample holds identical rows on purpose
    [no_clock_change]   # dataset = "reason": no sample of a clock-change day
    [no_negative]       # dataset = "reason": no sample of a negative price
    [no_revision]       # dataset = "reason": the market does not revise these documents
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from attrs import field, frozen
from cattrs import Converter
from cattrs.errors import BaseValidationError

from carbon254.core.domain.cards import explain
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.time import format_instant, parse_instant, utc


@frozen(kw_only=True)
class Answer:
    """One number as a person reads it in the document. Fields that are None are not compared."""

    dataset: str
    document: str
    series: str
    start: datetime
    end: datetime
    unit: str
    value: float | None = None
    state: str = "ok"
    flags: tuple[str, ...] | None = None
    finality: str | None = None
    issued_at: datetime | None = None
    published_at: datetime | None = None

    def __attrs_post_init__(self) -> None:
        if (self.value is None) == (self.state == "ok"):
            raise InvalidRequest(f"answer {self}: give a value, or a state other than 'ok'.")

    def __str__(self) -> str:
        return f"{self.document}: {self.series} [{format_instant(self.start)}, {format_instant(self.end)})"


@frozen(kw_only=True)
class RowCount:
    """How many data rows a document has, counted by eye."""

    dataset: str
    document: str
    rows: int


@frozen(kw_only=True)
class Refusal:
    """A document that must be refused with this code."""

    dataset: str
    document: str
    code: str


@frozen(kw_only=True)
class Listing:
    """What a request for a listing is answered with."""

    dataset: str
    document: str


@frozen(kw_only=True)
class Beside:
    """What came beside a document, where the name of the sample's file does not say enough."""

    document: str
    name: str | None = None
    media_type: str | None = None
    url: str = ""
    headers: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class Golden:
    """Everything that ``golden.toml`` says."""

    answer: tuple[Answer, ...] = ()
    rows: tuple[RowCount, ...] = ()
    refusal: tuple[Refusal, ...] = ()
    listing: tuple[Listing, ...] = ()
    document: tuple[Beside, ...] = ()
    exempt: Mapping[str, str] = field(factory=dict)
    undetectable_cut: Mapping[str, str] = field(factory=dict)
    duplicates: Mapping[str, str] = field(factory=dict)
    no_clock_change: Mapping[str, str] = field(factory=dict)
    no_negative: Mapping[str, str] = field(factory=dict)
    no_revision: Mapping[str, str] = field(factory=dict)

    def answers(self, dataset: str) -> tuple[Answer, ...]:
        """The answers of one dataset."""
        return tuple(answer for answer in self.answer if answer.dataset == dataset)

    def refused(self, dataset: str) -> set[str]:
        """The documents of a dataset that must be refused."""
        return {refusal.document for refusal in self.refusal if refusal.dataset == dataset}


def _instant(value: Any, _: Any) -> datetime:
    return utc(value) if isinstance(value, datetime) else parse_instant(str(value))


@cache
def _converter() -> Converter:
    made = Converter(forbid_extra_keys=True)
    made.register_structure_hook(datetime, _instant)
    return made


def read_golden(path: Path) -> Golden:
    """Read the answers. Raises `InvalidRequest` that names what is wrong; an absent file is an empty one."""
    if not path.exists():
        return Golden()
    try:
        return _converter().structure(tomllib.loads(path.read_text(encoding="utf-8")), Golden)
    except (tomllib.TOMLDecodeError, BaseValidationError, ValueError, TypeError) as error:
        raise InvalidRequest(
            f"{path.parent.parent.name}/samples/{path.name}: {explain(error)}"
        ) from None
