"""The closed words of executions: what was asked of models, and how it stands."""

from __future__ import annotations

from typing import Literal

ExecutionKind = Literal["forecast", "backtest"]
ExecutionState = Literal["queued", "running", "done", "failed"]
"""``queued``: no process has begun it. ``running``: the worker that it names does it, or waits to. ``done``: its result
is kept. ``failed``: it has a code and a message, and nothing goes on by itself."""
