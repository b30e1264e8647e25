"""Markets that also read our own documents, and are themselves for all else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import InvalidRequest
from carbon254.core.domain.time import Window
from carbon254.core.usecases.own_documents import OwnCatalogue

from .conftest import Cards, Desk

OURS = b'{"carbon254":"forecast","target":"entsoe/day_ahead-sdac/price/zone/X"}\n'


class Says:
    """A market that tells what it was asked."""

    def __init__(self, card: Any) -> None:
        self.card = card

    def recognise(self, document: Document) -> tuple[str, ...]:
        return ("load",)

    def read(self, dataset: str, document: Document) -> Any:
        return ("read", dataset)

    def locate(self, document: Document, locator: Any) -> bytes:
        return b"located"

    def requests(self, dataset: str, window: Window) -> Any:
        return ("requests", dataset)

    def write(self, dataset: str, reading: Any) -> Any:
        return ("written", dataset)


@pytest.fixture
def own(make_desk: Callable[..., Desk]) -> OwnCatalogue:
    catalogue = make_desk().catalogue
    assert isinstance(catalogue, Cards)
    catalogue._market = Says(catalogue.cards()["entsoe"])  # type: ignore[assignment]
    return OwnCatalogue(catalogue)


def test_an_operators_documents_are_the_markets(own: OwnCatalogue) -> None:
    market, theirs = own.market("entsoe"), Document("a.xml", b"<a/>")
    window = Window(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC))
    assert market.recognise(theirs) == ("load",)
    assert market.read("load", theirs) == ("read", "load")
    assert market.locate(theirs, None) == b"located"  # type: ignore[arg-type]
    assert market.requests("load", window) == ("requests", "load")
    assert market.write("load", None) == ("written", "load")  # type: ignore[arg-type]
    assert own.market("entsoe") is market


def test_our_own_are_read_here_and_never_fetched(own: OwnCatalogue) -> None:
    market = own.market("entsoe")
    assert market.recognise(Document("f.ndjson", OURS)) == ("own_forecast",)
    assert market.recognise(Document("f.ndjson", OURS.replace(b"entsoe", b"miso"))) == ()
    window = Window(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC))
    with pytest.raises(InvalidRequest, match="made here"):
        market.requests("own_forecast", window)


def test_their_datasets_expect_nothing_and_are_not_on_the_markets_card(own: OwnCatalogue) -> None:
    assert {"own_forecast", "own_history"} <= set(own.market("entsoe").card.datasets)
    assert "own_forecast" not in own.cards()["entsoe"].datasets
    facts = own.market("entsoe").card.dataset("own_forecast")
    assert (facts.runs, facts.measures) == ((), ())
    assert (
        own.market("entsoe").card.dataset("own_history").due_for("day_ahead-sdac").text
        == "D-1 14:00"
    )
