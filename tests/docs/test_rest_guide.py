"""The REST guide's commands, sent over a loopback socket to a served demo, answer what stands below them."""

from __future__ import annotations

import json
import re
import shlex
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carbon254.adapters.cli.running import DEMO_NOW
from carbon254.adapters.http.app import create_app
from carbon254.adapters.http.server import listen, stop
from carbon254.config.container import open_platform
from carbon254.config.settings import Settings

GUIDE = (Path(__file__).resolve().parents[2] / "docs/rest.md").read_text(encoding="utf-8")
INSIDE = r"((?:(?!```).*\n)*)"
BLOCK = re.compile(rf"^```sh\n{INSIDE}```\n\n```(?:json|text)\n{INSIDE}```", re.MULTILINE)
EXAMPLES = BLOCK.findall(GUIDE)
GIVEN = re.search(r"^HUB=(\S+)$", GUIDE, re.MULTILINE)
ADDRESS = "http://127.0.0.1:8254"
# What is another at every run: ids, and the instant of the last commit of a demo of one market.
OWN = re.compile(r'("(?:instance|decision|as_of|recorded_at)":)"[^"]*"')


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What stands for what in the commands, while the demo's California is served."""
    folder = tmp_path_factory.mktemp("guide")
    with open_platform(Settings(data=folder), DEMO_NOW) as platform:
        platform.ingest.claim(synthetic=True)
        platform.samples.one(platform.catalogue.cards()["caiso"], "day_ahead_lmp")
        server = listen(create_app(platform, dict), 0)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        keys = {name: platform.keys.create(role, role, tenant=tenant).token for name, role, tenant in (
            ("$PILOT", "pilot", "acme"), ("$ANALYST", "analyst", "acme"),
        )}  # fmt: skip
        assert GIVEN
        yield {**keys, "$HUB": GIVEN[1], ADDRESS: f"http://127.0.0.1:{server.effective_port}"}
        stop(server)
        thread.join(timeout=5)


def send(line: str, words: dict[str, str]) -> str:
    """What `curl -s` prints, and `jq` with a path of it."""
    for name, meant in words.items():
        line = line.replace(name, meant)
    told, _, path = line.partition(" | jq ")
    command, *rest = shlex.split(told)
    assert command == "curl"
    headers: dict[str, str] = {}
    url = ""
    while rest:
        word = rest.pop(0)
        if word == "-H":
            name, _, value = rest.pop(0).partition(": ")
            headers[name] = value
        elif word != "-s":
            url = word
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=20
        ) as answer:
            body = answer.read().decode()
    except urllib.error.HTTPError as refused:
        body = refused.read().decode()
    return picked(json.loads(body), shlex.split(path)[0]) if path else body


def picked(value: Any, path: str) -> str:
    for name in re.findall(r"\w+", path):
        value = value[int(name) if name.isdigit() else name]
    return json.dumps(value)


def plain(text: str) -> str:
    """Without what differs at every run, and without line breaks and spaces where it is JSON."""
    if text.startswith("{"):
        text = "".join(line.strip() for line in text.splitlines())
    return OWN.sub(r'\1"…"', text.strip().replace('": ', '":').replace(", ", ","))


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_a_command_answers_what_stands_below_it(number: int, words: dict[str, str]) -> None:
    commands, printed = EXAMPLES[number]
    found = [send(line, words).rstrip() for line in commands.splitlines()]
    assert plain("\n".join(found)) == plain(printed)


def test_the_readme_asks_for_what_is_there(words: dict[str, str]) -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^curl -s .*$", readme, re.MULTILINE)
    hub = words["$HUB"]
    named = {"$KEY": words["$PILOT"], "${HUB/hub/node}": hub.replace("/hub/", "/node/"), **words}
    csv, then, node, board = (send(line.partition("   #")[0], named) for line in lines)
    assert len(csv.splitlines()) == 26
    assert len(json.loads(then)["rows"]) == 25
    assert json.loads(node)["code"] == "not_entitled"
    assert json.loads(board)["lines"]


def test_the_guide_shows_what_it_promises() -> None:
    assert len(EXAMPLES) >= 6
    told = "".join(commands for commands, _ in EXAMPLES)
    for part in ("$HUB/values", "/node/", "asOf=", "text/csv", "/v1/board", "publishedBy="):
        assert part in told
