"""``up``, ``serve``, ``work`` and ``relay``, which run on until they are stopped, and ``jobs``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carbon254.adapters.cli import options
from carbon254.adapters.cli.leaving import leaving
from carbon254.adapters.cli.options import As, Data, Format, Output, Port, example

if TYPE_CHECKING:
    from carbon254.core.usecases.platform import Platform


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command(epilog=example("carbon254 up --data data", "carbon254 up --nats --port 8254"))(up)
    app.command(epilog=example("carbon254 serve --data data --port 8254"))(serve)
    app.command(epilog=example("carbon254 work --data data"))(work)
    app.command(epilog=example("carbon254 relay --data data"))(relay)
    app.command(epilog=example("carbon254 jobs", "carbon254 jobs --alarms --format json"))(jobs)


def up(
    context: typer.Context,
    nats: Annotated[
        bool, typer.Option("--nats", help="Start a local NATS server too, and relay to it.")
    ] = False,
    data: Data = None,
    port: Port = None,
) -> None:
    """Run everything in one process: API, jobs and relay, over one data folder, until interrupted.

    While it runs, the other commands on the same folder reach it by themselves.
    """
    run_on(context, "up", data, port=port, nats=nats)


def serve(context: typer.Context, data: Data = None, port: Port = None) -> None:
    """Serve the API on loopback until interrupted."""
    run_on(context, "serve", data, port=port)


def work(context: typer.Context, data: Data = None) -> None:
    """Run the jobs of the markets' cards until interrupted; stand by while another process does."""
    run_on(context, "work", data)


def relay(context: typer.Context, data: Data = None) -> None:
    """Relay what is committed as messages until interrupted; stand by while another process does."""
    run_on(context, "relay", data)


def run_on(
    context: typer.Context,
    kind: str,
    data: Path | None,
    *,
    platform: Platform | None = None,
    port: int | None = None,
    nats: bool = False,
) -> None:
    """Run a process until Ctrl-C or a polite end by SIGTERM; both end it cleanly, the second one at once."""
    running = list[options.Process]()

    def abandon() -> None:
        for process in running:
            process.abandon()

    with (
        leaving(abandon) as told,
        options.doors(context).process(
            kind, data, platform=platform, port=port, nats=nats
        ) as process,
    ):
        running.append(process)
        for line in process.lines:
            typer.echo(line)
        told.wait()
        typer.echo("stopping; again to stop at once", err=True)
    typer.echo("stopped.", err=True)


def jobs(
    context: typer.Context,
    alarms: Annotated[
        bool, typer.Option("--alarms", help="Only feeds that are late or fail.")
    ] = False,
    data: Data = None,
    form: As = Format.table,
    output: Output = None,
) -> None:
    """What is done when: every job of the cards, how it went the last time, and which feeds are late."""
    from carbon254.adapters.cli.output import write

    with options.platform(context, data) as platform:
        columns = _alarms(platform) if alarms else _jobs(platform)
        write(columns, form, output, title="alarms" if alarms else "jobs")


def _jobs(platform: Platform) -> dict[str, list[Any]]:
    from carbon254.core.domain.time import format_duration

    states = platform.jobs.states()
    return {
        "job": [one.job.name for one in states],
        "every": [format_duration(one.job.every) for one in states],
        "last": [one.at for one in states],
        "asked": [one.windows if one.at else None for one in states],
        "rows": [one.recorded if one.at else None for one in states],
        "failures": [one.failures for one in states],
        "again": [one.until for one in states],
        "says": [f"{one.code}: {one.message}" if one.code else one.message for one in states],
    }


def _alarms(platform: Platform) -> dict[str, list[Any]]:
    found = platform.jobs.alarms.current()
    return {
        "market": [one.market for one in found],
        "dataset": [one.dataset for one in found],
        "check": [one.check for one in found],
        "since": [one.since for one in found],
        "reason": [one.reason for one in found],
    }
