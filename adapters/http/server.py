"""Serving the application with waitress, on loopback unless told otherwise."""

from __future__ import annotations

import socket
from typing import Any

import waitress.server

from carbon254.core.domain.errors import Conflict


def listen(app: Any, port: int, host: str = "127.0.0.1") -> Any:
    """Bind and return a waitress server; its ``run`` serves until interrupted. Port 0 takes a free one.

    Raises `Conflict` when the port is taken.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise Conflict(
            f"port {port} of {host} is not free ({error.strerror}): use another --port."
        ) from None
    return waitress.server.create_server(
        app, sockets=[bound], threads=8, connection_limit=1000, ident="carbon254"
    )


def stop(server: Any) -> None:
    """End a server that runs in another thread: requests in hand are answered, for up to five seconds."""
    server.task_dispatcher.shutdown(cancel_pending=False, timeout=5)
    server.trigger.pull_trigger(lambda: waitress.wasyncore.close_all(server._map))
