"""Forecasts and backtests of a process that ends over them: told as interrupted, never running for ever, never lost."""

from __future__ import annotations

import json
import signal
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from carbon254.config.container import open_platform
from carbon254.config.settings import Settings
from carbon254.core.domain.backtests import BacktestPlan
from carbon254.core.domain.entitlements import Scope
from carbon254.core.domain.errors import Conflict
from carbon254.core.domain.schemas import build
from carbon254.core.domain.series import SeriesId
from carbon254.core.usecases.platform import Platform
from carbon254.core.usecases.run_forecast import ForecastRequest

from .test_processes import Running, carbon254, running

pytestmark = pytest.mark.integration
NP15 = "caiso/day_ahead/price/hub/TH_NP15_GEN-APND"
DAYS = 80
SLOW = {
    "rounds": 10_000,
    "pace": 1,
    "window": 28,
    "leaves": 64,
    "least_rows": 1,
}  # some seconds for each day
LEFT = ("queued", "running")


def plan(platform: Platform, days: int) -> dict[str, Any]:
    """A backtest over the last days of the made-up history, for which each worker needs a while to begin."""
    (entry,) = platform.find.run((), Scope.everything())
    last = entry.last.date()
    return {
        "targets": [{"series": NP15}], "models": [{"model": "naive"}], "name": "spring",
        "start": str(last.fromordinal(last.toordinal() - days)), "end": str(last.fromordinal(last.toordinal() - 2)),
    }  # fmt: skip


def last_day(asked: dict[str, Any]) -> dict[str, Any]:
    """A forecast of the plan's last day."""
    return {"series": NP15, "model": "naive", "day": asked["end"]}


def on_postgres(folder: Path, dsn: str) -> Settings:
    return Settings(data=folder / "data", store="postgres", dsn=dsn)


def environment(settings: Settings) -> dict[str, str]:
    """What tells a process of the same database."""
    return {"CARBON254_STORE": settings.store, "CARBON254_DSN": settings.dsn}


def fill(platform: Platform) -> None:
    (outcome,) = platform.samples.history(SeriesId.parse(NP15), "day_ahead_lmp", DAYS)
    assert outcome.status == "recorded", outcome


def ask(made: Running, key: str, path: str, body: Any = None) -> Any:
    """Ask a process over its socket."""
    sent = urllib.request.Request(
        f"http://127.0.0.1:{made.port}{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(sent, timeout=60) as answer:
        return json.load(answer)


def told(made: Running, key: str, place: str) -> tuple[str, str]:
    found = ask(made, key, place)
    return found["state"], found["code"]


def test_work_of_a_process_that_ended_is_told_as_interrupted_and_resumed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with open_platform(Settings(data=folder)) as platform:
        fill(platform)
        asked = plan(platform, 20)
        key = platform.keys.create("admin", "some-admin", tenant="house").token
    forecast = last_day(asked)
    slow = asked | {"models": [{"model": "gbm", "parameters": SLOW}]}
    serve = ("serve", "--data", folder, "--port", "0")
    with running(*serve) as first:  # killed while a worker starts
        places = [
            f"/v1/{kind}/{ask(first, key, f'/v1/{kind}', body)['id']}"
            for kind, body in (("forecasts", forecast), ("backtests", asked))
        ]
        assert [told(first, key, place)[0] for place in places] == ["running", "running"]
        first.end(signal.SIGKILL)
    with running(*serve) as second:
        for place in places:
            assert told(second, key, place) == ("failed", "interrupted")
        again = f"/v1/backtests/{ask(second, key, '/v1/backtests', slow)['id']}"
        assert told(second, key, again)[0] == "running"
        status, err = second.end(signal.SIGTERM)
        assert (status, err.splitlines()[-1]) == (0, "stopped.")
    with open_platform(Settings(data=folder)) as platform:
        made = platform.executions.execution(again.rpartition("/")[2])
        assert (made.state, made.code) == ("failed", "interrupted")
    listed = carbon254("backtest", "list", "--format", "json", "--data", folder)
    assert [row["state"] for row in json.loads(listed.stdout)] == ["failed", "failed"]
    done = carbon254("backtest", "resume", places[1].rpartition("/")[2], "--data", folder)
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------- several processes on one database


@pytest.mark.postgres
def test_no_process_takes_the_living_work_of_another_for_dead(
    tmp_path: Path, postgres_database: str
) -> None:
    settings = on_postgres(tmp_path, postgres_database)
    with ExitStack() as closing, ExitStack() as dying:
        owner = dying.enter_context(open_platform(settings))
        fill(owner)
        asked = build(BacktestPlan, plan(owner, 10), "the plan")
        made = owner.backtest.submit(asked, Scope.everything())
        other = closing.enter_context(open_platform(settings, beside=True))
        assert other.executions.execution(made.id).state == "running"
        assert [one.state for one in other.executions.executions("backtest")] == ["running"]
        with pytest.raises(Conflict, match="another process"):
            other.backtest.work(made.id, Scope.everything())
        dying.close()  # as the server sees it, a process that was killed
        (told,) = other.executions.executions("backtest")
        assert (told.state, told.code) == ("failed", "interrupted")
        done = other.backtest.work(made.id, Scope.everything())
        assert done.execution.state == "done"


@pytest.mark.postgres
def test_what_is_asked_of_a_process_beside_the_owner_is_done_by_the_owner(
    tmp_path: Path, postgres_database: str
) -> None:
    settings = on_postgres(tmp_path, postgres_database)
    with open_platform(settings) as platform:
        fill(platform)
        asked = plan(platform, 5)
        key = platform.keys.create("admin", "some-admin", tenant="house").token
    servers = environment(settings)
    folder = ("--data", settings.data)
    forecast = last_day(asked)
    with running("serve", *folder, "--port", "0", more=servers) as serve:
        made = [ask(serve, key, "/v1/forecasts", forecast), ask(serve, key, "/v1/backtests", asked)]
        assert [one["state"] for one in made] == ["queued", "queued"]
        assert "carbon254 work" in made[0]["message"]
        with running("work", *folder, more=servers, until="running jobs") as work:
            places = [f"/v1/forecasts/{made[0]['id']}", f"/v1/backtests/{made[1]['id']}"]
            with open_platform(settings, beside=True) as watching:
                while any(one.state in LEFT for one in watching.executions.executions()):
                    assert work.process.poll() is None
            assert [told(serve, key, one) for one in places] == [("done", None)] * 2
            (series,) = ask(serve, key, places[0])["series"]
            day = f"start={asked['end']}T00:00-07:00&end={asked['end']}T23:00-07:00"
            values = ask(serve, key, f"/v1/series/{series}/values?{day}")
            assert any(row["value"] is not None for row in values["rows"])
        assert serve.end()[0] == 0


@pytest.mark.postgres
def test_what_waits_behind_the_work_of_a_process_that_ends_is_done_by_the_next(
    tmp_path: Path, postgres_database: str
) -> None:
    settings = on_postgres(tmp_path, postgres_database)
    with open_platform(settings) as platform:
        fill(platform)
        asked = plan(platform, 20)
    slow = asked | {"models": [{"model": "gbm", "parameters": SLOW}]}
    forecast = last_day(asked)
    servers = environment(settings)
    work = ("work", "--data", settings.data)
    with open_platform(settings, beside=True) as serve:
        log, all_ = serve.executions, Scope.everything()
        made = [
            serve.backtest.submit(build(BacktestPlan, slow), all_).id,
            serve.backtest.submit(build(BacktestPlan, slow | {"name": "other"}), all_).id,
            serve.forecast.submit(build(ForecastRequest, forecast), all_).id,
        ]
        for number, how in enumerate((signal.SIGTERM, signal.SIGKILL)):
            with running(*work, more=servers, until="running jobs") as process:
                while log.execution(made[number]).state == "queued":
                    assert process.process.poll() is None
                process.end(how)
            told = [log.execution(one) for one in made]
            assert [one.code for one in told] == ["interrupted"] * (number + 1) + [""] * (
                2 - number
            )
            assert {one.state for one in told[number + 1 :]} == {"queued"}
        with running(*work, more=servers, until="running jobs") as process:
            while log.execution(made[2]).state in LEFT:
                assert process.process.poll() is None
        assert log.execution(made[2]).state == "done"
