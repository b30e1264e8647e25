"""The plugin host: one broken plugin is set aside with its reason, and the others are there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from itertools import count
from pathlib import Path

import pytest

from carbon254.adapters.plugins.host import PluginHost
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import NotFound, PluginBroken

DEMO = Path(__file__).with_name("demo")
OURS = {"caiso", "entsoe", "eu_ets", "miso", "nem"}
_names = count()

Install = Callable[..., EntryPoint]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages that can be imported; what was imported from it is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Install:
    """Put a market into the folder: the demo exchange under another id, with what is changed of it."""

    def make(
        market: str = "demo", *, card: str | None = None, code: str | None = None, inside: str = ""
    ) -> EntryPoint:
        package = f"plugin_{next(_names)}"
        folder = site / inside / package
        shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("__pycache__"))
        text = (folder / "market.toml").read_text()
        (folder / "market.toml").write_text(
            card or text.replace('id = "demo"', f'id = "{market}"', 1)
        )
        if code is not None:
            (folder / "__init__.py").write_text(code)
        module = f"{inside}.{package}" if inside else package
        return EntryPoint(market, module, "carbon254.markets")

    return make


HOOK = """
from carbon254.ports.hooks import hookimpl
@hookimpl
def carbon254_market(card):
    {}
"""


# ------------------------------------------------------------ what works


def test_our_five_markets_are_found_and_none_is_set_aside() -> None:
    host = PluginHost()
    assert set(host.cards()) >= OURS
    assert host.set_aside() == {}
    assert {name: host.market(name).card.id for name in OURS} == {name: name for name in OURS}


def test_cards_come_in_the_order_of_their_ids(install: Install) -> None:
    host = PluginHost([install("zeta"), install("alpha"), install("mid")])
    assert list(host.cards()) == ["alpha", "mid", "zeta"]


def test_a_market_is_loaded_once_and_gets_the_card_of_the_host(install: Install) -> None:
    host = PluginHost([install()])
    assert host.market("demo") is host.market("demo")
    assert host.market("demo").card is host.cards()["demo"]


def test_a_market_that_is_not_installed_is_not_found(install: Install) -> None:
    host = PluginHost([install()])
    with pytest.raises(NotFound, match="there are demo"):
        host.market("nosuch")
    with pytest.raises(NotFound):
        host.parser_version("nosuch")


def test_the_parser_version_follows_code_and_card_and_not_the_samples(
    install: Install, site: Path
) -> None:
    entry = install()
    folder = site / entry.module
    first = PluginHost([entry]).parser_version("demo")
    sample = next(path for path in (folder / "samples").rglob("*") if path.is_file())
    sample.write_bytes(sample.read_bytes() + b"\n")
    (folder / "__pycache__").mkdir(exist_ok=True)
    (folder / "__pycache__" / "feed.pyc").write_bytes(b"x")
    assert PluginHost([entry]).parser_version("demo") == first
    feed = folder / "feed.py"
    feed.write_text(feed.read_text() + "# better\n")
    second = PluginHost([entry]).parser_version("demo")
    card = folder / "market.toml"
    card.write_text(card.read_text() + "# better\n")
    assert len({first, second, PluginHost([entry]).parser_version("demo")}) == 3


def test_the_parser_version_is_of_the_code_that_is_loaded(install: Install, site: Path) -> None:
    entry = install()
    host = PluginHost([entry])
    first = host.parser_version("demo")
    feed = site / entry.module / "feed.py"
    feed.write_text(feed.read_text() + "# edited while we run\n")
    assert host.parser_version("demo") == first


# ------------------------------------------------------------ what is broken: found by the card


def refused(host: PluginHost, market: str = "demo") -> str:
    """The reason why a market is set aside; the healthy one beside it must work."""
    assert host.market("healthy").card.id == "healthy"
    assert market not in host.cards()
    with pytest.raises(PluginBroken) as caught:
        host.market(market)
    assert caught.value.code == "plugin_broken"
    assert host.set_aside()[market] in str(caught.value)
    return host.set_aside()[market]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('operator = ', 'operater = ', "operater"),
        ('currency = "EUR"', 'currency = "SHELLS"', "currency"),
        ('kind = "power"', "kind = ", "market.toml"),
        ('zone = "Europe/Berlin"', 'zone = "Europe/Atlantis"', "Atlantis"),
        ('id = "demo"', 'id = "other"', "'other'"),
        ('id = "demo"', 'id = "user"', "reserved"),
    ],
)  # fmt: skip
def test_a_broken_card_is_set_aside_with_the_key_that_is_wrong(
    install: Install, old: str, new: str, reason: str
) -> None:
    text = (DEMO / "market.toml").read_text()
    assert old in text
    host = PluginHost([install("healthy"), install(card=text.replace(old, new, 1))])
    assert reason in refused(host)


@pytest.mark.parametrize(
    "card", ["", "[", "id = 5", "datasets = 3", 'id = "demo"\nruns = []', "\x00"]
)
def test_a_card_that_is_none_is_set_aside(install: Install, card: str) -> None:
    host = PluginHost([install("healthy"), install(card=card + "\n")])
    assert refused(host)


def test_a_card_that_is_not_text_is_set_aside(install: Install, site: Path) -> None:
    entry = install()
    (site / entry.module / "market.toml").write_bytes(b"\xff\xfe\x00")
    assert refused(PluginHost([install("healthy"), entry]))


def test_a_plugin_without_a_card_is_set_aside(install: Install, site: Path) -> None:
    entry = install()
    (site / entry.module / "market.toml").unlink()
    assert "market.toml" in refused(PluginHost([install("healthy"), entry]))


@pytest.mark.parametrize(
    "value",
    [
        "no_such_module_254",
        "no_such_package_254.market",
        "json.nothing",
        "json.tool.deeper",
        "not a module!",
        "",
        ":x",
    ],
)
def test_a_module_that_is_not_there_is_set_aside(install: Install, value: str) -> None:
    host = PluginHost([install("healthy"), EntryPoint("demo", value, "carbon254.markets")])
    assert refused(host)


def test_a_module_that_cannot_even_be_looked_for_is_set_aside(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Finder:
        def find_spec(self, name: str, path: object, target: object = None) -> None:
            if name == "cursed_254":
                raise RuntimeError("the importer itself fails")

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    entry = EntryPoint("demo", "cursed_254", "carbon254.markets")
    assert "the importer itself fails" in refused(PluginHost([install("healthy"), entry]))


def test_a_market_that_is_installed_twice_is_set_aside(install: Install) -> None:
    """Neither is taken: which of the two would win must not depend on the order of packages."""
    host = PluginHost([install("healthy"), install(), install()])
    assert "installed twice" in refused(host)


# ------------------------------------------------------------ what is broken: found when it is loaded


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_module_254", "ModuleNotFoundError"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(3)", "SystemExit"),
        ("def f(:", "SyntaxError"),
        ("", "NoneType, which is no Market"),
        (HOOK.format("return None"), "NoneType, which is no Market"),
        (HOOK.format("return 42"), "int, which is no Market"),
        (HOOK.format("raise KeyError('x')"), "KeyError"),
        (HOOK.format("import sys; sys.exit()"), "SystemExit"),
        (HOOK.replace("_market(card)", "_nosuch(card)").format("return 1"), "carbon254_nosuch"),
        (HOOK.replace("(card)", "(card, network)").format("return 1"), "network"),
    ],
)  # fmt: skip
def test_a_plugin_that_fails_to_load_is_set_aside_when_it_is_asked_for(
    install: Install, code: str, reason: str
) -> None:
    host = PluginHost([install("healthy"), install(code=code)])
    assert set(host.cards()) == {"demo", "healthy"}
    with pytest.raises(PluginBroken, match="cannot be loaded"):
        host.market("demo")
    assert reason in refused(host)


def test_a_market_with_a_card_of_its_own_making_is_set_aside(install: Install) -> None:
    code = HOOK.format(
        "import attrs; from .feed import Feed; return Feed(attrs.evolve(card, redistribution='open', name='Mine'))"
    )
    host = PluginHost([install("healthy"), install(code=code)])
    with pytest.raises(PluginBroken, match="another card"):
        host.market("demo")


def test_a_list_of_locations_that_cannot_be_read_is_found_on_loading(
    install: Install, site: Path
) -> None:
    entry = install()
    (site / entry.module / "locations.toml").write_text(
        '[[location]]\nkind = "galaxy"\ncode = "M31"\n'
    )
    host = PluginHost([install("healthy"), entry])
    with pytest.raises(PluginBroken, match=r"locations\.toml"):
        host.market("demo")
    assert "galaxy" in refused(host)


# ------------------------------------------------------------ discovery runs no plugin code


def test_discovery_runs_no_code_of_a_plugin_nor_of_the_packages_it_lies_in(
    install: Install, site: Path
) -> None:
    (site / "acme").mkdir()
    (site / "acme" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    entry = install(code="raise RuntimeError('imported')\n", inside="acme")
    host = PluginHost([entry])
    assert set(host.cards()) == {"demo"}
    assert host.parser_version("demo")
    assert not [name for name in sys.modules if name.startswith(("acme", "plugin_"))]


_DISCOVER = """
import json, sys
from carbon254.adapters.plugins.host import PluginHost
host = PluginHost()
cards = list(host.cards())
heavy = [name for name in ("numpy", "pandas", "pyarrow", "duckdb", "lxml", "openpyxl") if name in sys.modules]
plugins = [name for name in sys.modules if name.startswith("carbon254.plugins.")]
print(json.dumps([cards, host.set_aside(), heavy, plugins]))
"""


def run(code: str, *path: Path) -> list[object]:
    """What a fresh interpreter prints, with more folders to import from."""
    lines = "".join(f"sys.path.insert(0, {str(one)!r})\n" for one in path)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{lines}{code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[object] = json.loads(done.stdout)
    return found


def test_discovery_imports_neither_plugins_nor_numpy_nor_pandas() -> None:
    cards, aside, heavy, plugins = run(_DISCOVER)
    assert set(cards) >= OURS  # type: ignore[call-overload]
    assert (aside, heavy, plugins) == ({}, [], [])


# ------------------------------------------------------------ a distribution of somebody else


def test_a_plugin_of_another_distribution_works(install: Install, site: Path) -> None:
    package = install("acme").module
    info = site / "acme_power-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-power\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[carbon254.markets]\nacme = {package}\n")
    code = """
import json
from carbon254.adapters.plugins.host import PluginHost
host = PluginHost()
market = host.market("acme")
print(json.dumps([list(host.cards()), host.set_aside(), type(market).__module__, market.card.id]))
"""
    cards, aside, module, card = run(code, site)
    assert set(cards) == {*OURS, "acme"}  # type: ignore[call-overload]
    assert (aside, module, card) == ({}, f"{package}.feed", "acme")


def test_a_broken_distribution_of_somebody_else_takes_nothing_from_ours(site: Path) -> None:
    info = site / "acme_power-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-power\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[carbon254.markets]\nacme = gone_254.market\n")
    cards, aside, *_ = run(_DISCOVER, site)
    assert set(cards) == OURS  # type: ignore[call-overload]
    assert list(aside) == ["acme"]  # type: ignore[call-overload]


def test_a_real_parser_that_recognises_by_content_survives_any_bytes() -> None:
    host = PluginHost()
    for body in (
        b"",
        b"\x00" * 100,
        b"PK\x03\x04 no zip",
        b"<html></html>",
        b"{",
        b"I,DISPATCH,,",
        b"\xff\xfe",
    ):
        for name in OURS:
            assert host.market(name).recognise(Document("x.bin", body)) == (), (name, body)
