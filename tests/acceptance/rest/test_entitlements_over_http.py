"""The scenarios of features/entitlements, everything that is asked there asked over HTTP."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace as Facts
from typing import Any

import pytest
from pytest_bdd import parsers, when

from carbon254.core.domain.series import SeriesId
from carbon254.core.domain.time import format_instant, parse_instant

_FILE = Path(__file__).parents[1] / "test_entitlements.py"
_SPEC = importlib.util.spec_from_file_location("entitlements_steps", _FILE)
assert _SPEC
assert _SPEC.loader
_STEPS = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_STEPS)
# Of its steps all but those that ask: these are written anew below.
ANEW = (
    '"{who}" looks for "{text}"', '"{who}" asks how far "{pattern}" reaches', '"{who}" exports "{name}"',
    '"{who}" traces the number of "{name}" at {start}', '"{who}" exports everything', '"{who}" asks why',
    '"{who}" asks for findings on quality from {start} to {end}', '"{who}" looks at the board of {day}',
    "somebody asks with a key that was never made", "somebody asks with a word that is no key",
)  # fmt: skip
_LEFT = {f"pytestbdd_stepdef_when_{one}" for one in ANEW}
assert set(vars(_STEPS)) >= _LEFT
globals().update(
    {name: one for name, one in vars(_STEPS).items() if name not in {*_LEFT, "__file__"}}
)
CSV = {"Accept": "text/csv"}
DAY = {"start": "2025-06-10T07:00:00Z", "end": "2025-06-10T09:00:00Z"}


@pytest.fixture
def ask(desk: Any, http: Any) -> Any:
    """Have somebody ask for a path, and make of the answer what the steps look at."""

    def asking(who: str, path: str, make: Any, query: Any = None, **headers: str) -> None:
        desk.attempt(lambda: make(http.asked(desk.tokens[who], path, query, **headers)))

    return asking


def entries(answer: Any) -> list[Facts]:
    read = {"series": SeriesId.parse, "first": parse_instant, "last": parse_instant}
    return [
        Facts(**{**row, **{name: make(row[name]) for name, make in read.items()}})
        for row in answer.json["rows"]
    ]


@when(parsers.parse('"{who}" asks for "{name}" from {start} to {end}'))
def _(desk: Any, http: Any, who: str, name: str, start: str, end: str) -> None:
    window = desk.window(start, end)
    desk.attempt(lambda: http.values(desk.tokens[who], desk.series(name), window, {}))


@when(parsers.parse('"{who}" lists every series'))
def _(ask: Any, who: str) -> None:
    ask(who, "/v1/series", entries)


@when(parsers.parse('"{who}" looks for "{text}"'))
def _(ask: Any, who: str, text: str) -> None:
    ask(who, "/v1/series", entries, {"q": text})


@when(parsers.parse('"{who}" asks how far "{pattern}" reaches'))
def _(ask: Any, who: str, pattern: str) -> None:
    def covered(answer: Any) -> list[Facts]:
        rows = answer.json["rows"]
        starts = [(parse_instant(row["start"]), parse_instant(row["end"])) for row in rows]
        return [
            Facts(
                series=SeriesId.parse(row["series"]), first=start, last=end, rows=row["intervals"]
            )
            for row, (start, end) in zip(rows, starts, strict=True)
        ]

    ask(who, "/v1/coverage", covered, {"series": pattern})


@when(parsers.parse('"{who}" traces the number of "{name}" at {start}'))
def _(desk: Any, ask: Any, who: str, name: str, start: str) -> None:
    def traced(answer: Any) -> Facts:
        told = answer.json
        return Facts(row=Facts(value=[told["value"]]), fragment=told["fragment"].encode())

    at = start.replace(" ", "T") + "Z"
    ask(who, "/v1/provenance", traced, {"series": str(desk.series(name)), "start": at})


@when(parsers.parse('"{who}" asks for findings on quality from {start} to {end}'))
def _(desk: Any, ask: Any, who: str, start: str, end: str) -> None:
    window = desk.window(start, end)
    query = {"start": format_instant(window.start), "end": format_instant(window.end)}

    def findings(answer: Any) -> list[Facts]:
        return [
            Facts(**{**row, "series": SeriesId.parse(row["series"])}) for row in answer.json["rows"]
        ]

    ask(who, "/v1/quality", findings, query)


@when(parsers.parse('"{who}" looks at the board of {day}'))
def _(ask: Any, who: str, day: str) -> None:
    def board(answer: Any) -> Facts:
        told = answer.json
        lines = [Facts(series=SeriesId.parse(one["series"]), told=one) for one in told["lines"]]
        parts = {name: told[name] for name in ("allowances", "revised", "absent")}
        return Facts(lines=lines, feeds=[Facts(**one) for one in told["feeds"]], **parts)

    ask(who, "/v1/board", board, {"day": day})


@when(parsers.parse('"{who}" exports "{name}"'))
def _(desk: Any, ask: Any, who: str, name: str) -> None:
    ask(who, f"/v1/series/{desk.series(name)}/values", lambda answer: answer.text, DAY, **CSV)


@when(parsers.parse('"{who}" exports everything'))
def _(ask: Any, who: str) -> None:
    def brought(answer: Any) -> list[Facts]:
        lines = answer.text.splitlines()[1:]
        return [
            Facts(series=SeriesId.parse(one))
            for one in sorted({line.split(",")[0] for line in lines})
        ]

    ask(who, "/v1/values", brought, {**DAY, "series": "*"}, **CSV)


@when(parsers.parse('"{who}" tries to read the audit log'))
def _(ask: Any, who: str) -> None:
    ask(who, "/v1/audit", lambda answer: answer.json["rows"])


@when(parsers.parse('"{who}" asks why'))
def _(desk: Any, ask: Any, who: str) -> None:
    def decision(answer: Any) -> Facts:
        told = answer.json
        return Facts(**{**told, "at": parse_instant(told["at"])})

    ask(who, f"/v1/decisions/{desk.refusal().decision}", decision)


@when("somebody asks with nothing")
def _(desk: Any, http: Any) -> None:
    desk.attempt(lambda: http.asked("", "/v1/me"))


@when("somebody asks with a key that was never made")
def _(desk: Any, http: Any) -> None:
    desk.attempt(lambda: http.asked(f"c254_{'0' * 12}_{'0' * 64}", "/v1/me"))


@when("somebody asks with a word that is no key")
def _(desk: Any, http: Any) -> None:
    desk.attempt(lambda: http.asked("sesame", "/v1/me"))


@when(parsers.parse('somebody asks with the key of "{who}" with another ending'))
def _(desk: Any, http: Any, who: str) -> None:
    token = desk.tokens[who]
    desk.tokens["somebody"] = token[:-1] + ("0" if token[-1] != "0" else "1")
    desk.attempt(lambda: http.asked(desk.tokens["somebody"], "/v1/me"))
