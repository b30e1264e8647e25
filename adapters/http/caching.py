"""Answers that were given before, kept while nothing has been recorded since: bounded, the least used go first."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from datetime import datetime
from typing import Final

from attrs import define, field, frozen

MOST_BYTES: Final = 64 * 1024 * 1024
LARGEST: Final = 8 * 1024 * 1024


@frozen
class Answer:
    """A body with its headers; ``until`` is when its gaps must be judged anew, None while they cannot change."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str]
    etag: str
    rows: int
    watermark: datetime | None
    until: datetime | None = None


@define
class AnswerCache:
    """Thread-safe; a look-up names the instant of the last commit, and an answer from before it is gone."""

    _kept: OrderedDict[Hashable, Answer] = field(factory=OrderedDict, init=False, repr=False)
    _bytes: int = field(default=0, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def get(self, key: Hashable, watermark: datetime | None, now: datetime) -> Answer | None:
        """The answer, if it still is one."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            if found.watermark != watermark or (found.until is not None and now >= found.until):
                self._drop(key)
                return None
            self._kept.move_to_end(key)
            return found

    def put(self, key: Hashable, answer: Answer) -> None:
        """Keep an answer; a very large one is not worth its room."""
        if len(answer.body) > LARGEST:
            return
        with self._lock:
            if key in self._kept:
                self._drop(key)
            self._kept[key] = answer
            self._bytes += len(answer.body)
            while self._bytes > MOST_BYTES:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        self._bytes -= len(self._kept.pop(key).body)


def etag_of(*parts: bytes) -> str:
    """A strong entity tag of everything that decides an answer's bytes."""
    # Processors compute this one themselves: of a large body that is half the time.
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big") + part)
    return f'"{found.hexdigest()[:32]}"'
