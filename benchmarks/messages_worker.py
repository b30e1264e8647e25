"""Subscribes in a process of its own and says when each message came: with our bus, or with nats-py alone."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any


def main(kind: str, url: str, subject: str) -> None:
    """Print ``ready``, then for each message the clock's reading (`time.perf_counter`)."""
    {"ours": _ours, "bare": _bare}[kind](url, subject)


def _ours(url: str, subject: str) -> None:
    from carbon254.adapters.nats.bus import NatsBus
    from carbon254.adapters.nats.connection import Address

    subscription = NatsBus(Address(url=url)).subscribe(subject)
    print("ready", flush=True)
    while True:
        for _ in subscription.take(1, 10):
            print(time.perf_counter(), flush=True)


def _bare(url: str, subject: str) -> None:
    import nats

    async def arrive(message: Any) -> None:
        print(time.perf_counter(), flush=True)

    async def listen() -> None:
        streams = (await nats.connect(url)).jetstream()
        await streams.subscribe(subject, cb=arrive, stream="MD-caiso-hub", ordered_consumer=True)
        print("ready", flush=True)
        await asyncio.Event().wait()

    asyncio.run(listen())


if __name__ == "__main__":
    main(*sys.argv[1:])
