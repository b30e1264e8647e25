"""`FaultyServer`: an operator on this machine's loopback, which serves documents and misbehaves when told to."""

from __future__ import annotations

import socket
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, urlsplit

from attrs import field, frozen

from carbon254.ports.closing import Closing

HOST: Final = "127.0.0.1"


@frozen
class Response:
    """What the server would answer if nothing went wrong."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(factory=dict)


@frozen
class Asked:
    """A request as it arrived; header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


Respond = Callable[[str, str, Mapping[str, str]], "bytes | Response | None"]


class Wire(Protocol):
    """The open connection that a fault writes its answer to."""

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status line and exactly these headers."""
        ...

    def write(self, data: bytes) -> None:
        """Send bytes at once."""
        ...

    def said(self) -> str:
        """The address that was asked for, with its query, and the secret header where there is one."""
        ...

    def wait(self, seconds: float | None) -> bool:
        """Wait, or until the server closes (None); whether it closes."""
        ...

    def hang_up(self) -> None:
        """End the connection here."""
        ...


class Fault(Protocol):
    """One way in which operators misbehave; see `ports.testing.faults`."""

    def answer(self, wire: Wire, good: Response) -> None:
        """Answer badly, given the good answer."""
        ...


def _nothing(method: str, path: str, query: Mapping[str, str]) -> None:
    return None


class FaultyServer(Closing):
    """Serves ``documents`` by path, else what ``respond(method, path, query)`` returns, else 404.

    ``fail(path, fault, …)`` scripts what happens to the next requests of a path, one fault each;
    ``always(path, fault)`` what happens to all the others. ``asked`` lists what arrived. A context manager.
    """

    def __init__(self, respond: Respond = _nothing) -> None:
        self.respond = respond
        self.documents: dict[str, bytes | Response] = {}
        self.asked: list[Asked] = []
        self.closing = threading.Event()
        self._script: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._always: dict[str, Fault] = {}
        self._lock = threading.Lock()
        self._http = _Http((HOST, 0), self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.005,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving; answers that wait are given up."""
        self.closing.set()
        self._http.shutdown()
        self._http.end_connections()
        self._http.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        """The port, chosen by the system."""
        return int(self._http.server_address[1])

    def url(self, path: str = "") -> str:
        """The URL of a path."""
        return f"http://{HOST}:{self.port}{path}"

    def fail(self, path: str, *faults: Fault) -> None:
        """Script the answers to the next requests of a path, one fault each."""
        with self._lock:
            self._script[path].extend(faults)

    def always(self, path: str, fault: Fault) -> None:
        """Answer every request of a path, after the scripted ones, with this fault."""
        self._always[path] = fault

    def times(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(asked.path == path for asked in self.asked)

    def take(self, asked: Asked) -> tuple[Response, Fault | None]:
        """The good answer to a request and the fault that comes in its place, if any."""
        with self._lock:
            self.asked.append(asked)
            script = self._script[asked.path]
            fault = script.popleft() if script else self._always.get(asked.path)
        good = self.documents.get(asked.path)
        if good is None:
            good = self.respond(asked.method, asked.path, asked.query)
        if good is None:
            good = Response(b"nothing here", 404, {"Content-Type": "text/plain"})
        return (good if isinstance(good, Response) else Response(good)), fault


class _Http(ThreadingHTTPServer):
    daemon_threads = False  # closing waits for the last answer
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], owner: FaultyServer) -> None:
        self.owner = owner
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        """Wake the threads that wait for a next request on a kept connection."""
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients hang up on faults; anything else is worth a trace."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body are two writes: else each answer waits 40 ms for the client's ACK.
    disable_nagle_algorithm = True
    server: _Http

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): text for name, text in self.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        good, fault = self.server.owner.take(Asked(self.command, parts.path, query, headers, body))
        if fault is None:
            self.head(good.status, {"Content-Length": str(len(good.body)), **good.headers})
            self.write(good.body)
        else:
            fault.answer(self, good)

    do_GET = do_POST = do_HEAD = _answer  # noqa: N815 - the names that the base class looks for

    def head(self, status: int, headers: Mapping[str, str]) -> None:
        lines: Iterable[str] = (f"{name}: {text}" for name, text in headers.items())
        text = "\r\n".join([f"HTTP/1.1 {status} {self.responses.get(status, ('Odd',))[0]}", *lines])
        self.write(text.encode("latin-1") + b"\r\n\r\n")

    def write(self, data: bytes) -> None:
        self.wfile.write(data)

    def said(self) -> str:
        return f"{self.path}{self.headers.get('securityToken', '')}"

    def wait(self, seconds: float | None) -> bool:
        return self.server.owner.closing.wait(seconds)

    def hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's name
        return None
