"""An event loop in a thread of its own: nats-py speaks asyncio, the platform does not."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")
_AGAIN: Final = 0.5  # seconds after which a task is cancelled again


def new_loop() -> asyncio.AbstractEventLoop:
    """The loop of libuv where it is installed: a thread's wish reaches it sooner. Else the standard library's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


class LoopThread:
    """Runs coroutines for threads that wait for them."""

    def __init__(self, name: str = "nats") -> None:
        self.loop = new_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end and return its value; what it raises is raised here."""
        future = self.start(work)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise TimeoutError("the loop was stopped") from None
        except BaseException:
            future.cancel()
            raise

    def start(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine and go on."""
        if self.loop.is_closed():
            work.close()
            raise ConnectionError("the bus is closed")
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def stop(self) -> None:
        """Cancel what still runs, and end the thread."""
        if self.loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(_cancel_others(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _cancel_others() -> None:
    """Cancel until all have ended: `asyncio.wait_for` loses a cancellation that comes with what it waits for."""
    while others := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=_AGAIN)
