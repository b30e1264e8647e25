"""The guide to operations names what there is."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from attrs import fields

from carbon254.config.reaching import RUN_ON
from carbon254.config.settings import Settings
from carbon254.core.domain.events import Check
from carbon254.core.domain.jobs import Task

GUIDE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")


def test_every_setting_has_a_row() -> None:
    assert [one.name for one in fields(Settings) if f"| `{one.name}` |" not in GUIDE] == []


def test_every_job_check_and_process_is_explained() -> None:
    kinds = sorted({*get_args(Task), *get_args(Check), *RUN_ON})
    assert [kind for kind in kinds if f"`{kind}" not in GUIDE] == []
