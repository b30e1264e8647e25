"""The conformance kit fails seeded faults, each for its own reason, and passes the market that has none.

The market is `demo`, in the folder beside this file; a fault is a subclass or a wrapper of its feed.
"""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from carbon254.core.domain.cards import read_card
from carbon254.core.domain.documents import Document, Locator, Request
from carbon254.core.domain.errors import DocumentDamaged
from carbon254.core.domain.observations import Reading, instant64
from carbon254.core.domain.time import Window, local_instant
from carbon254.ports.testing.levels import Report
from carbon254.ports.testing.market_kit import load_market
from carbon254.ports.testing.markets import conformance

DEMO = Path(__file__).parent / "demo"
Feed: Any = type(load_market(str(DEMO)))


def held(feed: Any = Feed, folder: Path = DEMO) -> Report:
    """The report of a feed."""
    return conformance(feed(read_card(folder / "market.toml")))


def test_the_market_without_a_fault_is_gold() -> None:
    report = held()
    assert report.level == "gold", str(report)


def test_the_folder_of_a_plugin_that_is_not_installed_will_do() -> None:
    assert conformance(str(DEMO)).level == "gold"


def _changed(**columns: Callable[[Reading], Any]) -> Any:
    """A feed whose readings have other columns."""

    class Changed(Feed):
        def read(self, dataset: str, document: Document) -> Reading:
            reading: Reading = super().read(dataset, document)
            made: Reading = attrs.evolve(
                reading, **{name: make(reading) for name, make in columns.items()}
            )
            return made

    return Changed


class IntervalEndForStart(Feed):
    def start(self, day: date, slot: int) -> np.datetime64:
        return super().start(day, slot) + np.timedelta64(1, "h")


class ShiftedByTheClockChange(Feed):
    """Takes the offset of noon for the whole day: right on 24-hour days only."""

    def start(self, day: date, slot: int) -> np.datetime64:
        noon = local_instant(day, time(12), "Europe/Berlin")
        return instant64(noon) + (slot - 13) * np.timedelta64(1, "h")


class DuplicateRows(Feed):
    def read(self, dataset: str, document: Document) -> Iterator[Reading]:
        reading = super().read(dataset, document)
        yield reading
        yield attrs.evolve(reading.take(np.arange(3)), rows_read=0, rows_ignored={})


class SilentEmptyReading(Feed):
    def read(self, dataset: str, document: Document) -> Reading:
        reading: Reading = super().read(dataset, document)
        return reading.take(np.zeros(0, dtype=int))


class DroppedNegatives(Feed):
    def read(self, dataset: str, document: Document) -> Reading:
        reading: Reading = super().read(dataset, document)
        price = np.array([one.measure == "price" for one in reading.series])[reading.code]
        return reading.take(~price | (reading.value >= 0))


class MergedRuns(Feed):
    """Knows one auction: the second's rows become rows of the first."""

    def run(self, row: dict[str, str]) -> str:
        return "day_ahead-first"


class LastRunWins(MergedRuns):
    """The same, without the conflict that gives it away."""

    def read(self, dataset: str, document: Document) -> Reading:
        reading: Reading = Feed.read(Feed(self.card), dataset, document)
        second = np.array([one.run == "day_ahead-second" for one in reading.series])[reading.code]
        return reading.take(~second)


class ReadsTheClock(Feed):
    def read(self, dataset: str, document: Document) -> Reading:
        reading: Reading = super().read(dataset, document)
        datetime.now(UTC)
        return reading


class ReadsTheEnvironment(Feed):
    def read(self, dataset: str, document: Document) -> Reading:
        os.environ.get("DEMO_DEBUG")
        reading: Reading = super().read(dataset, document)
        return reading


class OpensTheNetwork(Feed):
    def recognise(self, document: Document) -> tuple[str, ...]:
        with suppress(OSError, RuntimeError):
            socket.create_connection(("127.0.0.1", 9), timeout=0.01).close()
        said: tuple[str, ...] = super().recognise(document)
        return said


class OpensAFile(Feed):
    def write(self, dataset: str, reading: Reading) -> Iterator[Document]:
        (DEMO / "market.toml").read_text()
        yield from super().write(dataset, reading)


class RowsUnbalanced(Feed):
    def row(self, line: str, name: str) -> dict[str, str]:
        made: dict[str, str] = super().row(line, name)
        return made

    def read(self, dataset: str, document: Document) -> Reading:
        return attrs.evolve(super().read(dataset, document), rows_ignored={})


class IgnoredForNoReason(Feed):
    def read(self, dataset: str, document: Document) -> Reading:
        reading: Reading = super().read(dataset, document)
        return attrs.evolve(reading, rows_ignored={"whatever": sum(reading.rows_ignored.values())})


class PartsThatDoNotAddUp(Feed):
    def reading(self, *arguments: Any) -> Reading:
        reading: Reading = super().reading(*arguments)
        energy = np.array([one.measure == "price_energy" for one in reading.series])[reading.code]
        other = np.array([one.location == "SOUTH" for one in reading.series])[reading.code]
        return attrs.evolve(reading, value=reading.value + 0.01 * (energy & other))


class CutYetRead(Feed):
    """Does not count the rows that the first line promises, and skips the line that was cut."""

    def head(self, line: str) -> tuple[date, int, Any]:
        day, self.promised, finality = super().head(line)
        return day, _Any(), finality


class _Any:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __ne__(self, other: object) -> bool:
        return False


class ReadsAnything(Feed):
    def read(self, dataset: str, document: Document) -> Reading:
        try:
            return super().read(dataset, document)  # type: ignore[no-any-return]
        except DocumentDamaged:
            return super().read(
                dataset, Document("x", (DEMO / "samples/prices/prices_20250330.csv").read_bytes())
            )  # type: ignore[no-any-return]


class UndeclaredHost(Feed):
    def url(self, day: date) -> str:
        return f"https://mirror.example/{day}.csv"


class Endless(Feed):
    def requests(self, dataset: str, window: Window) -> Iterator[Request]:
        while True:
            yield from super().requests(dataset, window)


class RecognisesAll(Feed):
    def recognise(self, document: Document) -> tuple[str, ...]:
        return ("prices",)


class LocatesElsewhere(Feed):
    def locate(self, document: Document, locator: Locator) -> bytes:
        return document.body.splitlines()[2]  # type: ignore[no-any-return]


class ForgetsTheSecondHub(Feed):
    def document(self, day: date, rows: Any, finality: str) -> Document:
        kept = {key: row for key, row in rows.items() if key[1] == "NORTH"}
        return super().document(day, kept, finality)  # type: ignore[no-any-return]


ANSWERS = "samples match the answers typed by hand"
IDENTITY = "run, measure, kind and unit are the card's"
PURE = "no file, network, clock or environment"
FAULTS = [
    (IntervalEndForStart, ANSWERS, "no such interval; nearest is"),
    (ShiftedByTheClockChange, ANSWERS, "nearest is [2025-03-30T20:00"),
    (_changed(units=lambda r: ("EUR/kWh",) * len(r.units)), ANSWERS, "unit is EUR/kWh"),
    (_changed(units=lambda r: ("MW",) * len(r.units)), IDENTITY, "comes in MW"),
    (_changed(value=lambda r: np.abs(r.value)), ANSWERS, "the answer is -11.75"),
    (_changed(finality=lambda r: r.finality * 0 + 2), ANSWERS, "the answer is preliminary"),
    (DuplicateRows, "samples hold numbers, each once", "stands in two chunks"),
    (SilentEmptyReading, "samples hold numbers, each once", "an empty reading"),
    (DroppedNegatives, ANSWERS, "no such interval"),
    (MergedRuns, ANSWERS, "stands twice in the document with different value"),
    (LastRunWins, IDENTITY, "runs are never merged"),
    (ReadsTheClock, PURE, "read asked the clock (datetime.now) at contract/test_kit"),
    (ReadsTheEnvironment, PURE, "read read the environment"),
    (OpensTheNetwork, PURE, "recognise opened the network"),
    (OpensAFile, PURE, "write opened the file"),
    (RowsUnbalanced, "every data row is accounted for", "92 data rows are accounted for, the document has 93"),
    (IgnoredForNoReason, "every data row is accounted for", "a reason that the card does not give"),
    (PartsThatDoNotAddUp, "parts add up", "its parts are"),
    (CutYetRead, "damaged documents are refused", "cut at the end of a line: read as if it were whole"),
    (ReadsAnything, "damaged documents are refused", "an empty body: read as if it were whole"),
    (UndeclaredHost, "requests ask declared hosts only", "'mirror.example' is not declared"),
    (Endless, "requests ask declared hosts only", "more than 400 requests"),
    (RecognisesAll, "foreign documents are not recognised", "page.html is not this market's"),
    (LocatesElsewhere, "locators lead to the number", "does not hold"),
    (ForgetsTheSecondHub, "made-up days written are read back", "SOUTH"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "check", "reason"), FAULTS, ids=lambda value: getattr(value, "__name__", None)
)
def test_a_fault_fails_for_its_own_reason(fault: Any, check: str, reason: str) -> None:
    report = held(fault)
    assert report.level is None or check in _silver(report), str(report)
    assert any(reason in problem for problem in report.problems.get(check, ())), str(report)


def _silver(report: Report) -> set[str]:
    return {result.check for result in report.missing("silver")}


@pytest.mark.parametrize(
    ("old", "new", "check", "reason"),
    [
        (
            "value = -11.75",
            "value = 11.75",
            "samples match the answers typed by hand",
            "the answer is 11.75",
        ),
        ("rows = 93", "rows = 92", "every data row is accounted for", "the document has 92"),
        (
            'code = "feed_format_changed"',
            'code = "document_damaged"',
            "what must be refused is refused",
            "feed_format",
        ),
    ],
)
def test_an_answer_that_is_wrong_is_told(
    tmp_path: Path, old: str, new: str, check: str, reason: str
) -> None:
    folder = _copy(tmp_path)
    golden = folder / "samples" / "golden.toml"
    golden.write_text(golden.read_text().replace(old, new))
    report = held(folder=folder)
    assert any(reason in problem for problem in report.problems.get(check, ())), str(report)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('title = "Day-ahead prices of both auctions"', 'title = ""', "'title' is empty"),
        (
            'board = ["day_ahead-first/price',
            'board = ["day_ahead-first/load',
            "which no dataset feeds",
        ),
        ('"lines that start', '" " # "', "has no explanation"),
        ('series = ["*/*/hub/*"]', 'series = ["*/*/zone/*"]', "which it does not feed"),
    ],
)
def test_a_card_that_says_too_little_is_told(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    folder = _copy(tmp_path)
    card = folder / "market.toml"
    card.write_text(card.read_text().replace(old, new).replace('" # " with \'#\'" }', '" }'))
    problems = held(folder=folder).problems
    told = problems.get("the card is complete", ()) + problems.get(
        "the dataset's card is complete", ()
    )
    assert any(reason in problem for problem in told), told


def test_an_ordinary_day_is_not_enough(tmp_path: Path) -> None:
    folder = _copy(tmp_path)
    golden = folder / "samples" / "golden.toml"
    kept = [
        part
        for part in golden.read_text().split("\n\n")
        if "2025-10-2" not in part and "2025-03-" not in part
    ]
    golden.write_text("\n\n".join(kept))
    problems = held(folder=folder).problems["answers are enough"]
    assert any("five different ones" in problem for problem in problems), problems


def test_levels_stop_at_the_first_that_is_missed() -> None:
    assert held(LocatesElsewhere).level == "bronze"
    assert held(UndeclaredHost).level is None


def _copy(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
