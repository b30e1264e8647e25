"""Steps of features/plugins: a third party's package is the demo exchange under another name, with one fault."""

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pytest
from pytest_bdd import given, parsers, scenarios, then, when

from carbon254.adapters.plugins.host import GROUP, PluginHost
from carbon254.core.domain.documents import Document, Request
from carbon254.core.domain.errors import Carbon254Error

DEMO = Path(__file__).parents[1] / "contract" / "demo"
DAY = b"acme exchange;2025-06-04;1;final\nauction,hub,slot,price,energy,congestion\nfirst,NORTH,1,41,41,0\n"
HOST = "https://data.demo.example/"

scenarios("plugins")


Edit = tuple[str, str, str]  # file, text, what it becomes
_READ = "    def read(self, dataset: str, document: Document) -> Reading | Iterator[Reading]:\n"
_LOOK = "    def recognise(self, document: Document) -> tuple[str, ...]:\n"
_ASK = "            yield Request(self.url(day))\n"
FAULTS: dict[str, Edit | None] = {
    "works": None,
    "fails when it is loaded": (
        "__init__.py",
        "@hookimpl",
        'raise RuntimeError("no such luck")\n@hookimpl',
    ),
    "ends the program when it is loaded": (
        "__init__.py",
        "@hookimpl",
        "raise SystemExit(1)\n@hookimpl",
    ),
    "has a card with a word that nobody knows": (
        "market.toml",
        "kind = ",
        'colour = "red"\nkind = ',
    ),
    "has a card in the name of another market": ("market.toml", 'id = "acme"', 'id = "emca"'),
    "has a card without a licence": ("market.toml", "licence = ", "# licence = "),
    "answers with something that is no market": (
        "__init__.py",
        "return Feed(card)",
        "return object()",
    ),
    "fails when it reads": ("feed.py", _READ, f"{_READ}        raise RuntimeError(dataset)\n"),
    "ends the program when it reads": ("feed.py", _READ, f"{_READ}        raise SystemExit(1)\n"),
    "reads a word that is none of ours": ("feed.py", '"price": "price"', '"price": "prise"'),
    "fails when it looks at a document": (
        "feed.py",
        _LOOK,
        f"{_LOOK}        raise RuntimeError()\n",
    ),
    "asks another host": ("feed.py", "data.demo.example", "data.elsewhere.example"),
    "asks for the credential of another market": (
        "feed.py",
        _ASK,
        '            yield Request(self.url(day), credentials={"token": "entsoe_token"})\n',
    ),
    "logs in first": (
        "feed.py",
        _ASK,
        f'            yield Request("{HOST}login", role="login")\n{_ASK}',
    ),
}


@pytest.fixture
def install(
    desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], None]]:
    """Install a third party's plugin with a fault; what it loaded is forgotten afterwards."""
    before = set(sys.modules)

    def do(name: str, fault: str) -> None:
        module = f"{name}_{abs(hash(fault))}"
        folder = tmp_path / module
        folder.mkdir()
        for file in DEMO.glob("*.*"):
            text = file.read_text(encoding="utf-8")
            for old, new in (('"demo"', f'"{name}"'), ("demo exchange;", f"{name} exchange;")):
                text = text.replace(old, new)
            (folder / file.name).write_text(text, encoding="utf-8")
        _break(folder, fault)
        monkeypatch.syspath_prepend(tmp_path)
        added = EntryPoint(name, module, GROUP)
        desk.catalogue.host = PluginHost([*entry_points(group=GROUP), added])

    yield do
    for module in set(sys.modules) - before:
        if module.partition(".")[0].startswith(("acme_", "fx_")):
            del sys.modules[module]


def _break(folder: Path, fault: str) -> None:
    if fault == "has no card":
        (folder / "market.toml").unlink()
        return
    edit = FAULTS[fault]
    if edit is not None:
        file, old, new = edit
        text = (folder / file).read_text(encoding="utf-8")
        assert old in text, fault
        (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


@given(parsers.parse('a third party\'s plugin "{name}", which {fault}'))
@when(parsers.parse('the third party\'s plugin "{name}" is replaced by one which {fault}'))
def _(install: Callable[[str, str], None], name: str, fault: str) -> None:
    install(name, fault)


@given(parsers.parse('the document "{label}" is a day of the exchange "acme"'))
def _(desk: Any, label: str) -> None:
    desk.documents[label] = [Document("prices_20250604.csv", DAY, "text/csv")]


@when("the plugins are listed")
def _(desk: Any) -> None:
    for name in desk.catalogue.cards():
        try:
            desk.catalogue.market(name)
        except Carbon254Error:
            continue


@when(parsers.parse('I ask for the market "{name}"'))
def _(desk: Any, name: str) -> None:
    desk.attempt(lambda: desk.catalogue.market(name))


@when(parsers.parse('someone accepts "{label}" at {at}'))
def _(desk: Any, label: str, at: str) -> None:
    desk.set_clock(at)
    (document,) = desk.documents[label]
    desk.attempt(lambda: desk.quality.accept(document.digest))
    desk.granted()


@when(parsers.parse('"acme" is asked to fetch its day {day} at {at}'))
def _(desk: Any, day: str, at: str) -> None:
    desk.set_clock(at)
    desk.credentials["entsoe_token"] = "a secret"
    for path in ("prices_20250604.csv", "login"):
        body = DAY if path.startswith("prices") else b"ticket"
        desk.fetcher.give(Request(f"{HOST}{path}"), Document(path, body))
    series = "acme/day_ahead-first/price/hub/NORTH"
    desk.outcomes["fetch"] = desk.fetch.run("acme", "prices", desk.day(series, day))


@then(parsers.parse('"{name}" is set aside because of "{reason}"'))
def _(desk: Any, name: str, reason: str) -> None:
    aside = desk.catalogue.set_aside()
    assert reason in aside[name], aside


@then(parsers.parse('the markets "{names}" are ready'))
def _(desk: Any, names: str) -> None:
    assert ", ".join(desk.catalogue.cards()) == names


@then(parsers.parse('prices of "{name}" are taken in'))
def _(desk: Any, name: str) -> None:
    row = {"from": "2025-06-10 07:00", "to": "2025-06-10 08:00", "value": "31"}
    desk.write("still", [{"series": name, **row}])
    desk.arrive("still", "2025-06-09 20:10")
    assert desk.outcome("still").status == "recorded"


@then(parsers.parse('"{label}" is held in the archive'))
def _(desk: Any, label: str) -> None:
    (document,) = desk.documents[label]
    assert desk.archive.get(document.digest) == document.body


@then(parsers.parse('"{name}" shows:'))
def _(desk: Any, name: str, datatable: list[list[str]]) -> None:
    card = desk.catalogue.cards()[name]
    for fact, value in datatable[1:]:
        found = getattr(card, fact)
        assert (found if isinstance(found, str) else ", ".join(found)) == value


@then(parsers.parse('no code of "{name}" has run'))
def _(name: str) -> None:
    assert not [module for module in sys.modules if module.startswith(f"{name}_")]


@then(parsers.parse('"{name}" may be passed on as "{redistribution}"'))
def _(desk: Any, name: str, redistribution: str) -> None:
    assert desk.catalogue.cards()[name].redistribution == redistribution


@then(parsers.parse('the fetch is told as "{status}"'))
def _(desk: Any, status: str) -> None:
    assert desk.outcome("fetch").status == status


@then(parsers.parse('the fetch is refused as "{code}"'))
def _(desk: Any, code: str) -> None:
    outcome = desk.outcome("fetch")
    assert (outcome.status, outcome.code) == ("unavailable", code), outcome


@then("nobody was asked")
def _(desk: Any) -> None:
    assert desk.fetcher.asked == []
    assert desk.archive.bodies == {}


@then("the archive holds one document")
def _(desk: Any) -> None:
    assert list(desk.archive.bodies.values()) == [DAY]
