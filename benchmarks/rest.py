"""A JSON answer of 1 000 rows with key, scope and audit, against the same bytes from a bare Falcon application."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, Final

import falcon
import msgspec
from falcon.testing import create_environ

from benchmarks import made
from benchmarks.harness import Context, Line, Pairs, in_turn, milliseconds
from carbon254.adapters.http.app import create_app
from carbon254.config.container import open_platform
from carbon254.config.settings import Settings

_FLOOR: Final = "<= 2.00"
_START: Final = datetime(2025, 1, 1, tzinfo=UTC)
_THREADS: Final = 8  # as many as the server has
_AT_ONCE: Final = (
    40  # requests of one measurement: a single one is too short for the processor's clock
)


def http_json(context: Context) -> Iterator[Line]:
    """Processor time of a request through the whole application, over the bare one's; both called as WSGI, in turn.

    Ours reads the key, counts the request, writes two audit entries durably, and reads, judges and encodes the rows,
    or finds the answer that it gave before. The bare side encodes the same rows from a list of dicts and checks
    nothing. "8 at once" asks from as many threads as the server has, so that calls share flushes of the audit;
    "repeated" asks again while nothing was recorded since, "first" for another series each time. The time of all
    threads counts, that of the disk does not.
    """
    folder = context.folder / "http"
    platform = open_platform(Settings(data=folder))
    context.later(platform.close)
    rows = min(1000, context.sizes.hours)
    series = _fill(platform, rows, context.sizes.reads * _AT_ONCE)
    token = platform.keys.create("admin", "bench").token
    app = create_app(platform, dict, requests_a_minute=10**9)
    window = f"start=2025-01-01T00:00Z&end={_START + timedelta(hours=rows):%Y-%m-%dT%H:%MZ}"
    paths = [f"/v1/series/{one}/values" for one in series]
    ours = _caller(app, window, {"Authorization": f"Bearer {token}"}, rows)
    bare = _bare(ours(paths[0]))
    other = _caller(bare, window, {}, rows)
    if ours(paths[0]) != other(paths[0]):
        raise AssertionError("the bare application gives other bytes")
    fresh = cycle(paths)
    again, bare_one = (lambda: ours(paths[0])), (lambda: other(paths[0]))
    new = lambda: ours(next(fresh))  # noqa: E731
    with ThreadPoolExecutor(_THREADS) as pool:
        yield _line("repeated, 8 at once", _pairs(context, again, bare_one, pool), _FLOOR)
        yield _line("repeated, one at a time", _pairs(context, again, bare_one, None), None)
        yield _line("first, 8 at once", _pairs(context, new, bare_one, pool), None)


def _fill(platform: Any, hours: int, series: int) -> tuple[Any, ...]:
    days = made.daily_documents(min(series, 400), hours)
    for number, day in enumerate(days):
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
        platform.store.record(made.observed(day, number, name="day"), now=moment)
    platform.upkeep()
    return tuple(days[0].series)


def _caller(app: Any, query: str, headers: dict[str, str], rows: int) -> Callable[[str], bytes]:
    """Ask the application as a server does, and look at the answer."""

    def call(path: str) -> bytes:
        told: list[str] = []
        environ = create_environ(path, query_string=query, headers=headers)
        body = b"".join(app(environ, lambda status, headers, error=None: told.append(status)))
        if not told[0].startswith("200") or body.count(b'"interval_start"') != rows:
            raise AssertionError(f"{told[0]}: {body[:200]!r}")
        return bytes(body)

    return call


def _bare(body: bytes) -> Any:
    """An application that encodes the rows of this answer at every request."""
    answer = msgspec.json.decode(body)

    class Rows:
        def on_get(self, request: falcon.Request, response: falcon.Response, **_: str) -> None:
            response.data = msgspec.json.encode(answer)

    app = falcon.App()
    app.add_route("/v1/series/{market}/{run}/{measure}/{kind}/{location}/values", Rows())
    return app


def _pairs(
    context: Context,
    ours: Callable[[], Any],
    other: Callable[[], Any],
    pool: ThreadPoolExecutor | None,
) -> Pairs:
    def many(call: Callable[[], Any]) -> Callable[[], None]:
        def calls() -> None:
            for _ in pool.map(lambda _: call(), range(_AT_ONCE)) if pool else range(_AT_ONCE):
                if pool is None:
                    call()

        return calls

    return in_turn(many(ours), many(other), context.sizes.reads, clock=time.process_time)


def _line(name: str, pairs: Pairs, floor: str | None) -> Line:
    one, bare = pairs.our_median / _AT_ONCE, pairs.other_median / _AT_ONCE
    figures = milliseconds(one), milliseconds(bare)
    return Line(f"http_json {name}", *figures, pairs.ratio, floor, pairs.spread())
