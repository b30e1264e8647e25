"""A made-up market whose card a test writes itself."""

from collections.abc import Callable
from pathlib import Path

import pytest

from carbon254.core.domain.cards import MarketCard, read_card

CARD = """
id = "demo"
name = "Demo"
operator = "Nobody"
region = "Nowhere"
kind = "power"
currency = "EUR"
zone = "Europe/Brussels"
licence = "none"
redistribution = "open"
owners = ["nobody"]
hosts = {}
"""

RUN = """
[runs.day_ahead]
title = "Day ahead"
nature = [{ word = "settles" }]
"""

DATASET = """
[datasets.prices]
title = "Prices"
runs = ["day_ahead"]
measures = ["price"]
kinds = ["zone"]
label_zone = "Europe/Brussels"
label_marks = "start"
published_claim = "none"
verified = "dossier"
"""


@pytest.fixture
def card_of(tmp_path: Path) -> Callable[..., MarketCard]:
    """Read a card made of the dataset lines given, with the run and the places given."""

    def make(dataset: str, *, run: str = RUN, places: str = "") -> MarketCard:
        (tmp_path / "market.toml").write_text(CARD + run + DATASET + dataset)
        (tmp_path / "locations.toml").write_text(places)
        return read_card(tmp_path / "market.toml")

    return make
