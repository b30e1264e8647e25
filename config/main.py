"""The command ``carbon254``: hands the command line what it needs, nothing opened yet."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbon254 import __version__
from carbon254.adapters.cli import errors
from carbon254.adapters.cli.app import create_command
from carbon254.adapters.plugins.host import PluginHost

if TYPE_CHECKING:
    from carbon254.adapters.local.server import Call
    from carbon254.config.processes import Process
    from carbon254.config.settings import Settings
    from carbon254.core.usecases.benchmark_epf import BenchmarkEpf
    from carbon254.core.usecases.grant_streams import Reader
    from carbon254.core.usecases.platform import Platform
    from carbon254.ports.catalogue import MarketCatalogue
    from carbon254.ports.fetching import DocumentFolder
    from carbon254.ports.models import ModelCatalogue


class Doors:
    """What the command line may open; each opens when it is asked for, so that ``markets`` stays quick."""

    def __init__(self, arguments: Sequence[str] = ()) -> None:
        self._arguments = arguments
        self._process: Process | None = None

    def catalogue(self) -> MarketCatalogue:
        return PluginHost()

    def models(self) -> ModelCatalogue:
        from carbon254.adapters.plugins.models import ModelHost

        return ModelHost()

    def open(
        self, data: Path | None, pinned: datetime | None = None, *, new: bool = False
    ) -> Platform:
        from carbon254.core.domain.errors import NotFound

        settings = _settings(data)
        if settings.store == "duckdb" and not (new or settings.data.exists()):
            raise NotFound(
                f"there is no data folder {settings.data}; `carbon254 ingest` and `carbon254 demo` make one, "
                "--data names another."
            )
        _forward(settings.data, self._arguments)
        from carbon254.config.container import open_platform

        return open_platform(settings, pinned)

    def stream_users(
        self, readers: Sequence[Reader], passwords: Path | None, output: Path | None
    ) -> str:
        from carbon254.adapters.nats.configuring import configuration
        from carbon254.adapters.nats.server import write_private

        text = configuration(readers, passwords)
        if output is not None:
            write_private(output, text)
        return text

    def stream_user(self, reader: Reader) -> str:
        from carbon254.adapters.nats.permissions import user_name

        return user_name(reader.principal.tenant, reader.principal.name)

    def benchmark(self, keep: Path | None) -> AbstractContextManager[BenchmarkEpf]:
        from carbon254.config.container import open_benchmark

        return open_benchmark(keep)

    def files(self, paths: list[Path]) -> DocumentFolder:
        from carbon254.adapters.files.folder import Folder

        return Folder(paths)

    @contextmanager
    def process(
        self,
        kind: str,
        data: Path | None,
        *,
        platform: Platform | None = None,
        port: int | None = None,
        nats: bool = False,
    ) -> Iterator[Process]:
        from carbon254.config.processes import Process

        settings = _settings(data, port=port)
        listen = partial(self._server, settings)
        self._process = Process(kind, settings, listen, run_command)
        try:
            self._process.start(platform, nats=nats)
            yield self._process
        finally:
            self._process.stop()

    def _server(self, settings: Settings, platform: Platform, port: int) -> Any:
        """A bound WSGI server over an open platform."""
        from carbon254.adapters.http.app import create_app as create_http
        from carbon254.adapters.http.server import listen

        def check() -> dict[str, Any]:
            platform.store.last_recorded()
            platform.audit.check()
            parts = self._process.health() if self._process else {}
            return {"synthetic": platform.synthetic, **parts}

        app = create_http(
            platform, check, version=__version__, requests_a_minute=settings.requests_a_minute
        )
        return listen(app, port)


class Inside(Doors):
    """What a command may open that runs inside of the process that owns the folder: what is open there."""

    def __init__(self, platform: Platform) -> None:
        super().__init__()
        self._platform = platform

    def open(
        self, data: Path | None, pinned: datetime | None = None, *, new: bool = False
    ) -> Platform:
        return self._platform


def run_command(platform: Platform, call: Call) -> int:
    """Run a command for another process of this user."""
    from carbon254.adapters.cli.calls import run_call
    from carbon254.core.domain.errors import StoreBusy

    def run(words: list[str]) -> int:
        if call.version != __version__:
            told = f"the process that runs here is of version {__version__}: stop it to use {call.version}."
            print(f"carbon254: store_busy: {told}", file=sys.stderr)  # noqa: T201 - to the caller
            return StoreBusy.exit_status
        return errors.run(_command(Inside(platform)), words)

    return run_call(call, run)


def _forward(folder: Path, arguments: Sequence[str]) -> None:
    """Have the process that owns the folder run the command, where there is one that listens; leaves with its status.

    What runs on itself is not forwarded: it opens the folder, and is told who has it.
    """
    from carbon254.config.reaching import reach

    if arguments and (status := reach(folder, arguments)) is not None:
        raise SystemExit(status)


def _settings(data: Path | None, **options: Any) -> Settings:
    from carbon254.config.settings import load

    return load(_environment(), folder=data, data=data, **options)


def _command(doors: Doors) -> Callable[[Sequence[str]], Callable[..., object]]:
    return lambda arguments: create_command(doors, __version__, arguments)


def _environment() -> Mapping[str, str]:
    """The environment without what is the command line's own and no setting."""
    return {name: value for name, value in os.environ.items() if name != errors.DEBUG}


def main() -> None:
    """Run the command line."""
    arguments = sys.argv[1:]
    sys.exit(errors.run(_command(Doors(arguments)), arguments))
