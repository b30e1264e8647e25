"""Watches a call: which files it opens, whether it asks the network, the clock or the environment.

Files and sockets are seen through an audit hook, clock and environment through the profiler's calls, so that a name
imported under another name is seen too. Only the watched thread is watched, only while it is.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeVar

T = TypeVar("T")
# monotonic and perf_counter tell no time of day: libraries measure themselves with them.
_CLOCKS: Final = frozenset({"time", "time_ns", "localtime", "gmtime", "ctime", "strftime"})
_NOW: Final = frozenset({"now", "utcnow", "today"})
_NETWORK: Final = ("socket.", "urllib.Request", "http.client", "ftplib.", "smtplib.", "ssl.")
_PROCESS: Final = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "os.spawn",
)
_ENVIRONMENT: Final = ("os.putenv", "os.unsetenv")
_LISTS: Final = frozenset({"os.listdir", "os.scandir", "glob.glob"})
_CODE: Final = (".py", ".pyc", ".so", ".pyd")  # imports inside functions are no I/O of the plugin
_LIBRARIES: Final = tuple(
    str(Path(folder).resolve())
    for folder in {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")}
)
_ENVIRON_READS: Final = frozenset(
    getattr(os._Environ, name).__code__ for name in ("__getitem__", "__iter__", "__len__", "copy")
)


class Offence(RuntimeError):
    """Stops what must never really happen: a connection, a process, a file written."""


class _Watch:
    """The watch that the audit hook, which Python cannot remove again, reports to."""

    def __init__(self) -> None:
        self.thread: int | None = None
        self.files_allowed = True
        self.seen: dict[str, None] = {}

    def tell(self, what: str) -> None:
        self.seen.setdefault(f"{what}{_where()}", None)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.thread != threading.get_ident():
            return
        if event == "open":
            self._opened(*arguments[:3])
        elif event.startswith(_NETWORK):
            self._stop(f"opened the network ({event})")
        elif event.startswith(_PROCESS):
            self._stop(f"started a process ({event})")
        elif event.startswith(_ENVIRONMENT):
            self.tell(f"changed the environment ({event})")
        elif event in _LISTS and not self.files_allowed and not _from_import():
            self.tell(f"listed the folder {arguments[0]!r}")

    def _opened(self, path: object, mode: object, flags: object) -> None:
        if isinstance(path, int):
            return  # a descriptor that is open already, as finalisers of others may wrap
        name = os.fsdecode(path) if isinstance(path, str | bytes | os.PathLike) else repr(path)
        writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if name.endswith(_CODE) or "__pycache__" in name:
            return
        if writes:
            self._stop(f"wrote the file {name!r}")
        elif not self.files_allowed:
            self.tell(f"opened the file {name!r}")

    def _stop(self, what: str) -> None:
        self.tell(what)
        raise Offence(what)

    def profile(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            owner = getattr(argument, "__self__", None)
            name = argument.__name__
            if name in _NOW and isinstance(owner, type) and issubclass(owner, dt.date):
                self.tell(f"asked the clock ({owner.__name__}.{name})")
            elif name in _CLOCKS and argument.__module__ == "time":
                self.tell(f"asked the clock (time.{name})")
        elif event == "call" and frame.f_code in _ENVIRON_READS:
            self.tell("read the environment")


def _from_import() -> bool:
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _where() -> str:
    """The innermost line that belongs to no library and not to us: usually the plugin's."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name != __file__ and not name.startswith((*_LIBRARIES, "<frozen")):
            return f" at {Path(name).parent.name}/{Path(name).name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


_WATCH: Final = _Watch()


@contextmanager
def _watching(*, files_allowed: bool, calls: bool) -> Iterator[None]:
    if not getattr(_watching, "hooked", False):
        sys.addaudithook(_WATCH.audit)
        _watching.hooked = True  # type: ignore[attr-defined]
    before = sys.getprofile()
    _WATCH.thread, _WATCH.files_allowed, _WATCH.seen = threading.get_ident(), files_allowed, {}
    if calls:
        sys.setprofile(_WATCH.profile)
    try:
        yield
    finally:
        sys.setprofile(before)
        _WATCH.thread = None


def offences(action: Callable[[], object]) -> tuple[str, ...]:
    """Do something twice and say what it must not have done.

    The first time files may be read, since imports and tables are loaded then; the second time none. What the
    action itself raises is no concern of ours.
    """
    found: dict[str, None] = {}
    for files_allowed, calls in ((True, False), (False, True)):
        with _watching(files_allowed=files_allowed, calls=calls), suppress(Exception):
            action()
        found |= _WATCH.seen
    return tuple(found)
