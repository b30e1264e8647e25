"""The processes that run on: which parts each has, and how they are put together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from secrets import token_bytes
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve, frozen

from carbon254.adapters.jobs.leading import Leader
from carbon254.adapters.jobs.parts import RUNNING, Parts, Work
from carbon254.adapters.jobs.scheduler import JobScheduler
from carbon254.adapters.local.address import check_folder
from carbon254.adapters.local.server import LocalServer
from carbon254.adapters.telemetry.libraries import hear_libraries
from carbon254.adapters.telemetry.logs import write_json
from carbon254.config.container import open_platform
from carbon254.config.settings import Settings
from carbon254.core.domain.errors import Carbon254Error, InvalidRequest, StoreUnavailable

if TYPE_CHECKING:
    from carbon254.adapters.local.server import Call
    from carbon254.adapters.nats.doorkeeper import Doorkeeper
    from carbon254.core.usecases.platform import Platform
    from carbon254.core.usecases.run_jobs import RunJobs
    from carbon254.ports.jobs import Leadership

STANDING_BY: Final = "standing by"
_LOOK: Final = 0.2  # seconds between looks at whether to stop
_STANDBY: Final = 5.0  # seconds between looks at whether another relay has ended
_TROUBLE: Final = 60.0  # seconds for which a failure of the relay is told; it tries again sooner
_log = logging.getLogger("carbon254.processes")

RunCommand = Callable[["Platform", "Call"], int]
Listen = Callable[["Platform", int], Any]  # a server bound to a port


class Process:
    """One of the commands that run on. Use it in a ``with``: leaving stops its parts and closes what it opened."""

    def __init__(self, kind: str, settings: Settings, listen: Listen, command: RunCommand) -> None:
        self._kind, self._settings = kind, settings
        self._listen, self._command = listen, command
        self._parts: Parts | None = None
        self._leader: Leader | None = None
        self._troubled: float | None = None  # when the relay last failed
        self._door: Doorkeeper | None = None  # of a message server of our own
        self._closing: list[Callable[[], None]] = []
        self.lines: list[str] = []  # where it is to be reached, for people

    def states(self) -> Mapping[str, str]:
        """How each part is; ``jobs`` says as well whether this process leads."""
        found = dict(self._parts.states()) if self._parts else {}
        if self._leader is not None and found.get("jobs") == RUNNING and not self._leader.leads:
            found["jobs"] = STANDING_BY
        recently = self._troubled is not None and monotonic() - self._troubled < _TROUBLE
        if recently and found.get("relay") == RUNNING:
            found["relay"] = "failing"
        return found

    def health(self) -> dict[str, Any]:
        """What the readiness probe tells of the parts; it is public, so why one failed stands in the log alone."""
        states = self.states()
        well = all(state in (RUNNING, STANDING_BY) for state in states.values())
        parts = {name: state.partition(",")[0] for name, state in states.items()}
        return {"status": "ok" if well else "degraded", "parts": parts}

    def start(self, platform: Platform | None = None, *, nats: bool = False) -> None:
        """Open what is needed and start the parts. Raises `StoreBusy`, `StoreUnavailable`, `Conflict`."""
        write_json()
        hear_libraries()
        if nats:
            self._door = self._start_nats()
        platform = platform or self._open()
        if self._door is not None and platform is not None:
            self._door.open(platform.streams, platform.admit.clock.now)
        self._parts = Parts(dict(self._works(platform)))
        self._parts.start()

    def _open(self) -> Platform | None:
        """The stores of the settings; none while another process may lead: who stands by holds nothing."""
        if self._kind == "work" and self._settings.store == "postgres":
            return None
        platform = open_platform(self._settings, beside=self._beside)
        self._closing.append(platform.close)
        return platform

    def _works(self, platform: Platform | None) -> Iterator[tuple[str, Work]]:
        if platform is not None:
            if not self._beside and self._may_listen():
                yield "commands", self._commands(platform).serve
            if self._kind in ("up", "serve", "demo"):
                yield "api", self._api(platform)
            if self._kind in ("up", "relay"):
                yield "relay", self._relay(platform)
        if self._kind in ("up", "work"):
            self._leader = self._jobs(platform)
            yield "jobs", self._leader

    def stop(self) -> None:
        """Stop the parts, the newest work first to end, and close what was opened."""
        if self._parts is not None:
            self._parts.stop()
        while self._closing:
            self._closing.pop()()

    def abandon(self) -> None:
        """Leave at once: end what would outlive this process. Stores need no farewell."""
        if self._door is not None:
            self._door.close()

    @property
    def _beside(self) -> bool:
        """Whether this process leaves the folder to its owner: it answers from a shared database alone."""
        return self._settings.store == "postgres" and self._kind in ("serve", "relay")

    def _start_nats(self) -> Doorkeeper:
        """Start a message server of our own, on loopback, at the port of the settings."""
        from urllib.parse import urlsplit

        from carbon254.adapters.nats.doorkeeper import Doorkeeper
        from carbon254.adapters.nats.server import NatsServer

        wanted = urlsplit(self._settings.nats or "nats://127.0.0.1:4222")
        if wanted.hostname not in ("127.0.0.1", "localhost"):
            raise InvalidRequest(
                f"--nats starts a server on this machine, and the settings name one at {wanted.hostname}: "
                "leave --nats out to use that."
            )
        server = NatsServer((self._settings.data / "nats").resolve(), port=wanted.port or 4222)
        door = Doorkeeper(server, token_bytes)
        door.start()
        self._closing.append(door.close)
        self._settings = evolve(self._settings, nats=door.url)
        self.lines.append(f"streaming {server.url} to who has an API key")
        return door

    # ------------------------------------------------------------ the parts

    def _may_listen(self) -> bool:
        """Whether other commands can reach us through the folder; if not, people are told why."""
        try:
            check_folder(self._settings.data)
        except StoreUnavailable as refused:
            self.lines.append(f"other commands cannot reach this process: {refused}")
            return False
        return True

    def _commands(self, platform: Platform) -> LocalServer:
        kept = evolve(platform, close=lambda: None)  # a command closes what it opens
        return LocalServer(self._settings.data, partial(self._command, kept))

    def _api(self, platform: Platform) -> Work:
        first: list[Any] = [self._listen(platform, self._settings.port)]
        bound = int(first[0].effective_port)
        self.lines.append(
            f"serving http://127.0.0.1:{bound}/openapi.json until interrupted (Ctrl-C)"
        )

        def work(stop: Event) -> None:
            _serve(first.pop() if first else self._listen(platform, bound), stop)

        return work

    def _trouble(self, error: Carbon254Error) -> None:
        self._troubled = monotonic()
        _log.error("relay: %s: %s", error.code, error)

    def _jobs(self, platform: Platform | None) -> Leader:
        @contextmanager
        def opening() -> Iterator[RunJobs]:
            if platform is not None:
                yield platform.jobs
                return
            with open_platform(self._settings) as opened, self._reached(opened):
                yield opened.jobs

        self.lines.append("running jobs; see them with: carbon254 jobs")
        return Leader(_leadership(self._settings), JobScheduler(), opening)

    @contextmanager
    def _reached(self, platform: Platform) -> Iterator[None]:
        """Answer other commands while this process owns the folder."""
        parts = Parts({"commands": self._commands(platform).serve})
        parts.start()
        try:
            yield
        finally:
            parts.stop()

    def _relay(self, platform: Platform) -> Work:
        """Relay while no other process does: two would break the order of a subject."""
        leadership = _leadership(self._settings, "relay")

        def work(stop: Event) -> None:
            try:
                while not stop.is_set():
                    if leadership.acquire():
                        platform.relay().run(_While(leadership, stop), monotonic, self._trouble)
                    stop.wait(_STANDBY)
            finally:
                leadership.release()

        where = self._settings.nats.rpartition("@")[2] or "the process itself"
        self.lines.append(f"relaying messages to {where}")
        return work


@frozen
class _While:
    """Tells a relay to end when the process does, or when the lead is lost."""

    leadership: Leadership
    stop: Event

    def is_set(self) -> bool:
        return self.stop.is_set() or not self.leadership.held()

    def wait(self, timeout: float) -> bool:
        return self.stop.wait(timeout)


def _leadership(settings: Settings, seat: str = "jobs") -> Leadership:
    if settings.store == "postgres":
        from carbon254.adapters.postgres.leadership import PostgresLeadership

        return PostgresLeadership(settings.dsn, seat=seat)
    from carbon254.adapters.files.leadership import FolderLeadership

    return FolderLeadership(settings.data, seat=seat)


def _serve(server: Any, stop: Event) -> None:
    """Run a bound server until told to stop."""
    from carbon254.adapters.http.server import stop as end

    ended = Event()

    def watch() -> None:
        while not ended.is_set():
            if stop.wait(_LOOK):
                end(server)
                return

    watcher = Thread(target=watch, name="carbon254-api-stop", daemon=True)
    watcher.start()
    try:
        server.run()
    finally:
        ended.set()
        watcher.join()
