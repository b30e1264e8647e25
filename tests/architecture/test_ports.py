"""Every port is small, and ships the suite that its fake and its adapters pass (STYLE §6, §11)."""

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

# Ports that have other than two to five methods of their own, and why.
OTHER_SIZE = {
    "AuditShelf": "the inside of one adapter, not to be parted; close makes the sixth",
    "Clock": "there is one thing to ask of a clock",
    "Fetcher": "there is one thing to ask: a document for a request",
    "SeriesStore": "what it answers must be of one commit, so it cannot be parted; close makes the sixth",
    "RecordStore": "three ports of two or three methods behind one adapter, with close",
}

# What holds a port to its contract. A port without a suite of its own says which one covers it.
SUITES = {
    "AuditLog": "AuditLogSuite",
    "AuditProofs": "AuditLogSuite",
    "Background": "BackgroundSuite",
    "CheckpointBook": "CheckpointBookSuite",
    "Clock": "ClockSuite",
    "DocumentArchive": "ArchiveSuite",
    "DocumentFolder": "DocumentFolderSuite",
    "ExecutionLog": "ExecutionLogSuite",
    "Executor": "ExecutorSuite",
    "Facts": "RecordStoreSuite",
    "Fetcher": "FetcherSuite",
    "Journal": "JournalSuite",
    "KeyStore": "KeyStoreSuite",
    "Leadership": "LeadershipSuite",
    "LocationRegistry": "RecordStoreSuite",
    "MessageBus": "MessageBusSuite",
    "Outbox": "SeriesStoreSuite",
    "PartLog": "PartLogSuite",
    "Policy": "PolicySuite",
    "QuarantineLog": "RecordStoreSuite",
    "RecordStore": "RecordStoreSuite",
    "Scheduler": "SchedulerSuite",
    "SeriesStore": "SeriesStoreSuite",
    "Signer": "SignerSuite",
    "Subscription": "MessageBusSuite",
    "Workers": "WorkersSuite",
}
OTHERWISE = {
    "AuditShelf": "the inside of `GroupedAuditLog`: AuditLogSuite drives it in every database",
    "Market": "the conformance kit (`--market ID`), which all markets and tests/contract/demo pass",
    "MarketCatalogue": "nothing but the plugin host can find plugins: tests of the host, of broken plugins above all",
    "Extensions": "the other face of the plugin host: its tests",
    "Combiner": "ForecasterSuite, as for every forecaster",
    "Forecaster": "ForecasterSuite, which the fakes and every model that ships pass",
    "ModelCatalogue": "as for MarketCatalogue: tests of the host",
    "Reader": "what the host and tests hand to models: tests of what is known at an origin",
    "Stop": "what `threading.Event` does, and nothing of ours stands behind it",
    "Shelf": "no port to the outside but the inside of `SeriesStore.record`: SeriesStoreSuite drives it in every store",
}


def protocols(tree: ast.Module) -> dict[str, ast.ClassDef]:
    return {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and "Protocol" in {ast.unparse(base) for base in node.bases}
    }


@pytest.fixture(scope="module")
def ports(modules: Mapping[str, ast.Module]) -> Mapping[str, ast.ClassDef]:
    own = [tree for name, tree in modules.items() if Path(name).parent == Path("ports")]
    return {name: node for tree in own for name, node in protocols(tree).items()}


def methods(port: ast.ClassDef) -> list[str]:
    return [node.name for node in port.body if isinstance(node, ast.FunctionDef)]


def test_ports_have_two_to_five_methods(ports: Mapping[str, ast.ClassDef]) -> None:
    other = {name for name, port in ports.items() if not 2 <= len(methods(port)) <= 5}
    assert other == set(OTHER_SIZE), "a port that needs ten methods is two ports"


def test_ports_and_their_methods_say_what_they_promise(ports: Mapping[str, ast.ClassDef]) -> None:
    silent = {name for name, port in ports.items() if not ast.get_docstring(port)}
    silent |= {
        f"{name}.{node.name}"
        for name, port in ports.items()
        for node in port.body
        if isinstance(node, ast.FunctionDef) and not ast.get_docstring(node)
    }
    assert silent == set()


def test_every_port_has_a_suite_or_says_what_stands_for_it(
    ports: Mapping[str, ast.ClassDef],
) -> None:
    assert set(ports) == set(SUITES) | set(OTHERWISE)
    assert not set(SUITES) & set(OTHERWISE)


# ---------------------------------------------------------------- who passes the suites


class Seen:
    """A class of the tests: the classes it is made from, where it stands, and what its file imports."""

    def __init__(self, node: ast.ClassDef, file: str, imported: set[str]) -> None:
        self.name, self.file, self.imported = node.name, file, imported
        self.bases = [ast.unparse(base) for base in node.bases]


def imported_from(tree: ast.Module) -> set[str]:
    return {
        node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
    }


@pytest.fixture(scope="module")
def seen(modules: Mapping[str, ast.Module], root: Path) -> list[Seen]:
    trees = {name: tree for name, tree in modules.items() if name.startswith("ports/testing/")}
    for path in sorted((root / "tests/contract").glob("*.py")):
        trees[path.relative_to(root).as_posix()] = ast.parse(path.read_text(encoding="utf-8"))
    return [
        Seen(node, name, imported_from(tree))
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    ]


def passing(suite: str, seen: list[Seen]) -> list[Seen]:
    """Test classes that are held to a suite, through classes in between as well."""
    found: list[Seen] = []
    names = {suite}
    for _ in range(5):
        held = [one for one in seen if names & set(one.bases) and one not in found]
        found += held
        names |= {one.name for one in held}
    return [one for one in found if one.file.startswith("tests/") and one.name.startswith("Test")]


@pytest.mark.parametrize("suite", sorted(set(SUITES.values())))
def test_a_fake_and_an_adapter_pass(suite: str, seen: list[Seen]) -> None:
    assert suite in {one.name for one in seen}, f"there is no {suite} in ports/testing"
    held = passing(suite, seen)
    assert len(held) >= 2, (
        f"only {[one.name for one in held]}: the fake and the adapters pass one suite"
    )
    imported = {name for one in held for name in one.imported}
    for kind in ("carbon254.ports.testing.fakes.", "carbon254.adapters."):
        assert any(name.startswith(kind) for name in imported), f"none of {held} is of {kind}*"


def test_no_suite_is_left_unused(seen: list[Seen]) -> None:
    suites = {
        one.name for one in seen if one.name.endswith("Suite") and one.file.startswith("ports/")
    }
    assert {suite for suite in suites if not passing(suite, seen)} == set()
