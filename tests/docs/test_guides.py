"""The guides on entitlements and the audit run from top to bottom, in one folder, as a reader would run them."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
from pathlib import Path

import pytest

from carbon254.adapters.cli import errors
from carbon254.adapters.cli.app import create_command
from carbon254.config.main import Doors

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"^```(python|sh)\n(.*?)^```(?:\n\n```text\n(.*?)^```)?", re.DOTALL | re.MULTILINE
)


def run_command(line: str) -> None:
    name, *words = shlex.split(line)
    if name == "cp":
        shutil.copy(*words)
        return
    assert name == "carbon254", line
    code = errors.run(lambda given: create_command(Doors(), "1.2.3", given), words)
    assert code == 0, line


@pytest.mark.parametrize("guide", ["docs/entitlements.md", "docs/audit.md"])
def test_a_guide_runs_as_written(
    guide: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ROOT / guide).read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    assert {kind for kind, _, _ in blocks} == {"python", "sh"}
    for kind, code, printed in blocks:
        if kind == "sh":
            for line in code.splitlines():
                run_command(line)
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, guide, "exec"), {"__name__": "__main__"})
        assert printed, "an example shows what it prints"
        assert out.getvalue() == printed
