"""A process that runs the jobs of all markets, with every operator at one port of this machine: FOLDER PORT."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from attrs import evolve

from carbon254.adapters.cli.leaving import leaving
from carbon254.adapters.plugins.host import PluginHost
from carbon254.config.container import open_platform
from carbon254.config.processes import Process
from carbon254.config.settings import Settings
from carbon254.core.domain.cards import HostCard, MarketCard
from carbon254.core.domain.errors import Carbon254Error


class Elsewhere(PluginHost):
    """The installed markets, each of whose requests goes to this machine."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._host = f"127.0.0.1:{port}"

    def cards(self) -> Mapping[str, MarketCard]:
        hosts = {self._host: HostCard(requests=100_000)}
        return {name: evolve(card, hosts=hosts) for name, card in super().cards().items()}

    def market(self, market: str) -> Any:
        found = super().market(market)
        return _Moved(found, self.cards()[market], self._host)


class _Moved:
    def __init__(self, market: Any, card: MarketCard, host: str) -> None:
        self._market, self.card, self._host = market, card, host

    def __getattr__(self, name: str) -> Any:
        return getattr(self._market, name)

    def requests(self, dataset: str, window: Any) -> Generator[Any, Any, None]:
        asked = self._market.requests(dataset, window)
        ahead: Callable[[], Any] = partial(next, asked)
        while True:
            try:
                request = ahead()
            except StopIteration:
                return
            try:
                ahead = partial(asked.send, (yield self._moved(request)))
            except Carbon254Error as error:
                ahead = partial(asked.throw, error)

    def _moved(self, request: Any) -> Any:
        return evolve(request, url=f"http://{self._host}/{quote(request.url, safe='')}")


def main(folder: str, port: str) -> None:
    settings = Settings(data=Path(folder))
    platform = open_platform(settings, catalogue=Elsewhere(int(port)))
    process = Process("work", settings, lambda *_: None, lambda *_: 0)
    with leaving(process.abandon) as told:
        process.start(platform)
        told.wait()
        process.stop()
        platform.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
