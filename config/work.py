"""What worker processes run: functions that are found by their name and put together what they need."""

from __future__ import annotations

from functools import cache

from carbon254.adapters.plugins.models import ModelHost
from carbon254.core.domain.backtests import DayForecast
from carbon254.core.usecases.execute_model import ModelTask, execute


@cache
def _models() -> ModelHost:
    return ModelHost()


def execute_model(task: ModelTask) -> tuple[DayForecast, ...]:
    """Execute a task with the installed models."""
    return execute(_models(), task)
