"""From a publisher to a subscriber: our bus beside bare nats-py, on one server."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator, Sequence

from benchmarks.harness import Context, Line, Pairs, Worker, milliseconds

_FLOOR = "<= 1.50"
_OURS = "md.v1.caiso.real_time-rtd.price.hub.TH_NP15_GEN-APND"
_BARE = "md.v1.caiso.real_time-rtd.price.hub.TH_SP15_GEN-APND"  # of the same stream
_BODY = (
    b'{"series":"caiso/real_time-rtd/price/hub/TH_NP15_GEN-APND","unit":"USD/MWh","rows":[]}' * 8
)


def publish_nats(context: Context) -> Iterator[Line]:
    """p99 of the time from a call of publish to the message in the subscriber's hands, over that of bare nats-py.

    On both sides the subscriber is a process of its own, as a relay and its subscribers are. Both wait for the
    server's acknowledgement, carry the same headers and body, and read a stream on disk through a consumer. Rounds
    take turns; the ratio is the median of those of the rounds.
    """
    from carbon254.adapters.nats.server import NatsServer

    server = NatsServer(context.folder / "nats", port=0)
    server.start()
    context.later(server.stop)
    count = max(5, context.sizes.messages // 10)
    ours, bare = Ours(server.url), Bare(server.url)
    context.later(ours.close)
    context.later(bare.close)
    rounds: tuple[list[list[float]], list[list[float]]] = ([], [])
    for number in range(11):
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            times = (ours, bare)[side].round(count)
            if number:  # the first round warms up
                rounds[side].append(times)
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


def _subscriber(kind: str, url: str, subject: str) -> Worker:
    return Worker(sys.executable, "-m", "benchmarks.messages_worker", kind, url, subject)


class Ours:
    """Our bus on both ends."""

    def __init__(self, url: str) -> None:
        from carbon254.adapters.nats.bus import NatsBus
        from carbon254.adapters.nats.connection import Address
        from carbon254.core.domain.streams import stream_of

        self._bus = NatsBus(Address(url=url))
        self._bus.prepare([stream_of(_OURS)])
        self._subscriber = _subscriber("ours", url, _OURS)
        self._number = 0

    def round(self, count: int) -> list[float]:
        from carbon254.core.domain.streams import Message

        taken = []
        for _ in range(count):
            self._number += 1
            message = Message(_OURS, f"ours-{self._number}", _BODY, {"ce-id": "x"})
            begun = time.perf_counter()
            self._bus.publish([message])
            taken.append(float(self._subscriber.heard()) - begun)
        return taken

    def close(self) -> None:
        self._bus.close()
        self._subscriber.close()


class Bare:
    """nats-py alone: publish to JetStream, and a consumer that is pushed to."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.run_until_complete(self._open(url))
        self._subscriber = _subscriber("bare", url, _BARE)
        self._number = 0

    async def _open(self, url: str) -> None:
        import nats

        self._client = await nats.connect(url)
        self._streams = self._client.jetstream()

    def round(self, count: int) -> list[float]:
        return self._loop.run_until_complete(self._round(count))

    async def _round(self, count: int) -> list[float]:
        taken = []
        for _ in range(count):
            self._number += 1
            headers = {"Nats-Msg-Id": f"bare-{self._number}", "ce-id": "x"}
            begun = time.perf_counter()
            await self._streams.publish(_BARE, _BODY, headers=headers)
            taken.append(float(self._subscriber.heard()) - begun)
        return taken

    def close(self) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.close()
        self._subscriber.close()
