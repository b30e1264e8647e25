"""Functions for executors to run, good and bad. They live in a module of their own, which imports little."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from carbon254.core.domain.errors import FeedFormatChanged, TooLarge


class OddFormat(FeedFormatChanged):
    """A finer error than the platform's, as a plugin may have."""


class Unreadable:
    """A value that can be packed but not unpacked."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return refuse, ("unpacked",)


def double(item: Any) -> Any:
    """Twice the item."""
    return item * 2


def refuse(item: str) -> NoReturn:
    """Raise an error of ours."""
    raise TooLarge(f"{item} is – too large")


def refuse_finely(item: str) -> NoReturn:
    """Raise an error that only a plugin knows."""
    raise OddFormat(f"{item} is odd")


def double_or(item: Any) -> Any:
    """Twice the item, unless it is the name of something worse."""
    worse: dict[str, Callable[[Any], Any]] = {
        "refuse": refuse,
        "refuse_finely": refuse_finely,
        "divide": lambda _: 1 // 0,
        "leave": sys.exit,
        "die": lambda _: os._exit(3),
        "be_killed": lambda _: os.kill(os.getpid(), signal.SIGKILL),
        "unpackable": lambda _: iter(lambda: 0, 1),
        "unreadable": lambda _: Unreadable(),
    }
    return worse.get(item, double)(item) if isinstance(item, str) else double(item)


def process_id(item: Any) -> int:
    """The process that computes."""
    return os.getpid()


def slow_first(item: int) -> int:
    """The item; the first takes longest."""
    time.sleep(0.15 if item == 0 else 0)
    return item


def touch_and_wait(folder: str) -> None:
    """Leave the process's id in a folder and compute for ever; without a folder, be done."""
    if not folder:
        return
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)
