"""Installed models: found by entry point, one that is broken set aside, the others there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from carbon254.adapters.plugins.entries import Entry
from carbon254.adapters.plugins.models import ModelHost
from carbon254.core.domain.errors import NotFound, PluginBroken

CARD = """
id = "{}"
version = "1.2"
kind = "forecaster"
title = "A test"
licence = "none"
owners = ["tests"]
"""
CODE = """
from carbon254.ports.hooks import hookimpl
from carbon254.ports.testing.fakes.models import Repeat

@hookimpl
def carbon254_model(card):
    made = Repeat()
    made.card = card
    return made
"""
_names = count()
Install = Callable[..., Entry]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a model into a folder of packages that can be imported."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def make(model: str = "made", *, card: str | None = None, code: str = CODE) -> Entry:
        package = f"model_{next(_names)}"
        folder = tmp_path / package
        folder.mkdir()
        (folder / "model.toml").write_text(CARD.format(model) if card is None else card)
        (folder / "__init__.py").write_text(code)
        return Entry(model, package, "carbon254.models")

    yield make
    for name in {one for one in set(sys.modules) - before if one.startswith("model_")}:
        del sys.modules[name]


def test_a_model_is_found_and_answers_the_hook_carbon254_model(install: Install) -> None:
    host = ModelHost([install("b"), install("a")])
    assert list(host.cards()) == ["a", "b"]
    assert host.model("a").card == host.cards()["a"]
    assert host.model("a") is host.model("a")


def test_cards_are_read_without_running_the_plugin(install: Install) -> None:
    host = ModelHost([install(code="raise SystemExit(3)")])
    assert host.cards()["made"].version == "1.2"
    assert host.set_aside() == {}


def test_the_version_is_the_cards_and_the_codes(install: Install) -> None:
    one, other = ModelHost([install()]), ModelHost([install(code=CODE + "\n")])
    version, digest = one.version("made").split("+")
    assert (version, len(digest)) == ("1.2", 12)
    assert one.version("made") != other.version("made")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"code": "raise SystemExit(3)"}, "SystemExit"),
        ({"code": "import no_such_module"}, "no_such_module"),
        ({"code": "x = 1"}, "NoneType"),
        ({"code": CODE.replace("return made", "return 42")}, "int"),
        ({"code": CODE.replace("made.card = card", "")}, "another card"),
        ({"code": CODE.replace("(card)", "(cards)")}, "cards"),
        ({"card": ""}, "id"),
        ({"card": "id = "}, "model.toml"),
        ({"card": CARD.format("other")}, "other"),
        ({"card": CARD.format("made") + "extra_key = 1"}, "extra_key"),
        ({"card": CARD.format("Made!")}, "Made!"),
        ({"card": CARD.format("made").replace("forecaster", "oracle")}, "kind"),
    ],
)
def test_a_broken_model_is_set_aside_and_the_others_are_there(
    install: Install, broken: dict[str, str], reason: str
) -> None:
    host = ModelHost([install(**broken), install("whole")])
    with pytest.raises(PluginBroken, match=reason):
        host.model("made")
    assert reason in host.set_aside()["made"]
    assert list(host.cards()) == ["whole"]
    assert host.model("whole").card.id == "whole"


def test_one_that_is_not_installed_is_not_found(install: Install) -> None:
    host = ModelHost([install()])
    with pytest.raises(NotFound, match="made"):
        host.model("other")
    with pytest.raises(NotFound):
        host.version("other")


def test_one_that_is_installed_twice_is_told(install: Install) -> None:
    host = ModelHost([install(), install()])
    assert "twice" in host.set_aside()["made"]


def test_a_module_that_is_gone_is_told() -> None:
    host = ModelHost([Entry("made", "no_such_package.model", "carbon254.models")])
    assert "cannot be found" in host.set_aside()["made"]
