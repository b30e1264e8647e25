"""The code in README and the guides runs as written and prints what stands below it."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pluggy
import pytest
from attrs import frozen

from carbon254.adapters.clock import SystemClock
from carbon254.adapters.fetch.http import HttpFetcher
from carbon254.config import container
from carbon254.core.domain.documents import Document
from carbon254.core.domain.errors import NotPublishedYet
from carbon254.ports import hooks

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"(?:<!-- live: (\w+) -->\n)?```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL
)


@frozen
class Example:
    """A block of Python with what must be printed; ``live`` names the market whose documents it would fetch."""

    source: str
    line: int
    code: str
    printed: str | None
    live: str | None


def examples(name: str) -> Iterator[Example]:
    text = (ROOT / name).read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        line = text[: match.start(2)].count("\n") + 1
        yield Example(name, line, match[2], match[3], match[1])


README = [*examples("README.md"), *examples("docs/forecasts.md")]
OFFLINE = [one for one in README if not one.live]
LIVE = [one for one in README if one.live]


def title(one: Example) -> str:
    return f"{one.source}:{one.line}"


class RecordedFetcher:
    """Answers requests with recorded documents of the same name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fetch(self, request: Any, limits: Any, stop: Any = None) -> Document:
        path = self._folder / request.url.rpartition("/")[2]
        if not path.exists():
            raise NotPublishedYet(f"{path.name} was not recorded")
        return Document(
            path.name, path.read_bytes(), url=request.url, fetched_at=SystemClock().now()
        )

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder in which the repository's files can be named as in the guides."""
    (tmp_path / "plugins").symlink_to(ROOT / "plugins")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(one: Example) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(one.code, title(one), "exec"), {"__name__": "__main__"})
    return out.getvalue()


def words(text: str) -> list[list[str]]:
    """Lines as words: how far pandas sets columns apart does not matter."""
    return [line.split() for line in text.strip().splitlines()]


@pytest.mark.parametrize("one", OFFLINE, ids=title)
def test_an_example_prints_what_stands_below_it(one: Example, folder: Path) -> None:
    assert one.printed is not None, "an example of the README shows what it prints"
    assert words(run(one)) == words(one.printed)


@pytest.mark.recorded
@pytest.mark.parametrize("one", LIVE, ids=title)
def test_a_live_example_prints_it_on_recorded_documents(
    one: Example, folder: Path, recorded: Path
) -> None:
    assert one.live is not None
    fetcher = RecordedFetcher(recorded / one.live)
    provider, clock = container.Container.fetcher, container.Container.clock
    provider.set_args(lambda _: fetcher, clock)
    try:
        printed = run(one)
    finally:
        provider.set_args(HttpFetcher, clock)
    assert one.printed is not None
    assert words(printed) == words(one.printed)


@pytest.mark.parametrize("one", list(examples("docs/plugins.md")), ids=title)
def test_a_hook_of_the_plugin_guide_is_accepted_by_the_host(one: Example) -> None:
    found: dict[str, Any] = {}
    exec(compile(one.code, title(one), "exec"), found)
    manager = pluggy.PluginManager(hooks.NAMESPACE)
    manager.add_hookspecs(hooks)
    plugin = type(
        "Plugin",
        (),
        {
            name: staticmethod(value)
            for name, value in found.items()
            if name.startswith("carbon254_")
        },
    )
    manager.register(plugin)
    manager.check_pending()
    assert manager.get_hookcallers(plugin)


def test_there_are_examples_of_each_kind() -> None:
    assert len(LIVE) >= 1
    assert len(OFFLINE) >= 2
