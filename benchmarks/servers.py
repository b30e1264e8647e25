"""The Postgres server of a run: the one that was named, else one that lives as long as the run."""

from __future__ import annotations

from typing import Any

from benchmarks.harness import Context, note


def dsn(context: Context) -> str:
    """The server's address."""
    return context.dsn or str(server(context).dsn)


def server(context: Context) -> Any:
    """A server of our own, started when it is first asked for."""

    def start() -> Any:
        from carbon254.ports.testing.servers import PostgresServer

        note("starting a Postgres server")
        made = PostgresServer()
        context.later(made.remove)
        return made

    return context.once("server", start)
