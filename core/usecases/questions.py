"""Questions from text, as people and notebooks ask them."""

from __future__ import annotations

from carbon254.core.domain.entitlements import SeriesPattern
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import parse_duration, parse_instant, parse_window
from carbon254.core.usecases.query_series import Question
from carbon254.ports.catalogue import MarketCatalogue


def question_of(
    catalogue: MarketCatalogue,
    text: str,
    start: str | None,
    end: str | None,
    *,
    as_of: str | None = None,
    published_by: str | None = None,
    history: bool = False,
    vintages: bool = False,
    unit: str | None = None,
    lead: str | None = None,
) -> Question:
    """A question from text: an exact series id, or a pattern where there are wildcards or parts left out."""
    if end and not start:
        raise InvalidRequest("--end needs a --start: an end alone is no window.")
    exact = text.count("/") >= 4 and not set("*?[") & set(text)
    card = catalogue.cards().get(text.split("/", 1)[0])
    return Question(
        (SeriesId.parse(text),) if exact else (),
        () if exact else (SeriesPattern.parse(text),),
        parse_window(start, end, card.zone if card else "UTC") if start else None,
        parse_instant(as_of) if as_of else None,
        parse_instant(published_by) if published_by else None,
        history,
        vintages,
        unit,
        lead=parse_duration(lead) if lead else None,
    )
