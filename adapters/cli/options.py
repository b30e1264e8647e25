"""Options that several commands share, and what turns their text into values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

if TYPE_CHECKING:
    from carbon254.core.domain.cards import MarketCard
    from carbon254.core.domain.time import Window
    from carbon254.core.usecases.benchmark_epf import BenchmarkEpf
    from carbon254.core.usecases.grant_streams import Reader
    from carbon254.core.usecases.platform import Platform
    from carbon254.ports.catalogue import MarketCatalogue
    from carbon254.ports.fetching import DocumentFolder
    from carbon254.ports.models import ModelCatalogue


class Format(str, Enum):
    """How results are written: for people, or for programs."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


class Process(Protocol):
    """What runs on."""

    lines: list[str]  # where it is to be reached, for people

    def abandon(self) -> None:
        """Leave at once: end what would outlive this process."""
        ...


class Doors(Protocol):
    """What ``config`` hands to the command line."""

    def catalogue(self) -> MarketCatalogue:
        """Installed markets, without opening any store."""
        ...

    def models(self) -> ModelCatalogue:
        """Installed models, without opening any store."""
        ...

    def open(
        self, data: Path | None, pinned: datetime | None = None, *, new: bool = False
    ) -> Platform:
        """Open the data folder or database of the settings; a new one gets its clock ``pinned``, for a demo.

        Raises `NotFound` where there is no such folder and none is to be made (``new``).
        """
        ...

    def benchmark(self, keep: Path | None) -> AbstractContextManager[BenchmarkEpf]:
        """The open benchmark; what is computed is kept in a folder, or thrown away at the end."""
        ...

    def files(self, paths: list[Path]) -> DocumentFolder:
        """Documents of files and folders."""
        ...

    def stream_users(
        self, readers: Sequence[Reader], passwords: Path | None, output: Path | None
    ) -> str:
        """A message server's users as configuration, written to ``output`` for its owner's eyes alone if that is given.

        Passwords stand in a JSON file, which gets one for every user that has none; without a file, the configuration
        has names of variables in their place.
        """
        ...

    def stream_user(self, reader: Reader) -> str:
        """The name by which a message server knows a principal."""
        ...

    def process(
        self,
        kind: str,
        data: Path | None,
        *,
        platform: Platform | None = None,
        port: int | None = None,
        nats: bool = False,
    ) -> AbstractContextManager[Process]:
        """Start a process that runs on, over an open platform or one of its own; leaving stops it.

        ``kind`` is ``up``, ``serve``, ``work``, ``relay`` or ``demo``; with ``nats`` it starts a message server too.
        """
        ...


Data = Annotated[
    Path | None, typer.Option("--data", help="Data folder.", show_default="data, or the settings'")
]
Port = Annotated[int | None, typer.Option("--port", help="Port on loopback.", show_default="8254")]
As = Annotated[
    Format,
    typer.Option("--format", "-f", help="table for people; csv, json or parquet for programs."),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write there instead of to the terminal.")
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="What had we recorded by this instant? ISO 8601 with an offset."),
]
PublishedBy = Annotated[
    str | None,
    typer.Option(
        "--published-by",
        help="What had the market published by this instant? ISO 8601 with an offset.",
    ),
]
Start = Annotated[
    str | None,
    typer.Option("--start", help="First interval start: an instant, or a day YYYY-MM-DD."),
]
End = Annotated[
    str | None, typer.Option("--end", help="Intervals start before this: an instant, or a day.")
]


def doors(context: typer.Context) -> Doors:
    """What ``config`` handed in."""
    found: Doors = context.obj
    return found


@contextmanager
def platform(
    context: typer.Context,
    data: Path | None,
    pinned: datetime | None = None,
    *,
    new: bool = False,
) -> Iterator[Platform]:
    """Open the platform for a command and close it afterwards; one that takes something in makes a ``new`` folder."""
    opened = doors(context).open(data, pinned, new=new)
    try:
        yield opened
    finally:
        opened.close()


def installed(cards: Mapping[str, MarketCard], market: str) -> MarketCard:
    """The card of a market. Raises `NotFound`, which names those that are installed."""
    from carbon254.core.domain.errors import NotFound

    if market not in cards:
        raise NotFound(f"no market '{market}' is installed; there are {', '.join(cards)}.")
    return cards[market]


def instant(text: str | None) -> datetime | None:
    """An instant from an option; naive times are refused."""
    from carbon254.core.domain.time import parse_instant

    return parse_instant(text) if text else None


def window(start: str | None, end: str | None, zone: str) -> Window | None:
    """A window from two options; days are operating days of ``zone``, the end day included to its end."""
    from carbon254.core.domain.errors import InvalidRequest
    from carbon254.core.domain.time import parse_window

    if start is None and end is None:
        return None
    if start is None:
        raise InvalidRequest("--end needs a --start.")
    return parse_window(start, end, zone)


def example(*lines: str) -> str:
    """Examples for the end of a command's help."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


def spread_documents(arguments: list[str]) -> list[str]:
    """Let one ``--documents`` take several paths: repeat the option before each word up to the next option.

    >>> spread_documents(["ingest", "--documents", "a.zip", "b.zip", "--data", "d"])
    ['ingest', '--documents', 'a.zip', '--documents', 'b.zip', '--data', 'd']
    """
    spread: list[str] = []
    taking = False
    for word in arguments:
        if taking and not word.startswith("-"):
            if spread[-1] not in ("--documents", "-d"):
                spread.append("--documents")
        else:
            taking = word in ("--documents", "-d")
        spread.append(word)
    return spread
