"""Serving the application with waitress, on loopback unless told otherwise."""

from __future__ import annotations

import socket
from typing import Any, Final

import waitress.channel
import waitress.server
import waitress.task

from carbon254.adapters.http.formats import PROBLEM
from carbon254.adapters.http.middleware import MOST_BODY
from carbon254.adapters.http.problems import problem
from carbon254.core.domain.errors import Conflict

_CODES: Final = {413: "too_large", 431: "too_large", 500: "internal", 501: "invalid_request"}


class _Refusal(waitress.task.ErrorTask):
    """What the server refuses before the application sees it, as a problem too; its own text is not repeated."""

    def execute(self) -> None:
        error: Any = self.request.error  # type: ignore[attr-defined]  # the stubs do not know it
        code = _CODES.get(error.code, "invalid_request")
        body = problem(error.code, code, f"{error.reason}: the server did not take it.", "")
        self.status = f"{error.code} {error.reason}"
        self.response_headers = [("Content-Type", PROBLEM), ("Cache-Control", "no-store")]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(waitress.channel.HTTPChannel):
    error_task_class = _Refusal


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
    server: Any = waitress.server.create_server(
        app,
        sockets=[bound],
        threads=8,
        connection_limit=1000,
        ident="carbon254",
        max_request_body_size=MOST_BODY,
        max_request_header_size=64 * 1024,
    )
    server.channel_class = _Channel
    return server


def stop(server: Any) -> None:
    """End a server that runs in another thread: requests in hand are answered, for up to five seconds."""
    server.task_dispatcher.shutdown(cancel_pending=False, timeout=5)
    server.trigger.pull_trigger(lambda: waitress.wasyncore.close_all(server._map))
