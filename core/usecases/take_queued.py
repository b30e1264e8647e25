"""Do what was asked of a process that answers and takes nothing in: its forecasts and backtests wait in the log."""

from __future__ import annotations

from functools import partial

from attrs import frozen

from carbon254.core.domain.entitlements import Scope
from carbon254.core.usecases.run_backtest import RunBacktest
from carbon254.core.usecases.run_forecast import RunForecast
from carbon254.ports.jobs import Background


@frozen
class TakeQueued:
    """Behind the job ``executions``. Only the leader looks; while two lead (0067) one may be taken twice.

    Whether the caller may see the series was decided when it was taken down, and an execution reads those it names.
    """

    forecast: RunForecast
    backtest: RunBacktest
    behind: Background

    def run(self) -> int:
        """Take what is queued, the oldest first, and do it behind this call; how many there were."""
        runner = self.forecast.runner
        waiting = runner.log.executions(state="queued")
        for one in reversed(waiting):
            runner.take(one)
            use_case = self.forecast if one.kind == "forecast" else self.backtest
            self.behind.do(partial(use_case.work, one.id, Scope.everything()))
        return len(waiting)
