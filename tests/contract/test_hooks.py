"""What plugins may answer besides `carbon254_market`: checks, events and exporters."""

from __future__ import annotations

import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

import carbon254
from carbon254.adapters.plugins.host import GROUP, PluginHost
from carbon254.core.domain.errors import NotFound
from carbon254.core.usecases.frames import frame_of
from carbon254.ports.hooks import hookimpl

ROOT = Path(__file__).resolve().parents[2]


def host_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **hooks: Any) -> PluginHost:
    """A host with the EU ETS under another module that also answers ``hooks``."""
    from carbon254.plugins.markets import eu_ets

    folder = tmp_path / "eu_ets_extended"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for name in ("market.toml", "locations.toml"):
        (folder / name).write_bytes((ROOT / "plugins/markets/eu_ets" / name).read_bytes())
    monkeypatch.syspath_prepend(str(tmp_path))
    module = types.ModuleType("eu_ets_extended")
    module.carbon254_market = eu_ets.carbon254_market  # type: ignore[attr-defined]
    for name, function in hooks.items():
        setattr(module, name, hookimpl(function))
    host = PluginHost([EntryPoint("eu_ets", "eu_ets_extended", GROUP)])
    host.cards()  # found by its files, before the module stands in for them
    monkeypatch.setitem(sys.modules, "eu_ets_extended", module)
    return host


def test_a_plugins_quality_checks_are_found_under_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def carbon254_quality_checks() -> dict[str, Any]:
        return {"round_numbers": lambda observations, dataset: []}

    host = host_with(monkeypatch, tmp_path, carbon254_quality_checks=carbon254_quality_checks)
    assert list(host.quality_checks()) == ["eu_ets.round_numbers"]


def test_a_plugins_exporters_are_found_under_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def carbon254_exporters() -> dict[str, Any]:
        return {"count": lambda frame: str(len(frame)).encode()}

    host = host_with(monkeypatch, tmp_path, carbon254_exporters=carbon254_exporters)
    assert host.exporters()["eu_ets.count"]([1, 2, 3]) == b"3"


def test_an_exporter_that_is_not_installed_is_refused(tmp_path: Path) -> None:
    with carbon254.open(tmp_path) as platform, pytest.raises(NotFound, match="feather"):
        platform.export("feather", frame_of([]))


def test_a_loaded_plugin_hears_of_events(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    heard: list[Any] = []

    def carbon254_on_event(event: Any) -> None:
        heard.append(event["type"])

    host = host_with(monkeypatch, tmp_path, carbon254_on_event=carbon254_on_event)
    host.announce({"type": "ObservationsRecorded"})
    assert heard == []
    host.market("eu_ets")
    host.announce({"type": "ObservationsRecorded"})
    assert heard == ["ObservationsRecorded"]


def test_a_plugin_that_fails_on_an_event_undoes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def carbon254_on_event(event: Any) -> None:
        raise RuntimeError("not today")

    host = host_with(monkeypatch, tmp_path, carbon254_on_event=carbon254_on_event)
    host.market("eu_ets")
    with pytest.warns(UserWarning, match="not today"):
        host.announce({"type": "ObservationsRecorded"})
    assert "eu_ets" in host.cards()


def test_a_plugin_whose_answer_fails_is_set_aside(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def carbon254_quality_checks() -> dict[str, Any]:
        raise RuntimeError("no checks today")

    host = host_with(monkeypatch, tmp_path, carbon254_quality_checks=carbon254_quality_checks)
    assert host.quality_checks() == {}
    assert "no checks today" in host.set_aside()["eu_ets"]
