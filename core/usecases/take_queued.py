"""Do what was asked of a process that answers and takes nothing in: its forecasts and backtests wait in the log."""

from __future__ import annotations

from functools import partial

from attrs import field, frozen

from carbon254.core.domain.entitlements import Scope
from carbon254.core.usecases.run_backtest import RunBacktest
from carbon254.core.usecases.run_forecast import RunForecast
from carbon254.core.usecases.watch_executions import series_of
from carbon254.ports.executions import Execution
from carbon254.ports.jobs import Background
from carbon254.ports.stopping import Stop, is_stopped


@frozen
class TakeQueued:
    """Behind the job ``executions``. Each is claimed as its turn comes; until then it stays queued for whoever works.

    Whether the caller may see the series was decided when it was taken down; no others can be read here.
    """

    forecast: RunForecast
    backtest: RunBacktest
    behind: Background
    _waiting: set[str] = field(factory=set, init=False, eq=False, repr=False)  # behind this call

    def run(self, stop: Stop | None = None) -> int:
        """Put what is queued behind this call, the oldest first, and once each; how many are queued.

        Once ``stop`` is set, nothing of it is begun any more.
        """
        queued = self.forecast.runner.log.executions(state="queued")
        for one in reversed(queued):
            if one.id not in self._waiting:
                self._waiting.add(one.id)
                self.behind.do(partial(self._begin, one, stop))
        return len(queued)

    def _begin(self, execution: Execution, stop: Stop | None) -> None:
        """Do one whose turn has come, unless another process has it."""
        try:
            claimed = None if is_stopped(stop) else self.forecast.runner.claim(execution.id)
        finally:
            self._waiting.discard(execution.id)
        if claimed is not None:
            use_case = self.forecast if claimed.kind == "forecast" else self.backtest
            use_case.work(claimed.id, Scope.of(series_of(claimed)))
