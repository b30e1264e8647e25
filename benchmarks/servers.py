"""The Postgres server of a run: the one that was named, else one that lives as long as the run."""

from __future__ import annotations

import os
from typing import Any

import psycopg

from benchmarks.harness import Context, note


def dsn(context: Context) -> str:
    """The server's address."""
    return context.dsn or str(_server(context).dsn)


def schema(context: Context, name: str) -> str:
    """A schema's name that is free; what is made under it is dropped at the end."""
    address, full = dsn(context), f"bench_{name}_{os.getpid()}"

    def drop() -> None:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {full} CASCADE".encode())

    context.later(drop)
    return full


def _server(context: Context) -> Any:
    def start() -> Any:
        from carbon254.ports.testing.servers import PostgresServer

        note("starting a Postgres server")
        made = PostgresServer()
        context.later(made.remove)
        return made

    return context.once("server", start)
