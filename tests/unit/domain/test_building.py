"""Cards that are built without cattrs are what cattrs makes of them, and what is wrong is told as before."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from carbon254.core.domain import cards
from carbon254.core.domain._building import Builder, Unusual
from carbon254.core.domain.cards import MarketCard, Place, converter, read_card
from carbon254.core.domain.errors import PluginBroken

MARKETS = Path(__file__).resolve().parents[3] / "plugins" / "markets"
CARDS = sorted(MARKETS.glob("*/market.toml"))


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.parent.name)
def test_a_card_is_what_the_converter_makes_of_it(path: Path) -> None:
    facts = {**tomllib.loads(path.read_text(encoding="utf-8")), "path": str(path)}
    built, converted = (
        cards._builder().build(MarketCard, facts),
        converter().structure(facts, MarketCard),
    )
    assert repr(built) == repr(converted)
    assert (built, built.path) == (converted, converted.path)
    rows = tomllib.loads(path.with_name("locations.toml").read_text(encoding="utf-8"))["location"]
    places = tuple[Place, ...]
    assert cards._builder().build(places, rows) == converter().structure(rows, places)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('kind = "power"', 'kind = "power"\nkindd = "x"', "unknown key kindd"),
        ('name = "CAISO"', "", "name"),
        ('currency = "USD"', 'currency = "XXX"', "currency"),
        ('class = "grid"', 'class = "gird"', "class_"),
        ('due = "D-1 14:00"', 'due = "soon"', "'soon' is no rule"),
        ("requests = 1", 'requests = "one"', "requests"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = (MARKETS / "caiso" / "market.toml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "market.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PluginBroken, match=says):
        read_card(path)


def test_what_needs_converting_is_left_to_the_converter(tmp_path: Path) -> None:
    text = (MARKETS / "caiso" / "market.toml").read_text(encoding="utf-8")
    path = tmp_path / "market.toml"
    path.write_text(text.replace("requests = 1", 'requests = "1"', 1), encoding="utf-8")
    assert read_card(path).hosts["oasis.caiso.com"].requests == 1
    with pytest.raises(Unusual):
        Builder({}, {}).build(int, "1")
