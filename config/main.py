"""The command ``carbon254``: hands the command line what it needs, nothing opened yet."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbon254 import __version__
from carbon254.adapters.cli import errors
from carbon254.adapters.cli.app import create_command
from carbon254.adapters.plugins.host import PluginHost

if TYPE_CHECKING:
    from carbon254.core.usecases.benchmark_epf import BenchmarkEpf
    from carbon254.core.usecases.platform import Platform
    from carbon254.ports.catalogue import MarketCatalogue
    from carbon254.ports.fetching import DocumentFolder
    from carbon254.ports.models import ModelCatalogue


class Doors:
    """What the command line may open; each opens when it is asked for, so that ``markets`` stays quick."""

    def catalogue(self) -> MarketCatalogue:
        return PluginHost()

    def models(self) -> ModelCatalogue:
        from carbon254.adapters.plugins.models import ModelHost

        return ModelHost()

    def open(self, data: Path | None, pinned: datetime | None = None) -> Platform:
        from carbon254.config.container import open_platform
        from carbon254.config.settings import load

        return open_platform(load(_environment(), folder=data, data=data), pinned)

    def benchmark(self, keep: Path | None) -> AbstractContextManager[BenchmarkEpf]:
        from carbon254.config.container import open_benchmark

        return open_benchmark(keep)

    def files(self, paths: list[Path]) -> DocumentFolder:
        from carbon254.adapters.files.folder import Folder

        return Folder(paths)

    def server(self, platform: Platform, port: int | None) -> Any:
        from carbon254.adapters.http.app import create_app as create_http
        from carbon254.adapters.http.server import listen
        from carbon254.config.settings import load

        def check() -> dict[str, Any]:
            last = platform.store.last_recorded()
            return {"synthetic": platform.synthetic, "last_recorded": last and last.isoformat()}

        return listen(
            create_http(platform.catalogue.cards, check), load(_environment(), port=port).port
        )


def _environment() -> Mapping[str, str]:
    """The environment without what is the command line's own and no setting."""
    return {name: value for name, value in os.environ.items() if name != errors.DEBUG}


def main() -> None:
    """Run the command line."""
    sys.exit(
        errors.run(lambda arguments: create_command(Doors(), __version__, arguments), sys.argv[1:])
    )
