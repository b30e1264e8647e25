"""254Carbon: market intelligence for power and carbon markets.

>>> import carbon254
>>> with carbon254.open("data-demo") as platform:  # doctest: +SKIP
...     platform.frame("caiso/day_ahead/price/hub/*", "2026-11-01", "2026-11-02")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from pathlib import Path

    from carbon254.core.usecases.platform import Platform


def open(folder: str | Path = "data", **settings: Any) -> Platform:  # noqa: A001 - the word users expect
    """Open a data folder and return its `Platform`; close it, or use it in a ``with``.

    ``settings`` are those of ``carbon254.toml``. Raises `StoreBusy` when another process owns the folder.
    """
    from pathlib import Path

    from carbon254.config.container import open_platform
    from carbon254.config.settings import load

    return open_platform(load(folder=Path(folder), data=Path(folder), **settings))
