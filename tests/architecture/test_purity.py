"""Core and plugins ask no clock and no machine: what they need to know they are told (STYLE §5, §8, §10).

Found in the syntax of their modules. What is allowed none the less stands here, with its reason.
"""

import ast
from collections.abc import Iterator, Mapping

import pytest

PURE = ("core/", "plugins/")

CLOCKS = {
    "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "pd.Timestamp.now", "Timestamp.now",
    "time.time", "time.time_ns", "time.monotonic", "time.perf_counter", "time.sleep", "time.localtime", "time.gmtime",
}  # fmt: skip
MACHINE = {"os.environ", "os.environb", "os.getenv", "os.getcwd", "os.getpid", "sys.argv"}
TALK = {"print", "input", "breakpoint"}
NETWORK = {"socket", "ssl", "http", "urllib.request", "requests", "httpx", "httpx2", "asyncio"}
RUNNING = {"subprocess", "multiprocessing", "threading", "signal"}
FILES = {
    "open", "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "touch", "stat", "exists",
    "is_file", "is_dir", "iterdir", "glob", "rglob", "mkstemp", "mkdtemp", "TemporaryDirectory", "NamedTemporaryFile",
}  # fmt: skip

# What touches a file, and why it may.
FILES_ALLOWED = {
    ("core/domain/vocabulary.py", "open"): "the closed words are data tables that ship beside the code",
    ("core/domain/cards.py", "exists"): "a market need not have a list of places",
    ("core/domain/cards.py", "read_text"): "a market's card is read before its code may run; the path is handed in",
    ("core/domain/model_cards.py", "read_text"): "the same of a model's card",
    ("plugins/markets/entsoe/coupling.py", "read_text"): "dated facts of coupling, a data table beside the code",
    ("plugins/markets/nem/tables.py", "open"): "layouts of AEMO's tables, a data table beside the code",
    ("plugins/markets/caiso/oasis.py", "open"): "a member of a zip that lies in memory",
    ("plugins/markets/caiso/writer.py", "open"): "the same, written",
    ("plugins/markets/entsoe/feed.py", "open"): "the same",
    ("plugins/markets/nem/mms.py", "open"): "the same",
}  # fmt: skip

# A datetime without a zone, and why it may be.
NAIVE_ALLOWED = {
    ("core/domain/time.py", "datetime.combine"): "a local clock's time, which its zone turns into an instant at once",
    ("core/domain/time.py", "replace(tzinfo=None)"): "compared with a local clock's time",
    ("core/domain/time.py", "datetime.fromisoformat"): "utc() refuses it when it has no offset",
    ("core/domain/observations.py", "replace(tzinfo=None)"): "numpy's instants have no zone; the column is UTC",
    ("core/domain/spikes.py", "replace(tzinfo=None)"): "only the local time of day is kept, to compare alike hours",
    ("plugins/markets/entsoe/curve.py", "replace(tzinfo=None)"): "months are counted on Brussels' clock, then made UTC",
    ("plugins/markets/eu_ets/auctions.py", "datetime.combine"): "only its time of day is used",
    ("plugins/markets/eu_ets/writer.py", "datetime"): "day 0 of a spreadsheet, which is in no zone",
    ("plugins/markets/eu_ets/writer.py", "replace(tzinfo=None)"): "written as a spreadsheet's number on Berlin's clock",
    ("plugins/markets/miso/day_prices.py", "datetime.strptime"): "a label of which only the day is used",
    ("plugins/markets/miso/writer.py", "datetime.combine"): "a label on MISO's clock, to be printed",
    ("plugins/markets/miso/writer.py", "datetime.strptime"): "only its time of day is used",
}  # fmt: skip


# Calls that make a datetime, and which argument is the zone where it is not named (none for those without).
NEVER = 99
POSITION = {
    "datetime": 7,
    "datetime.combine": 2,
    "datetime.fromtimestamp": 1,
    "datetime.fromisoformat": NEVER,
    "datetime.strptime": NEVER,
    "datetime.utcfromtimestamp": NEVER,
}


def names_of(tree: ast.Module) -> dict[str, str]:
    """What imported names stand for: ``_now`` is ``time.time`` after ``from time import time as _now``."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return found


def dotted(node: ast.AST, names: Mapping[str, str]) -> str:
    """A name with its attributes, under the name it was imported from; empty for anything else."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (before := dotted(node.value, names)):
        return f"{before}.{node.attr}"
    return ""


def ends_in(name: str, wanted: set[str]) -> str:
    """Which of the wanted names this one is, as ``datetime.now`` is in ``dt.datetime.now``."""
    return next((one for one in wanted if name == one or name.endswith(f".{one}")), "")


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def uses(tree: ast.Module, wanted: set[str]) -> Iterator[str]:
    names = names_of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and (
            found := ends_in(dotted(node, names), wanted)
        ):
            yield found
    yield from (name for name in imports(tree) if name in wanted)


def file_calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
        if name in FILES:
            yield name


def naive(tree: ast.Module) -> Iterator[str]:
    """Calls that make a datetime without a zone, by their name."""
    names = names_of(tree)
    made_aware = {
        id(node.func.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if node.func.attr == "replace" and is_given(zone_of(node))
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and id(node) not in made_aware
            and (name := naive_call(node, names))
        ):
            yield name


def naive_call(node: ast.Call, names: Mapping[str, str]) -> str:
    """How a call is named that makes a datetime without a zone; empty for any other."""
    zone = zone_of(node)
    if is_none(zone) and getattr(node.func, "attr", "") == "replace":
        return "replace(tzinfo=None)"
    found = ends_in(dotted(node.func, names), set(POSITION))
    given = is_given(zone) or len(node.args) > POSITION.get(found, 0)
    return "" if given else found


def zone_of(node: ast.Call) -> ast.expr | None:
    return next((k.value for k in node.keywords if k.arg in ("tzinfo", "tz")), None)


def is_given(node: ast.expr | None) -> bool:
    return node is not None and not is_none(node)


def is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def pure(modules: Mapping[str, ast.Module]) -> Mapping[str, ast.Module]:
    found = {name: tree for name, tree in modules.items() if name.startswith(PURE)}
    assert len(found) > 50
    return found


@pytest.mark.parametrize(
    ("wanted", "instead"),
    [
        (CLOCKS, "pass a clock, or as_of"),
        (MACHINE, "settings are read in config and handed in"),
        (TALK, "return it; the command line prints"),
    ],
    ids=["a clock", "the environment", "a person"],
)
def test_nothing_asks(modules: Mapping[str, ast.Module], wanted: set[str], instead: str) -> None:
    found = {name: sorted(set(uses(tree, wanted))) for name, tree in pure(modules).items()}
    assert {name: what for name, what in found.items() if what} == {}, instead


def test_nothing_opens_a_connection_or_starts_a_process(modules: Mapping[str, ast.Module]) -> None:
    forbidden = NETWORK | RUNNING
    found = {
        f"{name} imports {what}"
        for name, tree in pure(modules).items()
        for what in imports(tree)
        if any(what == one or what.startswith(f"{one}.") for one in forbidden)
    }
    assert found == set()


def test_files_are_touched_only_where_there_is_a_reason(modules: Mapping[str, ast.Module]) -> None:
    found = {(name, call) for name, tree in pure(modules).items() for call in file_calls(tree)}
    assert found - set(FILES_ALLOWED) == set(), (
        "the host reads and writes files, not core or a plugin"
    )
    assert set(FILES_ALLOWED) - found == set(), "allowed, and not needed any more"


def test_no_instant_is_without_a_zone(modules: Mapping[str, ast.Module]) -> None:
    found = {(name, call) for name, tree in pure(modules).items() for call in naive(tree)}
    assert found - set(NAIVE_ALLOWED) == set(), "inside, every instant is UTC-aware"
    assert set(NAIVE_ALLOWED) - found == set(), "allowed, and not needed any more"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("import datetime as dt\ndt.datetime.now(dt.UTC)", "clock"),
        ("from time import time\ntime()", "clock"),
        ("import time as t\nt.time()", "clock"),
        ("from time import monotonic as m\nm()", "clock"),
        ("from datetime import datetime as d\nd.utcnow()", "clock"),
        ("import os\nos.environ['A']", "machine"),
        ("from os import environ as e\ne['A']", "machine"),
        ("def f():\n    print('x')", "talk"),
        ("open('x')", "file"),
        ("Path('x').read_text()", "file"),
        ("datetime(2025, 1, 1)", "naive"),
        ("datetime(2025, 1, 1, tzinfo=None)", "naive"),
        ("from datetime import datetime as d\nd(2025, 1, 1)", "naive"),
        ("datetime.combine(day, clock)", "naive"),
        ("datetime.strptime(text, '%Y')", "naive"),
        ("moment.replace(tzinfo=None)", "naive"),
        ("datetime.strptime(text, '%Y').replace(month=2)", "naive"),
    ],
)
def test_what_is_forbidden_is_seen(code: str, kind: str) -> None:
    tree = ast.parse(code)
    seen = {
        "clock": lambda: uses(tree, CLOCKS),
        "machine": lambda: uses(tree, MACHINE),
        "talk": lambda: uses(tree, TALK),
        "file": lambda: file_calls(tree),
        "naive": lambda: naive(tree),
    }
    assert list(seen[kind]())


@pytest.mark.parametrize(
    "code",
    [
        "datetime(2025, 1, 1, tzinfo=UTC)",
        "datetime.strptime(text, '%Y').replace(tzinfo=UTC)",
        "datetime.combine(day, clock, UTC)",
        "moment.replace(tzinfo=UTC)",
        "self.clock.now()",
        "file.read()",
    ],
)
def test_what_is_right_is_left_alone(code: str) -> None:
    tree = ast.parse(code)
    assert not [*naive(tree), *uses(tree, CLOCKS), *file_calls(tree)]
