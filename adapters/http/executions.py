"""What is said of an execution, a forecast or a backtest, in every answer that tells of one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import field, frozen

from carbon254.core.domain.executions import ExecutionState
from carbon254.core.domain.schemas import plain
from carbon254.core.domain.series import SeriesId
from carbon254.core.usecases.watch_executions import series_of
from carbon254.ports.executions import Execution


def _said(doc: str) -> Any:
    return field(metadata={"doc": doc})


@frozen(kw_only=True)
class ExecutionTold:
    """An execution: how it stands, and where its result is."""

    id: str
    configuration: str = _said("The model with its parameters; of a backtest its name.")
    state: ExecutionState = _said("queued: no process has begun it; failed: code says why.")
    done: int = _said("Of total, in days of forecasts of all models.")
    total: int
    started_at: datetime = _said("When it was asked for.")
    finished_at: datetime | None
    code: str | None = _said("The stable code of what failed.")
    message: str | None = _said("What failed, or what it waits for.")
    targets: tuple[SeriesId, ...] = _said("What is forecast: the first series of it.")
    series: tuple[SeriesId, ...] = _said("Where the numbers of a forecast that is done are kept.")
    document: str | None = _said("The digest of its result in the archive.")


@frozen
class ForecastsTold:
    """Forecasts, the latest first."""

    forecasts: tuple[ExecutionTold, ...]


@frozen
class BacktestsTold:
    """Backtests, the latest first."""

    backtests: tuple[ExecutionTold, ...]


def told(execution: Execution) -> dict[str, Any]:
    """What is said of every execution, as it is sent."""
    said = ExecutionTold(
        id=execution.id, configuration=execution.configuration, state=execution.state, done=execution.done,
        total=execution.total, started_at=execution.started_at, finished_at=execution.finished_at,
        code=execution.code or None, message=execution.message or None, targets=series_of(execution)[:1],
        series=tuple(map(SeriesId.parse, execution.facts.get("series", []))), document=execution.result or None,
    )  # fmt: skip
    answer: dict[str, Any] = plain(said)
    return answer
