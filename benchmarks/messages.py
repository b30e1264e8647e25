"""From a publisher to a subscriber: our bus beside bare nats-py, on one server."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.harness import Context, Line, Pairs, milliseconds

_FLOOR = "<= 1.50"
_OURS = "md.v1.caiso.real_time-rtd.price.hub.TH_NP15_GEN-APND"
_BARE = "md.v1.caiso.real_time-rtd.price.hub.TH_SP15_GEN-APND"  # of the same stream
_BODY = (
    b'{"series":"caiso/real_time-rtd/price/hub/TH_NP15_GEN-APND","unit":"USD/MWh","rows":[]}' * 8
)


def publish_nats(context: Context) -> Iterator[Line]:
    """p99 of the time from a call of publish to the message in the subscriber's hands, over that of bare nats-py.

    Both wait for the server's acknowledgement, carry the same headers and body, and read a stream on disk through a
    consumer; the bare side publishes and reads in one event loop, ours from two threads. Rounds take turns; the
    ratio is the median of those of the rounds.
    """
    from carbon254.adapters.nats.server import NatsServer

    server = NatsServer(context.folder / "nats", port=0)
    server.start()
    context.later(server.stop)
    count = max(5, context.sizes.messages // 10)
    ours, bare = Ours(server.url), Bare(server.url)
    rounds: tuple[list[list[float]], list[list[float]]] = ([], [])
    for number in range(11):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            times = (ours, bare)[side].round(count)
            if number:  # the first round warms up
                rounds[side].append(times)
    ours.close()
    bare.close()
    tails, medians = (
        Pairs(*([of(times) for times in side] for side in rounds))
        for of in (p99, statistics.median)
    )
    yield Line(
        "publish_nats, p99", milliseconds(tails.our_median), milliseconds(tails.other_median), tails.ratio, _FLOOR,
        f"{tails.spread()}; of {count} messages each. Medians {milliseconds(medians.our_median)} and "
        f"{milliseconds(medians.other_median)}",
    )  # fmt: skip


def p99(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


class Ours:
    """A publisher, and a subscriber in a thread of its own."""

    def __init__(self, url: str) -> None:
        from carbon254.adapters.nats.bus import NatsBus
        from carbon254.adapters.nats.connection import Address

        self._publisher, self._reader = NatsBus(Address(url=url)), NatsBus(Address(url=url))
        self._subscription = self._reader.subscribe(_OURS)
        self._number = 0

    def round(self, count: int) -> list[float]:
        from carbon254.core.domain.streams import Message

        begun: list[float] = []
        arrived: list[float] = []
        heard = threading.Semaphore(0)

        def read() -> None:
            while len(arrived) < count:
                for _ in self._subscription.take(1, 10):
                    arrived.append(time.perf_counter())
                    heard.release()

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(count):
            self._number += 1
            message = Message(_OURS, f"ours-{self._number}", _BODY, {"ce-id": "x"})
            begun.append(time.perf_counter())
            self._publisher.publish([message])
            heard.acquire()
        reader.join()
        return [b - a for a, b in zip(begun, arrived, strict=True)]

    def close(self) -> None:
        self._publisher.close()
        self._reader.close()


class Bare:
    """nats-py alone: publish to JetStream, and a consumer that is pushed to."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._number = 0
        self._arrived: asyncio.Queue[float] = asyncio.Queue()
        self._loop.run_until_complete(self._open(url))

    async def _open(self, url: str) -> None:
        import nats

        self._one, self._other = await nats.connect(url), await nats.connect(url)
        self._streams = self._one.jetstream()

        async def arrive(message: Any) -> None:
            self._arrived.put_nowait(time.perf_counter())

        self._read = await self._other.jetstream().subscribe(
            _BARE, cb=arrive, stream="MD-caiso-hub", ordered_consumer=True
        )

    def round(self, count: int) -> list[float]:
        return self._loop.run_until_complete(self._round(count))

    async def _round(self, count: int) -> list[float]:
        taken = []
        for _ in range(count):
            self._number += 1
            headers = {"Nats-Msg-Id": f"bare-{self._number}", "ce-id": "x"}
            begun = time.perf_counter()
            await self._streams.publish(_BARE, _BODY, headers=headers)
            taken.append(await self._arrived.get() - begun)
        return taken

    def close(self) -> None:
        async def close() -> None:
            await self._read.unsubscribe()
            await self._one.close()
            await self._other.close()

        self._loop.run_until_complete(close())
        self._loop.close()
