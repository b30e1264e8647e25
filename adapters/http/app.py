"""The WSGI application: every resource at its place, each error a problem, no server in particular."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import falcon
from falcon.routing import CompiledRouter

from carbon254.adapters.http import problems
from carbon254.adapters.http.callers import Audits, Decisions, Me
from carbon254.adapters.http.cursors import Cursors
from carbon254.adapters.http.door import Door
from carbon254.adapters.http.forecasts import Backtests, Executions, Forecasts, Models
from carbon254.adapters.http.idempotency import BegunOnce
from carbon254.adapters.http.limits import RateLimiter
from carbon254.adapters.http.locations import Locations
from carbon254.adapters.http.markets import Markets
from carbon254.adapters.http.metrics import Metrics
from carbon254.adapters.http.middleware import Requests
from carbon254.adapters.http.openapi import document
from carbon254.adapters.http.overviews import Boards, Provenances, Qualities
from carbon254.adapters.http.probes import Description, Probes
from carbon254.adapters.http.routes import ROUTES
from carbon254.adapters.http.series import Coverages, Series
from carbon254.adapters.http.values import ManyValues, SeriesValues
from carbon254.core.usecases.platform import Platform

App = falcon.App[falcon.Request, falcon.Response]
_SEAL_FACT: Final = "cursor_seal"


class _Router(CompiledRouter):
    """Answers HEAD wherever there is a GET, as GET; Falcon sends the headers without the body (RFC 9110 §9.3.2)."""

    def map_http_methods(self, resource: object, **options: Any) -> Any:
        found = super().map_http_methods(resource, **options)
        return {**found, "HEAD": found["GET"]} if "GET" in found else found


def create_app(
    platform: Platform,
    check: Callable[[], Mapping[str, Any]],
    *,
    version: str = "0",
    requests_a_minute: int = 1200,
    now: Callable[[], float] = time.monotonic,
) -> App:
    """Build the application over a platform.

    ``check`` asks the stores whether they answer, raising ours if they do not; ``now`` tells the seconds by which
    requests are counted.
    """
    metrics = Metrics()
    app = falcon.App(
        middleware=[Requests(metrics, lambda: secrets.token_hex(8), platform.log)], router=_Router()
    )
    problems.install(app, platform.log)
    door = Door(
        platform.admit,
        platform.clock,
        platform.store.last_recorded,
        _nature(platform),
        Cursors(_cursor_secret(platform)),
        RateLimiter(now, requests_a_minute),
        metrics,
    )
    resources = _resources(platform, door) | {
        "probes": Probes(_and_the_policy(platform, check), metrics),
        "description": Description(document(ROUTES, version)),
    }
    for route in ROUTES:
        app.add_route(route.path, resources[route.resource], suffix=route.suffix)
    return app


def _resources(platform: Platform, door: Door) -> dict[str, Any]:
    executions = Executions(door, platform.executions, BegunOnce(platform.records))
    return {
        "models": Models(door, platform.forecast.runner.named),
        "forecasts": Forecasts(executions, platform.forecast, platform.behind),
        "backtests": Backtests(executions, platform.backtest, platform.behind),
        "markets": Markets(door, platform.catalogue),
        "locations": Locations(door, platform.locations),
        "series": Series(door, platform.find, platform.describe),
        "values": SeriesValues(door, platform.values),
        "many": ManyValues(door, platform.values),
        "board": Boards(door, platform.board),
        "coverage": Coverages(door, platform.find),
        "provenance": Provenances(door, platform.trace),
        "quality": Qualities(door, platform.quality, platform.catalogue),
        "me": Me(door),
        "decisions": Decisions(door, platform.decisions),
        "audit": Audits(door, platform.decisions),
    }


def _and_the_policy(
    platform: Platform, check: Callable[[], Mapping[str, Any]]
) -> Callable[[], Mapping[str, Any]]:
    """The check, and whether the policy can be read: while it cannot, everybody is refused."""

    def ready() -> Mapping[str, Any]:
        platform.admit.policy.roles()
        return check()

    return ready


def _nature(platform: Platform) -> Callable[[], bool]:
    """Whether the data are made up: settled by the first commit, for ever."""
    settled: list[bool] = []

    def made_up() -> bool:
        if settled:
            return settled[0]
        synthetic = platform.synthetic
        if platform.store.last_recorded() is not None:
            settled.append(synthetic)
        return synthetic

    return made_up


def _cursor_secret(platform: Platform) -> bytes:
    """What seals cursors: of the installation, so that every process of it reads every other's."""
    known = platform.records.get(_SEAL_FACT)
    if known is None:
        platform.records.put(_SEAL_FACT, secrets.token_hex(32))
        known = platform.records.get(_SEAL_FACT)
    return bytes.fromhex(known or "")
