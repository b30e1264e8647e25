"""Documents that the markets write, and data folders of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from carbon254.adapters.plugins.host import PluginHost
from carbon254.core.domain.documents import Document
from carbon254.core.domain.synthetic import synthesise
from carbon254.core.domain.time import Window

HOST = PluginHost()


@cache
def written(market: str, dataset: str, start: datetime, hours: float) -> tuple[Document, ...]:
    """What a market writes of made-up values for so many hours."""
    card = HOST.cards()[market]
    reading = synthesise(card, dataset, Window(start, start + timedelta(hours=hours)))
    return tuple(HOST.market(market).write(dataset, reading))


@pytest.fixture(scope="session")
def catalogue() -> PluginHost:
    """The installed markets, loaded once."""
    return HOST


@pytest.fixture(scope="session")
def write() -> Callable[..., tuple[Document, ...]]:
    """`written`: what a market writes of made-up values for so many hours."""
    return written


@pytest.fixture(scope="session")
def handful() -> list[Document]:
    """Small documents of all five markets, with a revision among them."""
    start = datetime(2025, 6, 4, 22, tzinfo=UTC)
    found = [
        *written("nem", "trading", datetime(2025, 6, 5, 2, tzinfo=UTC), 1 / 6),
        *written("caiso", "load", datetime(2025, 6, 5, 7, tzinfo=UTC), 6),
        *written("entsoe", "load", start, 24),
        *written("eu_ets", "auctions", start, 24),
        *written("miso", "solar_forecast", datetime(2025, 6, 5, 5, tzinfo=UTC), 24),
        *written("entsoe", "generation_forecast", start, 24),
    ]
    revised = next(one for one in found if one.name.startswith("A65"))
    body = revised.body.replace(b"<quantity>1", b"<quantity>2").replace(
        b"<createdDateTime>2025", b"<createdDateTime>2026"
    )
    found = [one for one in found if "10YNL" not in one.name or one.name.startswith("A71")]
    return [*found, Document(f"later_{revised.name}", body, revised.media_type)]
